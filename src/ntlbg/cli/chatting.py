"""``chat``: questions about one video in a row, which know of each other."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ntlbg.cli.app import (
    Compress,
    Encoder,
    End,
    Endpoint,
    Fps,
    FramesAs,
    JsonLines,
    Listen,
    MaxFrames,
    MaxNewTokens,
    MaxVisualTokens,
    Model,
    ModelOption,
    NumFrames,
    ReadScreen,
    Seed,
    Selector,
    SelectorOption,
    Show,
    Shrink,
    Start,
    Subtitles,
    Temperature,
    TextEncoder,
    TopP,
    TranscriptOption,
    Video,
    app,
    read_model_options,
    read_options,
)
from ntlbg.cli.ends import WRONG
from ntlbg.cli.films import AllowPrivate, FetchAgain, MaxDownloadGb, film_of
from ntlbg.cli.showing import way_given
from ntlbg.cli.words import words_of

if TYPE_CHECKING:  # needs PyTorch
    from ntlbg.looking import Look
    from ntlbg.system import System


@app.command()
def chat(
    video: Video,
    model: Model = "builtin",
    model_option: ModelOption = None,
    frames_as: FramesAs = None,
    shrink: Shrink = False,
    compress: Compress = None,
    endpoint: Endpoint = None,
    encoder: Encoder = None,
    num_frames: NumFrames = None,
    max_visual_tokens: MaxVisualTokens = None,
    fps: Fps = None,
    selector: Selector = None,
    selector_option: SelectorOption = None,
    max_frames: MaxFrames = None,
    start: Start = None,
    end: End = None,
    subtitles: Subtitles = None,
    listen: Listen = False,
    read_screen: ReadScreen = False,
    transcript: TranscriptOption = "best",
    text_encoder: TextEncoder = None,
    temperature: Temperature = None,
    top_p: TopP = None,
    max_new_tokens: MaxNewTokens = None,
    seed: Seed = None,
    fetch_again: FetchAgain = False,
    allow_private: AllowPrivate = False,
    max_download_gb: MaxDownloadGb = None,
    pictures: Show = None,
    as_json: JsonLines = False,
) -> None:
    """Ask one question after another about a video; each knows those before it.

    The model is loaded and the video is read once. /help names what can be said beside questions.
    From a pipe or a file each line is a question.
    """
    from ntlbg.cli.talk import Talk, talk_with
    from ntlbg.generation import Generation
    from ntlbg.looking import Look
    from ntlbg.system import load_system
    from ntlbg.video.stills import check_video
    from ntlbg.views import console

    generation = Generation(temperature, top_p, max_new_tokens, seed)
    way = way_given(pictures, as_json)
    film = film_of(video, fetch_again, allow_private, max_download_gb)
    check_video(film)
    with console.reading(film) as progress:
        options = read_model_options(
            model_option, frames_as=frames_as, shrink=shrink, compress=compress
        )
        words = words_of(subtitles, listen, read_screen, transcript, progress)
        system = load_system(
            model, encoder=encoder, endpoint=endpoint, model_options=options,
            text_encoder=text_encoder,
        )  # fmt: skip
        look = Look(fps, max_frames, start, end, selector, num_frames, max_visual_tokens,
                    read_options(selector_option), words)  # fmt: skip
        _read(film, system, look, progress)
    if talk_with(Talk(film, system, look, generation, way, as_json)):
        raise typer.Exit(WRONG)


def _read(film: Path, system: "System", look: "Look", progress) -> None:
    """All that questions need, so that the first of them does not wait for it."""
    from ntlbg.selectors import check_selector
    from ntlbg.video import ReadReport

    check_selector(look.selector, look.num_frames, look.selector_options, asked=True)
    look.features(film, system, None, progress, ReadReport())
