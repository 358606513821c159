"""Answers about films, whose moments are to be cut out, and what is in the clips."""

from contextlib import ExitStack
from dataclasses import replace

import av

from counter_videos import read_number
from fakes import made_answer
from ntlbg.types import Evidence, Quotation


def moment(first, last=None, *, at=None, score=1.0):
    last = first if last is None else last
    return Evidence(first if at is None else at, "", score, 0.1, (first, last))


def answer_about(film, *moments, quotations=()):
    return replace(made_answer(), video=film, evidence=list(moments), quotations=list(quotations))


def quotation(text, start, end):
    return Quotation(text, start, end, "", "subtitles")


def shown(path):
    """When each picture of a file is shown, in milliseconds, and the number in it."""
    with av.open(str(path)) as file:
        return [
            (_milliseconds(frame), read_number(frame.to_ndarray(format="rgb24")))
            for frame in file.decode(video=0)
        ]


def _milliseconds(frame):
    return round(1000 * frame.pts * frame.time_base, 3)


def joined(made, *sources):
    """The first stream of each file in one, as it is stored."""
    with ExitStack() as files:
        out = files.enter_context(av.open(str(made), "w"))
        stored = [files.enter_context(av.open(str(path))).streams[0] for path in sources]
        streams = [out.add_stream_from_template(one, opaque=True) for one in stored]
        if "cover" in made.name:
            streams[0].disposition = av.stream.Disposition.attached_pic
        for source, stream in zip(stored, streams):
            for packet in source.container.demux(source):
                if packet.size:
                    packet.stream = stream
                    out.mux(packet)
    return made
