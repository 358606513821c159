"""What other distributions add by entry points: commands and recipes of training.

``ntlbg.commands`` names functions, or whole Typer applications; ``ntlbg.recipes`` names functions
that train. Those of the laboratory are in ``lab/pyproject.toml``.
"""

import functools
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from ntlbg.errors import MissingPackage

COMMANDS, RECIPES = "ntlbg.commands", "ntlbg.recipes"
LABORATORY = "ntlbg-llm-lab"


@functools.cache
def additions(group: str) -> dict[str, EntryPoint]:
    """By name what the installed distributions add; nothing of it is imported."""
    return {point.name: point for point in entry_points(group=group)}


def load(group: str, name: str, what: str) -> Any:
    """The object that another distribution adds under this name.

    Args:
        what: it is, for the message.

    Raises:
        MissingPackage: no installed distribution adds it.
    """
    point = additions(group).get(name)
    if point is not None:
        try:
            return point.load()
        except ModuleNotFoundError as error:
            if not f"{point.module}.".startswith(f"{error.name}."):
                raise  # the distribution is here, and something that it needs is not
    raise MissingPackage(f"{what} is part of the laboratory: pip install {LABORATORY}")
