"""From a question to frames: the only caller of a selector in the whole flow.

P parts of a question, T frames, D feature size.
"""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ntlbg.backends import Backend
from ntlbg.question import Question, parse_question
from ntlbg.question.timing import apply_question_timing
from ntlbg.selectors import SELECTORS, Selection, select_distinct


def choose_frames(
    backend: Backend,
    features: np.ndarray,
    pts_seconds: np.ndarray,
    question: str | None,
    selector: str,
    num_frames: int,
    *,
    options: list[str] | None = None,
    generator: np.random.Generator | None = None,
    **selector_options: Any,
) -> Selection:
    """Frames of features (T, D) at times (T,) for a question, or for the video as a whole.

    Near-identical neighbours count as one, and each thing that the question or its options name
    gets its share. The scores of the selection are those of the question as a whole. The words of
    the question are the prior of ``ntlbg`` that it is about a few moments.
    """
    given = {"pts_seconds": pts_seconds, "generator": generator}
    if not question:
        given |= selector_options
        return select_distinct(SELECTORS[selector], features, num_frames, **given)
    asked = parse_question(question, options)
    if selector == "ntlbg":
        given["prior"] = asked.intent.localized_prior
    given |= {"score_unit": backend.score_unit} | selector_options
    relevance = _Relevance(backend, features, pts_seconds, asked)
    whole = relevance.of(question)
    parts = relevance.of_parts(whole)
    selection = select_distinct(SELECTORS[selector], features, num_frames, scores=parts, **given)
    return replace(selection, scores=whole)


class _Relevance:
    """Relevance (T,) of frames to texts, in the light of what the question says about time."""

    def __init__(
        self, backend: Backend, features: np.ndarray, pts_seconds: np.ndarray, question: Question
    ):
        self.backend, self.question = backend, question
        self.video = features, pts_seconds

    def of(self, text: str) -> np.ndarray:
        features, pts_seconds = self.video
        scores = self.backend.score_frames(features, text)
        event_odds = partial(self.backend.event_odds, *self.video)
        return apply_question_timing(scores, pts_seconds, self.question.intent, event_odds)

    def of_parts(self, whole: np.ndarray) -> np.ndarray:
        """Relevance (P, T) to each thing asked about, of which ``whole`` may be the only one.

        What is at a time, or comes before or after something, is no part of a question but what
        its timing makes of it: it stays whole. Only similarities cannot tell what comes next; there
        the things that are named are parts beside it.
        """
        text, intent = self.question.text, self.question.intent
        if not intent.has_timing:
            return np.stack([whole if part == text else self.of(part) for part in intent.parts])
        if self.backend.score_unit == "log_odds" or intent.times_seconds:
            return whole[None]
        things = [part for part in intent.parts if part != text]
        return np.stack([whole, *(self.backend.score_frames(self.video[0], t) for t in things)])
