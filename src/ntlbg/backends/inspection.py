"""What an NTLBG model makes of the chosen frames on their way to the language model.

K chosen frames.
"""

import numpy as np
from transformers.feature_extraction_utils import BatchFeature

from ntlbg.backends import RichPoints
from ntlbg.models.modeling_ntlbg import NtlbgForConditionalGeneration


def rich_points_of(
    model: NtlbgForConditionalGeneration,
    inputs: BatchFeature,
    question: str,
    pts_seconds: np.ndarray,
) -> RichPoints:
    """The rich points of one question, from the model's inputs and the times (K,) of the frames."""
    text = ("input_ids", "attention_mask")
    visual = {name: value for name, value in inputs.items() if name not in text}
    points = model.represent(**visual, with_codes=False)["representative_points"][0]
    sizes = list(model.config.rich_point_parts.values())
    feature, context, weight, _ = points.float().split(sizes, dim=-1)
    return RichPoints(
        question=question,
        pts_seconds=pts_seconds,
        feature_norms=feature.norm(dim=-1).cpu().numpy(),
        context=context.cpu().numpy(),
        weights=weight.cpu().numpy(),
    )
