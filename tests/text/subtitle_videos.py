"""Videos with subtitle tracks, whose cues come with pictures of known numbers."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition
from av.subtitles.subtitle import SubtitleSet

from counter_videos import HEIGHT, WIDTH, numbered_picture

FPS = 25
ASS_HEADER = """[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, \
Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, \
Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,20,&H00FFFFFF,&H000000FF,&H00000000,&H00000000,0,0,0,0,100,100,0,0,1,2,2,2,10,\
10,10,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""
# Text of a cue, and the pictures at which it appears and vanishes; None where the file is not told.
TrackCue = tuple[str, int, int | None]


def write_with_tracks(
    path: Path,
    tracks: Sequence[tuple[str, str, Sequence[TrackCue]]],
    *,
    count: int = 100,
    picture_start: float = 0.0,
    sound_start: float | None = None,
    options: dict[str, str] | None = None,
    default: int | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Numbered pictures, the first at ``picture_start`` seconds, and tracks: codec, language, cues.

    A cue comes with its picture, wherever that is: on the one clock that all streams share. The
    track ``default`` is marked so.
    """
    with av.open(str(path), "w", options=container_options or {}) as container:
        pictures = container.add_stream(
            "libx264", rate=FPS, options=options or {"preset": "ultrafast"}
        )
        pictures.width, pictures.height, pictures.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        sound = None if sound_start is None else container.add_stream("aac", rate=16000)
        streams = [_subtitle_stream(container, codec, language) for codec, language, _ in tracks]
        if default is not None:
            streams[default].disposition = Disposition.default
        packets = _picture_packets(pictures, count, picture_start)
        if sound is not None:
            packets += _sound_packets(sound, sound_start, picture_start + count / FPS)
        for stream, (_, _, cues) in zip(streams, tracks):
            packets += [_cue_packet(stream, cue, picture_start) for cue in cues]
        packets.sort(key=lambda packet: packet.dts * packet.time_base)
        for packet in packets:
            container.mux(packet)
    return path


def _subtitle_stream(container, codec, language):
    stream = container.add_stream(codec)
    stream.codec_context.subtitle_header = ASS_HEADER.encode()
    stream.time_base = Fraction(1, 1000)
    stream.metadata["language"] = language
    return stream


def _picture_packets(stream, count, start):
    packets = []
    for number in range(count):
        frame = av.VideoFrame.from_ndarray(numbered_picture(number), format="rgb24")
        frame.pts, frame.time_base = number + round(start * FPS), Fraction(1, FPS)
        packets += stream.encode(frame)
    return packets + stream.encode()


def _sound_packets(stream, start, end):
    packets = []
    for at in range(round(start * 16000), round(end * 16000), 1024):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.rate, frame.pts, frame.time_base = 16000, at, Fraction(1, 16000)
        packets += stream.encode(frame)
    return packets + stream.encode()


def _cue_packet(stream, cue, picture_start):
    text, first, last = cue
    milliseconds = round(1000 * ((first if last is None else last) - first) / FPS)
    event = f"0,0,Default,,0,0,0,,{text}".encode()
    packet = stream.codec_context.encode_subtitle(SubtitleSet.create(event, 0, milliseconds))
    packet.stream, packet.time_base = stream, Fraction(1, 1000)
    packet.pts = packet.dts = round(1000 * (picture_start + first / FPS))
    packet.duration = milliseconds
    return packet
