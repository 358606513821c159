"""``transcript``: what is said and written; and listening, which takes minutes."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ntlbg.cli.app import Subtitles, Video, app
from ntlbg.cli.films import AllowPrivate, FetchAgain, MaxDownloadGb, film_of

if TYPE_CHECKING:  # needs PyTorch
    from ntlbg.index.passages import Words
    from ntlbg.index.store import FeatureIndex
    from ntlbg.text import Listener
    from ntlbg.types import Passage
    from ntlbg.views.console import Bar

Form = Annotated[
    Literal["txt", "srt", "vtt", "json"], typer.Option("--format", help="How it is written.")
]


def words_of(
    subtitles: str | None,
    listen: bool,
    read_screen: bool,
    transcript: Literal["best", "all", "none"],
    bar: "Bar",
) -> "Words":
    """As the options say; while a film is listened to, the bar tells of it."""
    from ntlbg.index.passages import Words

    return Words(subtitles, streams_of(listen, read_screen), transcript, bar.listened)


def streams_of(listen: bool, read_screen: bool) -> tuple[str, ...]:
    """Names in LISTENERS."""
    return ("speech",) * listen + ("screen",) * read_screen


def hear(video: Path, streams: Iterable[str]) -> list[str]:
    """Listen with progress on stderr; gives why a stream cannot be listened to."""
    from ntlbg.errors import MissingPackage, NoSoundError
    from ntlbg.text import load_listener

    why_not = []
    for name in streams:
        try:
            heard(video, load_listener(name))
        except (NoSoundError, MissingPackage) as error:
            why_not.append(str(error))
    return why_not


def heard(
    video: Path, listener: "Listener", index: "FeatureIndex | None" = None
) -> "list[Passage]":
    """All that a listener finds, with progress on stderr; kept in an index, or the user's."""
    from ntlbg.index import listening
    from ntlbg.views import console

    with console.counting("loading the model") as bar:
        progress = partial(bar.listened, listening.doing(listener, video))
        track = listening.hear(video, listener, index=index, progress=progress)
    for note in listening.losses(track):
        console.print_note(note)
    return track.passages()


@app.command()
def transcript(
    video: Video,
    form: Form = "txt",
    subtitles: Subtitles = None,
    listen: Annotated[
        bool, typer.Option("--listen", help="Listen to the sound though there are subtitles.")
    ] = False,
    model: Annotated[
        str,
        typer.Option(
            help="What listens: base, a name such as small or large-v3, the folder of a whisper "
            "model for CTranslate2, or its name on the hub."
        ),
    ] = "base",
    fetch_again: FetchAgain = False,
    allow_private: AllowPrivate = False,
    max_download_gb: MaxDownloadGb = None,
) -> None:
    """Write what is said in a video: its subtitles, else by listening. Goes on if stopped.

    `ntlbg transcript film.mp4 --format srt > film.srt` makes subtitles.
    """
    from ntlbg.text.speech import SpeechListener
    from ntlbg.text.subtitles import NONE, load_subtitles
    from ntlbg.views import console
    from ntlbg.views.transcript import transcript_text

    film = film_of(video, fetch_again, allow_private, max_download_gb)
    found = load_subtitles(film, NONE if listen else subtitles)
    passages = list(found.passages)
    if found.description is None:
        passages = heard(film, SpeechListener(model))
    for note in found.notes:
        console.print_note(note)
    console.print_text(transcript_text(passages, form))


@app.command("screen-text")
def screen_text(
    video: Video,
    form: Form = "txt",
    pictures_per_hour: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Look at so many changed pictures an hour at most, which bounds the time. "
            "Default: 900.",
        ),
    ] = None,
    recogniser: Annotated[
        Path | None,
        typer.Option(help="An .onnx file that recognises another script, as RapidOCR has them."),
    ] = None,
    fetch_again: FetchAgain = False,
    allow_private: AllowPrivate = False,
    max_download_gb: MaxDownloadGb = None,
) -> None:
    """Write what is written on screen in a video, with times. Goes on if stopped.

    Latin and Chinese letters are read, unless another recogniser is given.
    """
    from ntlbg.text.screen import PICTURES_PER_HOUR, ScreenListener
    from ntlbg.text.screen.reading import RapidReader
    from ntlbg.views import console
    from ntlbg.views.transcript import transcript_text

    listener = ScreenListener(
        pictures_per_hour=pictures_per_hour or PICTURES_PER_HOUR, reader=RapidReader(recogniser)
    )
    film = film_of(video, fetch_again, allow_private, max_download_gb)
    console.print_text(transcript_text(heard(film, listener), form))
