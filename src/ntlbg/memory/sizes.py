"""Sizes of a model: read from its configuration, and counted on its real classes.

On the meta device a tensor has a shape and no numbers: a model of seven billion parameters is there
in half a second and takes no memory.
"""

from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ntlbg.errors import ConfigError

# Decoders that the formulas of ``activations`` are about, and models that hold one of them.
TEXT_TYPES = ("llama", "mistral", "qwen2", "qwen3")
VISION_TYPES = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "smolvlm")
OWN_TYPES = ("longvu", "ntlbg", "ntlbg_vl")


def _text(vocabulary, hidden, intermediate, layers, heads, groups, positions, theta) -> dict:
    return {
        "vocab_size": vocabulary,
        "hidden_size": hidden,
        "intermediate_size": intermediate,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": groups,
        "max_position_embeddings": positions,
        "rope_parameters": {"rope_type": "default", "rope_theta": theta},
        "tie_word_embeddings": hidden < 3584,  # of these models, the larger ones are not tied
    }


# as the published config.json say
_QWEN_7B = _text(152064, 3584, 18944, 28, 28, 4, 32768, 1e6)
_QWEN_3B = _text(151936, 2048, 11008, 36, 16, 2, 32768, 1e6)
_QWEN_2B = _text(151936, 1536, 8960, 28, 12, 2, 32768, 1e6)
_SMOLLM2 = _text(49152, 576, 1536, 30, 9, 3, 8192, 1e5)
# Known without a network: model_type, the language model, and how wide its vision tower gives out.
KNOWN = MappingProxyType(
    {
        "builtin": ("ntlbg", _SMOLLM2),
        "smollm2": ("llama", _SMOLLM2),
        "Qwen/Qwen2-VL-7B-Instruct": ("qwen2_vl", _QWEN_7B),
        "Qwen/Qwen2-VL-2B-Instruct": ("qwen2_vl", _QWEN_2B),
        "Qwen/Qwen2.5-VL-7B-Instruct": ("qwen2_5_vl", _QWEN_7B),
        "Qwen/Qwen2.5-VL-3B-Instruct": ("qwen2_5_vl", _QWEN_3B),
        "Qwen/Qwen2.5-7B-Instruct": ("qwen2", _QWEN_7B),
        "Qwen/Qwen2.5-3B-Instruct": ("qwen2", _QWEN_3B),
    }
)


@dataclass(frozen=True)
class TextSizes:
    """A decoder of the Llama family: grouped-query attention, gated feed-forward, RMS norms.

    Attributes:
        parameters: of all of it, the output layer included; tied ones once.
        layer_parameters: of one decoder layer.
        adapter_parameters: of adapters of rank 1 at every linear layer but the output layer, as
            "all-linear" of peft (Hu et al. 2021, arXiv:2106.09685).
    """

    vocabulary: int
    hidden: int
    intermediate: int
    layers: int
    heads: int
    key_value_heads: int
    head: int
    tied: bool
    max_positions: int
    parameters: int
    layer_parameters: int
    adapter_parameters: int

    @property
    def attention(self) -> int:
        """Width of all query heads."""
        return self.heads * self.head

    @property
    def key_value(self) -> int:
        """Width of all key heads, which is that of all value heads."""
        return self.key_value_heads * self.head


@dataclass(frozen=True)
class ModelSizes:
    """A language model and what is in front of it.

    Attributes:
        config: of the whole model, as Hugging Face has it.
        vision, tower, ntlbg, longvu: configurations of the vision transformer of a
            vision-language model, of the built-in vision tower, of NTLBG's parts and of LongVU;
            None where there is no such part.
        vision_parameters: of whatever sees, in the numbers of the language model.
        head_parameters: of the built-in tower's attention pool, which computes in float32.
        ntlbg_numbers: of NTLBG's parts, the words and means that they keep included.
        trained: what training changes in front of the language model, by part; of a
            vision-language model by itself what joins its tower and its language model.
    """

    name: str
    config: Any = field(compare=False)
    text: TextSizes
    vision: Any = None
    tower: Any = None
    ntlbg: Any = None
    longvu: Any = None
    vision_parameters: int = 0
    head_parameters: int = 0
    ntlbg_numbers: int = 0
    trained: dict[str, int] = field(default_factory=dict)

    @property
    def total_parameters(self) -> int:
        """Of all parts, with the buffers of NTLBG's."""
        front = self.vision_parameters + self.head_parameters + self.ntlbg_numbers
        return self.text.parameters + front


def base_sizes(name: str) -> ModelSizes:
    """Sizes of a name in KNOWN, of a folder, or of a model on the hub.

    Only its ``config.json`` is read. The hub is asked for names that are neither known nor folders.

    Raises:
        ConfigError: there is no such model, or its kind is not supported.
    """
    if name in KNOWN:
        return _known_sizes(name)
    from transformers import AutoConfig

    import ntlbg.models  # noqa: F401  (makes its own kinds known to AutoConfig)

    try:
        config = AutoConfig.from_pretrained(name)
    except (OSError, ValueError) as error:
        where = "folder" if Path(name).exists() else "model"
        raise ConfigError(
            f"model_config.base_model: {name!r}: its config.json cannot be read "
            f"({str(error).splitlines()[0]}); give a folder with one, a {where} that the hub or "
            f"your cache has, or one of: {', '.join(KNOWN)}"
        ) from error
    return model_sizes(config, name)


@lru_cache
def _known_sizes(name: str) -> ModelSizes:
    from transformers import AutoConfig

    kind, text = KNOWN[name]
    if kind == "ntlbg":
        return model_sizes(_builtin_config(text), name)
    if kind in VISION_TYPES:
        # all sizes share the vision transformer, but for the width that it gives out
        out, tied = text["hidden_size"], text["tie_word_embeddings"]
        wide = {"hidden_size": out}
        if kind == "qwen2_5_vl":
            wide = {"hidden_size": 1280, "out_hidden_size": out}
        text = {"text_config": text, "vision_config": wide, "tie_word_embeddings": tied}
    return model_sizes(AutoConfig.for_model(kind, **text), name)


def _builtin_config(text: dict):
    """As ``models.builtin.build_base`` makes it; only how many words it names takes memory."""
    from transformers import LlamaConfig

    from ntlbg.models import NtlbgConfig
    from ntlbg.models.builtin.vision_tower import BuiltinVisionConfig
    from ntlbg.models.builtin.vocabulary import object_names

    words = [[0]] * (len(object_names()) + 1)  # and the word for nothing
    return NtlbgConfig(
        text_config=LlamaConfig(**text), vision_config=BuiltinVisionConfig(),
        projector="vocabulary", vocabulary=words,
    )  # fmt: skip


_counted: dict[str, ModelSizes] = {}


def model_sizes(config: Any, name: str = "model") -> ModelSizes:
    """Sizes of the model that a Hugging Face configuration describes.

    Args:
        config: a ``PreTrainedConfig`` of a language model, of Qwen2-VL, Qwen2.5-VL, LongVU
            or NTLBG.

    Raises:
        ConfigError: a model type that is not supported, naming those that are.
    """
    key = f"{name} {config.to_json_string()}"
    if key not in _counted:
        _counted[key] = _count_all(config, name)
    return _counted[key]


def _count_all(config: Any, name: str) -> ModelSizes:
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    kind, text_config = config.model_type, config.get_text_config()
    known = (*TEXT_TYPES, *VISION_TYPES, *OWN_TYPES)
    for found in (kind, text_config.model_type.removesuffix("_text")):
        if found not in known:
            raise ConfigError(
                f"memory of a {found!r} model cannot be planned; there are: {', '.join(known)}"
            )
    if kind == "ntlbg_vl":
        return behind_parts(model_sizes(config.text_config, name), config)
    if kind == "ntlbg":
        with torch.device("meta"):
            language_model = AutoModelForCausalLM.from_config(text_config)
        text = text_sizes(text_config, language_model.get_decoder(), _count(language_model))
        return in_front(name, text, config, config.vision_config)
    auto = AutoModelForCausalLM if kind in TEXT_TYPES else AutoModelForImageTextToText
    with torch.device("meta"):
        model = auto.from_config(config)
    if kind in TEXT_TYPES:
        return ModelSizes(name, config, text_sizes(config, model.get_decoder(), _count(model)))
    if kind in VISION_TYPES:
        from ntlbg.models.ntlbg.bases import BASES

        decoder = model.get_decoder()
        seeing = _count(model.model) - _count(decoder)
        names = BASES[kind].connectors
        connector = sum(_count(model.get_submodule(name)) for name in names)
        part = {"vision": config.vision_config, "trained": {"connector": connector}}
    else:
        seeing = _count(model) - _count(model.language_model)
        decoder, part = model.language_model.get_decoder(), {"longvu": config}
    text = text_sizes(text_config, decoder, _count(model) - seeing, config.tie_word_embeddings)
    return ModelSizes(name, config, text, vision_parameters=seeing, **part)


def text_sizes(config: Any, decoder: Any, parameters: int, tied: bool | None = None) -> TextSizes:
    """Sizes of a decoder of the Llama family.

    Args:
        config: of the language model.
        decoder: with its layers.
        parameters: of all of it, the output layer included.
        tied: whether embeddings are the output layer; None: as the configuration says.
    """
    from torch import nn

    layer, heads = decoder.layers[0], config.num_attention_heads
    linear = [part for part in layer.modules() if isinstance(part, nn.Linear)]
    adapters = sum(part.in_features + part.out_features for part in linear)
    return TextSizes(
        vocabulary=config.vocab_size,
        hidden=config.hidden_size,
        intermediate=config.intermediate_size,
        layers=config.num_hidden_layers,
        heads=heads,
        key_value_heads=config.num_key_value_heads or heads,
        head=getattr(config, "head_dim", None) or config.hidden_size // heads,
        tied=config.tie_word_embeddings if tied is None else tied,
        max_positions=config.max_position_embeddings,
        parameters=parameters,
        layer_parameters=_count(layer),
        adapter_parameters=config.num_hidden_layers * adapters,
    )


def in_front(name: str, text: TextSizes, config: Any, tower_config: Any | None) -> ModelSizes:
    """A language model behind NTLBG's parts.

    Args:
        config: an ``NtlbgConfig``.
        tower_config: of the built-in vision tower; None where features come from elsewhere.
    """
    import torch

    from ntlbg.models import NTLBGAttention, RichRepresentativePoints
    from ntlbg.models.builtin.vision_tower import BuiltinVisionTower
    from ntlbg.models.ntlbg.projectors import PROJECTORS

    with torch.device("meta"):
        parts = {
            "ntlbg_attention": NTLBGAttention(config),
            "rich_points": RichRepresentativePoints(config),
            "multi_modal_projector": PROJECTORS[config.projector](config),
        }
        tower = None if tower_config is None else BuiltinVisionTower(tower_config)
    trained = {part: _count(module) for part, module in parts.items()}
    buffers = sum(buffer.numel() for module in parts.values() for buffer in module.buffers())
    numbers, head, whole = sum(trained.values()) + buffers, 0, 0
    if tower is not None:
        head, whole = _count(tower.head), _count(tower)
        trained["vision_tower"] = _count(tower.tail) + head
    return ModelSizes(
        name, config, text, tower=tower_config, ntlbg=config, vision_parameters=whole - head,
        head_parameters=head, ntlbg_numbers=numbers, trained=trained,
    )  # fmt: skip


def behind_parts(base: ModelSizes, config: Any) -> ModelSizes:
    """A vision-language model behind NTLBG's parts, which trains what joins its own two, too.

    Args:
        config: an ``NtlbgVLConfig``.
    """
    parts = in_front(base.name, base.text, config, None)
    return replace(
        parts, vision=base.vision, vision_parameters=base.vision_parameters,
        trained=parts.trained | base.trained,
    )  # fmt: skip


def _count(module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
