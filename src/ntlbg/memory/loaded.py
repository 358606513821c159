"""Memory that a vision-language model takes to read pictures, from what is loaded.

Weights are counted as they lie there, in whatever numbers they are kept. The rest is by the
formulas of ``activations`` and ``frames``, for any family whose configurations name the usual
sizes: a decoder of the Llama family, and a vision transformer that reads all patches at once.
"""

from dataclasses import dataclass, replace
from typing import Any

from ntlbg.memory.activations import (
    FP32,
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
        on_gpu: whether pixels stay in main memory until they are looked at.
    """

    weights: int
    text: TextSizes
    vision: Any
    number_bytes: int
    on_gpu: bool

    @property
    def deep(self) -> int:
        """Layers of the language model that get features of their own."""
        return len(getattr(self.vision, "deepstack_visual_indexes", ()))

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
        number: of pictures.
        tokens: that stand for them in the prompt.
        pixels: numbers of all of them.
        other_bytes: of tokens, masks and sizes.
        together: whether the vision transformer sees all of them at once; else one by one.
        seen_tokens: that the vision transformer makes, where fewer are read; None: all are.
    """

    number: int
    tokens: int
    pixels: int
    other_bytes: int = 0
    together: bool = True
    seen_tokens: int | None = None

    @property
    def pixels_at_once(self) -> int:
        """Of what the vision transformer sees at a time."""
        return self.pixels if self.together else self.pixels // max(self.number, 1)

    def times(self, number: int) -> "PictureInputs":
        """Of so many pictures of the same size."""
        tokens, pixels, other = (
            number * count // self.number for count in (self.tokens, self.pixels, self.other_bytes)
        )
        assert self.seen_tokens is None  # what is left of them does not grow with the number
        return replace(self, number=number, tokens=tokens, pixels=pixels, other_bytes=other)


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
    return LoadedSizes(
        held_bytes(model), text, model.config.vision_config, model.dtype.itemsize,
        on_gpu=model.device.type == "cuda",
    )  # fmt: skip


def plan_reading(model: LoadedSizes, pictures: PictureInputs, text_tokens: int) -> Plan:
    """Memory of answering a question about pictures: they are seen, the prompt is read.

    Args:
        text_tokens: of the prompt beside the pictures, and of the answer.
    """
    e, text = model.number_bytes, model.text
    run = Pass(1, pictures.tokens + text_tokens, Setup(e))
    parts = {
        "weights": model.weights,
        **_pixels(model, pictures),
        **_seen(model, pictures),
        "embedded prompt": run.rows * text.hidden * e * (2 if model.deep else 1),
        "KV cache": key_value_cache(text, run),
        "activations": layer_activations(text, run),
        "logits": logits_bytes(text, run),
    }
    held = ("weights", "pixel buffers")
    looked = () if pictures.together else ("features looked at",)
    moments = {
        "look at the pictures": (*held, "pixels looked at", "vision activations", *looked),
        "read the prompt": (
            *held, "visual features", "embedded prompt", "KV cache", "activations"
        ),
        "write the answer": (*held, "visual features", "KV cache", "logits"),
    }  # fmt: skip
    return Plan("answer", parts, moments, run.tokens)


def _pixels(model: LoadedSizes, pictures: PictureInputs) -> dict[str, int]:
    """As the processor made them, in float32, and in the model's numbers where it computes."""
    e, held, looked = model.number_bytes, pictures.other_bytes, pictures.pixels_at_once * FP32
    if not model.on_gpu:
        held, looked = held + pictures.pixels * FP32, 0
    if pictures.together:  # they are moved as what they become there
        held, looked = held + pictures.pixels * e * (model.on_gpu or e != FP32), 0
    # several families copy what they look at, and its masks, to leave out pictures that are none
    looked += pictures.pixels_at_once * e + (pictures.other_bytes if pictures.together else 0)
    return {"pixel buffers": held, "pixels looked at": looked}


def _seen(model: LoadedSizes, pictures: PictureInputs) -> dict[str, int]:
    """What a vision transformer works with, and what it leaves to be read, once as a copy.

    What is seen together leaves two layers of the transformer itself, too: its last and the one
    that was chosen. Where layers of the language model get features of their own (deepstack), the
    prompt is copied to add them.
    """
    e, patches = model.number_bytes, pictures.pixels_at_once // model.patch_numbers
    each = 2 * (1 + model.deep) * model.text.hidden
    numbers = each * pictures.tokens
    if pictures.together:
        numbers += 2 * patches * vision_widths(model.vision)[0]
    made = pictures.tokens if pictures.seen_tokens is None else pictures.seen_tokens
    return {
        "vision activations": vision_activations(model.vision, patches, e),
        "visual features": numbers * e,
        "features looked at": each * made * e,  # before some are left out
    }


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
