"""An answer as clients of OpenAI read it, with its evidence in a field of our own."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ntlbg.types import Answer

# Of an answer, told in the field ``ntlbg``.
TOLD = ("evidence", "quotations", "found", "notes", "usage", "options", "option_scores")
# Reasons for an end that clients know; a text that ended for another one has ended.
REASONS = ("stop", "length", "content_filter")


@dataclass(frozen=True)
class Completion:
    """One answer, whole or in chunks.

    Attributes:
        model: as it was asked for.
        with_usage: in chunks, the last of them tells tokens.
        unit: of scores; called when there is an answer.
    """

    model: str
    with_usage: bool
    unit: Callable[[], str]
    id: str = field(default_factory=lambda: f"chatcmpl-{secrets.token_hex(12)}")
    created: int = field(default_factory=lambda: int(time.time()))

    def whole(self, answer: Answer) -> dict[str, Any]:
        """All at once."""
        message = {"role": "assistant", "content": answer.text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _end(answer)}
        more = {"usage": usage_of(answer), "ntlbg": told(answer, self.unit())}
        return self._object("chat.completion", [choice], more)

    def chunk(self, delta: dict[str, Any]) -> dict[str, Any]:
        """A piece."""
        return self._chunk(delta, None)

    def last(self, answer: Answer) -> dict[str, Any]:
        """Why it ended, and what it rests on."""
        return self._chunk({}, _end(answer)) | {"ntlbg": told(answer, self.unit())}

    def usage(self, answer: Answer) -> dict[str, Any]:
        """What it took, where that is asked for."""
        return self._object("chat.completion.chunk", [], {"usage": usage_of(answer)})

    def _chunk(self, delta: dict[str, Any], end: str | None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": end}
        more = {"usage": None} if self.with_usage else {}
        return self._object("chat.completion.chunk", [choice], more)

    def _object(self, kind: str, choices: list, more: dict[str, Any]) -> dict[str, Any]:
        head = {"id": self.id, "object": kind, "created": self.created, "model": self.model}
        return {**head, "choices": choices, **more}


def _end(answer: Answer) -> str:
    reason = answer.usage["finish_reason"]
    return reason if reason in REASONS else "stop"


def usage_of(answer: Answer) -> dict[str, Any]:
    """Tokens; 0 where nobody counted them, which a note tells."""
    prompt, written = answer.usage["prompt_tokens"] or 0, answer.usage["answer_tokens"] or 0
    tokens = {"prompt_tokens": prompt, "completion_tokens": written}
    visual = answer.usage["visual_tokens"]
    more = {} if visual is None else {"prompt_tokens_details": {"visual_tokens": visual}}
    return {**tokens, "total_tokens": prompt + written, **more}


def told(answer: Answer, unit: str) -> dict[str, Any]:
    """What the answer rests on; scores of evidence are in ``unit``."""
    record = answer.to_dict()
    notes = [*answer.notes, *_uncounted(answer)]
    return {**{name: record[name] for name in TOLD}, "notes": notes, "unit": unit}


def _uncounted(answer: Answer) -> list[str]:
    unknown = [
        f"{name}_tokens"
        for name, counted in (("prompt", "prompt_tokens"), ("completion", "answer_tokens"))
        if answer.usage[counted] is None
    ]
    if not unknown:
        return []
    return [f"{' and '.join(unknown)} of usage were not counted, and are told as 0"]
