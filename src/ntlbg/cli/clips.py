"""``--clips``: the moments of an answer as films, for `ask` and `select`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ntlbg.errors import ConfigError

if TYPE_CHECKING:  # needs PyTorch
    from ntlbg.types import Answer, SelectedFrames
    from ntlbg.views.clips import Clips

ClipsFolder = Annotated[
    Path | None,
    typer.Option(
        "--clips",
        help="Cut the moments out of the film, with sound and subtitles, into this folder: an mp4 "
        "file each, clips.edl (CMX 3600) for editing programs and clips.csv.",
    ),
]
ClipSeconds = Annotated[
    float | None,
    typer.Option(help="Seconds before and after each moment in --clips. Default: 3."),
]


def check_given(video: Path, folder: Path | None, seconds: float | None) -> None:
    """Before anything is read.

    Raises:
        ConfigError: seconds without a folder, or of a picture. OutputError: as ``write_clips``.
    """
    if folder is None:
        if seconds is not None:
            raise ConfigError("--clip-seconds is about --clips, which is not given; give both")
        return
    from ntlbg.views.clips import check_clips

    check_clips(video, folder, seconds)


def cut_given(
    result: "Answer | SelectedFrames",
    folder: Path | None,
    seconds: float | None,
    subtitles: str | None = None,
) -> "Clips | None":
    """With progress on stderr; None without a folder. Raises as ``write_clips``."""
    if folder is None:
        return None
    from ntlbg.views import console
    from ntlbg.views.clips import write_clips

    with console.counting("cutting clips", unit="pictures") as progress:
        return write_clips(result, folder, seconds=seconds, subtitles=subtitles, progress=progress)


def tell_clips(cut: "Clips | None", told: list[str]) -> None:
    """What is to be said about them and was not told before, and where they are."""
    from ntlbg.views import console

    if cut is None:
        return
    for note in dict.fromkeys(cut.notes):
        if note not in told:
            console.print_note(note)
    console.print_paths([cut.folder / clip.file for clip in cut.clips])
