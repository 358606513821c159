"""What a client may ask for, checked before it waits in the queue."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ntlbg.question import checked_question
from ntlbg.serve.web.replies import Refused

# Far above any video, and below where numbers lose their meaning: a year. By hand.
MOST_SECONDS = 366 * 86400.0
# Frames that one question may choose: more than any model reads that was run here. By hand.
MOST_FRAMES = 1024
# What each kind of job takes beside its kind and its film; nothing is taken that does nothing.
OF_MODELS = {"model", "encoder", "listen", "read_screen"}
TAKES = {
    "ask": OF_MODELS | {"question", "options", "num_frames", "max_visual_tokens", "start_seconds",
                        "end_seconds", "after"},
    "index": OF_MODELS,
    "clips": {"record"},
}  # fmt: skip
Seconds = Annotated[float, Field(ge=0, le=MOST_SECONDS, allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1, max_length=4096)]


class Asked(BaseModel):
    """The body of POST /api/jobs."""

    model_config = ConfigDict(extra="forbid", strict=True)

    kind: Literal["ask", "index", "clips"]
    film: Name
    question: str | None = Field(None, max_length=20_000)
    options: list[str] | None = Field(None, max_length=100)
    num_frames: int | None = Field(None, ge=1, le=MOST_FRAMES)
    max_visual_tokens: int | None = Field(None, ge=1, le=10_000_000)
    start_seconds: Seconds | None = None
    end_seconds: Seconds | None = None
    model: Name | None = None
    encoder: Name | None = None
    listen: bool = False
    read_screen: bool = False
    after: Name | None = None
    record: Name | None = None

    @property
    def streams(self) -> list[str]:
        """That are to be listened to: names in LISTENERS."""
        return ["speech"] * self.listen + ["screen"] * self.read_screen


def read_asked(body: Any) -> Asked:
    """A request for a job, as far as it can be judged without its film.

    Raises:
        Refused: it is none; says in words what is wrong with it. QuestionError: the question or its
        options cannot be used.
    """
    if not isinstance(body, dict):
        raise Refused(400, "the body is no JSON object; give one such as {kind: ..., film: ...}")
    try:
        asked = Asked(**body)
    except (ValidationError, TypeError) as error:  # TypeError: an odd key
        raise Refused(400, _in_words(error)) from error
    given = {name for name, value in asked if value not in (None, False)} - {"kind", "film"}
    if given - TAKES[asked.kind]:
        raise Refused(
            400, f"{asked.kind} has no use for {', '.join(sorted(given - TAKES[asked.kind]))}; it "
            f"takes {', '.join(sorted(TAKES[asked.kind]))}"
        )  # fmt: skip
    if asked.kind == "ask":
        checked_question(asked.question or "", asked.options)
    if asked.kind == "clips" and asked.record is None:
        raise Refused(400, "record is missing; give the id of an answered question")
    start, end = asked.start_seconds or 0.0, asked.end_seconds
    if end is not None and end <= start:
        raise Refused(
            400, f"start_seconds is {start:g}, end_seconds {end:g}; give a start before the end"
        )
    return asked


def _in_words(error: ValidationError | TypeError) -> str:
    if isinstance(error, TypeError):
        return "a key is no name; give those that /openapi.json lists"
    return "; ".join(
        f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_url=False)
    )
