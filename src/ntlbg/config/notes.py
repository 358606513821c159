"""What a valid configuration says that has no effect, or less than one may think."""

from ntlbg.config.schema import Config

# key: why it changes nothing
UNUSED = {
    "rich_point_config.spatial_resolution": "a frame is one vector",
    "rich_point_config.rich_point_layers": "rich points are input tokens of the language model",
}


def notes(config: Config) -> list[str]:
    """One line for each; empty when every key says what happens."""
    found = []
    points, defaults = config.model.rich_point_config, Config().model.rich_point_config
    for key, reason in UNUSED.items():
        name = key.rpartition(".")[2]
        if getattr(points, name) != getattr(defaults, name):
            found.append(f"model_config.{key} has no effect: {reason}")
    found += _about_memory(config)
    names = {entry.name for entry in config.dataset_config.test_datasets}
    for benchmark in config.evaluation_config.benchmark_datasets:
        if not any(name.startswith(benchmark) for name in names):
            found.append(
                f"evaluation_config.benchmark_datasets names {benchmark!r}, which is not among "
                "dataset_config.test_datasets; it is not evaluated"
            )
    return found


def _about_memory(config: Config) -> list[str]:
    saving, found = config.hardware_config.memory_optimization, []
    if saving.zero_stage and config.hardware_config.num_gpus == 1:
        found.append(
            f"memory_optimization.zero_stage {saving.zero_stage} shares out between several GPUs; "
            "num_gpus is 1"
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
