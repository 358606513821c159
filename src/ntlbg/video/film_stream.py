"""Which of the video streams of a file is the film: not its cover, not the preview before it."""

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from functools import lru_cache
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Discard, Disposition
from av.video.stream import VideoStream

COVERS = Disposition.attached_pic | Disposition.timed_thumbnails
State = tuple[int, ...] | None  # of a file, other when it has changed
Open = Callable[[Path], InputContainer]


def film_stream(
    path: Path, container: InputContainer, state: State, open_again: Open
) -> VideoStream | None:
    """Of several: the one with the default flag, else the one with most pictures.

    A single picture is no film where others move. None where there are only covers.

    Args:
        open_again: of files that do not store how many pictures they have, the packets are
            counted: once for each state of a file.
    """
    streams = [one for one in container.streams.video if not one.disposition & COVERS]
    if len(streams) < 2:
        return streams[0] if streams else None
    counts = {one.index: one.frames for one in streams}
    if not all(counts.values()):
        counts = _counted(path, state, open_again)
    moving = [one for one in streams if counts[one.index] > 1] or streams
    flagged = [one for one in moving if one.disposition & Disposition.default] or moving
    return max(flagged, key=lambda one: counts[one.index])


@lru_cache(maxsize=64)  # a film is opened several times for a question
def _counted(path: Path, state: State, open_again: Open) -> Counter[int]:
    """Packets of each video stream, up to where the file cannot be read any more."""
    counts: Counter[int] = Counter()
    with closing(open_again(path)) as container:
        for stream in container.streams:
            stream.discard = Discard.default if stream.type == "video" else Discard.all
        try:
            for packet in container.demux(list(container.streams.video)):
                counts[packet.stream.index] += packet.size > 0
        except (av.FFmpegError, IndexError):  # IndexError: PyAV, where a stream shows up late
            return counts
    return counts
