"""The menu of recipes, ours and those that other packages bring; and from a file to its recipe."""

from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from ntlbg.config import changed, load_config
from ntlbg.config.load import read_content, recipe_named
from ntlbg.errors import ConfigError
from ntlbg.train.recipe import Recipe, Say

GROUP = "ntlbg.recipes"  # of entry points: name = "module:class"
OWN = {
    "ntlbg": "ntlbg.train.recipes.ntlbg:NtlbgRecipe",
    "longvu": "ntlbg.train.recipes.longvu:LongVURecipe",
}


def load_recipe(
    config: str | Path | BaseModel,
    overrides: Iterable[str] = (),
    *,
    seed: int | None = None,
    debug: bool = False,
    say: Say | None = None,
    **options: Any,
) -> Recipe:
    """The recipe of a file, or of settings; arguments as in :func:`ntlbg.train.run.run`.

    Args:
        options: of the recipe; those that are None are left out.

    Raises:
        ConfigError: one line with the key, the value given and what is allowed.
    """
    if isinstance(config, BaseModel):
        where, settings, kind = "settings", config, find_recipe(config.recipe, "settings")
    else:
        where, kind = str(config), find_recipe(recipe_named(read_content(config)), str(config))
        settings = load_config(config, overrides, say, kind.schema)
    given = {name: value for name, value in options.items() if value is not None}
    for name in set(given) - set(kind.options):
        raise ConfigError(
            f"--{name} {given[name]}: {where} is for the recipe {settings.recipe}, which has no "
            "such option; leave it out"
        )
    changes = {} if seed is None else {kind.seed_key: seed}
    if debug:
        changes |= {"output_dir": f"{settings.output_dir}-debug", **kind.debug_changes(settings)}
    return kind(changed(settings, changes, where) if changes else settings, **given)


def find_recipe(name: object, where: str) -> type[Recipe]:
    """The recipe of a name; loading one may take seconds.

    Raises:
        ConfigError: there is none; ``where`` begins its message.
    """
    places = (
        _unregistered() | OWN | {point.name: point.value for point in entry_points(group=GROUP)}
    )
    if not isinstance(name, str) or name not in places:
        raise ConfigError(f"{where}: recipe: got {name!r}; there are {', '.join(sorted(places))}")
    return EntryPoint(name, places[name], GROUP).load()


def _unregistered() -> dict[str, str]:
    """The laboratory's, until its package registers it: then this function goes."""
    return {"builtin": "ntlbg_lab.training.recipe:builtin"}
