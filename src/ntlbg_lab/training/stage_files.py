"""What a finished or interrupted stage leaves, so that no run takes another run's for its own."""

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from ntlbg.files import Inputs, Kinds, check_folder, remove_own, staged_file
from ntlbg.marks import json_object, tensor_file
from ntlbg.models.builtin.loading import TRAINED, weights_fingerprint
from ntlbg.train.checkpoints import check_own, check_same_settings, remove_checkpoints
from ntlbg.train.recipe import HISTORY
from ntlbg_lab.training.settings import BuiltinTraining, Stage

METADATA = "settings"
MODEL_FILE, SETTINGS_FILE = "model.safetensors", "stage.json"
STAGE = tensor_file("a finished stage", METADATA)
SETTINGS = json_object("settings of a stage", "stage", "before")


def files(names: Iterable[str]) -> Kinds:
    """What a run with these stages leaves, but for checkpoints."""
    stages = {f"{name}.safetensors": STAGE for name in names}
    return stages | {log_file(name): HISTORY for name in names} | {MODEL_FILE: TRAINED}


def check_folders(output: Path, names: Iterable[str], inputs: Inputs) -> None:
    """Before the work: nothing that a run with these stages would replace or remove is another's.

    Raises:
        OutputError: something is.
    """
    check_folder(output, files(names), inputs=inputs)
    for name in names:
        folder = checkpoint_folder(output, name)
        check_own(folder)
        if folder.is_dir():
            check_folder(folder, {SETTINGS_FILE: SETTINGS})


def finished_file(output: Path, name: str) -> Path:
    """Where a stage's weights go once it is finished."""
    return output / f"{name}.safetensors"


def checkpoint_folder(output: Path, name: str) -> Path:
    """Where a stage's checkpoints go."""
    return output / f"{name}.checkpoints"


def log_file(name: str) -> str:
    """What a stage's history is called."""
    return f"{name}.log.json"


def fixed_settings(settings: BuiltinTraining, stage: Stage) -> dict[str, Any]:
    """Everything that a stage's weights depend on, stages before it too."""
    place = settings.stages.index(stage)
    fixed = settings.model_dump(mode="json", include={"seed", "backgrounds", "kept_frames"})
    if fixed["kept_frames"]:
        del fixed["kept_frames"]["folder"]  # the frames are the same wherever they are
    if any(one.kind != "vision" for one in settings.stages[: place + 1]):
        fixed["bank"] = settings.bank.model_dump()
    fixed["tower"] = settings.tower and weights_fingerprint(settings.tower)
    stages = [one.model_dump(mode="json") for one in settings.stages[: place + 1]]
    return fixed | {"before": stages[:-1], "stage": stages[-1]}


def save_stage(path: Path, tensors: dict[str, Tensor], fixed: dict[str, Any]) -> None:
    """The weights and what they were trained with, in one file."""
    with staged_file(path, STAGE) as staged:
        save_file(tensors, staged, metadata={METADATA: json.dumps(fixed)})


def read_stage(path: Path, fixed: dict[str, Any]) -> dict[str, Tensor]:
    """Weights of a finished stage.

    Raises:
        ConfigError: they were trained with other settings.
    """
    with safe_open(path, framework="pt") as file:
        before = json.loads((file.metadata() or {}).get(METADATA, "{}"))
        check_same_settings(f"{path} was", before, fixed)
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping


def forget(output: Path, names: Iterable[str]) -> None:
    """Remove what these stages left."""
    for name in names:
        remove_own(finished_file(output, name), STAGE)
        folder = checkpoint_folder(output, name)
        remove_checkpoints(folder)
        remove_own(folder / SETTINGS_FILE, SETTINGS)
        with suppress(OSError):  # something else is in there, or it never was
            folder.rmdir()
