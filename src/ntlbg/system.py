"""From a few words to what answers: a model, and what finds frames for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ntlbg.answerers import ANSWERERS, Answerer, Habits, load_answerer
from ntlbg.encoders import (
    Encoder,
    check_encoders,
    distinct_encoders,
    is_fetched,
    load_encoder,
)
from ntlbg.errors import ConfigError, WeightsError
from ntlbg.retrievers import Retriever, check_retriever, load_retriever
from ntlbg.retrievers.coverage import CoverageRetriever
from ntlbg.retrievers.embedding import EmbeddingRetriever
from ntlbg.retrievers.fuse import FusedRetriever
from ntlbg.retrievers.passages import PassagesRetriever, has_words
from ntlbg.roles import check_part
from ntlbg.text.meaning import TextEncoder, text_encoder_loader
from ntlbg.types import VideoIndex


@dataclass(frozen=True)
class System:
    """One of each role.

    Attributes:
        retriever: how likely each frame matters for a question.
        answerer: what the answer is.
        notes: what is to be said with every answer, a sentence each.
        words: which of what is said and written a question is about.

    Raises:
        ConfigError: one of them is something else, or does not say what it is.
    """

    retriever: Retriever
    answerer: Answerer
    notes: tuple[str, ...] = ()
    words: PassagesRetriever = field(default_factory=lambda: _words(None))

    def __post_init__(self):
        check_retriever(self.retriever)
        _check_answerer(self.answerer)

    @property
    def name(self) -> str:
        """Of the answerer, for people."""
        return self.answerer.name

    @property
    def fingerprint(self) -> str:
        """Changes when answers would."""
        return self.answerer.fingerprint

    @property
    def habits(self) -> Habits:
        """What is looked at and chosen where nobody says."""
        return self.answerer.habits

    @property
    def seen_by(self) -> list[str]:
        """Fingerprints of what finds the frames."""
        return [encoder.fingerprint for encoder in self.retriever.encoders]

    @property
    def finds_frames_itself(self) -> bool:
        """Whether the answerer's own view of the frames chooses them."""
        own = self.answerer.own_retriever()
        return own is not None and System(own, self.answerer).seen_by == self.seen_by

    def retriever_of(self, index: VideoIndex) -> Retriever:
        """What finds frames of this video: where something is said, by that too."""
        return FusedRetriever(self.retriever, self.words) if has_words(index) else self.retriever

    @property
    def encoders(self) -> list[Encoder]:
        """All whose features are read, each once; first that by which frames are told apart."""
        return distinct_encoders((*self.retriever.encoders, *self.answerer.encoders))


def _check_answerer(answerer: object) -> None:
    names = f"a name ({', '.join(ANSWERERS)}), the folder of a model as text"
    check_part(answerer, Answerer, f"{names}, an object of Answerer or a System")
    assert isinstance(answerer, Answerer)
    check_encoders(f"answerer {answerer.name!r}", answerer.encoders)


def load_system(
    model: "str | Answerer | System" = "builtin",
    *,
    retriever: str | Retriever | None = None,
    encoder: str | Encoder | None = None,
    endpoint: str | None = None,
    model_options: Mapping[str, Any] | None = None,
    text_encoder: str | TextEncoder | None = None,
    pristine: bool = False,
) -> System:
    """What answers, with its natural partners for whatever is not named.

    Args:
        model: ``builtin``, the folder of a model, the hub id of one, a ``.gguf`` file,
            ``openai:NAME`` for a model of a server, an answerer of your own, or a system, which is
            returned as it is: it has its retriever, and no other is taken beside it.
        retriever: a name in RETRIEVERS, or one of your own; by default what the model itself says
            of frames, else the built-in one.
        encoder: as :func:`ntlbg.encoders.load_encoder` takes it, or one of your own: relevance is
            how alike its vectors of pictures and texts are. By one that knows pictures only frames
            are chosen that cover the video, and a note says so.
        endpoint: address of the server, as in ``http://localhost:8000/v1``.
        model_options: of the answerer, by name; a wrong name is answered with those it has.
        text_encoder: as :func:`ntlbg.text.meaning.load_text_encoder` takes it, or one of your own:
            finds what is said and written about a question. By default all-MiniLM-L6-v2 where it
            was fetched (`ntlbg fetch text`), else shared words.
        pristine: without what ``ntlbg enrol`` was taught, see
            :func:`ntlbg.answerers.load_answerer`.

    Raises:
        ConfigError: an unknown name, no such part, both a retriever and an encoder, or one of
            them beside a system.
        WeightsError: weights are missing or damaged.
    """
    if isinstance(model, System):
        beside = retriever, encoder, endpoint, model_options or None, text_encoder
        if any(part is not None for part in beside):
            raise ConfigError(
                f"system {model.name!r} has its retriever, {model.retriever.name!r}; give another "
                "retriever=, encoder= or text_encoder= beside a model, or beside system.answerer"
            )
        return model
    if retriever is not None and encoder is not None:
        raise ConfigError("both a retriever and an encoder were given; give one of them")
    if isinstance(model, str):
        answerer = load_answerer(model, endpoint=endpoint, options=model_options, pristine=pristine)
    elif endpoint is not None or model_options:
        raise ConfigError(
            "an endpoint or model options were given, but the model is loaded already"
        )
    else:
        answerer = model
    _check_answerer(answerer)
    if encoder is not None:
        retriever = _by_encoder(load_encoder(encoder))
    elif retriever is None:
        retriever = answerer.own_retriever()
    words = _words(text_encoder)
    if retriever is None:
        return System(*_natural_partner(answerer), words)
    return System(load_retriever(retriever), answerer, words=words)


def _words(encoder: str | TextEncoder | None) -> PassagesRetriever:
    """By what passages mean, as far as an encoder is at hand; loaded when it is needed."""
    return PassagesRetriever(text_encoder_loader(encoder))


# What finds frames for a model that has no opinion of its own: it knows most of what people film.
NATURAL_ENCODER = "siglip2"


def _natural_partner(answerer: Answerer) -> tuple[Retriever, Answerer, tuple[str, ...]]:
    """SigLIP 2 where it was fetched before, or a hub may be asked; else the built-in encoder.

    A hub may be asked where the model itself was named as there.
    """
    why = "was not fetched before"
    if answerer.is_of_the_hub or is_fetched(NATURAL_ENCODER):
        try:
            return _by_encoder(load_encoder(NATURAL_ENCODER)), answerer, ()
        except (ConfigError, WeightsError) as error:
            why = f"cannot be loaded ({error})"
    note = (
        "the built-in encoder found the frames, which knows drawn objects and few others, since "
        f"{NATURAL_ENCODER} {why}; name it once with --encoder {NATURAL_ENCODER}, or another"
    )
    return load_retriever("builtin"), answerer, (note,)


def _by_encoder(encoder: Encoder) -> Retriever:
    """By likeness of pictures and texts, where it knows both."""
    if encoder.encode_text(["a"]) is None:
        return CoverageRetriever(encoder)
    return EmbeddingRetriever(encoder)
