"""Configurations made to order: one for a length of video and a GPU, and suites of experiments."""

from collections.abc import Iterable, Mapping
from typing import Any

from ntlbg.config.load import changed
from ntlbg.config.menus import GPUS, LEVELS
from ntlbg.config.schema import Config
from ntlbg.errors import ConfigError

Suite = dict[str, Config]


def config_for_level(category: str, gpu: str | None = None, base: Config | None = None) -> Config:
    """The configuration of a level of LEVELS, for a GPU of GPUS (None: the level's own).

    Raises:
        ConfigError: an unknown level or GPU.
    """
    if category not in LEVELS:
        raise ConfigError(f"no category {category!r}; there are: {', '.join(LEVELS)}")
    level, base = LEVELS[category], base or Config()
    return changed(
        base,
        {
            "model_name": f"ntlbg_{category}",
            "description": f"Questions about videos of {level.lengths}",
            "output_dir": f"results/ntlbg_{category}",
            "video_config.max_frames": level.max_frames,
            "video_config.num_representatives": level.num_representatives,
            "video_config.fps": level.fps,
            "video_config.max_visual_tokens": level.max_visual_tokens,
            **_lengths(base, level.max_frames),
            "training_config.batch_size": level.batch_size,
            "training_config.gradient_accumulation_steps": level.gradient_accumulation_steps,
            **precision_for(gpu or level.gpu),
        },
    )


def _lengths(base: Config, max_frames: int) -> dict[str, int]:
    """Data sets that are read at the base's full length are read at the new one."""
    sets, whole = base.dataset_config, base.video_config.max_frames
    return {
        f"dataset_config.{kind}.{number}.max_length": max_frames
        for kind in type(sets).model_fields
        for number, entry in enumerate(getattr(sets, kind))
        if entry.max_length == whole
    }


def precision_for(gpu: str) -> dict[str, Any]:
    """The keys that name a GPU, and the number format it is best at.

    Raises:
        ConfigError: a GPU that is not in GPUS.
    """
    if gpu not in GPUS:
        raise ConfigError(f"no GPU {gpu!r}; there are: {', '.join(GPUS)}")
    bf16 = GPUS[gpu].has_bf16
    return {
        "hardware_config.gpu_type": gpu,
        "hardware_config.mixed_precision": "bf16" if bf16 else "fp16",
        "training_config.bf16": bf16,
        "training_config.fp16": not bf16,
    }


def representatives(number: int, config: Config) -> dict[str, Any]:
    """The keys that make ``number`` the frames chosen of every video that is long enough.

    Raises:
        ConfigError: more than ``max_representatives_ratio`` allows, or not aligned.
    """
    video = config.video_config
    step, ratio = video.representative_alignment, video.max_representatives_ratio
    most = int(ratio * video.max_frames)
    if number > most or (number > step and number % step):  # fewer than a step are not rounded
        raise ConfigError(
            f"video_config.num_representatives: {number} frames cannot be chosen of max_frames "
            f"{video.max_frames}; max_representatives_ratio {ratio} and representative_alignment "
            f"{step} allow a multiple of {step} up to {most}"
        )
    return {
        "video_config.num_representatives": number,
        "video_config.min_representatives": number,
    }


def ablation_suite(base: Config) -> Suite:
    """What does each part add? One configuration for each part changed, and the base itself."""
    weights, points = "loss_config.loss_weights", "model_config.rich_point_config"
    changes: dict[str, Mapping[str, Any]] = {
        "full": {},
        "constraint_none": {"loss_config.contour_weight": 0.0},
        "constraint_hard": {"loss_config.contour_weight": 1.0},
        "no_ntlbg_loss": {f"{weights}.ntlbg": 0.0},
        "no_align_loss": {f"{weights}.align": 0.0},
        "no_context_loss": {f"{weights}.context": 0.0},
        "static_weights": {"loss_config.weight_schedule": "static"},
        "no_rich_points": {f"{points}.enable": False},
        "no_temporal_context": {f"{points}.temporal_context_length": 0},
        "uniform_frames": {"video_config.frame_selector": "uniform"},
    }
    for number in _budgets(base):
        changes[f"frames_{number}"] = representatives(number, base)
    return _suite(base, "ablation", changes)


def _budgets(base: Config) -> list[int]:
    """An eighth to four times the base's frames, as far as the video has them."""
    video = base.video_config
    number, step = video.representatives_for(video.max_frames), video.representative_alignment
    aligned = {int(number * factor) // step * step for factor in (0.125, 0.25, 0.5, 2, 4)}
    most = video.max_frames * video.max_representatives_ratio
    return sorted(k for k in aligned if 0 < k <= most and k != number)


def comparison_suite(base: Config, selectors: Iterable[str]) -> Suite:
    """The same training with frames chosen by every selector, equal budgets."""
    changes = {name: {"video_config.frame_selector": name} for name in selectors}
    return _suite(base, "comparison", changes)


def _suite(base: Config, suite: str, changes: Mapping[str, Mapping[str, Any]]) -> Suite:
    return {
        name: changed(
            base,
            {
                "model_name": f"{base.model_name}_{suite}_{name}",
                "output_dir": f"{base.output_dir}/{suite}/{name}",
                **change,
            },
        )
        for name, change in changes.items()
    }
