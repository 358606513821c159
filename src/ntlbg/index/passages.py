"""What is known to be said and written in a video: subtitles, and what was listened to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

from ntlbg.errors import ConfigError, MissingPackage, NoSoundError
from ntlbg.index.listening import doing, hear, losses
from ntlbg.index.store import FeatureIndex
from ntlbg.index.text_tracks import text_track
from ntlbg.text import LISTENERS, Listener, Piece, load_listener
from ntlbg.text.subtitles import SubtitleFile, load_subtitles
from ntlbg.time_text import timestamp
from ntlbg.types import Passage
from ntlbg.video.start import is_still

TRANSCRIPTS = ("best", "all", "none")


@dataclass(frozen=True)
class Words:
    """Which words of a video are taken into account.

    Attributes:
        subtitles: a file of subtitles; the video itself for a track inside it; "none" for none;
            None for those that are found beside the video or in it.
        listen_to: streams that are listened to now, as far as that was not done before: names in
            LISTENERS ("speech" for what is said), or listeners of your own. Of others what was
            found before is taken.
        transcript: what a model reads of it: "best", what fits the question or the frames, in a
            quarter of what the model reads; "all"; or "none".
        progress: called while a video is listened to, with what is being done, "listening to
            film.mp4", the seconds of it that are done, and how many it has.
    """

    subtitles: str | Path | None = None
    listen_to: tuple[str | Listener, ...] = ()
    transcript: Literal["best", "all", "none"] = "best"
    progress: Callable[[str, float, float], None] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if self.transcript not in TRANSCRIPTS:
            raise ConfigError(
                f"transcript is {self.transcript!r}; give one of {', '.join(TRANSCRIPTS)}"
            )


USUAL_WORDS = Words()


@dataclass(frozen=True)
class Heard:
    """What is known.

    Attributes:
        passages: of all sources.
        streams: what they are from, for people.
        notes: what is to be said of it, a sentence each.
    """

    passages: tuple[Passage, ...] = ()
    streams: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read_words(video: Path, words: Words, index: FeatureIndex) -> Heard:
    """Passages of a video; a stream that cannot be listened to is left out, and a note says why.

    Raises:
        DataError: the file of subtitles that was named cannot be read.
        ConfigError: no such listener. WeightsError: its model cannot be fetched.
        OutputError: what is found cannot be kept.
    """
    if is_still(video):
        return Heard()
    found = load_subtitles(video, words.subtitles, listen=partial(_subtitles, video, index))
    parts = [Heard(found.passages, (found.description,) if found.description else (),
                   tuple(found.notes))]  # fmt: skip
    wanted = [load_listener(one) for one in words.listen_to]
    parts += [_listened(video, listener, index, words) for listener in wanted]
    others = LISTENERS.keys() - {listener.name for listener in wanted}
    parts += [_kept(video, load_listener(name), index) for name in sorted(others)]
    return Heard(
        tuple(passage for part in parts for passage in part.passages),
        tuple(stream for part in parts for stream in part.streams),
        tuple(note for part in parts for note in part.notes),
    )


def _subtitles(video: Path, index: FeatureIndex, listener: Listener) -> Piece:
    """A track is looked for in the whole file once; a file of subtitles is read anew."""
    if isinstance(listener, SubtitleFile):
        [piece] = listener.listen(video, 0.0, {})
        return piece
    found, _ = hear(video, listener, index=index).kept()
    return found


def _listened(video: Path, listener: Listener, index: FeatureIndex, words: Words) -> Heard:
    progress = words.progress and partial(words.progress, doing(listener, video))
    try:
        track = hear(video, listener, index=index, progress=progress)
    except (NoSoundError, MissingPackage) as error:
        return Heard(notes=(f"{listener.name} is left out: {error}",))
    passages, notes = tuple(track.passages()), losses(track)
    if not passages:
        nothing = f"{listener.name}: nothing was found in the whole film"
        return Heard(notes=(nothing, *notes))
    return Heard(passages, (listener.name,), notes)


def _kept(video: Path, listener: Listener, index: FeatureIndex) -> Heard:
    """What was found before, if anything was."""
    track = text_track(index, video, listener)
    found, is_complete = track.kept()
    if not found.passages:
        return Heard()
    until = timestamp(found.until_seconds)
    note = () if is_complete else (f"{listener.name}: known up to {until} only",)
    return Heard(found.passages, (listener.name,), (*note, *losses(track)))
