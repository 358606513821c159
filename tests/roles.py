"""The steps of the flow, one by one, on features that a test makes up."""

from typing import Any

import numpy as np

from ntlbg.answerers import Answerer
from ntlbg.choosing import choose
from ntlbg.question import parse_question
from ntlbg.retrievers import Retriever
from ntlbg.selectors import Selection
from ntlbg.types import AnswerInput, Frames, Reply, VideoIndex

TRACKS = ("colour", "builtin", "corners", "longvu")  # of the encoders that tests use


def index_of(
    features: np.ndarray, times: np.ndarray, notes: dict[str, np.ndarray] | None = None
) -> VideoIndex:
    """Features (T, D) at times (T,), as if any of those encoders had made them."""
    return VideoIndex(times, dict.fromkeys(TRACKS, features), dict.fromkeys(TRACKS, notes or {}))


def given(
    features: np.ndarray, times: np.ndarray, selection: Selection, frames: Frames | None = None
) -> AnswerInput:
    """What an answerer gets of them."""
    return AnswerInput(index_of(features, times), features, selection, frames)


def reply_of(
    answerer: Answerer, question: str, video: AnswerInput, options: list[str] | None = None
) -> Reply:
    """What an answerer says."""
    return answerer.answer(parse_question(question, options), video)


def chosen(
    retriever: Retriever,
    features: np.ndarray,
    times: np.ndarray,
    question: str | None,
    selector: str,
    num_frames: int,
    *,
    options: list[str] | None = None,
    **selector_options: Any,
) -> Selection:
    """As ``ask`` chooses of these features."""
    asked = question and parse_question(question, options)
    index = index_of(features, times)
    return choose(retriever, index, asked, selector, num_frames, **selector_options)
