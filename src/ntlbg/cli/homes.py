"""``~`` in paths that a shell leaves as they are: behind ``=``, in quotes, in JSON of a program."""

import functools
import os
from pathlib import Path
from typing import Any

import typer.core

# May be a folder or file, or a name or address: no path by their type.
NAMES = (
    "video", "videos", "model", "encoder", "text_encoder", "subtitles", "siglip", "dinov2", "style",
)  # fmt: skip


def expanding(command: Any) -> Any:
    """The same command, or group of them, with ``~`` as the folder of the user."""
    for one in getattr(command, "commands", {}).values():
        expanding(one)
    callback = command.callback
    if isinstance(command, typer.core.TyperCommand) and not hasattr(callback, "expands"):

        @functools.wraps(callback)
        def expanded(**values):
            return callback(**{name: _expanded(name, one) for name, one in values.items()})

        expanded.__dict__["expands"] = True
        command.callback = expanded
    return command


def _expanded(name: str, value: Any) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(_expanded(name, one) for one in value)
    if isinstance(value, Path):
        return Path(os.path.expanduser(value))
    return os.path.expanduser(value) if isinstance(value, str) and name in NAMES else value
