"""From a few words to what answers: a model, and what finds frames for it."""

from dataclasses import dataclass

from ntlbg.answerers import ANSWERERS, Answerer, Habits, load_answerer
from ntlbg.encoders import Encoder, check_encoders, distinct_encoders, load_encoder
from ntlbg.errors import ConfigError
from ntlbg.retrievers import Retriever, check_retriever, load_retriever
from ntlbg.retrievers.embedding import EmbeddingRetriever
from ntlbg.roles import check_part


@dataclass(frozen=True)
class System:
    """One of each role.

    Attributes:
        retriever: how likely each frame matters for a question.
        answerer: what the answer is.

    Raises:
        ConfigError: one of them is something else, or does not say what it is.
    """

    retriever: Retriever
    answerer: Answerer

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
    pristine: bool = False,
) -> System:
    """What answers, with its natural partners for whatever is not named.

    Args:
        model: a name in ANSWERERS, the folder of a model, an answerer of your own, or a system,
            which is returned as it is: it has its retriever, and no other is taken beside it.
        retriever: a name in RETRIEVERS, or one of your own; by default what the model itself says
            of frames, else the built-in one.
        encoder: a name in ENCODERS, or one of your own: relevance is how alike its vectors of
            pictures and texts are.
        pristine: without what ``ntlbg enrol`` was taught, see
            :func:`ntlbg.answerers.load_answerer`.

    Raises:
        ConfigError: an unknown name, no such part, both a retriever and an encoder, or one of
            them beside a system.
        WeightsError: weights are missing or damaged.
    """
    if isinstance(model, System):
        if retriever is not None or encoder is not None:
            raise ConfigError(
                f"system {model.name!r} has its retriever, {model.retriever.name!r}; give another "
                "retriever= or encoder= beside a model, or beside system.answerer"
            )
        return model
    if retriever is not None and encoder is not None:
        raise ConfigError("both a retriever and an encoder were given; give one of them")
    answerer = load_answerer(model, pristine=pristine) if isinstance(model, str) else model
    _check_answerer(answerer)
    if encoder is not None:
        retriever = EmbeddingRetriever(load_encoder(encoder))
    elif retriever is None:
        retriever = answerer.own_retriever() or "builtin"
    return System(load_retriever(retriever), answerer)
