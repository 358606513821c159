"""Asks a model behind a chat interface, whoever serves it.

What a picture costs is asked of the server itself, and what it says of an answer must agree with
that: a server that silently cuts a prompt gives an error, not an answer.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from ntlbg.answerers import TURN_TOKENS, Answerer, Habits, Wants
from ntlbg.answerers.chat.checking import COUNTED_BEFORE, Asked, Checking
from ntlbg.answerers.chat.client import ChatClient, Request
from ntlbg.answerers.chat.counts import PictureCounts
from ntlbg.answerers.chat.errors import ContextOverflow
from ntlbg.answerers.chat.letters import letter_chances, read_choice
from ntlbg.answerers.chat.messages import Writing
from ntlbg.answerers.chat.replies import Completion
from ntlbg.answerers.content import (
    LONGEST_ANSWER_TOKENS,
    NUM_FRAMES,
    VISUAL_TOKENS,
    question_text,
    resized,
    told_text,
)
from ntlbg.answerers.model_options import ModelOptions
from ntlbg.generation import Generation
from ntlbg.pictures import JPEG_QUALITY, fit_within
from ntlbg.types import AnswerInput, Plan, Question, Reply, Turn

# Longer sides of pictures in pixels, each with about two thirds of the tokens of the one before.
# Few, because every one that is tried is asked of the server; multiples of 28 or 32, in which most
# models see; down to 112, where a face can just be told.
LONGEST_SIDES = (1280, 1120, 896, 784, 672, 560, 448, 336, 280, 224, 168, 112)
# Where a server counts nothing: 32 pictures of it are 8192 tokens of Qwen2-VL, as usual.
UNCOUNTED_SIDE = 448
# A question of fewer bytes than this share of the context cannot take more of it, and need not be
# counted: no token is less than a byte.
UNCOUNTED_SHARE = 1 / 16
# As many as OpenAI and vLLM list; letters are among them, or are far from likely.
TOP_TOKENS = 20
NO_CHOICE = "the model named none of the options, or several; its own words are the answer"


class ChatOptions(ModelOptions):
    """What can be said of how a model behind a chat interface is asked.

    Attributes:
        rotate_options: ask once for each rotation of the options, and take what most say: a model
            that likes the letter A gains nothing by it.
        logprobs: ask for the chances of the letters of options; some servers refuse that.
        shrink: where the prompt is too long, show smaller pictures instead of giving an error.
        jpeg_quality: of the pictures, 1 to 100.
    """

    rotate_options: bool = False
    logprobs: bool = False
    shrink: bool = False
    jpeg_quality: int = Field(JPEG_QUALITY, ge=1, le=100)


class ChatAnswerer(Answerer):
    """A model behind a chat interface, asked by pictures with their times.

    Args:
        folder: where the tokens of pictures are kept between runs; None: they are not.

    Attributes:
        anew: fields of the first request of an answer, that nothing of an earlier one is used.
    """

    wants = Wants(pictures=True, longest_side=LONGEST_SIDES[0], passages=True, talk=True)
    habits = Habits(num_frames=NUM_FRAMES, max_visual_tokens=VISUAL_TOKENS)
    tokens_are_exact = False  # what a server says may be a little off
    counting_is_slow = True
    anew: Mapping[str, Any] = {}

    def __init__(
        self,
        client: ChatClient,
        *,
        name: str,
        fingerprint: str,
        options: ChatOptions,
        writing: Writing,
        context_length: int | None = None,
        folder: Path | None = None,
    ):
        self.client, self.name, self.fingerprint = client, name, fingerprint
        self.options, self.writing = options, writing
        self.context_length = context_length
        self.counts = PictureCounts(client, writing, folder)
        self._checking = Checking(client, self.counts, name, context_length)
        self._question_tokens = lru_cache(maxsize=64)(self._question_tokens_anew)

    @property
    def counts_tokens(self) -> bool:
        """Whether the server says how many tokens it reads."""
        return self.counts.is_counted

    def recount(self) -> bool:
        """The server may have been started anew."""
        self.counts.forget()
        self._question_tokens.cache_clear()
        return True

    def cost(self, num_frames: int, height: int, width: int) -> int:
        """As the server counts it; 0 where it counts nothing."""
        return self.counts.of(num_frames, height, width)

    def picture_sizes(self, height: int, width: int) -> list[tuple[int, int]]:
        """Of a few sides, without enlarging; one only where the server counts nothing."""
        if not self.counts_tokens:
            return [fit_within(height, width, longest_side=UNCOUNTED_SIDE)]
        return _sizes(height, width)

    def text_tokens(self, question: Question, num_frames: int, last_seconds: float) -> int:
        """Of the question, the longest answer, and the times before each picture."""
        text = question_text(question)
        return self._question_tokens(text) + num_frames * self.counts.stamp + LONGEST_ANSWER_TOKENS

    def count_text(self, text: str) -> int:
        """As the server counts it; as many as bytes where it counts nothing."""
        counted = self.client.count(self.writing.beside((), text)) if self.counts_tokens else None
        return len(text.encode()) if counted is None else counted

    def talk_tokens(self, talk: Sequence[Turn]) -> int:
        """As the server counts them, with a short question; bytes where that is little, or all."""
        texts = [text for turn in talk for text in (turn.question, turn.answer)]
        marks = max(self.counts.template, TURN_TOKENS)
        most = sum(len(text.encode()) + marks for text in texts)
        return self._counted_if_much(most, self.writing.beside((), "?", talk=talk))

    def answer(self, question: Question, given: AnswerInput) -> Reply:
        """Text as asked for; of options the one that the model names.

        Raises:
            EndpointError: no answer, or one to less than was sent.
        """
        if question.options is not None:
            return self._choose(question, given)
        settings = {**self.anew, **_settings(given.generation)}
        asked = self._ask(given, question.text, given.on_text, **settings)
        notes = asked.notes if asked.done.text else (*asked.notes, _why_nothing(asked.done))
        return replace(_reply(asked), notes=notes, written=True)

    def _choose(self, question: Question, given: AnswerInput) -> Reply:
        assert question.options is not None
        number = len(question.options)
        votes: list[int | None] = []
        chances: list[np.ndarray | None] = []
        for turn in range(number if self.options.rotate_options else 1):
            order = [(place + turn) % number for place in range(number)]
            first = {} if turn else self.anew
            asked, vote, chance = self._ask_letter(question, given, order, first)
            votes.append(vote)
            chances.append(chance)
        known = [chance for chance in chances if chance is not None]
        if len(known) == len(chances):
            mean = np.mean(known, axis=0)
            return replace(_reply(asked), text=question.options[int(mean.argmax())],
                           option_scores=mean.tolist())  # fmt: skip
        return _by_votes(_reply(asked), votes, question.options)

    def _ask_letter(
        self,
        question: Question,
        given: AnswerInput,
        order: Sequence[int],
        first: Mapping[str, Any],
    ) -> tuple[Asked, int | None, np.ndarray | None]:
        """What is chosen of the options shown in an order: its position, and chances of all."""
        assert question.options is not None
        text, number = question_text(question, order), len(order)
        if self.options.logprobs:
            asked = self._ask(given, text, max_tokens=1, temperature=0, logprobs=True,
                              top_logprobs=TOP_TOKENS, **first)  # fmt: skip
            first = {}
            found = letter_chances(asked.done.first_token, number)
            if found is not None:
                chances = np.zeros(number)
                chances[list(order)] = found
                return asked, int(chances.argmax()), chances
        asked = self._ask(given, text, **_settings(Generation()), **first)
        place = read_choice(asked.done.text, [question.options[place] for place in order])
        return asked, None if place is None else order[place], None

    def _ask(
        self,
        given: AnswerInput,
        text: str,
        on_text: Callable[[str], None] | None = None,
        **settings: Any,
    ) -> Asked:
        """One request, checked; with smaller pictures where it is too long and that is wanted.

        ``on_text`` is called only where what will be read is checked before.
        """
        plan, shrunk = given.plan or self._as_they_are(given), False
        told, talk = told_text(given.passages), given.talk
        beside, counted = self.writing.beside(given.times, text, told, talk), None
        while True:
            pictures = resized(given.pictures, plan)
            request = self.writing.request(
                pictures, given.times, _duration(given), text, told, talk
            )
            try:
                if on_text is not None:
                    counted = self._checking.counted_before(request, beside, plan)
                along = None if counted is None else on_text
                done = self.client.complete(request, along, **settings)
            except ContextOverflow as error:
                plan, shrunk = self._smaller(plan, error), True
            else:
                break
        notes = (COUNTED_BEFORE,) if counted is not None and done.prompt_tokens is None else ()
        done = replace(done, prompt_tokens=done.prompt_tokens or counted)
        asked = self._checking.checked(done, plan, beside)
        asked = replace(asked, notes=(*notes, *asked.notes))
        if not shrunk:
            return asked
        note = f"the prompt was too long: pictures are shown in {plan.width}x{plan.height} pixels"
        return replace(asked, notes=(note, *asked.notes))

    def _as_they_are(self, given: AnswerInput) -> Plan:
        number, height, width = given.pictures.shape[:3]
        return Plan(number, height, width, self.cost(number, height, width))

    def _smaller(self, plan: Plan, error: ContextOverflow) -> Plan:
        """The largest that may fit; raises the error where none may, or none is wanted."""
        if not self.options.shrink:
            raise error
        sent, length = error.said.prompt_tokens, error.said.context_length
        for height, width in _sizes(plan.height, plan.width)[1:]:
            tokens = self.cost(plan.num_frames, height, width)
            fits = sent is None or length is None or sent - plan.visual_tokens + tokens <= length
            if fits and (tokens < plan.visual_tokens or not self.counts_tokens):
                return Plan(plan.num_frames, height, width, tokens)
        raise error

    def slack(self, plan: Plan) -> int:
        """Half a picture, and a fiftieth of all."""
        return self._checking.slack(plan)

    def _question_tokens_anew(self, text: str) -> int:
        most = len(text.encode()) + self.counts.template
        return self._counted_if_much(most, self.writing.beside((), text))

    def _counted_if_much(self, most: int, request: Request) -> int:
        """Tokens of a text that can be no more than ``most``; a request where that is too much."""
        if self.context_length is None or most <= UNCOUNTED_SHARE * self.context_length:
            return most
        counted = self.client.count(request)
        return most if counted is None else counted


def _sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Of those sides, the largest first, without enlarging."""
    own = min(max(height, width), LONGEST_SIDES[0])
    sides = [own, *(side for side in LONGEST_SIDES if side < own)]
    return [fit_within(height, width, longest_side=side) for side in sides]


def _duration(given: AnswerInput) -> float:
    """Of the video, in seconds."""
    return float(given.index.meta.get("duration_seconds", given.pts_seconds[-1]))


def _settings(generation: Generation) -> dict[str, Any]:
    """What is asked of the text; the likeliest words where nobody says."""
    settings: dict[str, Any] = {
        "max_tokens": generation.max_new_tokens or LONGEST_ANSWER_TOKENS,
        "temperature": generation.temperature or 0,
    }
    if generation.temperature:
        settings["seed"] = generation.seed or 0
        settings["top_p"] = 1.0 if generation.top_p is None else generation.top_p
    return settings


def _reply(asked: Asked) -> Reply:
    done = asked.done
    reason = "length" if done.finish_reason in ("length", "max_tokens") else done.finish_reason
    return Reply(
        done.text, None, asked.visual_tokens, notes=asked.notes,
        prompt_tokens=done.prompt_tokens, answer_tokens=done.answer_tokens, finish_reason=reason,
    )  # fmt: skip


def _why_nothing(done: Completion) -> str:
    if done.finish_reason in ("length", "max_tokens"):
        return (
            "the model wrote no answer before its last token; if it thinks first, let it write "
            "more with --max-new-tokens"
        )
    return f"the model wrote nothing (it ended with {done.finish_reason!r})"


def _by_votes(reply: Reply, votes: Sequence[int | None], options: Sequence[str]) -> Reply:
    """The option that most orders agree on; of as many, the one of the earliest order."""
    counted = Counter(vote for vote in votes if vote is not None)
    if not counted:
        return replace(reply, notes=(*reply.notes, NO_CHOICE))
    [(best, number)] = counted.most_common(1)
    note = () if number == len(votes) else (
        f"{number} of {len(votes)} orders of the options gave this answer",
    )  # fmt: skip
    return replace(reply, text=options[best], notes=(*reply.notes, *note))
