"""Frames to feature vectors. ``ENCODERS`` is the whole menu, and can be read without PyTorch."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ntlbg.errors import ConfigError
from ntlbg.hub import is_cached
from ntlbg.roles import check_part


class Encoder(ABC):
    """What is this picture as a vector and, if it can tell, this text?

    What it returns is checked by :mod:`ntlbg.encoders.checked` before it is kept or compared.

    Attributes:
        name: as in ENCODERS; names its features in a :class:`ntlbg.types.VideoIndex`. No other
            encoder has it.
        fingerprint: changes whenever its vectors or notes would; keys the index with the name.
        feature_size: D.
        image_size: (height, width) in pixels of the pictures it wants, whatever their shape.
    """

    name: str
    fingerprint: str
    feature_size: int
    image_size: tuple[int, int]

    @abstractmethod
    def encode_frames(self, frames: np.ndarray) -> np.ndarray:
        """uint8 (N, H, W, 3) -> float32 (N, D), finite."""

    def size_for(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) at which it wants pictures that are shown at this size."""
        return self.image_size

    def encode_text(self, texts: Sequence[str]) -> np.ndarray | None:
        """float32 (N, D), finite, in the space of the frames; None: it knows pictures only."""
        return None

    def text_tokens(self, text: str) -> tuple[int, int] | None:
        """Of a text, and how many are read: the rest is cut off. None: of any text all are."""
        return None

    def encode_with_notes(self, frames: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """As ``encode_frames``, and what else it says of each frame: arrays (N, ...) by name."""
        return self.encode_frames(frames), {}


def _builtin() -> Encoder:
    from ntlbg.encoders.builtin import load_builtin_encoder

    return load_builtin_encoder()


def _pretrained(source: str, name: str | None = None) -> Encoder:
    from ntlbg.encoders.loading import load_pretrained_encoder

    return load_pretrained_encoder(source, name=name)


# Checkpoints that are well known, and small enough to go through an hour of film on a processor; of
# MetaCLIP 2 the smallest with the published tokenizer. Others are named by themselves.
CHECKPOINTS = {
    "siglip2": "google/siglip2-base-patch16-224",
    "siglip": "google/siglip-base-patch16-224",
    "clip": "openai/clip-vit-base-patch32",
    "metaclip2": "facebook/metaclip-2-worldwide-s16",
    "dinov2": "facebook/dinov2-base",
}
ENCODERS: dict[str, Callable[[], Encoder]] = {
    "builtin": _builtin,
    **{name: partial(_pretrained, model, name) for name, model in CHECKPOINTS.items()},
}
# What can make the features that NTLBG reads: also the vision tower of its base model.
FEATURE_ENCODERS = (*ENCODERS, "base")


def is_fetched(name: str) -> bool:
    """Whether a checkpoint lies in the cache of Hugging Face, whole; nothing is contacted."""
    from ntlbg.encoders.loading import check_files

    return is_cached(CHECKPOINTS[name], check_files)


def load_encoder(encoder: str | Encoder) -> Encoder:
    """The encoder of this name; one of your own is returned as it is.

    Args:
        encoder: a name in ENCODERS, the folder of a model of CLIP, SigLIP, SigLIP 2, MetaCLIP 2,
            DINOv2 or DINOv3, or its name on the hub, ``organisation/model`` or
            ``organisation/model@revision``. The hub is asked for what was not fetched before.

    Raises:
        ConfigError: no such name or model, or no encoder. WeightsError: its weights are missing or
            damaged.
    """
    if not isinstance(encoder, str):
        check_part(encoder, Encoder, f"a name ({', '.join(ENCODERS)}) or an object of Encoder")
        return encoder
    if encoder in ENCODERS:
        return ENCODERS[encoder]()
    if not encoder or ("/" not in encoder and not Path(encoder).is_dir()):
        raise ConfigError(
            f"no encoder {encoder!r}; there are: {', '.join(ENCODERS)}, folders of models, and "
            "names of the hub such as google/siglip2-base-patch16-224"
        )
    return _pretrained(encoder)


def check_encoders(owner: str, encoders: object) -> None:
    """Check the attribute ``encoders`` of a retriever or an answerer.

    Raises:
        ConfigError: it holds something else.
    """
    given = encoders if isinstance(encoders, tuple | list) else (None,)
    if not all(isinstance(encoder, Encoder) for encoder in given):
        raise ConfigError(
            f"{owner}: encoders must be a tuple of Encoder objects, those whose features it reads; "
            f"got {encoders!r}"
        )


def distinct_encoders(encoders: Iterable[Encoder]) -> list[Encoder]:
    """Each of them once, in their order.

    Raises:
        ConfigError: two of one name give other vectors: features are told apart by name.
    """
    known: dict[str, Encoder] = {}
    for encoder in encoders:
        if known.setdefault(encoder.name, encoder).fingerprint != encoder.fingerprint:
            raise ConfigError(
                f"there are two encoders that are both called {encoder.name!r}, with the "
                f"fingerprints {known[encoder.name].fingerprint!r} and {encoder.fingerprint!r}; "
                "rename one of them"
            )
    return list(known.values())
