"""From a configuration to plans, and to the configuration that fits."""

from dataclasses import dataclass, replace
from typing import Any

from ntlbg.config import Config, changed, precision_for
from ntlbg.config.menus import GPUS
from ntlbg.errors import ConfigError
from ntlbg.memory.activations import Setup
from ntlbg.memory.devices import GIGABYTE, Device, find_device
from ntlbg.memory.plan import (
    Plan,
    Workload,
    largest_budgets,
    largest_fitting,
    plan_answer,
    plan_training,
)
from ntlbg.memory.sizes import ModelSizes, base_sizes, behind_parts, in_front

MEGABYTE = 10**6


@dataclass(frozen=True)
class Fitted:
    """A configuration that fits.

    Attributes:
        config: the new one; the old one is as it was.
        changes: ``key: old -> new, because`` for each key.
    """

    config: Config
    changes: list[str]


def reader_sizes(config: Config, feature_size: int | None = None) -> ModelSizes:
    """The model that training makes: the base's language model behind NTLBG's parts.

    Args:
        feature_size: D of the frame features; None is that of the base's own parts, or else of the
            built-in encoder.

    Raises:
        ConfigError: the base has a reader of its own, which is not replaced; or a key says a size
            that it does not have.
    """
    base = base_sizes(config.model.base_model)
    if base.longvu is not None:
        raise ConfigError(
            f"model_config.base_model: {base.name!r} is a LongVU model, which reads frames in its "
            "own way; ntlbg plan shows what its answers need. Here, give a language model or a "
            "vision-language model"
        )
    from ntlbg.models.builtin.vision_tower import BuiltinVisionConfig
    from ntlbg.models.ntlbg.building import check_encoder, check_sizes, reader_settings

    tower = BuiltinVisionConfig()
    check_sizes(config, base.config.get_text_config())
    most = config.model.ntlbg_max_position_embeddings or base.text.max_positions
    base = replace(base, text=replace(base.text, max_positions=most))
    check_encoder(config, base.config)
    size = feature_size
    if size is None and config.model.feature_encoder != "base":
        size = (base.ntlbg or tower).feature_size
    if base.ntlbg is not None:
        parts = type(base.ntlbg)(**base.ntlbg.to_dict() | {"feature_size": size})
        return in_front(base.name, base.text, parts, tower)
    parts = reader_settings(config, base.config, size)
    if base.vision is not None:
        return behind_parts(base, parts)
    return in_front(base.name, base.text, parts, tower)


def workload(config: Config, batch: int = 1) -> Workload:
    """The most that one step reads."""
    video = config.video_config
    return Workload(
        sampled_frames=video.max_frames,
        num_frames=video.representatives_for(video.max_frames),
        frame_size=video.frame_resolution,
        max_visual_tokens=video.max_visual_tokens,
        batch=batch,
    )


def setup(config: Config) -> Setup:
    """How it is computed by one GPU."""
    model, hardware = config.model, config.hardware_config
    divided = hardware.distributed_training.strategy == "fsdp"
    return Setup(
        number_bytes=4 if hardware.mixed_precision == "no" else 2,
        fused=model.ntlbg_use_flash_attention,
        trained="lora" if model.lora_rank else "full",
        rank=model.lora_rank,
        checkpointing=model.ntlbg_gradient_checkpointing,
        accumulated=config.training_config.gradient_accumulation_steps > 1,
        processes=(hardware.num_gpus or 1) if divided else 1,
    )


def answer_plan(config: Config) -> Plan:
    """Memory of answering one question with the trained model."""
    return plan_answer(reader_sizes(config), workload(config), setup(config))


def frames_plan(config: Config) -> Plan | None:
    """Memory of the base model reading frames' pixels itself; None without vision of its own."""
    base = base_sizes(config.model.base_model)
    if base.vision is base.longvu is None:
        return None
    return plan_answer(base, workload(config), setup(config))


def training_plan(config: Config) -> Plan:
    """Memory of one training step on one GPU."""
    work = workload(config, config.training_config.batch_size)
    return plan_training(reader_sizes(config), work, setup(config))


def fit(config: Config, device: Device) -> Fitted:
    """The configuration with as little changed as lets a training step fit the device.

    In this order: number format, recomputed activations, videos per step (with more steps per
    update, so that an update sees as many), chosen frames, frames looked at.

    Raises:
        ConfigError: the model alone does not fit.
    """
    changes: list[str] = []
    config = _apply(config, *_number_format(config, device), changes)
    for shrink in (_checkpoint, _fewer_videos, _fewer_chosen, _fewer_frames):
        if _fits(config, device):
            return Fitted(config, changes)
        keys, why = shrink(config, device)
        config = _apply(config, keys, _needs(config, device) + why, changes)
    if _fits(config, device):
        return Fitted(config, changes)
    raise ConfigError(
        f"{config.model.base_model} cannot be trained on {device.name}: with "
        f"{workload(config).num_frames} frames it still needs "
        f"{training_plan(config).peak / GIGABYTE:.3g} GB and there are "
        f"{device.usable_bytes / GIGABYTE:.3g}; choose a smaller base_model or a larger GPU"
    )


def _fits(config: Config, device: Device) -> bool:
    plan = training_plan(config)
    positions = reader_sizes(config).text.max_positions
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


def _number_format(config: Config, device: Device) -> tuple[dict[str, Any], str]:
    if device.name not in GPUS:
        return {}, ""
    bf16, now = GPUS[device.name].has_bf16, config.hardware_config.mixed_precision
    if now in ("no", "bf16" if bf16 else "fp16"):
        return {"hardware_config.gpu_type": device.name}, "the GPU to fit"
    names = "bfloat16, which needs no loss scaling" if bf16 else "float16, it has no bfloat16"
    return precision_for(device.name), f"{device.name} computes in {names}"


def _checkpoint(config: Config, device: Device) -> tuple[dict[str, Any], str]:
    saving = "hardware_config.memory_optimization."
    keys = (
        "model_config.ntlbg_gradient_checkpointing",
        f"{saving}activation_checkpointing",
        f"{saving}gradient_checkpointing",
    )
    return dict.fromkeys(keys, True), "; recomputed activations are not kept"


def _fewer_videos(config: Config, device: Device) -> tuple[dict[str, Any], str]:
    training, model, how = config.training_config, reader_sizes(config), setup(config)

    def fits(batch: int) -> bool:
        return plan_training(model, workload(config, batch), how).peak <= device.usable_bytes

    batch = max(1, largest_fitting(fits, training.batch_size))
    videos = training.batch_size * training.gradient_accumulation_steps
    keys = {
        "training_config.batch_size": batch,
        "training_config.gradient_accumulation_steps": -(-videos // batch),
    }
    return keys, "; an update still sees as many videos"


def _fewer_chosen(config: Config, device: Device) -> tuple[dict[str, Any], str]:
    key, step = "video_config.num_representatives", config.video_config.representative_alignment

    def fits(steps: int) -> bool:
        return _fits(changed(config, {key: steps * step}), device)

    return {key: max(1, largest_fitting(fits, workload(config).num_frames // step)) * step}, ""


def _fewer_frames(config: Config, device: Device) -> tuple[dict[str, Any], str]:
    """Halve the frames looked at until it fits, as long as as many can be chosen."""
    number, smaller, keys = workload(config).num_frames, config, {}
    while not _fits(smaller, device):
        frames = smaller.video_config.max_frames // 2
        if not frames or smaller.video_config.representatives_for(frames) < number:
            break
        keys = {"video_config.max_frames": frames}
        smaller = changed(smaller, keys)
    return keys, ""


def _needs(config: Config, device: Device) -> str:
    plan = training_plan(config)
    return (
        f"a step needs {plan.peak / GIGABYTE:.3g} GB for {plan.tokens} tokens and {device.name} "
        f"has {device.usable_bytes / GIGABYTE:.3g} GB to use"
    )


def plans(config: Config, device: Device) -> dict:
    """Answering and training, with what fits the device; plain values."""
    base, how, found = base_sizes(config.model.base_model), setup(config), {}

    def described(plan: Plan, model: ModelSizes, work: Workload) -> dict:
        return {
            "tokens": plan.tokens,
            "parts": plan.parts,
            "moments": {name: plan.at(name) for name in plan.moments},
            "peak": plan.peak,
            "peak_at": plan.highest,
            "fits": plan.peak <= device.usable_bytes,
            "largest": largest_budgets(model, work, how, device, plan.purpose),
        }

    if base.longvu is None:
        model, batch = reader_sizes(config), config.training_config.batch_size
        found["answer"] = described(answer_plan(config), model, workload(config))
        found["train"] = described(training_plan(config), model, workload(config, batch))
    pixels = frames_plan(config)
    if pixels is not None:
        found["answer from pixels"] = described(pixels, base, workload(config))
    return {
        "model": config.model.base_model,
        "device": {"name": device.name, "usable_bytes": device.usable_bytes},
        "plans": found,
    }


def as_text(found: dict) -> str:
    """Tables of `plans` for people, in megabytes (10^6 bytes)."""
    device = found["device"]
    lines = [
        f"{found['model']} on {device['name']}, "
        f"{device['usable_bytes'] / GIGABYTE:.1f} GB to use; megabytes of 10^6 bytes"
    ]
    for purpose, plan in found["plans"].items():
        lines += ["", f"{purpose}: {plan['tokens']} tokens"]
        lines += [_row(name, size) for name, size in plan["parts"].items() if size]
        lines += [_row(f"when: {name}", size) for name, size in plan["moments"].items()]
        state = "fits" if plan["fits"] else "does not fit"
        most = ", ".join(f"{number:,} {what}" for what, number in plan["largest"].items())
        lines.append(_row("peak", plan["peak"]) + f"  {state}")
        lines.append(f"  most that fits, each with the others as they are: {most}")
    return "\n".join(lines)


def _row(name: str, size: int) -> str:
    return f"  {name:<36}{size / MEGABYTE:>12,.1f}"
