"""``demo`` and ``haystack``: videos made on the spot."""

from pathlib import Path
from typing import Annotated

import typer

from ntlbg.cli.app import app


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the sample video and the report.")] = Path(
        "results/demo"
    ),
    minutes: Annotated[float, typer.Option(help="Length of the sample video.")] = 60,
    config: Annotated[
        Path | None, typer.Option(help="Take the budget from a file like longvideo_config.json.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="What answers: builtin, or the folder of a trained model.  [default: what "
            "training by --config left, or builtin]"
        ),
    ] = None,
    save_plots: Annotated[bool, typer.Option(help="Also write a plot per question.")] = False,
) -> None:
    """Make a sample video, ask eight questions about it and write an HTML report."""
    from ntlbg import demo

    demo.run(out, minutes=minutes, config=config, model=model, save_plots=save_plots)


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
