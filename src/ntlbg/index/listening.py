"""A whole film is listened to, and what is heard is kept piece by piece."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from ntlbg.errors import NoFramesError
from ntlbg.index.store import FeatureIndex
from ntlbg.index.text_tracks import TextTrack, text_track
from ntlbg.text import Listener, Piece
from ntlbg.types import Frames, Sound
from ntlbg.video import ReadReport, prefetch, probe, sample_frames
from ntlbg.video.audio import read_sound
from ntlbg.video.opening import check_unchanged, file_state

# Pictures come in their own size: three batches of 1080p are 150 MB.
BATCH_FRAMES = 8

# Well below one sentence in ten seconds; people say one every four.
LEAST_BYTES_A_SECOND = 2

# A sentence; less is lost of many broadcasts, and where recordings were joined.
LEAST_LOST_SECONDS = 3.0

# Called with the seconds of the film that are done, and with how many it has.
Progress = Callable[[float, float], None]


def hear(
    video: str | os.PathLike,
    listener: Listener,
    *,
    index: FeatureIndex | None = None,
    progress: Progress | None = None,
) -> TextTrack:
    """All passages that a listener finds in a video; what was found before is not looked for again.

    A run that was killed loses the piece that it was at: the next one goes on after the last that
    was kept. Of a file that changes meanwhile nothing more is kept.

    Args:
        index: where passages are kept; None is the user's cache.

    Raises:
        VideoError: the video cannot be used, or lacks what the listener wants: NoSoundError.
        VideoChanged: it changed meanwhile. OutputError: passages cannot be kept. And what the
        listener raises.
    """
    index = index or FeatureIndex()
    track = text_track(index, video, listener)
    if track.is_complete:
        return track
    report = ReadReport()
    before, total = file_state(video), probe(video).duration_seconds
    index.check_space(total * LEAST_BYTES_A_SECOND)

    def pieces(after_seconds: float, state: Mapping[str, Any]) -> Iterator[Piece]:
        stream = open_stream(video, listener, after_seconds, report)
        for piece in listener.listen(stream, after_seconds, state):
            check_unchanged(video, before)
            yield piece

    for done in track.grow(pieces, report):
        if progress is not None:
            progress(min(done, total), total)
    return track


def losses(track: TextTrack) -> tuple[str, ...]:
    """What is to be said of sound that could not be read, a sentence or none."""
    lost = track.lost_seconds()
    if lost < LEAST_LOST_SECONDS:
        return ()
    return (
        f"{track.source}: {lost:.0f} s of the sound could not be read (damaged, of another codec "
        "than it begins with, or at times that are taken), so what is said there is missing; to "
        "hear it, convert the film, for example: ffmpeg -i IN -c:v copy -c:a aac OUT.mp4",
    )


def doing(listener: Listener, video: str | os.PathLike) -> str:
    """What is done while it listens, for people."""
    verb = "listening to" if listener.wants == "sound" else "reading"
    return f"{verb} {Path(video).name}"


def open_stream(
    video: str | os.PathLike,
    listener: Listener,
    after_seconds: float,
    report: ReadReport | None = None,
) -> Iterator[Frames] | Iterator[Sound] | Path:
    """What a listener wants of a video, from a time on."""
    if listener.wants == "sound":
        return read_sound(video, start=max(0.0, after_seconds), report=report)
    if listener.wants == "frames":
        return _frames(video, listener.fps, max(0.0, after_seconds))
    return Path(video)


def _frames(video: str | os.PathLike, fps: float, start: float) -> Iterator[Frames]:
    """Decoded ahead in a thread."""
    batches = sample_frames(video, fps=fps, start=start, batch_size=BATCH_FRAMES)
    try:
        with closing(prefetch(batches)) as ahead:
            yield from ahead
    except NoFramesError:
        if not start:  # otherwise the video ends exactly where the last piece does
            raise
