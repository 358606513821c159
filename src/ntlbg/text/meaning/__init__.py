"""Sentences to vectors: passages that mean alike lie close. ``TEXT_ENCODERS`` is the whole menu.

Unlike an ``Encoder``, which sees pictures, a ``TextEncoder`` reads what is said and written.

N texts, D feature size.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ntlbg.downloads import missing_parts
from ntlbg.errors import ConfigError
from ntlbg.roles import check_part


class TextEncoder(ABC):
    """What does this sentence mean, as a vector? One method has to be written: ``encode``.

    Attributes:
        name: as in TEXT_ENCODERS; says how sure its likeness makes (``ntlbg.text.meaning.sure``).
        fingerprint: changes whenever its vectors would; keys what is kept of them.
        feature_size: D.
        languages: codes of the languages it reads, as ``Intent.language``; empty: any that the
            user named it for.
    """

    name: str
    fingerprint: str
    feature_size: int
    languages: tuple[str, ...] = ()

    @abstractmethod
    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """float32 (N, D) of unit length, of passages."""

    def encode_questions(self, texts: Sequence[str]) -> np.ndarray:
        """float32 (N, D) of unit length, of questions; some models read them in another way."""
        return self.encode(texts)

    def reads_all_of(self, question: str) -> bool:
        """Whether it reads a question to its end."""
        return True

    def reads(self, language: str) -> bool:
        """Whether it knows this language."""
        return not self.languages or language in self.languages


def _minilm() -> TextEncoder:
    from ntlbg.text.meaning.minilm import load_minilm

    return load_minilm()


def _pretrained(source: str) -> TextEncoder:
    from ntlbg.text.meaning.loading import load_sentence_encoder

    return load_sentence_encoder(source)


# English. For other languages a model has to be named, as intfloat/multilingual-e5-small: no wheel
# ships one that transformers reads.
PART = "text"  # as `ntlbg fetch` calls it
DEFAULT_TEXT_ENCODER = "all-MiniLM-L6-v2"
TEXT_ENCODERS: dict[str, Callable[[], TextEncoder]] = {DEFAULT_TEXT_ENCODER: _minilm}


def text_encoder_at_hand() -> TextEncoder | None:
    """The default one where `ntlbg fetch text` was run before; nothing is fetched for it."""
    return None if missing_parts([PART]) else load_text_encoder(DEFAULT_TEXT_ENCODER)


def load_text_encoder(encoder: str | TextEncoder) -> TextEncoder:
    """The text encoder of this name; one of your own is returned as it is.

    Args:
        encoder: a name in TEXT_ENCODERS, the folder of a model of sentence-transformers, or its
            name on the hub, ``organisation/model`` or ``organisation/model@revision``. The hub is
            asked for what was not fetched before.

    Raises:
        ConfigError: no such name or model, or no text encoder. WeightsError: its weights are
            missing or damaged.
    """
    if not isinstance(encoder, str):
        names = ", ".join(TEXT_ENCODERS)
        check_part(encoder, TextEncoder, f"a name ({names}) or an object of TextEncoder")
        return encoder
    if encoder in TEXT_ENCODERS:
        return TEXT_ENCODERS[encoder]()
    if not encoder or ("/" not in encoder and not Path(encoder).is_dir()):
        raise ConfigError(
            f"no text encoder {encoder!r}; there are: {', '.join(TEXT_ENCODERS)}, folders of "
            "models of sentence-transformers, and names of the hub such as "
            "intfloat/multilingual-e5-small"
        )
    return _pretrained(encoder)


def text_encoder_loader(encoder: str | TextEncoder | None) -> Callable[[], TextEncoder | None]:
    """What gives it when it is needed: one that is named is loaded now, so that it is checked.

    Args:
        encoder: as of :func:`load_text_encoder`; None for the one at hand, if there is any.

    Raises:
        ConfigError, WeightsError: as :func:`load_text_encoder`.
    """
    if encoder is None:
        return text_encoder_at_hand
    loaded = load_text_encoder(encoder)
    return lambda: loaded
