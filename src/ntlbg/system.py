"""From a few words to what answers: a model, and what finds frames for it."""

from dataclasses import dataclass

from ntlbg.answerers import Answerer, Habits, load_answerer
from ntlbg.encoders import Encoder, load_encoder
from ntlbg.errors import ConfigError
from ntlbg.retrievers import Retriever, load_retriever
from ntlbg.retrievers.coverage import CoverageRetriever
from ntlbg.retrievers.embedding import EmbeddingRetriever


@dataclass(frozen=True)
class System:
    """One of each role.

    Attributes:
        retriever: how likely each frame matters for a question.
        answerer: what the answer is.
    """

    retriever: Retriever
    answerer: Answerer

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
    def encoders(self) -> list[Encoder]:
        """All whose features are read, each once; first that by which frames are told apart."""
        known: dict[str, Encoder] = {}
        for encoder in (*self.retriever.encoders, *self.answerer.encoders):
            other = known.setdefault(encoder.name, encoder)
            if other.fingerprint != encoder.fingerprint:
                raise ConfigError(
                    f"retriever {self.retriever.name!r} and model {self.name!r} read features of "
                    f"two encoders that are both called {encoder.name!r}; rename one of them"
                )
        return list(known.values())


def load_system(
    model: "str | Answerer | System" = "builtin",
    *,
    retriever: str | Retriever | None = None,
    encoder: str | Encoder | None = None,
    pristine: bool = False,
) -> System:
    """What answers, with its natural partners for whatever is not named.

    Args:
        model: a name in ANSWERERS, the folder of a model, an answerer of your own, or a system,
            which is returned as it is.
        retriever: a name in RETRIEVERS, or one of your own; by default what the model itself says
            of frames, else the built-in one.
        encoder: as :func:`ntlbg.encoders.load_encoder` takes it, or one of your own: relevance is
            how alike its vectors of pictures and texts are. By one that knows pictures only frames
            are chosen that cover the video, and a note says so.
        pristine: without what ``ntlbg enrol`` was taught, see
            :func:`ntlbg.answerers.load_answerer`.

    Raises:
        ConfigError: an unknown name, both a retriever and an encoder, or either for a system.
        WeightsError: weights are missing or damaged.
    """
    if isinstance(model, System):
        if retriever is not None or encoder is not None:
            raise ConfigError(
                f"system {model.name!r} has a retriever; give it or an encoder to load_system, "
                "with the model, and not beside the system"
            )
        return model
    if retriever is not None and encoder is not None:
        raise ConfigError("both a retriever and an encoder were given; give one of them")
    answerer = load_answerer(model, pristine=pristine) if isinstance(model, str) else model
    if encoder is not None:
        retriever = _by_encoder(load_encoder(encoder))
    elif retriever is None:
        retriever = answerer.own_retriever() or "builtin"
    return System(load_retriever(retriever), answerer)


def _by_encoder(encoder: Encoder) -> Retriever:
    """By likeness of pictures and texts, where it knows both."""
    if encoder.encode_text(["a"]) is None:
        return CoverageRetriever(encoder)
    return EmbeddingRetriever(encoder)
