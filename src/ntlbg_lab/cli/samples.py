"""``demo`` and ``haystack``: videos made on the spot."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ntlbg.visible import visible
from ntlbg_lab.cli.app import app


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the film and the report.")] = Path(
        "results/demo"
    ),
    minutes: Annotated[float, typer.Option(help="Length of the film, 1 or more.")] = 60,
    config: Annotated[
        Path | None, typer.Option(help="Take the budget from a file like longvideo_config.json.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="What answers: builtin, or the folder of a trained model. Default: what "
            "training by --config left, or builtin."
        ),
    ] = None,
    save_plots: Annotated[
        bool, typer.Option(help="Also write a plot per question, and one of the attention.")
    ] = False,
    pictures_only: Annotated[
        bool,
        typer.Option("--pictures-only", help="Neither listen to the film nor read its screen."),
    ] = False,
) -> None:
    """Make a film with speech and slides, ask eight questions about it, write an HTML report."""
    from ntlbg_lab import demo

    streams = () if pictures_only else demo.STREAMS
    demo.make_demo(
        out, minutes=minutes, config=config, model=model, save_plots=save_plots, streams=streams
    )


@app.command()
def haystack(
    out_dir: Annotated[Path, typer.Argument(help="Folder for the videos and their questions.")],
    videos: Annotated[
        int | None, typer.Option(help="How many videos. Default: 1, to train on 48.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Length of each. Default: 10, to train on 1.")
    ] = None,
    questions: Annotated[int, typer.Option(min=1, help="Questions about each.")] = 12,
    seed: Annotated[int, typer.Option(help="Same seed, same videos.")] = 0,
    split: Annotated[
        str | None, typer.Option(help="Backgrounds: train, val or test. Default: test.")
    ] = None,
    style: Annotated[
        str | None, typer.Option(help="Pictures of the objects: one set by name; all by default.")
    ] = None,
    dataset: Annotated[
        bool,
        typer.Option(
            help="To train on: train.jsonl, val.jsonl, test.jsonl and videos/. So many --videos "
            "to train on, an eighth and a quarter as many to validate and test with."
        ),
    ] = False,
) -> None:
    """Make long videos with a few objects hidden in them, and questions about those."""
    from ntlbg.errors import ConfigError
    from ntlbg.views import console
    from ntlbg_lab.haystack import make_dataset, make_videos

    if dataset and split is not None:
        raise ConfigError(f"--split {split}: a data set has all three; leave the option out")
    wishes = {"num_videos": videos, "minutes": minutes, "split": split}
    given: dict[str, Any] = {name: wish for name, wish in wishes.items() if wish is not None}
    make = make_dataset if dataset else make_videos
    with console.counting("making videos", unit="frames") as progress:
        paths = make(
            out_dir, questions=questions, seed=seed, style=style, progress=progress, **given
        )
    for path in paths:
        typer.echo(visible(str(path)))
