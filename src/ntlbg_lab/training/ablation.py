"""Models trained without a part of the training, to see what that part adds.

Every variant is a configuration: the same vision tower, seed, data and number of steps.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from ntlbg.errors import ConfigError
from ntlbg.files import keep_json, staged_file
from ntlbg.models.builtin.loading import shipped_weights, trained_vision_config, weights_fingerprint
from ntlbg.train.run import train
from ntlbg_lab.training.recipe import SMALL_DATA, BuiltinRecipe
from ntlbg_lab.training.settings import BuiltinTraining
from ntlbg_lab.training.stage_files import STAGE

SETTINGS_FILE, WEIGHTS_FILE = "settings.json", "model.safetensors"
SELECTION = "selection"
DEFAULT_STEPS = 200
# name: what is different; the first is what the others are compared with
VARIANTS = {
    "three-stages": "selection, then reading, then everything",
    "no-L_NTLBG": "without the NTLBG loss",
    "no-L_align": "without the alignment loss",
    "no-L_context": "without the context loss",
    "one-stage": "everything from the start, as many steps",
}
ENOUGH_TO_COMPARE = {
    "backgrounds": {"shots": 332, "frames": 8},
    "bank": {"repeats": 3, "empty": 4000},
}


def variant_settings(
    name: str, steps: int, *, tower: Path | None = None, seed: int = 0, tiny: bool = False
) -> BuiltinTraining:
    """Configuration of a variant: ``steps`` steps in all, in one stage or in three.

    With ``tiny`` next to nothing is drawn, to see that everything runs.

    Raises:
        ConfigError: an unknown variant, or fewer than three steps.
    """
    if name not in VARIANTS or steps < 3:
        raise ConfigError(
            f"variant {name!r} in {steps} steps: choose from {', '.join(VARIANTS)}, and at least "
            "3 steps, one for each stage"
        )
    without = [name.removeprefix("no-L_").lower()] if name.startswith("no-L_") else []
    shape = {"batch_size": 2, "num_questions": 2} if tiny else {"batch_size": 4}
    finding = reading = steps * 2 // 5 or 1
    stages = [
        {"kind": "selection", "name": SELECTION, "steps": finding, "learning_rate": 2e-3,
         "num_frames": [16], "distractors": 400},
        {"kind": "joint", "name": "joint", "steps": reading, "learning_rate": 1e-3,
         "num_frames": [8, 12, 16], "without": without},
        {"kind": "full", "name": "full", "steps": steps - finding - reading, "learning_rate": 5e-4,
         "vision_rate": 3e-5, "num_frames": [8, 16], "without": without},
    ]  # fmt: skip
    if name == "one-stage":
        stages = [stages[-1] | {"steps": steps}]
    return BuiltinTraining(
        name=name, seed=seed, save_steps=50, nothing_bias=1.5, tower=tower or shipped_weights(),
        stages=[stage | shape for stage in stages], **(SMALL_DATA if tiny else ENOUGH_TO_COMPARE),
    )  # fmt: skip


def train_variants(
    out_dir: str | Path,
    *,
    steps: int = DEFAULT_STEPS,
    tower: Path | None = None,
    seed: int = 0,
    tiny: bool = False,
    progress: Callable[[str], None] | None = None,
) -> dict[str, tuple[str, Path]]:
    """Train every variant into a folder of its own; finished ones are taken as they are.

    A killed run goes on from its last checkpoint. Returns name to (description, weights).

    Raises:
        ConfigError: other settings were trained in the folder.
        WeightsError, OutputError.
    """
    folder, found, last = Path(out_dir), {}, None
    if tower is not None:
        trained_vision_config(tower)  # complains before anything is written
    planned = {
        name: variant_settings(name, steps, tower=tower, seed=seed, tiny=tiny) for name in VARIANTS
    }
    for name, settings in planned.items():
        own = folder / name
        _keep_settings(own, settings)
        if not (own / WEIGHTS_FILE).is_file():
            if progress:
                progress(f"training {name}: {VARIANTS[name]}")
            _take_over_selection(folder, own, settings)
            recipe = BuiltinRecipe(settings)
            if last is not None:
                recipe.share(last)
            train(recipe, own, say=progress or print)
            last = recipe
        found[name] = (VARIANTS[name], own / WEIGHTS_FILE)
    return found


def _take_over_selection(folder: Path, own: Path, settings: BuiltinTraining) -> None:
    """No loss term of the others plays a part in the selection stage: it is trained once."""
    finished = folder / next(iter(VARIANTS)) / f"{SELECTION}.safetensors"
    target = own / finished.name
    if finished.is_file() and not target.exists() and settings.stages[0].name == SELECTION:
        with staged_file(target, STAGE) as stage:
            shutil.copyfile(finished, stage)


def _keep_settings(folder: Path, settings: BuiltinTraining) -> None:
    path = folder / SETTINGS_FILE
    settled = settings.model_dump(mode="json") | {"tower": weights_fingerprint(settings.tower)}
    if keep_json(path, settled) != settled:
        raise ConfigError(f"{folder} was trained with other settings ({path}): choose another one")
