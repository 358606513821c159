"""Published LongVU weights and configurations under the names of this package.

`checkpoints_longvu` reads and writes the files.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor
from transformers import LlamaConfig, PreTrainedConfig, Qwen2Config

from ntlbg.errors import ConfigError, WeightsError
from ntlbg.models.longvu.configuration_longvu import LongVUConfig
from ntlbg.models.longvu.modeling_longvu import LongVUForConditionalGeneration
from ntlbg.models.longvu.vision import resample_positions

DINOV2_PIXELS = 378  # the published model's, not DINOv2's own

_SAMPLER = r"model\.vision_sampler_0\.layers\.(\d+)"
_LAYER = r"vision_model.aggregator.layers.\1"
# The whole name map: the first pattern that matches the full name decides. "" means not used.
NAMES = {
    r"model\.(embed_tokens|layers|norm)\.((?!.*inv_freq).*)": r"language_model.model.\1.\2",
    r"lm_head\.weight": r"language_model.lm_head.weight",
    r"model\.image_newline": r"image_newline",
    r"model\.vision_query": r"vision_model.aggregator.query",
    r"model\.mm_projector\.0\.(.*)": r"multi_modal_projector.linear_1.\1",
    r"model\.mm_projector\.2\.(.*)": r"multi_modal_projector.linear_2.\1",
    r"model\.mm_projector_aux_(\d)\.0\.(.*)": r"vision_model.aggregator.projectors.\1.linear_1.\2",
    r"model\.mm_projector_aux_(\d)\.2\.(.*)": r"vision_model.aggregator.projectors.\1.linear_2.\2",
    r"model\.mm_projector_aux_(\d)\.3\.(.*)": r"vision_model.aggregator.projectors.\1.norm.\2",
    _SAMPLER + r"\.pos_embed_(\d)": _LAYER + r".towers.\2.position",
    _SAMPLER + r"\.proj_context\.(.*)": _LAYER + r".context_proj.\2",
    _SAMPLER + r"\.proj_in\.(.*)": _LAYER + r".input_proj.\2",
    _SAMPLER + r"\.proj_out\.linear_(\d)\.(.*)": _LAYER + r".mlp_\2.\3",
    _SAMPLER + r"\.norm\.(.*)": _LAYER + r".norm.\2",
    _SAMPLER + r"\.cross_attn\.q_proj\.0\.(.*)": _LAYER + r".query_norm.\2",
    _SAMPLER + r"\.cross_attn\.q_proj\.1\.(.*)": _LAYER + r".query_proj.\2",
    _SAMPLER + r"\.cross_attn\.k_proj_(\d)\.0\.(.*)": _LAYER + r".towers.\2.key_norm.\3",
    _SAMPLER + r"\.cross_attn\.k_proj_(\d)\.1\.(.*)": _LAYER + r".towers.\2.key_proj.\3",
    _SAMPLER + r"\.cross_attn\.v_proj_(\d)\.0\.(.*)": _LAYER + r".towers.\2.value_norm.\3",
    _SAMPLER + r"\.cross_attn\.v_proj_(\d)\.1\.(.*)": _LAYER + r".towers.\2.value_proj.\3",
    _SAMPLER + r"\.cross_attn\.o_proj\.(.*)": _LAYER + r".output_proj.\2",
}
SIGLIP_NAMES = {
    r"(?:vision_model\.)?((?:embeddings|encoder|post_layernorm)\.(?!position_ids).*)": r"\1",
}
DINOV2_NAMES = {
    r"(?:dinov2\.)?(.*)\.attention\.attention\.(query|key|value)\.(.*)": r"\1.attention.\2.\3",
    r"(?:dinov2\.)?(.*)\.attention\.output\.dense\.(.*)": r"\1.attention.o_proj.\2",
    r"(?:dinov2\.)?(.*)\.mlp\.weights_out\.(.*)": r"\1.mlp.down_proj.\2",
    r"(?:dinov2\.)?((?:embeddings\.(?!mask_token)|encoder|layernorm).*)": r"\1",
}
NEEDED = (
    "query_num_list",
    "mm_vision_tower_aux_token_len_list",
    "vision_hidden_size",
    "connector_depth",
    "tokenizer_model_max_length",
)
_PROJECTIONS = {"query": "q_proj", "key": "k_proj", "value": "v_proj"}


@dataclass
class Conversion:
    """What became of the published names.

    Attributes:
        state_dict: our names and tensors.
        unused: published names without a place in the model.
    """

    state_dict: dict[str, Tensor] = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)


def rename(name: str, names: Mapping[str, str] = NAMES) -> str | None:
    """Our name for a published one; None when it has no place in the model."""
    for pattern, ours in names.items():
        if found := re.fullmatch(pattern, name):
            return found.expand(ours)
    return None


def convert_state_dict(
    tensors: Iterable[tuple[str, Tensor]], wanted: Mapping[str, Tensor]
) -> Conversion:
    """The published tensors under our names.

    Args:
        tensors: name and tensor, of language model, projectors and aggregator.
        wanted: state dict of the model they are for; only its names are read.
    """
    done = Conversion()
    for name, tensor in tensors:
        ours = rename(name)
        if ours is None or ours not in wanted:
            done.unused.append(name)
        else:
            done.state_dict[ours] = (
                tensor.squeeze(0) if ours == "vision_model.aggregator.query" else tensor
            )
    return done


def convert_siglip(tensors: Iterable[tuple[str, Tensor]]) -> Conversion:
    """Names of SigLIP's vision model in transformers 4 or 5 -> ours; text and head are unused."""
    done = Conversion()
    for name, tensor in tensors:
        if ours := rename(name, SIGLIP_NAMES):
            done.state_dict[f"vision_model.siglip_tower.{ours}"] = tensor
        else:
            done.unused.append(name)
    return done


def convert_dinov2(
    tensors: Iterable[tuple[str, Tensor]], pixels: int = DINOV2_PIXELS, patch: int = 14
) -> Conversion:
    """Names of DINOv2 in transformers 4 or 5 -> ours, positions resampled to ``pixels``."""
    done = Conversion()
    for name, tensor in tensors:
        if ".mlp.weights_in." in name:
            before, after = name.removeprefix("dinov2.").split("weights_in")
            for part, half in zip(("gate_proj", "up_proj"), tensor.chunk(2), strict=True):
                done.state_dict[f"vision_model.dinov2_tower.{before}{part}{after}"] = half
        elif ours := rename(name, DINOV2_NAMES):
            for old, new in _PROJECTIONS.items():
                ours = ours.replace(f".attention.{old}.", f".attention.{new}.")
            if ours == "embeddings.position_embeddings":
                tensor = resample_positions(tensor, pixels // patch)
            done.state_dict[f"vision_model.dinov2_tower.{ours}"] = tensor
        else:
            done.unused.append(name)
    return done


def check_config(published: Mapping) -> None:
    """Whether a published ``config.json`` can be converted.

    Raises:
        ConfigError: not a LongVU configuration, or a kind of model that was never published.
    """
    family = str(published.get("model_type"))
    if "llama" not in family and "qwen" not in family:
        raise ConfigError(f"model_type is {family!r}; it must name qwen or llama")
    if missing := [key for key in NEEDED if key not in published]:
        raise ConfigError(f"the configuration has no {', '.join(missing)}; is it a LongVU one?")
    groups, queries = published.get("num_query_group", 1), published["query_num_list"]
    if groups != 1 or len(queries) != 1 or not published.get("connector_only", True):
        raise ConfigError(
            "only checkpoints with one query group and samplers outside the language model are "
            f"supported; got num_query_group={groups}, query_num_list={queries}"
        )


def convert_config(
    published: Mapping, siglip: PreTrainedConfig, dinov2: PreTrainedConfig
) -> LongVUConfig:
    """Our configuration from a published ``config.json`` and those of the towers.

    Raises:
        ConfigError: as :func:`check_config`.
    """
    check_config(published)
    llama, queries = "llama" in published["model_type"], published["query_num_list"]
    kind = LlamaConfig if llama else Qwen2Config
    known = set(kind().to_dict()) | {"rope_theta"}
    text = {key: value for key, value in published.items() if key in known - {"model_type"}}
    # Qwen's is switched off in the published code; Llama's is what this file says, nothing else.
    text["rope_scaling"] = published.get("rope_scaling") if llama else None
    siglip.vision_use_head = False
    dinov2.image_size, dinov2.use_mask_token = DINOV2_PIXELS, False
    dtype = published.get("torch_dtype")
    return LongVUConfig(
        text_config=kind(**text),
        siglip_config=siglip,
        dinov2_config=dinov2,
        vision_hidden_size=published["vision_hidden_size"],
        feature_grid=_side(published["mm_vision_tower_aux_token_len_list"][0]),
        query_grid=_side(queries[0]),
        lowres_grid=published.get("lowres_token", 8),
        highres=published.get("highres", False),
        connector_depth=published["connector_depth"],
        context_length=published["tokenizer_model_max_length"],
        reserved_tokens=published.get("inference_max_length", 16),
        dino_threshold=published.get("dino_threshold", 0.83),
        drop_threshold=published.get("drop_threshold", 0.7),
        frame_position=published.get("frame_pos", False),
        pad_token_id=128002 if llama else 151643,
        padding_side=published.get("tokenizer_padding_side", "right"),
        **({"dtype": dtype} if dtype else {}),
    )


def _side(cells: int) -> int:
    return round(cells**0.5)


def fill(
    model: LongVUForConditionalGeneration,
    state_dict: dict[str, Tensor],
    dtype: torch.dtype | None = None,
) -> None:
    """Put the tensors into a model, in place of its own (which may be on the meta device).

    Raises:
        WeightsError: a parameter stays without a tensor, or a shape differs.
    """
    ours = model.state_dict()
    tied = "language_model.lm_head.weight"
    if model.config.tie_word_embeddings:
        state_dict = {**state_dict, tied: state_dict["language_model.model.embed_tokens.weight"]}
    if missing := sorted(set(ours) - set(state_dict)):
        raise WeightsError(f"{len(missing)} weights are missing, {missing[0]!r} for one")
    for name, tensor in state_dict.items():
        if name in ours and tensor.shape != ours[name].shape:
            raise WeightsError(
                f"{name} has shape {tuple(tensor.shape)}; the configuration says "
                f"{tuple(ours[name].shape)}"
            )
    cast = {name: state_dict[name].to(dtype or state_dict[name].dtype) for name in ours}
    model.load_state_dict(cast, assign=True)
    model.tie_weights()
