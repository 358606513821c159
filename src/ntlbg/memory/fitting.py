"""From a configuration to plans, and to the largest budgets that fit."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ntlbg.config import Config, changed, precision_for
from ntlbg.config.menus import GPUS
from ntlbg.errors import ConfigError
from ntlbg.memory.base_models import base_sizes
from ntlbg.memory.devices import GIGABYTE, Device, find_device
from ntlbg.memory.plan import (
    Plan,
    Setup,
    Workload,
    plan_answer,
    plan_training,
    sequence_tokens,
)
from ntlbg.memory.sizes import ModelSizes, NtlbgSizes, TowerSizes

MOST = 2**24  # frames or videos; nothing real is larger


@dataclass(frozen=True)
class Fitted:
    """A configuration that fits.

    Attributes:
        config: the new one; the old one is as it was.
        changes: ``key: old -> new, because`` for each key.
    """

    config: Config
    changes: list[str]


def reader_sizes(config: Config) -> ModelSizes:
    """The model that training makes: the base's language model behind NTLBG's parts.

    Raises:
        ConfigError: the base has a reader of its own, which is not replaced.
    """
    base = base_sizes(config.model.base_model)
    if base.longvu is not None:
        raise ConfigError(
            f"model_config.base_model: {base.name!r} is a LongVU model, which reads frames in its "
            "own way; ntlbg plan shows what its answers need. Here, give a language model or a "
            "Qwen vision-language model"
        )
    points = config.model.rich_point_config
    tower = TowerSizes()
    parts = base.ntlbg or NtlbgSizes(
        features=tower.features,
        context=128 if points.enable else 1,
        context_frames=points.temporal_context_length // 2 if points.enable else 0,
        time_frequencies=8 if points.enable else 0,
        adapter=points.feature_dim,
    )
    return ModelSizes(base.name, base.text, tower=tower, ntlbg=parts)


def workload(config: Config, batch: int = 1) -> Workload:
    """The most that one step reads."""
    video = config.video_config
    return Workload(
        sampled_frames=video.max_frames,
        num_frames=video.representatives_for(video.max_frames),
        frame_size=video.frame_resolution,
        batch=batch,
    )


def setup(config: Config) -> Setup:
    """How it is computed: every GPU for itself, whatever ``memory_optimization`` asks beside."""
    model, hardware = config.model, config.hardware_config
    saving = hardware.memory_optimization
    return Setup(
        number_bytes=4 if hardware.mixed_precision == "no" else 2,
        fused=model.ntlbg_use_flash_attention,
        trained="lora" if model.lora_rank else "full",
        rank=model.lora_rank,
        checkpointing=model.ntlbg_gradient_checkpointing
        or saving.activation_checkpointing
        or saving.gradient_checkpointing,
        accumulated=config.training_config.gradient_accumulation_steps > 1,
    )


def answer_plan(config: Config) -> Plan:
    """Memory of answering one question with the trained model."""
    return plan_answer(reader_sizes(config), workload(config), setup(config))


def frames_plan(config: Config) -> Plan | None:
    """Memory of the base model reading frames' pixels itself; None without vision of its own."""
    base = base_sizes(config.model.base_model)
    return (
        None
        if base.vision is base.longvu is None
        else plan_answer(base, workload(config), setup(config))
    )


def training_plan(config: Config) -> Plan:
    """Memory of one training step on one GPU."""
    work = workload(config, config.training_config.batch_size)
    return plan_training(reader_sizes(config), work, setup(config))


def largest(fits: Callable[[int], bool], limit: int = MOST) -> int:
    """The largest number up to ``limit`` that fits, where every smaller one does; 0 for none."""
    low, high = 0, 1
    while high <= limit and fits(high):
        low, high = high, high * 2
    high = min(high, limit + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def largest_budgets(
    model: ModelSizes, work: Workload, how: Setup, device: Device, purpose: str
) -> dict[str, int]:
    """Largest frames, tokens and batch that fit, each with the others as they are.

    Frames and tokens of a prompt end at the positions that the language model knows, too.
    """
    plan = plan_answer if purpose == "answer" else plan_training

    def fits(changed_work: Workload, model: ModelSizes = model) -> bool:
        tokens = sequence_tokens(model, changed_work)
        within = tokens <= model.text.max_positions
        return within and plan(model, changed_work, how).peak <= device.usable_bytes

    def frames(number: int) -> Workload:
        sampled = max(work.sampled_frames, number)
        return replace(work, num_frames=number, sampled_frames=sampled)

    most = largest(lambda number: fits(frames(number)))
    tokens = _most_tokens(model, work, fits)
    batch = largest(lambda number: fits(replace(work, batch=number)), limit=2**16)
    return {"frames": most, "tokens": tokens, "batch": batch}


def _most_tokens(model: ModelSizes, work: Workload, fits: Callable[..., bool]) -> int:
    """Of text alone; or of text and video, where a context always holds both."""
    if model.longvu is not None:
        model = replace(model, longvu=replace(model.longvu, context=0))
    empty = replace(work, num_frames=0)
    return largest(lambda number: fits(replace(empty, text_tokens=number), model))


def fit(config: Config, device: Device) -> Fitted:
    """The configuration with as little changed as lets a training step fit the device.

    In this order: number format, recomputed activations, videos per step (with more steps per
    update, so that an update sees as many), chosen frames, frames looked at.

    Raises:
        ConfigError: the model alone does not fit.
    """
    changes: list[str] = []
    for keys, reason in _number_format(config, device):
        config = _apply(config, keys, reason, changes)
    for shrink in (_checkpoint, _fewer_videos, _fewer_chosen, _fewer_frames):
        if _fits(config, device):
            return Fitted(config, changes)
        keys, reason = shrink(config, device)
        config = _apply(config, keys, reason, changes)
    if _fits(config, device):
        return Fitted(config, changes)
    plan = training_plan(config)
    raise ConfigError(
        f"{config.model.base_model} cannot be trained on {device.name}: with "
        f"{workload(config).num_frames} frames it still needs "
        f"{plan.peak / GIGABYTE:.3g} GB and there are {device.usable_bytes / GIGABYTE:.3g}; "
        "choose a smaller base_model or a larger GPU"
    )


def _fits(config: Config, device: Device) -> bool:
    plan = training_plan(config)
    positions = min(
        config.model.ntlbg_max_position_embeddings, reader_sizes(config).text.max_positions
    )
    return plan.tokens <= positions and plan.peak <= device.usable_bytes


def smallest_cards(config: Config) -> list[str]:
    """Of the cards in GPUS that a training step fits as it is, those with the least memory."""
    fitting = [
        name
        for name, card in GPUS.items()
        if (card.has_bf16 or not config.training_config.bf16) and _fits(config, find_device(name))
    ]
    least = min((GPUS[name].memory_gb for name in fitting), default=0)
    return [name for name in fitting if GPUS[name].memory_gb == least]


def _apply(config: Config, keys: dict[str, Any], reason: str, changes: list[str]) -> Config:
    before = config.model_dump(by_alias=True, mode="json")
    real = {key: value for key, value in keys.items() if _at(before, key) != value}
    changes += [f"{key}: {_at(before, key)} -> {value}, {reason}" for key, value in real.items()]
    return changed(config, real) if real else config


def _at(content: dict, path: str) -> Any:
    for key in path.split("."):
        content = content[key]
    return content


def _number_format(config: Config, device: Device):
    if device.name not in GPUS:
        return
    bf16, now = GPUS[device.name].has_bf16, config.hardware_config.mixed_precision
    if now in ("no", "bf16" if bf16 else "fp16"):
        yield {"hardware_config.gpu_type": device.name}, "the GPU to fit"
        return
    names = "bfloat16, which needs no loss scaling" if bf16 else "float16, it has no bfloat16"
    yield precision_for(device.name), f"{device.name} computes in {names}"


def _checkpoint(config: Config, device: Device) -> tuple[dict[str, Any], str]:
    saving = "hardware_config.memory_optimization."
    keys = {
        "model_config.ntlbg_gradient_checkpointing": True,
        f"{saving}activation_checkpointing": True,
        f"{saving}gradient_checkpointing": True,
    }
    return keys, _needs(config, device) + "; recomputed activations are not kept"


def _fewer_videos(config: Config, device: Device) -> tuple[dict[str, Any], str]:
    training, model, how = config.training_config, reader_sizes(config), setup(config)

    def fits(batch: int) -> bool:
        return plan_training(model, workload(config, batch), how).peak <= device.usable_bytes

    batch = max(1, largest(fits, training.batch_size))
    videos = training.batch_size * training.gradient_accumulation_steps
    keys = {
        "training_config.batch_size": batch,
        "training_config.gradient_accumulation_steps": -(-videos // batch),
    }
    return keys, _needs(config, device) + "; an update still sees as many videos"


def _fewer_chosen(config: Config, device: Device) -> tuple[dict[str, Any], str]:
    number = _largest_representatives(config, device)
    return {"video_config.num_representatives": number}, _needs(config, device)


def _largest_representatives(config: Config, device: Device) -> int:
    step = config.video_config.representative_alignment

    def fits(steps: int) -> bool:
        return _fits(changed(config, {"video_config.num_representatives": steps * step}), device)

    return max(1, largest(fits, workload(config).num_frames // step)) * step


def _fewer_frames(config: Config, device: Device) -> tuple[dict[str, Any], str]:
    """Halve the frames looked at until it fits, as long as as many can be chosen."""
    reason, number = _needs(config, device), workload(config).num_frames
    smaller, keys = config, {}
    while not _fits(smaller, device):
        frames = smaller.video_config.max_frames // 2
        if not frames or smaller.video_config.representatives_for(frames) < number:
            break
        keys = {"video_config.max_frames": frames}
        smaller = changed(smaller, keys)
    return keys, reason


def _needs(config: Config, device: Device) -> str:
    plan = training_plan(config)
    return (
        f"a step needs {plan.peak / GIGABYTE:.3g} GB for {plan.tokens} tokens and {device.name} "
        f"has {device.usable_bytes / GIGABYTE:.3g} GB to use"
    )
