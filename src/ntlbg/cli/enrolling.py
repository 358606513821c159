"""``enrol``: teach the built-in model a new object."""

from pathlib import Path
from typing import Annotated

import typer

from ntlbg.cli.app import Json, app

WITH_BACKGROUND = (
    "no picture has a transparent ground, so the background is learned with the object and answers "
    "about it come with a doubt; cut the object out of one picture to be rid of it"
)


@app.command()
def enrol(
    name: Annotated[
        str | None, typer.Argument(help="One to three words.", show_default=False)
    ] = None,
    images: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Pictures of it: cut-outs on a transparent ground, or photos.", show_default=False
        ),
    ] = None,
    list_all: Annotated[bool, typer.Option("--list", help="List what is enrolled.")] = False,
    remove: Annotated[
        str | None, typer.Option(help="Forget the object of this name.", metavar="NAME")
    ] = None,
    as_json: Json = False,
) -> None:
    """Teach the built-in model an object from pictures; ask about it by its name."""
    from ntlbg.errors import ConfigError

    if sum([name is not None, list_all, remove is not None]) != 1:
        raise ConfigError("give a name and pictures of it, or --list, or --remove NAME")
    if name is not None:
        _enrol(name, images or [], as_json)
    elif remove is not None:
        _remove(remove, as_json)
    else:
        _list(as_json)


def _enrol(name: str, images: list[Path], as_json: bool) -> None:
    from ntlbg.encoders.builtin import load_builtin_encoder
    from ntlbg.errors import ConfigError
    from ntlbg.models.builtin import enrolment
    from ntlbg.views import console

    name = enrolment.check_name(name)
    if not images:
        raise ConfigError(f"no pictures of {name!r}; give at least one file")
    pictures = [enrolment.read_picture(image) for image in images]
    replaces = enrolment.check_place(name, images)
    encoder = load_builtin_encoder()
    thing = enrolment.enrol(
        name,
        pictures,
        encoder.encode_frames,
        image_size=encoder.image_size,
        fingerprint=encoder.weights,
    )
    path = enrolment.save_object(thing)
    if as_json:
        console.print_json(_described(thing) | {"file": str(path), "replaced": replaces})
    else:
        before = ", in the place of the one of this name" if replaces else ""
        typer.echo(f"enrolled {name} from {_count(thing)}{before}; ask about it by this name")
    if thing.has_background:
        console.print_note(WITH_BACKGROUND)


def _list(as_json: bool) -> None:
    from ntlbg.models.builtin.enrolment import load_objects
    from ntlbg.views import console

    things = load_objects()
    if as_json:
        console.print_json({"objects": [_described(thing) for thing in things]})
        return
    for thing in things:
        typer.echo(f"{thing.name}: {_count(thing)}")
    if not things:
        typer.echo("nothing is enrolled", err=True)


def _remove(name: str, as_json: bool) -> None:
    from ntlbg.models.builtin.enrolment import remove_object
    from ntlbg.views import console

    remove_object(name)
    if as_json:
        console.print_json({"removed": name})
    else:
        typer.echo(f"removed {name}")


def _described(thing) -> dict:
    return {"name": thing.name, "pictures": len(thing.pictures)}


def _count(thing) -> str:
    number = len(thing.pictures)
    return f"{number} picture{'s' * (number != 1)}"
