"""From a few words to what answers: a model, and what finds frames for it."""

from collections.abc import Mapping
from dataclasses import dataclass

from ntlbg.answerers import Answerer, Habits, load_answerer
from ntlbg.encoders import ENCODERS, Encoder
from ntlbg.errors import ConfigError
from ntlbg.retrievers import RETRIEVERS, Retriever
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
        encoder: a name in ENCODERS, or one of your own: relevance is how alike its vectors of
            pictures and texts are.
        pristine: without what ``ntlbg enrol`` was taught, see
            :func:`ntlbg.answerers.load_answerer`.

    Raises:
        ConfigError: an unknown name, or both a retriever and an encoder.
        WeightsError: weights are missing or damaged.
    """
    if isinstance(model, System):
        return model
    if retriever is not None and encoder is not None:
        raise ConfigError("both a retriever and an encoder were given; give one of them")
    answerer = load_answerer(model, pristine=pristine) if isinstance(model, str) else model
    own: Retriever | None = _named(retriever, RETRIEVERS, "retriever")
    if encoder is not None:
        own = EmbeddingRetriever(_named(encoder, ENCODERS, "encoder"))
    return System(own or answerer.own_retriever() or RETRIEVERS["builtin"](), answerer)


def _named(wanted, menu: Mapping, role: str):
    if not isinstance(wanted, str):
        return wanted
    if wanted not in menu:
        raise ConfigError(f"no {role} {wanted!r}; there are: {', '.join(menu)}")
    return menu[wanted]()
