"""What can be said of how a model of transformers is loaded, shown frames and asked."""

from typing import Any, Literal

import torch
from pydantic import Field

from ntlbg.answerers.model_options import ModelOptions
from ntlbg.models.qwen_vl.inputs import Layout
from ntlbg.packages import check_installed


class TransformersOptions(ModelOptions):
    """What can be said of how a model is loaded and asked.

    Attributes:
        dtype: of the weights; "auto" as they are stored.
        device_map: as in transformers; "auto" where there is a GPU, else the processor.
        attn_implementation: as in transformers.
        revision: branch, tag or commit on the hub.
        quantization: int8 or int4 weights by bitsandbytes, which must be installed.
        rotate_options: ask once for each rotation of the options, and take the mean: a model
            that likes the letter A gains nothing by it.
        frames_as: how frames are shown: as images with a time before each, or as a video with
            true times, which Qwen2-VL, Qwen2.5-VL and Qwen3-VL read.
        layout: of a video: each frame twice, so that it has a grid and a time of its own; or pairs
            of neighbours less than a second apart, which cost half.
        keep_vision: keep what those models see of each frame in the index of the film, so that a
            second question costs the language model only.
        compress: which tokens of frames are read, of those models: longvu, by what is asked; or
            vidcom2, by how unlike the others they are.
        keep_tokens: the share of them that is; .25 where nobody says.
    """

    dtype: Literal["auto", "float32", "float16", "bfloat16"] = "auto"
    device_map: str | None = None
    attn_implementation: str | None = None
    revision: str | None = None
    quantization: Literal["int8", "int4"] | None = None
    rotate_options: bool = False
    frames_as: Literal["images", "video"] = "images"
    layout: Layout | None = None
    keep_vision: bool = False
    compress: Literal["none", "longvu", "vidcom2"] = "none"
    keep_tokens: float | None = Field(None, gt=0, le=1)


def loading(options: TransformersOptions) -> dict[str, Any]:
    """What ``from_pretrained`` is told."""
    told: dict[str, Any] = {"dtype": options.dtype}
    device_map = options.device_map or ("auto" if torch.cuda.is_available() else None)
    if device_map is not None:
        told["device_map"] = device_map
    if options.attn_implementation is not None:
        told["attn_implementation"] = options.attn_implementation
    if options.quantization is not None:
        told["quantization_config"] = _quantization(options.quantization)
    return told


def _quantization(kind: str) -> Any:
    check_installed("bitsandbytes", f"quantization={kind}", "or leave the option out")
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(load_in_8bit=kind == "int8", load_in_4bit=kind == "int4")
