"""What is said and written as marks over time: one lane for each source."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ntlbg.answerers.content import HOW_KNOWN
from ntlbg.time_text import span_seconds
from ntlbg.types import Answer, Passage, SelectedFrames

# In a lane: as many as the relevance curve has points, two pixels each on a wide page.
_STEPS = 480


@dataclass(frozen=True, eq=False)
class Lane:
    """The passages of one source.

    Attributes:
        source: "subtitles", "speech" or "screen".
        spans: float64 (M, 2) seconds, when there is any; ascending and apart, at most 240.
        quoted: float64 (Q, 2) seconds of those that an answer quotes, in its order.
        num_passages: how many there are, before those close together became one mark.
    """

    source: str
    spans: np.ndarray
    quoted: np.ndarray
    num_passages: int


def lanes_of(result: Answer | SelectedFrames) -> list[Lane]:
    """One for each source that has passages, on the time line of ``result.context``."""
    times, lanes = result.context.pts_seconds, []
    quotations = result.quotations if isinstance(result, Answer) else ()
    passages = result.context.index.passages
    for source in dict.fromkeys((*HOW_KNOWN, *(one.source for one in passages))):
        found = [one for one in passages if one.source == source]
        quoted = [(one.start_seconds, one.end_seconds)
                  for one in quotations if one.source == source]  # fmt: skip
        if found:
            spans = _merged(found, times)
            lanes.append(Lane(source, spans, _within(quoted, times), len(found)))
    return lanes


def _merged(passages: Sequence[Passage], times: np.ndarray) -> np.ndarray:
    """Spans (M, 2) of passages, wide enough to be seen; a gap too narrow to be seen is none."""
    narrowest, merged = span_seconds(times) / _STEPS, list[list[float]]()
    spans = _within([(one.start_seconds, one.end_seconds) for one in passages], times)
    for start, end in spans[spans[:, 0].argsort(kind="stable")].tolist():
        if merged and start - merged[-1][1] < narrowest:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    return np.array(merged)


def _within(spans: Sequence[tuple[float, float]], times: np.ndarray) -> np.ndarray:
    """Spans (N, 2), each as wide as can be seen, on the line from the first to the last time."""
    first, length = float(times[0]), span_seconds(times)
    narrowest = length / _STEPS
    start, end = np.array(spans, np.float64).reshape(-1, 2).T
    start = np.clip(start, first, first + length - narrowest)
    return np.stack([start, np.clip(end, start + narrowest, first + length)], axis=1)
