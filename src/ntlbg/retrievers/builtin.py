"""NTLBG attention of the model that comes with the package, and all the words that it knows."""

from functools import cache
from pathlib import Path

from ntlbg.encoders.builtin import BuiltinEncoder
from ntlbg.models.builtin.enrolment import load_or_reencode_objects
from ntlbg.models.builtin.imagenet_expert import load_imagenet_expert
from ntlbg.models.builtin.loading import load_builtin, weights_fingerprint
from ntlbg.models.builtin.open_vocabulary import OpenVocabulary
from ntlbg.retrievers.ntlbg import NtlbgRetriever


@cache
def load_builtin_retriever(
    weights: Path | None = None, *, pristine: bool = False
) -> NtlbgRetriever:
    """The built-in retriever, or the same with other trained weights; loaded once per process.

    Args:
        weights: a file of trained weights.
        pristine: without what ``ntlbg enrol`` was taught.

    Raises:
        WeightsError: its parts are missing and cannot be fetched.
    """
    model, processor = load_builtin(weights)
    expert = load_imagenet_expert(model.vision_tower.config)
    encoder = BuiltinEncoder(model.vision_tower, weights_fingerprint(weights), expert)
    objects = []
    if not pristine:
        objects = load_or_reencode_objects(
            encoder.encode_frames, image_size=encoder.image_size, fingerprint=encoder.weights
        )
    vocabulary = OpenVocabulary(model, processor, expert.words, objects)
    return NtlbgRetriever(model, processor, encoder, vocabulary=vocabulary)
