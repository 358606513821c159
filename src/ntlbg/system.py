"""From a few words to what answers: a model, and what finds frames for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ntlbg.answerers import Answerer, Habits, load_answerer
from ntlbg.encoders import Encoder, load_encoder
from ntlbg.errors import ConfigError
from ntlbg.retrievers import Retriever, load_retriever
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
    def seen_by(self) -> list[str]:
        """Fingerprints of what finds the frames."""
        return [encoder.fingerprint for encoder in self.retriever.encoders]

    @property
    def finds_frames_itself(self) -> bool:
        """Whether the answerer's own view of the frames chooses them."""
        own = self.answerer.own_retriever()
        return own is not None and System(own, self.answerer).seen_by == self.seen_by

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
    endpoint: str | None = None,
    model_options: Mapping[str, Any] | None = None,
    pristine: bool = False,
) -> System:
    """What answers, with its natural partners for whatever is not named.

    Args:
        model: ``builtin``, the folder of a model, the hub id of one, a ``.gguf`` file,
            ``openai:NAME`` for a model of a server, an answerer of your own, or a system, which is
            returned as it is.
        retriever: a name in RETRIEVERS, or one of your own; by default what the model itself says
            of frames, else the built-in one.
        encoder: a name in ENCODERS, or one of your own: relevance is how alike its vectors of
            pictures and texts are.
        endpoint: address of the server, as in ``http://localhost:8000/v1``.
        model_options: of the answerer, by name; a wrong name is answered with those it has.
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
    if isinstance(model, str):
        answerer = load_answerer(model, endpoint=endpoint, options=model_options, pristine=pristine)
    elif endpoint is not None or model_options:
        raise ConfigError(
            "an endpoint or model options were given, but the model is loaded already"
        )
    else:
        answerer = model
    if encoder is not None:
        retriever = EmbeddingRetriever(load_encoder(encoder))
    elif retriever is None:
        retriever = answerer.own_retriever() or "builtin"
    return System(load_retriever(retriever), answerer)
