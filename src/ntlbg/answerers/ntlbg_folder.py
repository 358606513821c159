"""A model that training left in a folder."""

import hashlib
import json
from collections.abc import Collection
from pathlib import Path

from pydantic import ValidationError

from ntlbg.answerers import Habits
from ntlbg.answerers.ntlbg import NtlbgAnswerer
from ntlbg.answerers.ntlbg_vl import NtlbgVLAnswerer, vl_answerer
from ntlbg.config.blocks import VideoConfig
from ntlbg.encoders import ENCODERS, FEATURE_ENCODERS, Encoder
from ntlbg.encoders.base_tower import BaseTowerEncoder
from ntlbg.encoders.builtin import BuiltinEncoder
from ntlbg.errors import WeightsError
from ntlbg.models.ntlbg.checkpoints import WEIGHTS_FILE, load_reader
from ntlbg.models.ntlbg.configuration_ntlbg import NtlbgConfig
from ntlbg.models.ntlbg.modeling_ntlbg import NtlbgForConditionalGeneration
from ntlbg.models.ntlbg.modeling_ntlbg_vl import NtlbgVLForConditionalGeneration
from ntlbg.models.precision import inference_dtype
from ntlbg.retrievers.ntlbg import NtlbgRetriever
from ntlbg.selectors import SELECTORS


def load_ntlbg_answerer(folder: Path, *, films: bool = True) -> NtlbgAnswerer | NtlbgVLAnswerer:
    """The model in a folder, called like the folder.

    Args:
        films: with what makes features of films; without it, it only reads such features, if it is
            a language model.

    Raises:
        WeightsError: it cannot be loaded, or no encoder here makes the features it reads.
        ConfigError: its base model cannot be loaded.
    """
    model, processor = load_reader(folder)
    video = _video_config(model.config.video_config, folder)
    habits = habits_of(video)
    _check_names(model.config.feature_encoder, habits.selector, folder)
    with (folder / WEIGHTS_FILE).open("rb") as file:
        weights = hashlib.file_digest(file, "sha256").hexdigest()
    name = folder.resolve().name
    if isinstance(model, NtlbgVLForConditionalGeneration):
        own = model.config.feature_encoder == BaseTowerEncoder.name
        resolution = (video or VideoConfig()).frame_resolution
        return vl_answerer(
            model, processor, None if own else _by_name(model.config, folder), habits, name=name,
            weights=weights, resolution=resolution,
        )  # fmt: skip
    encoder = _encoder(model, weights, folder) if films else None
    retriever = NtlbgRetriever(model, processor, encoder, track=model.config.feature_encoder)
    return NtlbgAnswerer(retriever, name=name, fingerprint=f"ntlbg-{weights}", habits=habits)


def _video_config(given: dict | None, folder: Path) -> VideoConfig | None:
    if given is None:
        return None
    try:
        return VideoConfig.model_validate_json(json.dumps(given))  # tuples are lists there
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, ("video_config", *first["loc"])))
        raise WeightsError(
            f"{folder}: config.json: {key}: got {first['input']!r}; {first['msg']}"
        ) from error


def _check_names(encoder: str, selector: str, folder: Path) -> None:
    known: dict[str, tuple[str, Collection[str]]] = {
        "feature_encoder": (encoder, FEATURE_ENCODERS),
        "video_config.frame_selector": (selector, SELECTORS),
    }
    for key, (name, names) in known.items():
        if name not in names:
            raise WeightsError(
                f"{folder}: config.json: {key}: got {name!r}; there are: {', '.join(names)}"
            )


def habits_of(video: VideoConfig | None) -> Habits:
    """As in training; None is nothing of its own."""
    if video is None:
        return Habits()
    return Habits(
        fps=video.fps / video.temporal_stride,
        max_frames=video.max_frames,
        selector=video.frame_selector,
        num_frames=video.num_representatives,
        frames_of=video.representatives_for,
    )


def _encoder(model: NtlbgForConditionalGeneration, weights: str, folder: Path) -> Encoder:
    """The one that it was trained with, its tower as trained."""
    settings = model.config
    tower = model.vision_tower
    if tower is None and settings.trained_tower:
        raise WeightsError(f"{folder}: config.json: trained_tower, and there is no vision_config")
    if tower is not None and (settings.trained_tower or settings.base_model is None):
        return BuiltinEncoder(tower, f"{weights} {inference_dtype()}")
    return _by_name(settings, folder)


def _by_name(settings: NtlbgConfig, folder: Path) -> Encoder:
    encoder = ENCODERS[settings.feature_encoder]()
    if encoder.feature_size != settings.feature_size:
        raise WeightsError(
            f"{folder}: reads features of size {settings.feature_size}, and {encoder.name} makes "
            f"some of {encoder.feature_size}: it was trained on files of features, and can answer "
            "about such files alone (experiments/evaluate_experiment.py)"
        )
    return encoder
