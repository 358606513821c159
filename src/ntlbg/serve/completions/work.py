"""What is done for a question: a film is asked, or a picture, of which nothing is kept."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ntlbg.errors import VideoError
from ntlbg.index.store import FeatureIndex
from ntlbg.question import checked_question
from ntlbg.scratch import scratch_folder
from ntlbg.serve.completions.asked import PICTURES, Asked
from ntlbg.serve.completions.refusals import Refused
from ntlbg.serve.films import Films
from ntlbg.serve.steps import Tell
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
    with _shown(films, asked.shown) as (asking, path):
        found = asking.answer(
            tell, path, asked.question, options=own.options, subtitles=own.subtitles,
            num_frames=own.num_frames, max_visual_tokens=own.max_visual_tokens,
            start=own.start_seconds, end=own.end_seconds, generation=asked.generation,
            on_text=on_text,
        )  # fmt: skip
    return replace(found, notes=[*asked.notes, *found.notes])


@contextmanager
def _shown(films: Films, shown: Path | bytes) -> Iterator[tuple[Films, Path]]:
    """Where it is, and what asks about it: of a picture, what is found goes with it."""
    if isinstance(shown, Path):
        check_video(shown)
        yield films, shown
        return
    with scratch_folder(films.index.root, films.index.root) as stage:
        (stage / PICTURE).write_bytes(shown)
        _check_picture(stage / PICTURE)
        yield replace(films, index=FeatureIndex(stage / "index")), stage / PICTURE


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
