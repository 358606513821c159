"""A video is divided into chapters with titles.

Reading order: `bins` (moments at which a chapter may begin, and what is seen there), `topics` (what
is spoken of there), `segments` (the search), `dividing` (where chapters begin), `titles` (names by
what is said and written), `asking` (names by a model).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ntlbg.answerers import Answerer, Habits
from ntlbg.encoders import Encoder, load_encoder
from ntlbg.errors import ConfigError
from ntlbg.evidence import DAMAGED
from ntlbg.index.index_video import Progress, index_video
from ntlbg.index.passages import USUAL_WORDS, Words, read_words
from ntlbg.index.store import FeatureIndex
from ntlbg.system import System, load_system
from ntlbg.text.meaning import TextEncoder, text_encoder_loader
from ntlbg.types import Chapters
from ntlbg.video.start import is_still
from ntlbg.video.stills import check_video
from ntlbg.video_chapters.asking import ask_titles
from ntlbg.video_chapters.dividing import LEAST_SECONDS, divide
from ntlbg.video_chapters.titles import titled
from ntlbg.video_chapters.topics import topics_of

__all__ = ["LEAST_SECONDS", "chapters"]


def chapters(
    video: str | Path,
    *,
    number: int | None = None,
    least: int = 1,
    model: str | Answerer | System = "builtin",
    model_options: Mapping[str, Any] | None = None,
    endpoint: str | None = None,
    encoder: str | Encoder | None = None,
    words: Words = USUAL_WORDS,
    text_encoder: str | TextEncoder | None = None,
    index: FeatureIndex | None = None,
    progress: Progress | None = None,
    naming: Progress | None = None,
) -> Chapters:
    """Chapters of a video: they begin where pictures and subject change together.

    No chapter is shorter than ten seconds, unless the video is, and none begins within a spoken
    sentence. What is read and listened to is kept in the index, so that a run that was stopped goes
    on, and what was asked about the video before is not read again.

    Args:
        number: of chapters; None: as many as the video has.
        least: at least so many, where ``number`` is None.
        model, model_options, endpoint, encoder: as of :func:`ntlbg.ask`. A model that writes is
            asked for a title of each chapter; with "builtin" titles are headings of slides, else
            sentences that are spoken.
        words: which subtitles are read, and which streams are listened to.
        text_encoder: tells what is spoken of, as of :func:`ntlbg.load_system`.
        index: where features and passages are kept; None is the user's cache.
        progress: called with frames done and, where known, the share done.
        naming: the same of chapters that a model has named.

    Raises:
        ConfigError: there is no room for so many chapters, or the file is a picture.
        NtlbgError: everything else a user can cause, see ``ntlbg.errors``.
    """
    _check(video, number, least)
    system = None
    if model != "builtin" or endpoint is not None or model_options:  # which builtin refuses
        system = load_system(model, encoder=encoder, endpoint=endpoint, model_options=model_options)
    reader = text_encoder_loader(text_encoder)
    encoders = system.encoders if system else [load_encoder(encoder or "builtin")]
    habits = system.habits if system else Habits()
    index = index or FeatureIndex()
    heard = read_words(Path(video), words, index)
    seen = index_video(video, encoders, index=index, progress=progress, fps=habits.fps,
                       max_frames=habits.max_frames)  # fmt: skip
    topics = topics_of(heard.passages, reader)
    seconds = max(float(seen.meta["duration_seconds"]), float(seen.pts_seconds.max()))
    division = divide(seconds, seen.features[encoders[0].name], seen.pts_seconds,
                      topics, number=number, least=least)  # fmt: skip
    damage = [DAMAGED] if seen.meta["damaged"] else []
    found, notes = titled(division.spans, topics), (*heard.notes, *division.notes, *damage)
    if system is None:
        return Chapters(tuple(found), notes)
    named, more = ask_titles(system, Path(video), seen, topics.passages, found, index, naming)
    return Chapters(tuple(named), (*system.notes, *notes, *more))


def _check(video: str | Path, number: int | None, least: int) -> None:
    """Refuse what cannot be divided before a model is loaded."""
    for name, value in (("number", number), ("least", least)):
        if value is not None and value < 1:
            raise ConfigError(f"{name} of chapters is {value}; give 1 or more")
    check_video(video)
    if is_still(video):
        raise ConfigError(f"{video}: is a picture, which has no chapters; give a video")
