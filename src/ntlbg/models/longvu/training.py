"""What training LongVU needs beside a Trainer: other grids, and samples in a batch.

Labels are tokens of the answer and its end, nothing else. The published code adds 155 copies of
token 0 between video and question, and labels line breaks and role markers everywhere; here
training sees exactly the prompts of inference.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ntlbg.models.longvu.configuration_longvu import LongVUConfig
from ntlbg.models.longvu.modeling_longvu import LongVUForConditionalGeneration
from ntlbg.models.longvu.processing_longvu import LongVUProcessor


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
