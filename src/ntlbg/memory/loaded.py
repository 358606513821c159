"""Memory that a vision-language model takes to read pictures, from what is loaded.

Weights are counted as they lie there, in whatever numbers they are kept. The rest is by the
formulas of ``activations`` and ``frames``, for any family whose configurations name the usual
sizes: a decoder of the Llama family, and a vision transformer that reads all patches at once.
"""

from dataclasses import dataclass, replace
from typing import Any

from ntlbg.memory.activations import (
    Pass,
    Setup,
    key_value_cache,
    layer_activations,
    logits_bytes,
)
from ntlbg.memory.devices import ELSEWHERE, held_bytes
from ntlbg.memory.frames import vision_activations, vision_widths
from ntlbg.memory.plan import Plan
from ntlbg.memory.sizes import TextSizes, text_sizes

# What a configuration must name for the formulas to apply.
TEXT_NAMES = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "max_position_embeddings",
)
VISION_NAMES = ("patch_size", "hidden_act", "hidden_size", "num_attention_heads")
FEED_FORWARD_NAMES = ("intermediate_size", "mlp_ratio")  # one of them
# Attention with all scores in memory, which only the text's formulas count.
WITH_SCORES = "eager"
COLOURS = 3


@dataclass(frozen=True)
class LoadedSizes:
    """A vision-language model on the device where it computes.

    Attributes:
        weights: bytes of them there; of weights that are kept elsewhere the largest, since they
            come one by one.
        text: its layers are those whose keys and values are kept there.
        vision: configuration of the vision transformer.
        number_bytes: of activations.
    """

    weights: int
    text: TextSizes
    vision: Any
    number_bytes: int

    @property
    def patch_numbers(self) -> int:
        """Numbers of the pixels that become one patch."""
        side = self.vision.patch_size
        height, width = (side, side) if isinstance(side, int) else side
        return COLOURS * height * width * getattr(self.vision, "temporal_patch_size", 1)


@dataclass(frozen=True)
class PictureInputs:
    """What a processor makes of pictures.

    Attributes:
        pixel_numbers: of all pictures.
        other_bytes: masks and sizes beside them.
        tokens: that stand for the pictures in the prompt.
    """

    pixel_numbers: int
    other_bytes: int
    tokens: int


def loaded_sizes(model: Any) -> LoadedSizes | None:
    """Sizes of a loaded model of transformers; None where its memory cannot be planned.

    That is so for attention with all scores in memory, and for models of another build.
    """
    if not _has_formulas(model.config):
        return None
    decoder = model.get_decoder()
    here = sum(_computes_on(model.device, layer) for layer in decoder.layers)
    numbers = sum(one.numel() for one in model.parameters())
    tied = getattr(model.config, "tie_word_embeddings", False)
    whole = text_sizes(model.config.get_text_config(), decoder, numbers, tied)
    text = replace(whole, layers=here)
    return LoadedSizes(held_bytes(model), text, model.config.vision_config, model.dtype.itemsize)


def plan_reading(model: LoadedSizes, pictures: PictureInputs, text_tokens: int) -> Plan:
    """Memory of answering a question about pictures: they are seen, the prompt is read.

    Args:
        text_tokens: of the prompt beside the pictures, and of the answer.
    """
    e, text = model.number_bytes, model.text
    run = Pass(1, pictures.tokens + text_tokens, Setup(e))
    patches = pictures.pixel_numbers // model.patch_numbers
    layers_seen = 1 + len(getattr(model.vision, "deepstack_visual_indexes", ()))
    seen = patches * vision_widths(model.vision)[0] + layers_seen * pictures.tokens * text.hidden
    parts = {
        "weights": model.weights,
        "pixel buffers": pictures.pixel_numbers * e + pictures.other_bytes,
        "vision activations": vision_activations(model.vision, patches, e),
        "visual features": seen * e,
        "embedded prompt": run.rows * text.hidden * e,
        "KV cache": key_value_cache(text, run),
        "activations": layer_activations(text, run),
        "logits": logits_bytes(text, run),
    }
    held = ("weights", "pixel buffers")
    moments = {
        "look at the pictures": (*held, "vision activations"),
        "read the prompt": (
            *held, "visual features", "embedded prompt", "KV cache", "activations"
        ),
        "write the answer": (*held, "KV cache", "logits"),
    }  # fmt: skip
    return Plan("answer", parts, moments, run.tokens)


def _has_formulas(config: Any) -> bool:
    text, vision = config.get_text_config(), getattr(config, "vision_config", None)
    if config._attn_implementation == WITH_SCORES or config.is_encoder_decoder:
        return False
    names = _named(text, TEXT_NAMES) and _named(vision, VISION_NAMES)
    return names and any(_named(vision, (name,)) for name in FEED_FORWARD_NAMES)


def _named(config: Any, names: tuple[str, ...]) -> bool:
    return all(getattr(config, name, None) is not None for name in names)


def _computes_on(device: Any, layer: Any) -> bool:
    """Layers whose weights are kept elsewhere are lent to the device where the others are."""
    place = next(layer.parameters()).device
    return place == device or place.type == ELSEWHERE
