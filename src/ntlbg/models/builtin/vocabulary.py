"""The objects that the built-in model knows by name."""

import functools
import json
from importlib import resources


@functools.cache
def object_names() -> tuple[str, ...]:
    """The names of all objects, in a fixed order (a class number is a place in this tuple)."""
    file = resources.files(__package__).joinpath("vocabulary.json")
    return tuple(json.loads(file.read_text(encoding="utf-8")))
