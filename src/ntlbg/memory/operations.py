"""How much there is to compute in a training, and about how long that takes.

Counted are the products of matrices, which are nearly all of it: a product by a weight is two
operations a number and token, and attention reads every token before. A backward pass computes
gradients of activations, as much again, and of the weights that train, as much again; recomputed
activations are the forward pass once more (Kaplan et al. 2020, arXiv:2001.08361; Chowdhery et al.
2022, arXiv:2204.02311).
"""

from dataclasses import dataclass

from ntlbg.config import Config
from ntlbg.config.menus import GPUS
from ntlbg.memory.frames import cells_per_frame, vision_widths
from ntlbg.memory.plan import Workload, sequence_tokens
from ntlbg.memory.sizes import ModelSizes

CAUSAL = 0.5  # a token reads half of the prompt on average
# Of a card's greatest speed, what trainings of large models report to reach: 46 % (PaLM), 38 to
# 43 % (Llama 3, arXiv:2407.21783). With adapters and short batches it may well be less.
REACHED = 0.4
HOUR = 3600.0


@dataclass(frozen=True)
class Operations:
    """Floating-point operations of one question, forwards and backwards.

    Attributes:
        language: of the language model.
        vision: of the vision tower of a vision-language model, which looks at the chosen frames.
    """

    language: float
    vision: float

    @property
    def total(self) -> float:
        return self.language + self.vision


def question_operations(
    model: ModelSizes, work: Workload, *, lora: bool, again: bool
) -> Operations:
    """Of one question of a training.

    Args:
        lora: adapters train, so that the weights themselves need no gradient.
        again: activations are recomputed.
    """
    text, tokens = model.text, sequence_tokens(model, work)
    layers = text.layers * text.layer_parameters * tokens
    # scores and their products with values
    attention = 2 * text.layers * text.attention * tokens * tokens * CAUSAL
    head = text.vocabulary * text.hidden * work.answer_tokens
    weights = (layers + head) * (2 + (not lora) + again)
    # both sides of these products are activations
    return Operations(2.0 * (weights + attention * (3 + again)), _vision(model, work))


def _vision(model: ModelSizes, work: Workload) -> float:
    """The tower's weights do not train, and its patches read those of their own frame."""
    if model.ntlbg is None or model.vision is None:
        return 0.0
    vision, whole = model.vision, model.config.text_config
    merge = getattr(vision, "spatial_merge_size", 1)
    cells = cells_per_frame(whole, *work.frame_size)
    patches = cells * (whole.scale_factor if merge == 1 else merge) ** 2
    width = vision_widths(vision)[0]
    depth = getattr(vision, "depth", None) or vision.num_hidden_layers
    connector = model.trained["connector"]
    layers = patches * (model.vision_parameters - connector)
    attention = 2 * depth * width * patches * patches
    return 2.0 * work.num_frames * (layers + attention + cells * connector)


def time_line(config: Config, operations: Operations, questions: int) -> str:
    """One line for people: what a training computes, and about how long it takes on its card.

    Args:
        questions: of an update.
    """
    update = operations.total * questions
    steps, name = config.training_config.max_steps, config.hardware_config.gpu_type
    card = GPUS[name]
    hours = update * steps / (card.half_tflops * 1e12 * REACHED) / HOUR
    share = f", {operations.vision / operations.total:.0%} of it in the vision tower"
    return (
        f"an update computes {update / 1e12:,.3g} TFLOP{share if operations.vision else ''}; all "
        f"{steps} take about {hours:,.3g} hours of one {name} at {REACHED:.0%} of its "
        f"{card.half_tflops} TFLOP/s, without reading videos; not measured"
    )
