"""What a valid configuration says that has no effect, or less than one may think."""

from typing import Any

from ntlbg.config.schema import Config

_DISTRIBUTED = "hardware_config.distributed_training"
# key: why it changes nothing
UNUSED = {
    "model_config.ntlbg_rope_theta": "base_model decides",
    "video_config.frame_resolution": "the encoder has a size of its own, and only the plan of "
    "memory of a vision-language model reads it",
    "model_config.rich_point_config.spatial_resolution": "a frame is one vector",
    "model_config.rich_point_config.rich_point_layers": "rich points are input tokens of the "
    "language model",
    f"{_DISTRIBUTED}.find_unused_parameters": "training_config.ddp_find_unused_parameters decides",
    f"{_DISTRIBUTED}.gradient_as_bucket_view": "gradients are copied to be sent",
}


def notes(config: Config) -> list[str]:
    """One line for each; empty when every key says what happens."""
    values, defaults = (one.model_dump(by_alias=True) for one in (config, Config()))
    found = [
        f"{key} has no effect: {reason}"
        for key, reason in UNUSED.items()
        if _at(values, key) != _at(defaults, key)
    ]
    found += _out_of_reach(config)
    found += memory_notes(config)
    names = {entry.name for entry in config.dataset_config.test_datasets}
    for benchmark in config.evaluation_config.benchmark_datasets:
        if not any(name.startswith(benchmark) for name in names):
            found.append(
                f"evaluation_config.benchmark_datasets names {benchmark!r}, which is not among "
                "dataset_config.test_datasets; it is not evaluated"
            )
    return found


def _out_of_reach(config: Config) -> list[str]:
    """Numbers of chosen frames that no video of ``max_frames`` comes to."""
    video = config.video_config
    places = {"video_config": video} | {
        f"longvideo_variants.{name}": variant for name, variant in config.longvideo_variants.items()
    }
    return [
        f"{place}.num_representatives is {block.num_representatives} and is never reached: of "
        f"max_frames {block.max_frames}, coverage_ratio {video.coverage_ratio} and the keys beside "
        f"it give {video.covered(block.max_frames)}"
        for place, block in places.items()
        if block.num_representatives > video.covered(block.max_frames)
    ]


def memory_notes(config: Config) -> list[str]:
    """What is said of memory and does not happen, the defaults included."""
    saving, found = config.hardware_config.memory_optimization, []
    asked = [f"zero_stage {saving.zero_stage}"] if saving.zero_stage else []
    asked += ["cpu_offload"] if saving.cpu_offload else []
    if asked:
        found.append(
            f"memory_optimization: training does not carry out {' and '.join(asked)}; every GPU "
            "holds all weights, gradients and optimizer states, and is planned so"
        )
    checkpointing = {
        saving.activation_checkpointing,
        saving.gradient_checkpointing,
        config.model.ntlbg_gradient_checkpointing,
    }
    if len(checkpointing) > 1:
        found.append(
            "activation_checkpointing, gradient_checkpointing and ntlbg_gradient_checkpointing "
            "differ; activations are recomputed when one of them is true"
        )
    return found


def _at(values: Any, key: str) -> Any:
    for name in key.split("."):
        values = values[name]
    return values
