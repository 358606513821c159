"""Estimated peaks of the whole model against measured ones, answering and training."""

import numpy as np
import pytest
import torch

from measured_memory import measure
from ntlbg.config import Config, changed
from ntlbg.data import Sample
from ntlbg.feature_loader import QuestionFeatures
from ntlbg.memory import Setup, model_sizes, plan_answer, plan_training, reader_sizes
from ntlbg.memory.frames import ntlbg_kept
from ntlbg.memory.plan import Plan, Workload
from ntlbg.memory.sizes import ModelSizes
from ntlbg.models.ntlbg.building import build_reader
from ntlbg.train.question_objective import QuestionObjective
from ntlbg.train.stages import set_stage
from small_experiment import small_config
from tiny_models import HIDDEN, tiny_model, tiny_processor

TOLERANCE = 0.15
ELSEWHERE = ("weights", "adapters", "optimizer states", "frame features")


def beyond_weights(plan: Plan, moments: tuple[str, ...]) -> int:
    """The estimate of what is allocated on top of what was there before."""
    return max(
        sum(plan.parts[name] for name in plan.moments[moment] if not name.startswith(ELSEWHERE))
        for moment in moments
    )


def questions(number: int, frames: int, size: int) -> list[QuestionFeatures]:
    draw = np.random.default_rng(0)
    sample = Sample(video="v", question="Which object appears first?", answer="a red guitar")
    return [
        QuestionFeatures(
            sample, draw.normal(size=(frames, size)).astype(np.float32), np.arange(frames) * 1.0
        )
        for _ in range(number)
    ]


def with_budget(config: Config, frames: int, chosen: int, checkpointing: bool) -> Config:
    saving = "hardware_config.memory_optimization."
    return changed(
        config,
        {
            "video_config.max_frames": frames,
            "video_config.num_representatives": chosen,
            "video_config.coverage_ratio": chosen / frames,
            "video_config.min_representatives": 1,
            "video_config.representative_alignment": 1,
            "video_config.frame_selector": "uniform",
            "model_config.ntlbg_gradient_checkpointing": checkpointing,
            f"{saving}gradient_checkpointing": checkpointing,
            f"{saving}activation_checkpointing": checkpointing,
        },
    )


def planned(config: Config, size: int, batch: dict) -> tuple[ModelSizes, Workload]:
    """Sizes and workload with the lengths that the prompt really has."""
    model = reader_sizes(config, size)
    rows, tokens = batch["input_ids"].shape
    frames, chosen = config.video_config.max_frames, config.video_config.num_representatives
    labelled = int((batch["labels"] != -100).sum())
    work = Workload(
        frames,
        chosen,
        batch=rows,
        stamp_tokens=5,
        text_tokens=tokens - 6 * chosen,
        answer_tokens=labelled // rows,
    )
    return model, work


def measured_step(
    config: Config, size: int, frames: int, chosen: int, batch: int, ck: bool
) -> tuple[int, int]:
    """Estimated and measured peak of forward and backward, above weights."""
    config, rank = with_budget(config, frames, chosen, ck), config.model.lora_rank
    dtype = {"no": torch.float32, "bf16": torch.bfloat16}[config.hardware_config.mixed_precision]
    model, processor = build_reader(config, size, dtype)
    objective = QuestionObjective(model, processor, config).train()
    set_stage(model, "full")
    if ck:
        model.language_model.activation_checkpointing_enable({"use_reentrant": False})
    items = questions(batch, frames, size)
    sizes, work = planned(config, size, objective.batch(items))
    trained = "lora" if rank else "full"
    how = Setup(dtype.itemsize, True, trained, rank, checkpointing=ck, accumulated=False)
    plan = plan_training(sizes, work, how)

    def step():
        objective(items, progress=0.5)["loss"].backward()

    step()
    objective.zero_grad(set_to_none=True)
    highest, _ = measure(step)
    return beyond_weights(plan, ("forward and backward", "end of backward")), highest


@pytest.mark.parametrize(
    ("rank", "frames", "chosen", "batch", "checkpointing"),
    [(0, 64, 4, 1, False), (2, 64, 32, 2, True), (2, 2048, 64, 1, False), (0, 512, 16, 2, True)],
)
def test_training_a_tiny_model(rank, frames, chosen, batch, checkpointing, tmp_path):
    config = small_config(tmp_path, **{"model_config.lora_rank": rank})
    estimate, highest = measured_step(config, HIDDEN, frames, chosen, batch, checkpointing)
    assert estimate == pytest.approx(highest, rel=TOLERANCE)


def kept_of_parts(frames: int, chosen: int, **sizes) -> tuple[int, int]:
    """What NTLBG's parts keep of one video, as estimated; and what all of a tiny model does."""
    model = tiny_model(**sizes)
    config = with_budget(Config(), frames, chosen, False)
    objective = QuestionObjective(model, tiny_processor(), config).train()
    items = questions(1, frames, model.config.feature_size)
    objective(items)
    _, kept = measure(lambda: objective(items)["loss"])
    found = model_sizes(model.config)
    return ntlbg_kept(found.ntlbg, found.text, frames, chosen), kept


@pytest.mark.parametrize(
    ("frames", "sizes"),
    [
        (512, {}),
        (64, {"feature_size": 128}),
        (64, {"covariance_rank": 32}),
        (64, {"context_size": 64}),
        (64, {"adapter_size": 512}),
        (64, {"context_frames": 8}),
    ],
)
def test_what_the_parts_keep_grows_with_each_size_as_planned(frames, sizes):
    """One size at a time, so that no term hides behind a larger one."""
    first, second = kept_of_parts(64, 32), kept_of_parts(frames, 32, **sizes)
    planned, found = (after - before for before, after in zip(first, second))
    assert planned == pytest.approx(found, rel=0.25)


def builtin_config(mixed_precision: str) -> Config:
    keys = {
        "model_config.base_model": "builtin",
        "model_config.feature_encoder": "builtin",
        "hardware_config.mixed_precision": mixed_precision,
        "training_config.fp16": False,
        "training_config.bf16": mixed_precision == "bf16",
    }
    return changed(Config(), keys)


@pytest.mark.thorough  # each takes a minute; those of tiny models are always measured
@pytest.mark.parametrize(
    ("precision", "frames", "chosen", "batch", "checkpointing"),
    [("bf16", 600, 16, 1, False), ("no", 200, 8, 2, True)],
)
def test_training_the_builtin_model(precision, frames, chosen, batch, checkpointing):
    config = builtin_config(precision)
    estimate, highest = measured_step(config, 576, frames, chosen, batch, checkpointing)
    assert estimate == pytest.approx(highest, rel=TOLERANCE)


def measured_answer(frames: int, chosen: int) -> tuple[int, int]:
    """Estimated and measured peak of the built-in model reading a prompt, above weights."""
    config = with_budget(builtin_config("bf16"), frames, chosen, False)
    config = changed(config, {"model_config.lora_rank": 0})
    model, processor = build_reader(config, 576, torch.bfloat16)
    objective = QuestionObjective(model.eval(), processor, config)
    inputs = objective.batch(questions(1, frames, 576))
    sizes, work = planned(config, 576, inputs)
    del inputs["labels"]
    plan = plan_answer(sizes, work, Setup(2))
    with torch.inference_mode():
        highest, _ = measure(lambda: model(**inputs, use_cache=True, logits_to_keep=1))
    moments = ("read the prompt", "write the answer", "select frames")
    return beyond_weights(plan, moments), highest


@pytest.mark.slow
@pytest.mark.parametrize(
    ("frames", "chosen"), [(64, 8), pytest.param(3600, 128, marks=pytest.mark.thorough)]
)
def test_answering_with_the_builtin_model(frames, chosen):
    estimate, highest = measured_answer(frames, chosen)
    assert estimate == pytest.approx(highest, rel=TOLERANCE)
