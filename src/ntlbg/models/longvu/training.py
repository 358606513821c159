"""What training LongVU needs beside a Trainer: stages, samples in a batch, adapters.

Labels are tokens of the answer and its end, nothing else. The published code adds 155 copies of
token 0 between video and question, and labels line breaks and role markers everywhere; here
training sees exactly the prompts of inference.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ntlbg.models.longvu.configuration_longvu import LongVUConfig
from ntlbg.models.longvu.modeling_longvu import LORA_TARGETS, LongVUForConditionalGeneration
from ntlbg.models.longvu.processing_longvu import LongVUProcessor


@dataclass(frozen=True)
class TrainingStage:
    """One stage of the published recipe.

    Attributes:
        geometry: fields of `LongVUConfig` that it sets.
        arguments: fields of `transformers.TrainingArguments` that it sets.
    """

    geometry: dict = field(default_factory=dict)
    arguments: dict = field(default_factory=dict)


_SCHEDULE = {
    "lr_scheduler_type": "cosine",
    "warmup_steps": 0.03,  # below 1: a share of all steps
    "weight_decay": 0.0,
    "num_train_epochs": 1.0,
    "bf16": True,
}
STAGES = {
    "image": TrainingStage(
        {"query_grid": 24, "highres": False, "context_length": 8192},
        {**_SCHEDULE, "learning_rate": 1e-5},
    ),
    "video": TrainingStage(
        {"query_grid": 12, "lowres_grid": 8, "highres": True, "context_length": 8192},
        {**_SCHEDULE, "learning_rate": 5e-6},
    ),
}


def change_geometry(
    model: LongVUForConditionalGeneration, **geometry
) -> LongVUForConditionalGeneration:
    """The same weights on other grids, for instance from the image to the video stage.

    Where a query sees another number of cells, their positions are new and random.
    """
    config = LongVUConfig.from_dict({**model.config.to_dict(), **geometry})
    changed = LongVUForConditionalGeneration(config)
    changed.to(model.device, model.dtype)  # type: ignore[arg-type]  # wrapped without its self
    ours = changed.state_dict()
    kept = {
        name: tensor
        for name, tensor in model.state_dict().items()
        if name in ours and ours[name].shape == tensor.shape
    }
    changed.load_state_dict(kept, strict=False)
    return changed


def add_lora(model: LongVUForConditionalGeneration, rank: int = 16, alpha: int = 32):
    """Adapters in the language model's layers; projector and aggregator are trained as they are.

    Needs PEFT. Everything else is frozen.
    """
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,
        target_modules=LORA_TARGETS,
        modules_to_save=["aggregator", "multi_modal_projector"],
    )
    return get_peft_model(model, config)


@dataclass(frozen=True)
class LongVUSample:
    """A question, its answer, and a picture (H, W, 3) or frames (T, H, W, 3), uint8, or neither."""

    question: str
    answer: str
    pixels: np.ndarray | None = None


@dataclass(frozen=True)
class LongVUCollator:
    """Samples -> inputs of the model, with labels.

    Pictures beside videos count as videos of one frame.
    """

    processor: LongVUProcessor

    def __call__(self, samples: Sequence[LongVUSample]) -> dict[str, Any]:
        questions, answers = zip(*((x.question, x.answer) for x in samples), strict=True)
        pixels = [sample.pixels for sample in samples]
        if all(x is not None and x.ndim == 3 for x in pixels):
            inputs = self.processor(questions, images=pixels, answer=answers)
        else:
            videos = [x[None] if x is not None and x.ndim == 3 else x for x in pixels]
            inputs = self.processor(questions, videos, answer=answers)
        return {**inputs, "logits_at_labels": True}
