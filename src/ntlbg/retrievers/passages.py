"""By what is said and written: the chance that a question is answered, over the time it takes.

T frames.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ntlbg.encoders import Encoder
from ntlbg.question import parse_question
from ntlbg.retrievers import Retriever
from ntlbg.retrievers.calibration import LEAST_SHARE
from ntlbg.text.meaning import TextEncoder
from ntlbg.text.meaning.decision import (
    BESIDE_SECONDS,
    StreamEvidence,
    asks_about_whole,
    evidence_of,
    reader_of,
)
from ntlbg.types import Question, VideoIndex


class PassagesRetriever(Retriever):
    """Log-odds of a frame by the passages around it; a source's chance is spread over them.

    Args:
        load_text_encoder: what reads the passages, called once there are some; None of it: by
            shared words alone.
        encoders: whose features tell frames apart.
        folder: where vectors of passages are kept; by default in the user's index.
    """

    name = "passages"
    unit = "log_odds"

    def __init__(
        self,
        load_text_encoder: Callable[[], TextEncoder | None],
        encoders: tuple[Encoder, ...] = (),
        folder: Path | None = None,
    ):
        self._load, self._loaded = load_text_encoder, False
        self._encoder: TextEncoder | None = None
        self.encoders, self._folder = encoders, folder

    @property
    def text_encoder(self) -> TextEncoder | None:
        """Loaded when it is first needed: films without passages never need it."""
        if not self._loaded:
            self._encoder, self._loaded = self._load(), True
        return self._encoder

    def reads(self, question: Question) -> bool:
        """Whether passages are found by what they mean, not by shared words alone."""
        return reader_of(question, self.text_encoder) is not None

    def score(self, index: VideoIndex, text: str) -> np.ndarray:
        """Log-odds (T,) in nats; all alike, and low, where nothing is said."""
        nothing = np.full(len(index), np.log(LEAST_SHARE))
        return union_odds(nothing, list(self.chances(index, text).values()))

    def chances(self, index: VideoIndex, text: str) -> dict[str, np.ndarray]:
        """By source the chance (T,) that a frame is at what answers the text."""
        return {
            source: spread_over_time(stream, index.pts_seconds)
            for source, stream in self.evidence(index, text).items()
        }

    def evidence(self, index: VideoIndex, text: str) -> dict[str, StreamEvidence]:
        """By source what it says about the text."""
        if not has_words(index):
            return {}
        return evidence_of(
            index.passages, parse_question(text), self.text_encoder, folder=self._folder
        )

    def covers_video(self, index: VideoIndex, question: Question) -> bool:
        """Where nothing is said, and for questions about all that is."""
        return not has_words(index) or self.is_about_whole(index, question)

    def is_about_whole(self, index: VideoIndex, question: Question) -> bool:
        """Whether it is about all that is said, so that no passage is more about it than others."""
        return has_words(index) and asks_about_whole(question, self.text_encoder)


def has_words(index: VideoIndex) -> bool:
    """Whether anything is said or written in a video."""
    return any(passage.text.strip() for passage in index.passages)


def spread_over_time(stream: StreamEvidence, pts_seconds: np.ndarray) -> np.ndarray:
    """Chance (T,) of frames at these times, in order: the largest of the passages around each.

    A passage between two frames counts for the nearer one, and one that lies outside the part of
    the video that is looked at for none.
    """
    found = np.zeros(len(pts_seconds))
    for passage, share in zip(stream.passages, stream.shares, strict=True):
        start = np.searchsorted(pts_seconds, passage.start_seconds - BESIDE_SECONDS)
        end = np.searchsorted(pts_seconds, passage.end_seconds + BESIDE_SECONDS, side="right")
        if 0 < start == end < len(pts_seconds):
            middle = (passage.start_seconds + passage.end_seconds) / 2
            start = (
                start
                if pts_seconds[start] - middle < middle - pts_seconds[start - 1]
                else start - 1
            )
            end = start + 1
        found[start:end] = np.maximum(found[start:end], share)
    return stream.chance * found


def union_odds(odds: np.ndarray, chances: Sequence[np.ndarray]) -> np.ndarray:
    """Log-odds (T,) that at least one is so: of one in log-odds (T,), and others in chances (T,).

    Where all chances are 0 the first stay exactly what they are.
    """
    if not chances:
        return odds
    others = -sum(np.log1p(-np.minimum(chance, 1 - LEAST_SHARE)) for chance in chances)
    surprise = np.logaddexp(0, odds) + others  # minus the logarithm of "none of them"
    return np.where(others > 0, surprise + np.log(-np.expm1(-surprise)), odds)
