"""From a question to frames: the only caller of a selector in the whole flow.

P parts of a question, T frames, D feature size.
"""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ntlbg.backends import Backend
from ntlbg.grounding import ground_scores, heeds_order, mentioned_seconds
from ntlbg.question_parts import question_parts
from ntlbg.selectors import SELECTORS, Selection, select_distinct
from ntlbg.selectors.question_prior import question_prior


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
    if selector == "ntlbg":
        given["prior"] = question_prior(question)
    given |= {"score_unit": backend.score_unit} | selector_options
    relevance = _Relevance(backend, features, pts_seconds, question)
    whole = relevance.of(question)
    parts = relevance.of_parts(whole, options)
    selection = select_distinct(SELECTORS[selector], features, num_frames, scores=parts, **given)
    return replace(selection, scores=whole)


class _Relevance:
    """Relevance (T,) of frames to texts, in the light of what the question says about time."""

    def __init__(
        self, backend: Backend, features: np.ndarray, pts_seconds: np.ndarray, question: str
    ):
        self.backend, self.question = backend, question
        self.video = features, pts_seconds

    def of(self, text: str) -> np.ndarray:
        features, pts_seconds = self.video
        scores = self.backend.score_frames(features, text)
        return ground_scores(
            scores, pts_seconds, self.question, partial(self.backend.event_odds, *self.video)
        )

    def of_parts(self, whole: np.ndarray, options: list[str] | None) -> np.ndarray:
        """Relevance (P, T) to each thing asked about, of which ``whole`` may be the only one.

        What is at a time, or comes before or after something, is no part of a question but what
        grounding makes of it: it stays whole. Only similarities cannot tell what comes next; there
        the things that are named are parts beside it.
        """
        texts = question_parts(self.question, options)
        if not heeds_order(self.question):
            return np.stack([whole if t == self.question else self.of(t) for t in texts])
        if self.backend.score_unit == "log_odds" or mentioned_seconds(self.question):
            return whole[None]
        things = [text for text in texts if text != self.question]
        return np.stack([whole, *(self.backend.score_frames(self.video[0], t) for t in things)])
