"""``chapters``: where a video turns to something else, and what each part is called."""

from typing import Annotated, Literal

import typer

from ntlbg.cli.app import (
    Encoder,
    Endpoint,
    FramesAs,
    Listen,
    ModelOption,
    ReadScreen,
    Shrink,
    Subtitles,
    TextEncoder,
    Video,
    app,
    read_model_options,
)
from ntlbg.cli.films import AllowPrivate, FetchAgain, MaxDownloadGb, film_of
from ntlbg.cli.words import words_of


@app.command()
def chapters(
    video: Video,
    form: Annotated[
        Literal["txt", "json", "youtube"],
        typer.Option(
            "--format",
            help="How they are written: txt; json, with seconds and where each title is from; or "
            "youtube, to be pasted into a description: three chapters at least, from 00:00 on.",
        ),
    ] = "txt",
    number: Annotated[
        int | None,
        typer.Option(min=1, help="So many chapters. Default: as many as the video has."),
    ] = None,
    subtitles: Subtitles = None,
    listen: Listen = False,
    read_screen: ReadScreen = False,
    model: Annotated[
        str,
        typer.Option(
            help="What writes the titles, as for `ask`: a vision-language model is told what is "
            "said in each chapter and shown some of its frames. builtin, the default, takes "
            "headings of slides, else a sentence that is spoken."
        ),
    ] = "builtin",
    model_option: ModelOption = None,
    frames_as: FramesAs = None,
    shrink: Shrink = False,
    endpoint: Endpoint = None,
    encoder: Encoder = None,
    text_encoder: TextEncoder = None,
    fetch_again: FetchAgain = False,
    allow_private: AllowPrivate = False,
    max_download_gb: MaxDownloadGb = None,
) -> None:
    """Divide a video into chapters with titles, where pictures and subject change together.

    `ntlbg chapters talk.mp4 --listen --read-screen` knows both what is said and what is on slides;
    without subtitles, --listen or --read-screen pictures alone tell, and chapters have numbers.
    Goes on if stopped.
    """
    from ntlbg import video_chapters
    from ntlbg.views import console
    from ntlbg.views.chapters import YOUTUBE_LEAST, chapters_text, check_form

    check_form(form, number)
    film = film_of(video, fetch_again, allow_private, max_download_gb)
    with console.reading(film) as progress:
        found = video_chapters.chapters(
            film,
            number=number,
            least=YOUTUBE_LEAST if form == "youtube" else 1,
            model=model,
            model_options=read_model_options(model_option, frames_as=frames_as, shrink=shrink),
            endpoint=endpoint,
            encoder=encoder,
            words=words_of(subtitles, listen, read_screen, "best", progress),
            text_encoder=text_encoder,
            progress=progress,
            naming=progress.renamed("writing titles", "chapters"),
        )
    text = chapters_text(found.chapters, form)
    for note in found.notes:
        console.print_note(note)
    console.print_text(text)
