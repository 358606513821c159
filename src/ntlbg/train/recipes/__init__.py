"""The menu of recipes, ours and those that other packages bring; and from a file to its recipe."""

from collections.abc import Iterable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from ntlbg import plugins
from ntlbg.config import changed
from ntlbg.config.load import read_content, recipe_named, settings_in
from ntlbg.errors import ConfigError
from ntlbg.train.recipe import Recipe, Say

OWN = {
    "ntlbg": "ntlbg.train.recipes.ntlbg:NtlbgRecipe",
    "longvu": "ntlbg.train.recipes.longvu:LongVURecipe",
}
OF_THE_LABORATORY = ("builtin",)


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
        where, settings, recipe = "settings", config, recipe_named(config.model_dump())
        kind = find_recipe(recipe, where)
    else:
        where, content = str(config), read_content(config)
        recipe = recipe_named(content)
        kind = find_recipe(recipe, where)
        settings = settings_in(content, kind.schema, where, overrides, say)
    given = {name: value for name, value in options.items() if value is not None}
    for name in set(given) - set(kind.options):
        raise ConfigError(
            f"--{name} {given[name]}: {where} is for the recipe {recipe}, which has no "
            "such option; leave it out"
        )
    changes: dict[str, Any] = {} if seed is None else {kind.seed_key: seed}
    if debug:
        output = settings.model_dump()["output_dir"]
        changes |= {"output_dir": f"{output}-debug", **kind.debug_changes(settings)}
    return kind(changed(settings, changes, where) if changes else settings, **given)


def find_recipe(name: object, where: str) -> type[Recipe]:
    """The recipe of a name; loading one may take seconds.

    Raises:
        ConfigError: there is none; ``where`` begins its message.
        MissingPackage: it is the laboratory's, which is not installed.
    """
    known = {*OWN, *OF_THE_LABORATORY, *plugins.additions(plugins.RECIPES)}
    if not isinstance(name, str) or name not in known:
        raise ConfigError(f"{where}: recipe: got {name!r}; there are {', '.join(sorted(known))}")
    if name in OWN:
        return EntryPoint(name, OWN[name], plugins.RECIPES).load()
    return plugins.load(plugins.RECIPES, name, f"{where}: recipe {name}")
