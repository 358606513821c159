"""A run's checkpoints, and the settings that a run which goes on from them must share with it."""

import json
import re
import shutil
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ntlbg.errors import ConfigError, DataError, OutputError
from ntlbg.text_files import read_json, read_text

NAME = re.compile(r"checkpoint-[0-9]+")  # as the Trainer of transformers calls them
# What the Trainer writes into a checkpoint. Its old checkpoints are removed as they are.
WRITTEN = re.compile(
    r"(trainer_state|config|generation_config|adapter_config|model\.safetensors\.index)\.json"
    r"|(model|adapter_model)(-.+)?\.safetensors|(pytorch_model|training_args)\.bin|README\.md"
    r"|(optimizer|scheduler|scaler)\.(pt|bin)|rng_state(_[0-9]+)?\.pth"
)
INSTEAD = "choose another folder, or start over with --no-resume"


def checkpoints(output: Path, *, complete: bool = False) -> list[Path]:
    """Folders of checkpoints, the last one first; a run may be killed while it writes one."""
    found = [
        path
        for path in output.glob("checkpoint-*")
        if NAME.fullmatch(path.name) and (not complete or _is_whole(path))
    ]
    return sorted(found, key=lambda path: int(path.name.rpartition("-")[2]), reverse=True)


def last_complete(output: Path) -> Path | None:
    """The checkpoint that a run can go on from."""
    return next(iter(checkpoints(output, complete=True)), None)


def check_own(output: Path) -> None:
    """Refuse folders that have the name of a checkpoint and hold something else.

    Training removes its old checkpoints, and so does starting over.

    Raises:
        OutputError: naming what is in the way.
    """
    for folder in checkpoints(output):
        if folder.is_symlink() or not folder.is_dir():
            raise OutputError(f"{folder}: is no folder of a checkpoint; choose another folder")
        strangers = [path for path in folder.iterdir() if not WRITTEN.fullmatch(path.name)]
        if strangers:
            raise OutputError(
                f"{strangers[0]}: is not of a checkpoint, and is left as it is; choose another "
                "folder, or move it away"
            )


def remove_checkpoints(output: Path) -> None:
    """Remove all there are.

    Raises:
        OutputError: one holds something else.
    """
    check_own(output)
    for folder in checkpoints(output):
        shutil.rmtree(folder)


def check_same_run(file: Path, settings: Mapping[str, Any], free: Collection[str]) -> None:
    """Checkpoints beside ``file``, which holds a run's settings, belong to a run like this one.

    Args:
        settings: of this run, as JSON holds them.
        free: dotted keys, of values or of blocks, that may differ.

    Raises:
        ConfigError: they were made with other settings, or nothing says with which.
    """
    if last_complete(file.parent) is None:
        return
    try:
        before = read_json(file, "the settings of a training")
    except DataError as error:
        raise ConfigError(
            f"{file.parent}: there are checkpoints, but not the {file.name} they were made with "
            f"({error}); {INSTEAD}"
        ) from error
    check_same_settings(f"{file.parent}: its checkpoints were", before, settings, free)


def check_same_settings(
    what: str, before: Any, now: Mapping[str, Any], free: Collection[str] = ()
) -> None:
    """Refuse what was made with other settings.

    Args:
        what: the beginning of the message.
        before: settings as JSON holds them.
        now: those of this run.
        free: dotted keys, of values or of blocks, that may differ.

    Raises:
        ConfigError: naming every key that differs, and both values.
    """
    old, new = _flat(before), _flat(now)
    differ = [
        f"{key} {old.get(key)!r}, now it is {new.get(key)!r}"
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key) and not any(_inside(key, block) for block in free)
    ]
    if differ:
        raise ConfigError(f"{what} made with {'; with '.join(differ)}; {INSTEAD}")


def _is_whole(folder: Path) -> bool:
    """Written to its end, and not cut off since: torch's files end with what is in them."""
    packed = [path for path in folder.glob("*") if path.suffix in (".pt", ".pth", ".bin")]
    return _is_json(folder / "trainer_state.json") and all(map(zipfile.is_zipfile, packed))


def _is_json(path: Path) -> bool:
    try:
        json.loads(read_text(path, "the state of a training"))  # where a loss may be NaN
    except (DataError, ValueError, RecursionError):
        return False
    return True


def _flat(value: Any, key: str = "") -> dict[str, Any]:
    """Values by their dotted keys; lists stay whole."""
    if not isinstance(value, dict):
        return {key: value}
    blocks = (_flat(inner, f"{key}.{name}".strip(".")) for name, inner in value.items())
    return {name: inner for block in blocks for name, inner in block.items()}


def _inside(key: str, block: str) -> bool:
    return key == block or key.startswith(f"{block}.")
