"""Whether training on a configuration's data sets can start here: data, memory, weights.

Looked at before what trains is loaded, and told all at once. Importing this does not import torch.
"""

from dataclasses import dataclass
from pathlib import Path

from ntlbg.config import Config, changed
from ntlbg.config.derive import Say
from ntlbg.config.training_blocks import DatasetEntry
from ntlbg.datasets import DatasetItem, load_items, read_features
from ntlbg.errors import ConfigError, DataError, NotReadyError
from ntlbg.memory import Device, find_device, fit, reader_sizes, training_plan
from ntlbg.memory.devices import PRESENT
from ntlbg.memory.fitting import setup, workload
from ntlbg.memory.operations import question_operations, time_line
from ntlbg.memory.stage_parameters import as_text, stage_parameters
from ntlbg.train import processes
from ntlbg.train.base_weights import missing_weights

QUICKSTART = "configs/quickstart.json"


@dataclass(frozen=True)
class FoundSet:
    """A data set of the configuration, as it is on disk.

    Attributes:
        use: "train", "val" or "test".
        items: questions whose video, or features of it, is there.
        absent: videos that are not there.
        problem: why there is nothing to train on; None where there is.
    """

    use: str
    entry: DatasetEntry
    items: tuple[DatasetItem, ...] = ()
    absent: tuple[str, ...] = ()
    problem: str | None = None

    @property
    def exists(self) -> bool:
        return Path(self.entry.path).exists()

    @property
    def needed(self) -> bool:
        """Whether training fails without it: validation sets may be left out, not be empty."""
        return self.use == "train" or (self.use == "val" and self.exists)


@dataclass(frozen=True)
class Ready:
    """What a run starts with.

    Attributes:
        config: as this machine can train it.
        sets: questions of every training set.
    """

    config: Config
    sets: list[list[DatasetItem]]


def check(
    config: Config, say: Say, *, given: str | Path | None = None, tell_all: bool = False
) -> Ready:
    """Look at data, memory and weights, and change the configuration to what fits this machine.

    Where only weights are missing, training goes on and may fetch them; with ``tell_all`` they are
    an error, too.

    Args:
        say: told what was changed; with ``tell_all`` also of each data set, the steps, and how many
            parameters each stage trains.
        given: the configuration's file.

    Raises:
        NotReadyError: one line that names everything that is missing.
    """
    found, device = found_sets(config), find_device(PRESENT)
    missing = {"data": _missing_data(found), "weights": missing_weights(config, _videos(found))}
    config, lines, missing["GPUs"] = _for_device(config, device)
    try:
        sizes = reader_sizes(config)  # so that what fit refuses is memory
    except ConfigError as error:
        missing["weights"] = str(error)
    else:
        if sizes.vision is not None:
            missing["data"] = missing["data"] or _without_films(config, found)
        config, told, missing["memory"] = _fitted(config, device)
        lines += told
        if tell_all:
            lines = [*map(_set_line, found), *lines, _steps_line(config, found)]
            lines.append(_time_line(config))
            lines.append(stages_line(config, found))
    short = {what: problem for what, problem in missing.items() if problem is not None}
    fails = bool(short) and (tell_all or set(short) != {"weights"})
    if tell_all or not fails:
        lines += [] if fails else [f"{what}: {problem}" for what, problem in short.items()]
        for line in lines:
            say(line)
    if fails:
        raise NotReadyError(_all_missing(short, given))
    return Ready(config, [list(one.items) for one in found if one.use == "train"])


def _all_missing(short: dict[str, str], given: str | Path | None) -> str:
    parts = [f"{what}: {problem}." for what, problem in sorted(short.items())]
    if given is None or Path(given).name != Path(QUICKSTART).name:
        parts.append(f"{QUICKSTART} trains here on a laptop")
    return f"training cannot start here. {' '.join(parts)}"


def found_sets(config: Config) -> list[FoundSet]:
    """Every data set that a configuration names."""
    sets = config.dataset_config
    uses = {"train": sets.train_datasets, "val": sets.val_datasets, "test": sets.test_datasets}
    return [_found(use, entry) for use, entries in uses.items() for entry in entries]


def _found(use: str, entry: DatasetEntry) -> FoundSet:
    try:
        items = load_items(entry)
    except DataError as error:
        return FoundSet(use, entry, problem=str(error))
    there = tuple(item for item in items if item.source is not None)
    absent = dict.fromkeys(item.sample.video for item in items if item.source is None)
    problem = None if there else f"{entry.path}: none of its videos is there"
    return FoundSet(use, entry, there, tuple(absent), problem)


def _videos(found: list[FoundSet]) -> bool:
    """Whether a video is there that an encoder has to look at."""
    return any(not item.has_features for one in found for item in one.items)


def _missing_data(found: list[FoundSet]) -> str | None:
    """What is wrong with the sets that training needs; missing folders in one word."""
    problems = [one for one in found if one.needed and one.problem is not None]
    absent = [one.entry.path for one in problems if not one.exists]
    made = " (`make data` makes it)" if "data/train.jsonl" in absent else ""
    parts = [f"{', '.join(absent)} not there{made}"] if absent else []
    parts += [one.problem for one in problems if one.problem is not None and one.exists]
    return "; ".join(parts) or None


def _without_films(config: Config, found: list[FoundSet]) -> str | None:
    """Sets with only features of a video, where the base model reads pictures."""
    sets = [one.entry.name for one in found if any(item.has_features for item in one.items)]
    if not sets:
        return None
    return (
        f"{', '.join(sets)}: there are only features of some videos, and {config.model.base_model} "
        "learns from pictures; give the films"
    )


def _set_line(one: FoundSet) -> str:
    head = f"{one.use}: {one.entry.name}"
    if one.problem is not None:
        what = one.problem if one.exists else f"{one.entry.path} not there"
        return f"{head}: {what}" + ("" if one.needed else "; training does without")
    videos = len({item.source for item in one.items})
    line = f"{head}: {len(one.items)} questions, {videos} videos"
    if one.absent:
        line += f"; {len(one.absent)} videos are missing, such as {one.absent[0]}"
    return line


def _for_device(config: Config, device: Device) -> tuple[Config, list[str], str | None]:
    """The number format and the GPUs that there are, what is told of them, and what is wrong."""
    wanted, there, told = config.hardware_config.num_gpus, processes.count(), []
    keys: dict[str, str | bool] = {}
    if device.is_gpu and there == 1:
        import torch

        there = torch.cuda.device_count()
    elif not device.is_gpu and config.hardware_config.mixed_precision != "no":
        keys = {"hardware_config.mixed_precision": "no"}
        told = ["there is no GPU here: computing in float32"]
    if _must_find_unused(config):
        key = "ddp_find_unused_parameters"
        keys |= {f"training_config.{key}": True}
        told.append(f"changed {key}: False -> True, because a stage leaves out what others train")
    problem = None
    if wanted not in (None, there):
        problem = (
            f"hardware_config.num_gpus is {wanted}, and training runs on all that it sees here, "
            f"{_gpus(there)}; write null, or choose cards by CUDA_VISIBLE_DEVICES"
        )
    return changed(config, keys | {"hardware_config.num_gpus": there}), told, problem


def _must_find_unused(config: Config) -> bool:
    """Whether processes with a whole model each would wait for gradients that a stage has not."""
    whole = config.hardware_config.distributed_training.strategy == "ddp"
    told = config.training_config.ddp_find_unused_parameters
    return processes.count() > 1 and whole and not told


def _fitted(config: Config, device: Device) -> tuple[Config, list[str], str | None]:
    """The configuration that fits, what is told of it, and why none does."""
    plan = training_plan(config)
    told = [
        f"a step takes about {plan.peak / 1e9:.3g} GB for {plan.tokens} tokens; {device.name} "
        f"has {device.usable_bytes / 1e9:.3g} GB to use"
    ]
    try:
        fitted = fit(config, device)
    except ConfigError as error:
        return config, told, str(error)
    return fitted.config, [*told, *(f"changed {change}" for change in fitted.changes)], None


def _steps_line(config: Config, found: list[FoundSet]) -> str:
    settings = config.training_config
    gpus = config.hardware_config.num_gpus
    assert gpus is not None  # `_for_device` has counted them
    videos = settings.batch_size * settings.gradient_accumulation_steps * gpus
    questions = sum(len(one.items) for one in found if one.use == "train")
    line = (
        f"{settings.max_steps} steps of {videos} questions "
        f"({settings.batch_size} at once, {settings.gradient_accumulation_steps} times, "
        f"{_gpus(gpus)})"
    )
    if questions:
        line += f": each question {settings.max_steps * videos / questions:.3g} times"
    return line


def _time_line(config: Config) -> str:
    settings, how = config.training_config, setup(config)
    operations = question_operations(
        reader_sizes(config), workload(config), lora=how.trained == "lora", again=how.checkpointing
    )
    each = settings.batch_size * settings.gradient_accumulation_steps * processes.count()
    return time_line(config, operations, each)


def _gpus(number: int) -> str:
    if processes.count() > 1:
        return f"{number} processes"
    return f"{number} {'GPUs' if number > 1 else 'GPU or CPU'}"


def stages_line(config: Config, found: list[FoundSet]) -> str:
    """How many parameters each stage trains, and why two of them train the same ones.

    Raises:
        ConfigError: a base model that is not known, or that training does not take.
    """
    items = [item for one in found if one.use == "train" for item in one.items]
    features = [item.source for item in items if item.source and item.has_features]
    size = read_features(features[0])[0].shape[1] if features else None
    pixels = len(features) < len(items) or not items
    line = as_text(stage_parameters(config, feature_size=size, pixels=pixels), config)
    if pixels:
        return line
    return f"{line}; joint and full train the same, since all data are features without pixels"
