"""Whether a server read what was sent: what it says of an answer, held against the plan."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ntlbg.answerers.chat.client import ChatClient, Request
from ntlbg.answerers.chat.counts import PictureCounts
from ntlbg.answerers.chat.replies import Completion
from ntlbg.errors import EndpointError
from ntlbg.types import Plan

# How far what a server says it read may be from what was planned: half a picture, which is less
# than any that was left out, and this share of all, for a template that writes a little more.
SLACK_SHARE = 0.02
NOT_COUNTED = "the server does not say how many tokens it read, so that the budget was not checked"
COUNTED_BEFORE = (
    "the server does not say how many tokens it read; they are as it counted them before"
)


@dataclass(frozen=True)
class Asked:
    """A completion, and what its pictures took; None: nobody says."""

    done: Completion
    visual_tokens: int | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Checking:
    """Of one model of a server.

    Attributes:
        name: of the model, for people.
        context_length: tokens that it reads at once; None: not known.
    """

    client: ChatClient
    counts: PictureCounts
    name: str
    context_length: int | None

    def slack(self, plan: Plan) -> int:
        """Half a picture, and a fiftieth of all."""
        return int(plan.visual_tokens * (0.5 / max(plan.num_frames, 1) + SLACK_SHARE))

    def counted_before(self, request: Request, beside: Request, plan: Plan) -> int | None:
        """Tokens of a prompt that nobody read yet, where they are what was planned; else None.

        An answer to it can be shown while it is written, as no cap and no context is exceeded.
        """
        text = self.client.count_unread(beside)
        whole = None if text is None else self.client.count_unread(request)
        if text is None or whole is None or whole > (self.context_length or math.inf):
            return None
        least = plan.visual_tokens - self.slack(plan)
        return whole if least <= whole - text <= plan.visual_tokens else None

    def checked(self, done: Completion, plan: Plan, beside: Mapping[str, Any]) -> Asked:
        """What was read must be what was planned, and no more than the model can read.

        Raises:
            EndpointError: it is not.
        """
        if (done.prompt_tokens or 0) > (self.context_length or math.inf):
            raise EndpointError(
                f"{self.client.address}: was sent {done.prompt_tokens} tokens, {self.name!r} reads "
                f"{self.context_length}, so that its answer does not count; give fewer frames or "
                "--max-visual-tokens, or --model-option context_length if it reads more"
            )
        if done.prompt_tokens is None:
            return Asked(done, None, (NOT_COUNTED,))
        if not self.counts.is_counted:
            self.counts.forget()  # now it counts
            return Asked(done, None, (NOT_COUNTED,))
        text = self.client.count(beside)
        if text is None:
            return Asked(done, None, (NOT_COUNTED,))
        used = done.prompt_tokens - text
        if abs(used - plan.visual_tokens) <= self.slack(plan):
            return Asked(done, used)
        return self._counted_anew(Asked(done, used), used, plan)

    def _counted_anew(self, asked: Asked, used: int, plan: Plan) -> Asked:
        """What was planned by old counts, of a server that was started anew, may be too much."""
        self.counts.forget()
        said = (
            f"{self.client.address}: read {used} tokens of pictures, {plan.visual_tokens} were "
            "planned"
        )
        if used > plan.visual_tokens:
            raise EndpointError(
                f"{said}, so that its answer does not count; pictures will be counted anew: ask "
                "again"
            )
        tokens = self.counts.of(plan.num_frames, plan.height, plan.width)
        if abs(used - tokens) > self.slack(replace(plan, visual_tokens=tokens)):
            raise EndpointError(
                f"{said}: {self.name!r} saw less than was sent, so that its answer does not count; "
                "let the server read longer prompts, or give fewer frames or --max-visual-tokens"
            )
        note = (
            f"pictures take {tokens} tokens, {plan.visual_tokens} were planned as the server "
            "counted before; ask again, and more or larger ones may fit"
        )
        return replace(asked, notes=(*asked.notes, note))
