"""The model that comes with the package."""

from pathlib import Path

from ntlbg.answerers.ntlbg import NtlbgAnswerer
from ntlbg.retrievers.builtin import load_builtin_retriever


def load_builtin_answerer(weights: Path | None = None, *, pristine: bool = False) -> NtlbgAnswerer:
    """The built-in model; the arguments are those of its retriever.

    Raises:
        WeightsError: its parts are missing and cannot be fetched.
    """
    retriever = load_builtin_retriever(weights, pristine=pristine)
    [encoder] = retriever.encoders
    return NtlbgAnswerer(retriever, name="builtin", fingerprint=encoder.fingerprint)
