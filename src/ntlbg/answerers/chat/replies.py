"""What servers send, read leniently: fields that are not needed may be missing or be anything."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class _Piece(BaseModel):
    """Of a text in several pieces, as reasoning models of Mistral send it."""

    type: str | None = None
    text: str | None = None


class Message(BaseModel):
    """What was written: a whole reply, or the next few words."""

    content: str | list[_Piece] | None = None
    refusal: str | None = None

    @property
    def text(self) -> str:
        """Without what the model thought before."""
        if isinstance(self.content, list):
            return "".join(piece.text or "" for piece in self.content if piece.type == "text")
        return self.content or self.refusal or ""


class _Likely(BaseModel):
    token: str
    logprob: float


class _Token(BaseModel):
    top_logprobs: list[_Likely] | None = None


class _Logprobs(BaseModel):
    content: list[_Token] | None = None


class _Choice(BaseModel):
    message: Message | None = None
    delta: Message | None = None
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


def _counted(value: Any) -> int | None:
    """What is no count is none; a server that counts badly may answer well."""
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    return value if type(value) is int and value >= 0 else None


_Tokens = Annotated[int | None, BeforeValidator(_counted)]


class _Usage(BaseModel):
    prompt_tokens: _Tokens = None
    completion_tokens: _Tokens = None


def _object(value: Any) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


class Reply(BaseModel):
    """A whole reply, or a part of one that comes in a stream."""

    model_config = ConfigDict(extra="allow")  # the words of an error that is not below ``error``

    choices: list[_Choice] | None = None
    usage: Annotated[_Usage | None, BeforeValidator(_object)] = None
    object: Any = None
    error: Any = None

    @property
    def is_error(self) -> bool:
        """As most servers send it, or as older ones of vLLM do."""
        return bool(self.error) or self.object == "error"


class Count(BaseModel):
    """How long a prompt is."""

    input_tokens: int = Field(ge=1)


class _Meta(BaseModel):
    n_ctx: int | None = None


class _Architecture(BaseModel):
    input_modalities: list[str] | None = None


class ListedModel(BaseModel):
    """One model of a server's list."""

    id: str = ""
    aliases: list[str] | None = None
    owned_by: str | None = None
    max_model_len: int | None = None
    meta: _Meta | None = None
    architecture: _Architecture | None = None

    @property
    def context_length(self) -> int | None:
        """As llama.cpp says it, or vLLM; None: not said."""
        return (self.meta and self.meta.n_ctx) or self.max_model_len

    @property
    def modalities(self) -> Sequence[str]:
        """What it reads, as in "text" and "image"; empty: not said."""
        return (self.architecture and self.architecture.input_modalities) or ()


class ModelList(BaseModel):
    """Those that a server names."""

    data: list[ListedModel] = Field(default_factory=list)


@dataclass(frozen=True)
class Completion:
    """What a model wrote, and what it read for it.

    Attributes:
        text: without what it thought before.
        finish_reason: as the server says; None: it does not.
        prompt_tokens, answer_tokens: None where the server does not count.
        first_token: (token, log probability) of those likeliest to come first; empty unless they
            were asked for.
    """

    text: str
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    answer_tokens: int | None = None
    first_token: tuple[tuple[str, float], ...] = ()


@dataclass
class Growing:
    """A completion while it comes in.

    Attributes:
        on_text: called with each piece.
    """

    on_text: Callable[[str], None] | None = None
    finish_reason: str | None = None
    _pieces: list[str] = field(default_factory=list)
    _first_token: tuple[tuple[str, float], ...] = ()
    _usage: _Usage = field(default_factory=_Usage)

    @property
    def is_shown(self) -> bool:
        """Whether somebody has read some of it."""
        return self.on_text is not None and bool(self._pieces)

    def add(self, reply: Reply) -> None:
        """A whole reply, or the next part."""
        self._usage = reply.usage or self._usage
        for choice in reply.choices or ():
            self.finish_reason = choice.finish_reason or self.finish_reason
            if not self._pieces:
                self._first_token = self._first_token or _first_token(choice.logprobs)
            message = choice.message or choice.delta
            if message is not None and message.text:
                self._pieces.append(message.text)
                if self.on_text is not None:
                    self.on_text(message.text)

    def completion(self) -> Completion:
        """Of all that came; no server reads nothing, so that 0 tokens are not counted ones."""
        usage = self._usage
        return Completion(
            "".join(self._pieces).strip(), self.finish_reason, usage.prompt_tokens or None,
            usage.completion_tokens, self._first_token,
        )  # fmt: skip


def _first_token(logprobs: _Logprobs | None) -> tuple[tuple[str, float], ...]:
    tokens = (logprobs and logprobs.content) or ()
    likely = tokens[0].top_logprobs if tokens else None
    return tuple((item.token, item.logprob) for item in likely or ())
