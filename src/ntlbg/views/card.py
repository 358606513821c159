"""The drawing of one answered question: on pages of reports, and on the page of ``ntlbg serve``."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import jinja2
import numpy as np

from ntlbg.answerers.content import HOW_KNOWN
from ntlbg.answerers.quoting import quotation
from ntlbg.pictures import thumbnail_uri
from ntlbg.time_text import (
    percent,
    relevance_curve,
    relevance_levels,
    round_marks,
    timestamp,
)
from ntlbg.types import Answer
from ntlbg.views.lanes import Lane, lanes_of
from ntlbg.views.player import Player

# What a page that shows cards needs, in this order: colours and type, then the card's parts.
STYLES = ("base.css", "card.css", "lanes.css")


@dataclass(frozen=True)
class ReportQuestion:
    """One question of a report; ``answer.context.frames`` become its pictures.

    Attributes:
        kind: first, last, count ... shown beside the question.
        truth: the right answer, where it is known.
        right: whether the answer is right.
        evidence: intervals in seconds that hold the truth.
        baseline: the same question answered from uniformly sampled frames.
        baseline_right: whether that one is right.
    """

    answer: Answer
    kind: str = ""
    truth: str | None = None
    right: bool | None = None
    evidence: Sequence[tuple[float, float]] = ()
    baseline: Answer | None = None
    baseline_right: bool | None = None


def render_card(asked: ReportQuestion, player: Player | None, *, name: str) -> str:
    """A fragment of HTML that works without a script, for a page that has ``card_style``.

    Args:
        player: of the film; its links have ``data-at``, seconds on the clock of players. None:
            nothing can be played.
        name: stands before all ids in it, and is that of the card: no two cards of a page share it.
    """
    template = templates().get_template("card.html")
    return template.render(view=card_view(asked, name), player=player)


def card_style() -> str:
    """CSS of cards, with the colours and the type of reports, light and dark."""
    loader = templates().loader
    assert loader is not None
    return "\n".join(loader.get_source(templates(), name)[0] for name in STYLES)


@cache
def templates() -> jinja2.Environment:
    """All that pages are made of."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("ntlbg.views"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.globals["zip"] = zip
    return environment


def card_view(asked: ReportQuestion, name: str) -> dict:
    """What the template needs of one question, in percent and text; ``name`` as of the card."""
    seen = asked.answer.context
    times, scores = seen.pts_seconds, seen.selection.scores
    pictures: list[str | None] = [None] * len(asked.answer.evidence)
    if seen.frames is not None:
        pictures = [thumbnail_uri(picture) for picture in seen.frames.data]
    levels = _levels(asked.answer)
    picks = [
        {
            "level": round(100 * float(level), 1),
            "percent": percent(item.pts_seconds, times),
            "time": item.timestamp,
            "seconds": item.pts_seconds,
            "score": item.score,
            "weight": item.weight,
            "supports": item.supports,
            "picture": picture,
            "hit": any(start <= item.pts_seconds < end for start, end in asked.evidence),
        }
        for item, picture, level in zip(asked.answer.evidence, pictures, levels, strict=True)
    ]
    bands = [
        {
            "middle": percent((start + end) / 2, times),
            "width": percent(end, times) - percent(start, times),
            "label": f"{timestamp(start)} to {timestamp(end)}",
        }
        for start, end in asked.evidence
    ]
    marks = round_marks(times)
    curve = None if scores is None else _path(*relevance_curve(times, scores))
    view = {
        "name": name,
        "asked": asked,
        "picks": picks,
        "bands": bands,
        "marks": marks,
        "curve": curve,
    }
    return view | _said(asked.answer)


def _said(answer: Answer) -> dict:
    """Lanes of what is said and written, what is quoted of it, and the answer beside that."""
    quotes = [
        {
            "number": number,
            "time": one.timestamp,
            "seconds": one.start_seconds,
            "source": one.source,
            "how": HOW_KNOWN[one.source],
            "text": " ".join(one.text.split()),
        }
        for number, one in enumerate(answer.quotations, 1)
    ]
    lanes = [_lane(lane, quotes, answer.context.pts_seconds) for lane in lanes_of(answer)]
    return {"text": _headline(answer), "quotes": quotes, "lanes": lanes}


def _headline(answer: Answer) -> str:
    """The answer without the quotations that are listed; the first one, where that is all."""
    listed = set(map(quotation, answer.quotations))
    if not listed:
        return answer.text
    lines = answer.text.splitlines()
    return "\n".join([line for line in lines if line not in listed] or lines[:1])


def _lane(lane: Lane, quotes: Sequence[dict], times: np.ndarray) -> dict:
    """In percent, and as lines in an SVG box of 1000 x 1 that are as thick as the lane."""
    spans, quoted = (
        [(percent(start, times), percent(end, times)) for start, end in places]
        for places in (lane.spans, lane.quoted)
    )
    own = [quote for quote in quotes if quote["source"] == lane.source]
    return {
        "source": lane.source,
        "count": lane.num_passages,
        "path": "".join(f"M{10 * left:.1f},.5h{10 * (right - left):.1f}" for left, right in spans),
        "quoted": [
            quote | {"left": left, "width": right - left}
            for quote, (left, right) in zip(own, quoted, strict=True)
        ],
    }


def _levels(answer: Answer) -> np.ndarray:
    """Height 0..1 of each selected frame's mark; full height where nothing is scored."""
    selection = answer.context.selection
    if selection.scores is None:
        return np.ones(len(selection.indices))
    return relevance_levels(selection.scores, selection.scores[selection.indices])


def _path(positions: np.ndarray, levels: np.ndarray) -> str:
    """SVG path in a box of 1000 x 100 that leaves a little air above the best frame."""
    points = " ".join(f"{1000 * x:.1f},{100 - 96 * y:.1f}" for x, y in zip(positions, levels))
    return f"M{1000 * positions[0]:.1f},100 L{points} L{1000 * positions[-1]:.1f},100 Z"
