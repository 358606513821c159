"""Which way to show frames fits a model and what is asked of it."""

import json

import torch
import transformers
from transformers import PreTrainedModel

from ntlbg.answerers.compression import KEPT_SHARE, Compression
from ntlbg.answerers.shown import Shown
from ntlbg.answerers.shown_pictures import PicturesShown
from ntlbg.answerers.shown_video import SeenPicturesShown, VideoShown
from ntlbg.answerers.transformers_options import TransformersOptions
from ntlbg.compressors import load_compressor
from ntlbg.errors import ConfigError
from ntlbg.models.picture_processor import PictureProcessor
from ntlbg.models.qwen_vl.families import FAMILIES
from ntlbg.models.qwen_vl.tower import Tower

NAMES = ", ".join(dict.fromkeys(family.name for family in FAMILIES.values()))


def check_shown(options: TransformersOptions, model_type: str) -> None:
    """Before weights are loaded for it.

    Raises:
        ConfigError: a model of this type cannot be shown frames so, or options contradict.
    """
    if options.layout is not None and options.frames_as != "video":
        raise ConfigError(
            f"layout={options.layout} is of a video; give frames_as=video with it, or leave it out"
        )
    if options.keep_tokens is not None and options.compress == "none":
        raise ConfigError(
            f"keep_tokens={options.keep_tokens:g} is a share of what compress leaves; give "
            "--compress longvu or vidcom2 with it, or leave it out"
        )
    if model_type in FAMILIES:
        return
    if options.compress != "none":
        raise ConfigError(
            f"compress={options.compress}: tokens of a model of type {model_type} cannot be left "
            f"out without changing it; take one of {NAMES}, or fewer or smaller frames"
        )
    if options.frames_as == "video":
        raise ConfigError(
            f"frames_as=video: a video of a model of type {model_type} carries no times that could "
            f"be set ({NAMES} have some); leave it at images, with a time before each"
        )
    if options.keep_vision:
        raise ConfigError(
            f"keep_vision=true: what a model of type {model_type} sees cannot be given to it "
            f"again; leave it out, or take one of {NAMES}"
        )


def shown_as(
    options: TransformersOptions, model: PreTrainedModel, processor: PictureProcessor, weights: str
) -> Shown:
    """As the options say, which were checked.

    Args:
        weights: changes when they do.
    """
    if model.config.model_type not in FAMILIES:
        return PicturesShown(model, processor)
    tower = Tower(model, _fingerprint(options, model, weights))
    compression = compression_of(options)
    if options.frames_as == "video":
        return VideoShown(tower, processor, options.layout or "twice", compression)
    return SeenPicturesShown(tower, processor, compression)


def compression_of(options: TransformersOptions) -> Compression | None:
    """As the options say; None: all tokens are read."""
    if options.compress == "none":
        return None
    return Compression(load_compressor(options.compress), options.keep_tokens or KEPT_SHARE)


def _fingerprint(options: TransformersOptions, model: PreTrainedModel, weights: str) -> str:
    """Of all on which the last bit of what a tower sees may depend."""
    computed_by = str(model.dtype), model.device.type, options.quantization
    attention = model.config.vision_config._attn_implementation
    versions = torch.__version__, transformers.__version__
    return json.dumps([weights, computed_by, attention, versions])
