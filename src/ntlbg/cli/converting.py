"""``convert``: published weights of other projects -> folders this one reads."""

from pathlib import Path
from typing import Annotated

import typer

from ntlbg.cli.app import Json, app
from ntlbg.visible import visible

convert = typer.Typer(help="Make published weights readable.", no_args_is_help=True)
app.add_typer(convert, name="convert")


@convert.command()
def longvu(
    source: Annotated[
        Path, typer.Argument(help="Folder of a published LongVU checkpoint.", show_default=False)
    ],
    destination: Annotated[Path, typer.Argument(help="Folder to write.", show_default=False)],
    siglip: Annotated[
        str | None,
        typer.Option(help="SigLIP's folder or hub name; by default the folder SOURCE/siglip."),
    ] = None,
    dinov2: Annotated[
        str | None,
        typer.Option(help="DINOv2's folder or hub name; by default the folder SOURCE/dinov2."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Convert a LongVU checkpoint, so that ask --model DESTINATION answers with it."""
    from ntlbg.models.longvu.checkpoints import convert as convert_checkpoint
    from ntlbg.views import console

    done = convert_checkpoint(source, destination, siglip=siglip, dinov2=dinov2)
    if as_json:
        console.print_json({"written": len(done.state_dict), "unused": done.unused})
        return
    typer.echo(f"{visible(str(destination))}: {len(done.state_dict)} weights")
    for name in done.unused:
        typer.echo(f"not used: {visible(name)}")


@convert.callback()
def _topic() -> None:
    """Make published weights readable."""
