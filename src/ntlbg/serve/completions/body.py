"""The body of a request, as clients of OpenAI send it: read, bounded, and refused in words."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import from_json

from ntlbg.serve.completions.refusals import Refused
from ntlbg.serve.films import MOST_MOMENTS

# Of a whole conversation with some pictures in it. Set by hand.
MOST_BYTES = 24 * 2**20
# Lists, objects and their members: a long conversation has some thousands, and of so many Python
# makes some megabytes.
MOST_MARKS = 200_000
MOST_MESSAGES = 1000
# Beyond what any model writes.
MOST_TOKENS = 1_000_000
# Fields that change no answer, and are not looked at.
IGNORED = (
    "user", "metadata", "store", "service_tier", "parallel_tool_calls", "safety_identifier",
    "prompt_cache_key", "prompt_cache_retention",
)  # fmt: skip
# Fields that would change an answer and are not supported, with the values by which they do not.
NEUTRAL: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "stop": ([],),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "modalities": (["text"],),
    "response_format": ({"type": "text"},),
}


class _Strict(BaseModel):
    """Numbers are not read from texts, and unknown names are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Text(_Strict):
    """A part of a message."""

    type: Literal["text"]
    text: str


class Place(_Strict):
    """Where something that is shown is; ``detail`` of pictures is not looked at."""

    url: str
    detail: Literal["auto", "low", "high"] | None = None


class PicturePart(_Strict):
    """A part of a message."""

    type: Literal["image_url"]
    image_url: Place


class FilmPart(_Strict):
    """A part of a message."""

    type: Literal["video_url"]
    video_url: Place


Part = Annotated[Text | PicturePart | FilmPart, Field(discriminator="type")]


def address_of(part: Part) -> str | None:
    """Of what a part shows; None of text."""
    if isinstance(part, FilmPart):
        return part.video_url.url
    return part.image_url.url if isinstance(part, PicturePart) else None


class Message(_Strict):
    """A turn; ``name`` is not looked at."""

    role: Literal["system", "developer", "user", "assistant"]
    content: list[Part]
    name: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _in_parts(cls, given: Any) -> Any:
        """Text is a list of one part; what clients leave empty is left out."""
        if not isinstance(given, dict):
            return given
        kept = {key: value for key, value in given.items() if value not in (None, [], {})}
        content = given.get("content")
        if isinstance(content, str):
            kept["content"] = [{"type": "text", "text": content}]
        elif content == [] or (content is None and given.get("role") == "assistant"):
            kept["content"] = []
        return kept

    @property
    def text(self) -> str:
        """All texts, each on lines of its own."""
        return "\n".join(part.text for part in self.content if isinstance(part, Text))


class Own(_Strict):
    """What other models do not have: the field ``ntlbg``.

    Attributes:
        video: the film, where no message names one.
        num_frames, max_visual_tokens, start_seconds, end_seconds, options: as of
            :func:`ntlbg.ask`.
        subtitles: a file of them, as films are named; "none" for none.
    """

    video: str | None = None
    num_frames: int | None = Field(None, ge=1, le=MOST_MOMENTS)
    max_visual_tokens: int | None = Field(None, ge=1, le=10**9)
    start_seconds: float | None = Field(None, ge=0, le=10**9)
    end_seconds: float | None = Field(None, ge=0, le=10**9)
    options: list[str] | None = None
    subtitles: str | None = None


class StreamOptions(_Strict):
    """Of a stream; ``include_obfuscation`` is not looked at."""

    include_usage: bool = False
    include_obfuscation: bool = False


class Body(_Strict):
    """All of it that is looked at."""

    model: str
    messages: list[Message] = Field(min_length=1, max_length=MOST_MESSAGES)
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()
    max_tokens: int | None = Field(None, ge=1, le=MOST_TOKENS)
    max_completion_tokens: int | None = Field(None, ge=1, le=MOST_TOKENS)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    seed: int | None = None
    ntlbg: Own = Own()


def read_body(content: bytes) -> Body:
    """What is asked for.

    Raises:
        Refused: it is no request, or asks for what there is not.
    """
    given = _json_object(content)
    given = {key: value for key, value in given.items() if value is not None}  # as left out
    for name in given.keys() - Body.model_fields.keys() - set(IGNORED):
        _check_neutral(name, given.pop(name))
    known = {key: value for key, value in given.items() if key in Body.model_fields}
    try:
        return Body.model_validate(known)
    except ValidationError as error:
        raise _refusal(error) from error


def _json_object(content: bytes) -> dict[str, Any]:
    if sum(map(content.count, (b"{", b"[", b","))) > MOST_MARKS:
        raise Refused(f"the body has more than {MOST_MARKS:,} of {{ [ and , together; send less")
    try:
        given = from_json(content, allow_inf_nan=False)
    except ValueError as error:
        raise Refused(
            f"the body is no JSON ({error}); send an object", code="invalid_json"
        ) from None
    if not isinstance(given, dict):
        raise Refused("the body is JSON, but no object; send an object with model and messages")
    return given


def _check_neutral(name: str, value: Any) -> None:
    accepted = NEUTRAL.get(name)
    if accepted is None:
        takes = ", ".join(Body.model_fields)
        raise Refused(
            f"no field {name!r:.100}; a request takes {takes}", param=name[:100],
            code="unknown_parameter",
        )  # fmt: skip
    # True is 1 to Python, and is not meant
    if not any(
        value == one and isinstance(value, bool) == isinstance(one, bool) for one in accepted
    ):
        only = " or ".join(map(repr, accepted))
        raise Refused(
            f"{name} is {value!r:.100}, which is not supported; leave it out, or give {only}",
            param=name, code="unsupported_parameter",
        )  # fmt: skip


def _refusal(error: ValidationError) -> Refused:
    """The first of what is wrong."""
    [first, *rest] = error.errors(include_url=False, include_input=False, include_context=False)
    place = ".".join(map(str, first["loc"]))[:200]
    more = f" (and {len(rest)} more)" if rest else ""
    return Refused(f"{place}: {first['msg']}{more}", param=place, code="invalid_value")
