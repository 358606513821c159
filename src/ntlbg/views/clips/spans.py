"""Which stretches of a film show what an answer rests on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ntlbg.types import Answer, Evidence, Quotation, SelectedFrames

# Before and after what is shown: a spoken sentence lasts three to four seconds, so that one that
# is cut into is heard from its beginning in most cases, and the moment is not lost in the rest.
AROUND_SECONDS = 3.0
# A frame that was chosen to cover the film stands for minutes of it. Of what it stands for so much
# before and after it is shown: about what fits the ten seconds in which a viewer sees why. By hand.
REACH_SECONDS = 10.0
# Stretches nearer to each other are one: nobody cuts out less than a second, and each end may be
# moved by half a second to where a picture begins.
LEAST_GAP_SECONDS = 1.0


@dataclass(frozen=True)
class Span:
    """A stretch of a film, in seconds from its first picture.

    Attributes:
        score: the highest relevance of the chosen frames in it; None where nothing is scored.
        quoted: what is said or written in it and quoted in the answer.
    """

    start: float
    end: float
    score: float | None = None
    quoted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cited:
    """What an answer rests on, of one that was kept without what was seen for it."""

    video: Path
    evidence: Sequence[Evidence]
    quotations: Sequence[Quotation]


def spans_of(
    result: Answer | SelectedFrames | Cited, around: float, film_seconds: float
) -> list[Span]:
    """In order of time, within the film, a second or more between them.

    Where the model marks frames that show what the question is about, those alone: the others were
    looked at and show something else.

    Args:
        around: seconds that are added before and after each moment and each quotation.
        film_seconds: the end of the film.
    """
    quotations = [] if isinstance(result, SelectedFrames) else result.quotations
    evidence = [item for item in result.evidence if item.supports] or result.evidence
    spans = [*map(_of_frame, evidence), *map(_of_quotation, quotations)]
    widened = [
        Span(
            min(max(one.start - around, 0.0), film_seconds),
            min(one.end + around, film_seconds),
            one.score,
            one.quoted,
        )
        for one in spans
    ]
    return _merged(sorted(widened, key=lambda one: (one.start, one.end)))


def _of_frame(item: Evidence) -> Span:
    first, last = item.span_seconds
    at = item.pts_seconds
    return Span(max(first, at - REACH_SECONDS), min(last, at + REACH_SECONDS), item.score)


def _of_quotation(one: Quotation) -> Span:
    start = max(one.start_seconds, 0.0)
    return Span(start, max(one.end_seconds, start), None, (" ".join(one.text.split()),))


def _merged(spans: Sequence[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in spans:
        if merged and span.start - merged[-1].end < LEAST_GAP_SECONDS:
            merged[-1] = _joined(merged[-1], span)
        else:
            merged.append(span)
    return merged


def _joined(one: Span, other: Span) -> Span:
    scores = [span.score for span in (one, other) if span.score is not None]
    quoted = dict.fromkeys((*one.quoted, *other.quoted))
    return Span(one.start, max(one.end, other.end), max(scores, default=None), tuple(quoted))
