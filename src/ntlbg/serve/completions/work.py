"""What is done for a question: a film is asked, or a picture, of which nothing is kept."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ntlbg import pipeline
from ntlbg.errors import VideoError
from ntlbg.index.passages import Words
from ntlbg.index.store import FeatureIndex
from ntlbg.question import checked_question
from ntlbg.scratch import scratch_folder
from ntlbg.serve.completions.asked import PICTURES, Asked
from ntlbg.serve.completions.refusals import Refused
from ntlbg.serve.films import Films
from ntlbg.serve.steps import Steps, Tell
from ntlbg.types import Answer
from ntlbg.video import ReadReport
from ntlbg.video.stills import check_video, read_still

# Of a picture: those of a film in 8K, 100 MB once decoded.
MOST_PIXELS = 2**25
KINDS = ("png", "jpeg", "webp")
PICTURE = "picture"


def answer(films: Films, asked: Asked, tell: Tell, on_text: Callable[[str], None]) -> Answer:
    """The answer, with notes on what was not done.

    Args:
        tell, on_text: are called as it goes on; what they raise stops it.

    Raises:
        NtlbgError, Refused: what a caller can cause.
    """
    own = asked.own
    checked_question(asked.question, own.options)  # before a model is loaded, not after
    with _shown(films, asked.shown) as (path, index):
        words, heard_notes = _words(films, path, own.subtitles)
        found = pipeline.ask(
            path, asked.question, options=own.options, model=films.parts.system,
            num_frames=own.num_frames, max_visual_tokens=own.max_visual_tokens,
            start=own.start_seconds, end=own.end_seconds, words=words,
            talk=asked.talk, generation=asked.generation, on_text=on_text, index=index,
            progress=Steps(tell).frames(f"reading {path.name}"),
        )  # fmt: skip
    notes = dict.fromkeys([*asked.notes, *found.notes, *heard_notes])
    return replace(found, notes=list(notes))


def _words(films: Films, path: Path, subtitles: str | None) -> tuple[Words, tuple[str, ...]]:
    """Which words are read, with what is to be said of it."""
    if subtitles is not None:
        return Words(subtitles), ()
    words, heard = films.heard(path)
    return words, heard.notes


@contextmanager
def _shown(films: Films, shown: Path | bytes) -> Iterator[tuple[Path, FeatureIndex]]:
    """Where it is, and where what is found is kept; a picture goes with all that was found."""
    if isinstance(shown, Path):
        check_video(shown)
        yield shown, films.index
        return
    with scratch_folder(films.index.root, films.index.root, len(shown)) as stage:
        (stage / PICTURE).write_bytes(shown)
        _check_picture(stage / PICTURE)
        yield stage / PICTURE, FeatureIndex(stage / "index")


def _check_picture(path: Path) -> None:
    try:
        still = read_still(path, ReadReport(), MOST_PIXELS)
    except VideoError as error:
        raise Refused(str(error).replace(str(path), "image_url"), param="image_url") from error
    if still is None or still.codec not in KINDS:
        is_what = "none that is read" if still is None else f"a {still.codec}"
        raise Refused(
            f"image_url: the picture is {is_what}; send {PICTURES}, which does not move",
            param="image_url",
        )
