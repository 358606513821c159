"""``ask``, ``answer`` and ``select``: what one does with videos."""

from pathlib import Path
from typing import Annotated

import typer

from ntlbg.cli.app import (
    Compress,
    Encoder,
    End,
    Endpoint,
    Fps,
    FramesAs,
    Json,
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
from ntlbg.cli.clips import ClipSeconds, ClipsFolder, check_given, cut_given, tell_clips
from ntlbg.cli.ends import tell
from ntlbg.cli.films import AllowPrivate, FetchAgain, MaxDownloadGb, film_of
from ntlbg.cli.showing import show, way_given
from ntlbg.cli.words import words_of
from ntlbg.errors import NtlbgError


@app.command()
def ask(
    video: Video,
    question: Annotated[str, typer.Argument(help="What to ask.", show_default=False)],
    option: Annotated[
        list[str] | None, typer.Option(help="A choice to answer from; repeat it for each.")
    ] = None,
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
    evidence: Annotated[
        Path | None, typer.Option(help="Write the selected frames into this folder.")
    ] = None,
    save_plots: Annotated[
        Path | None,
        typer.Option(help="Write time line and feature plane, PNG and SVG, and what they show."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write a self-contained HTML page to this file.")
    ] = None,
    clips: ClipsFolder = None,
    clip_seconds: ClipSeconds = None,
    fetch_again: FetchAgain = False,
    allow_private: AllowPrivate = False,
    max_download_gb: MaxDownloadGb = None,
    pictures: Show = None,
    as_json: Json = False,
) -> None:
    """Answer a question and list the moments the answer relies on."""
    from ntlbg import pipeline
    from ntlbg.generation import Generation
    from ntlbg.views import console

    generation = Generation(temperature, top_p, max_new_tokens, seed)
    film = film_of(video, fetch_again, allow_private, max_download_gb)
    _check_views(film, save_plots, report)
    way = way_given(pictures, as_json)
    check_given(film, clips, clip_seconds)
    with console.reading(film) as progress:
        answer = pipeline.ask(
            film,
            question,
            options=option or None,
            model=model,
            model_options=read_model_options(
                model_option, frames_as=frames_as, shrink=shrink, compress=compress
            ),
            endpoint=endpoint,
            encoder=encoder,
            num_frames=num_frames,
            max_visual_tokens=max_visual_tokens,
            fps=fps,
            selector=selector,
            selector_options=read_options(selector_option),
            max_frames=max_frames,
            start=start,
            end=end,
            words=words_of(subtitles, listen, read_screen, transcript, progress),
            text_encoder=text_encoder,
            generation=generation,
            evidence_dir=evidence,
            read_frames=bool(save_plots or report),
            on_text=None if as_json else progress.write,
            progress=progress,
        )
    written = _write_views(answer, save_plots, report)
    cut = cut_given(answer, clips, clip_seconds, subtitles)
    if as_json:
        console.print_json(answer.to_dict())
    else:
        console.print_answer(answer, written=progress.has_written)
        show(answer, way)
    console.print_paths(written if evidence is None else [*written, evidence])
    tell_clips(cut, answer.notes)


def _check_views(video: Path, save_plots: Path | None, report: Path | None) -> None:
    from ntlbg.files import check_folder, check_output
    from ntlbg.marks import PAGE, PAGE_BYTES, plots

    if save_plots is not None:
        from ntlbg.views.result_file import SEEN

        check_folder(save_plots, plots("timeline", "features") | SEEN, inputs=[video])
    if report is not None:
        check_output(report, PAGE, inputs=[video], stream=True, needed=PAGE_BYTES)


def _write_views(answer, save_plots: Path | None, report: Path | None) -> list[Path]:
    written = []
    if save_plots is not None:
        from ntlbg.views.plots import save_timeline
        from ntlbg.views.plots_features import save_feature_plane
        from ntlbg.views.result_file import save_seen

        seen = answer.context
        written += save_timeline(answer, save_plots)
        written += save_feature_plane(
            seen.features, seen.selection, seen.pts_seconds, save_plots, title=answer.question
        )
        written.append(save_seen(answer, save_plots))
    if report is not None:
        from ntlbg.views.report import report_answer

        written.append(report_answer(answer, report))
    return written


@app.command()
def answer(
    questions: Annotated[
        Path,
        typer.Argument(
            help="Questions, .jsonl or .json, or a folder with such a file. Each has video and "
            "question, perhaps id, options, answer, answer_type and evidence. Files of "
            "LongVideoBench, Video-MME, MLVU and LVBench are read as they are published.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Argument(help="File for the answers, one JSON object a line.", show_default=False),
    ],
    videos: Annotated[
        Path | None,
        typer.Option(help="The folder of the videos. Default: beside the questions."),
    ] = None,
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
    listen: Listen = False,
    read_screen: ReadScreen = False,
    transcript: TranscriptOption = "best",
    text_encoder: TextEncoder = None,
    temperature: Temperature = None,
    top_p: TopP = None,
    max_new_tokens: MaxNewTokens = None,
    seed: Seed = None,
    as_json: Json = False,
) -> None:
    """Answer a file of questions, and count the right ones where that is known; goes on if stopped.

    Each video is read once. Questions that cannot be asked, and those whose video cannot be read,
    are left out, with exit code 2.
    """
    from dataclasses import asdict

    from ntlbg.answer_file import answer_file
    from ntlbg.generation import Generation
    from ntlbg.views import console

    generation = Generation(temperature, top_p, max_new_tokens, seed)
    with console.counting("answering", unit="questions") as progress:
        summary = answer_file(
            questions,
            out,
            videos=videos,
            model=model,
            model_options=read_model_options(
                model_option, frames_as=frames_as, shrink=shrink, compress=compress
            ),
            endpoint=endpoint,
            encoder=encoder,
            num_frames=num_frames,
            max_visual_tokens=max_visual_tokens,
            fps=fps,
            selector=selector,
            selector_options=read_options(selector_option),
            max_frames=max_frames,
            words=words_of(None, listen, read_screen, transcript, progress),
            text_encoder=text_encoder,
            generation=generation,
            progress=progress,
        )
    if as_json:
        console.print_json(asdict(summary))
    else:
        typer.echo(summary.as_markdown())
    for reason in summary.failed:
        tell(NtlbgError(reason))
    console.print_paths([out] if out.exists() else [])
    if summary.failed:
        raise typer.Exit(2)


@app.command()
def select(
    video: Video,
    question: Annotated[
        str | None, typer.Argument(help="What the frames are for; without it, the whole video.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write frames, contact sheet, selection.json and what plot draws here."),
    ] = None,
    model: Model = "builtin",
    encoder: Encoder = None,
    num_frames: NumFrames = None,
    fps: Fps = None,
    selector: Selector = None,
    selector_option: SelectorOption = None,
    max_frames: MaxFrames = None,
    start: Start = None,
    end: End = None,
    clips: ClipsFolder = None,
    clip_seconds: ClipSeconds = None,
    fetch_again: FetchAgain = False,
    allow_private: AllowPrivate = False,
    max_download_gb: MaxDownloadGb = None,
    pictures: Show = None,
    as_json: Json = False,
) -> None:
    """Choose the frames that represent a video, for a question or for itself."""
    from ntlbg import pipeline
    from ntlbg.files import check_folder
    from ntlbg.views import console
    from ntlbg.views.result_file import SEEN, save_seen

    film = film_of(video, fetch_again, allow_private, max_download_gb)
    if out is not None:
        check_folder(out, SEEN, inputs=[film])
    way = way_given(pictures, as_json)
    check_given(film, clips, clip_seconds)
    with console.reading(film) as progress:
        moments = pipeline.select(
            film,
            question,
            model=model,
            encoder=encoder,
            num_frames=num_frames,
            fps=fps,
            selector=selector,
            selector_options=read_options(selector_option),
            max_frames=max_frames,
            start=start,
            end=end,
            out_dir=out,
            progress=progress,
        )
    cut = cut_given(moments, clips, clip_seconds)
    if as_json:
        console.print_json(moments.to_dict())
    else:
        console.print_moments(moments)
        show(moments, way)
    if out is not None:
        save_seen(moments, out)
        console.print_paths([out])
    tell_clips(cut, moments.notes)
