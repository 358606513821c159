"""One self-contained HTML page about answered questions: no script, no outside file."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
import numpy as np

from ntlbg import __version__
from ntlbg.answerers.content import HOW_KNOWN
from ntlbg.answerers.quoting import quotation
from ntlbg.files import Inputs, staged_file
from ntlbg.marks import PAGE
from ntlbg.pictures import thumbnail_uri
from ntlbg.time_text import (
    relevance_curve,
    relevance_levels,
    round_moments,
    span_seconds,
    timestamp,
)
from ntlbg.types import Answer
from ntlbg.views.lanes import Lane, lanes_of

if TYPE_CHECKING:  # needs PyTorch
    from ntlbg.models.ntlbg.inspection import Attention, Plane, RichPoints

_CONTEXT_CELLS = 32  # set by hand


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


@dataclass(frozen=True)
class TimedStep:
    """One measured step of the flow."""

    name: str
    seconds: float
    note: str = ""


@dataclass(frozen=True)
class Report:
    """Everything the page shows; empty parts are left out."""

    title: str
    asked: Sequence[ReportQuestion]
    lead: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    benchmark: Sequence[TimedStep] = ()
    attention: "Attention | None" = None
    rich_points: "RichPoints | None" = None
    measured: Sequence[str] = ()
    limits: Sequence[str] = ()


def write_report(report: Report, path: str | Path, *, inputs: Inputs = ()) -> Path:
    """Write the page.

    Args:
        inputs: files that it must not replace.

    Raises:
        OutputError: the file cannot be written there, or holds something else.
    """
    path = Path(path)
    with staged_file(path, PAGE, inputs=inputs, stream=True) as stage:
        # names of files need not be UTF-8
        stage.write_text(render(report), "utf-8", errors="backslashreplace")
    return path


def report_answer(answer: Answer, path: str | Path) -> Path:
    """One answered question as a page."""
    usage = answer.usage
    facts = {
        "Length": timestamp(usage["video_seconds"]),
        "Looked at": f"{usage['frames_sampled']:,} frames",
        "Read": f"{usage['frames_used']} frames, {usage['visual_tokens']} visual tokens",
        "Model": answer.model,
        "Selector": answer.selector,
        "Time": _seconds(sum(usage["seconds"].values())),
    }
    title = f"A question about {answer.video.name}"
    report = Report(title, [ReportQuestion(answer)], facts=facts)
    return write_report(report, path, inputs=[answer.video])


def render(report: Report) -> str:
    """The page as text."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("ntlbg.views"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["seconds"] = _seconds
    environment.globals["zip"] = zip
    questions = [_view(asked) for asked in report.asked]
    return environment.get_template("report.html").render(
        report=report,
        questions=questions,
        has_lanes=any(view["lanes"] or view["quotes"] for view in questions),
        score=_score(report.asked),
        stages=_stages(report.benchmark),
        attention=report.attention and _attention(report.attention),
        points=_points(report),
        version=__version__,
    )


def _view(asked: ReportQuestion) -> dict:
    """What the template needs of one question, in percent and text."""
    seen = asked.answer.context
    times, scores = seen.pts_seconds, seen.selection.scores
    pictures: list[str | None] = [None] * len(asked.answer.evidence)
    if seen.frames is not None:
        pictures = [thumbnail_uri(picture) for picture in seen.frames.data]
    levels = _levels(asked.answer)
    picks = [
        {
            "level": round(100 * float(level), 1),
            "percent": _percent(item.pts_seconds, times),
            "time": item.timestamp,
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
            "middle": _percent((start + end) / 2, times),
            "width": _percent(end, times) - _percent(start, times),
            "label": f"{timestamp(start)} to {timestamp(end)}",
        }
        for start, end in asked.evidence
    ]
    marks = _marks(times)
    curve = None if scores is None else _path(*relevance_curve(times, scores))
    view = {"asked": asked, "picks": picks, "bands": bands, "marks": marks, "curve": curve}
    return view | _said(asked.answer)


def _said(answer: Answer) -> dict:
    """Lanes of what is said and written, what is quoted of it, and the answer beside that."""
    quotes = [
        {
            "number": number,
            "time": one.timestamp,
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
        [(_percent(start, times), _percent(end, times)) for start, end in places]
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


def _score(asked: Sequence[ReportQuestion]) -> dict | None:
    """How many were right; None where no truth is known."""
    judged = [item for item in asked if item.right is not None]
    if not judged:
        return None
    return {
        "total": len(judged),
        "right": sum(bool(item.right) for item in judged),
        "baseline": sum(bool(item.baseline_right) for item in judged),
        "has_baseline": all(item.baseline_right is not None for item in judged),
    }


def _stages(stages: Sequence[TimedStep]) -> list[dict]:
    longest = max((stage.seconds for stage in stages), default=1.0) or 1.0
    return [{"stage": stage, "percent": 100 * stage.seconds / longest} for stage in stages]


def _attention(attention: "Attention") -> dict:
    """Words, distances over time and the plane, in percent, and paths in boxes 1000 wide."""
    times, distances = attention.pts_seconds, attention.distances
    low, high = min(distances.min(), attention.level), max(distances.max(), attention.level)

    def height(values):
        """4 to 96 percent, so that marks are whole."""
        return 4 + 92 * (values - low) / max(high - low, 1e-12)

    left = np.array([_percent(second, times) for second in times])
    chosen = attention.chosen
    return {
        "shown": attention,
        "words": list(zip(attention.words, attention.word_weights.tolist())),
        "frames": _dots(10 * left, 100 - height(distances)),
        "picks": [
            (left[frame], height(distances[frame]), distances[frame], timestamp(times[frame]))
            for frame in chosen
        ],
        "level": height(attention.level),
        "ends": [(height(value), value) for value in (distances.min(), distances.max())],
        "marks": _marks(times),
        "plane": _plane(attention.plane, chosen, attention.level),
    }


def _plane(plane: "Plane", chosen: np.ndarray, level: float) -> dict:
    """The plane in an SVG box; all lengths in units of it, y down."""
    reach = np.sqrt(level * np.diag(plane.covariance))
    corners = np.concatenate([plane.points, [plane.mean - reach, plane.mean + reach]])
    low, size = corners.min(axis=0), np.ptp(corners, axis=0)
    unit = 920 / size[0]  # leaves a margin of 40

    def place(points):
        return np.array([40, 40 + unit * size[1]]) + unit * (points - low) * [1, -1]

    points = place(plane.points)
    return {
        "height": 80 + unit * size[1],
        "mean": place(plane.mean),
        "frames": _dots(*points.T),
        "picks": _dots(*points[chosen].T),
        "ellipses": [
            (unit * large, unit * small, -degrees)
            for large, small, degrees in map(plane.ellipse, (1.0, level))
        ],
    }


def _dots(x: np.ndarray, y: np.ndarray) -> str:
    """An SVG path of points, as lines of no length; those at one place are one."""
    places = np.unique(np.round(np.stack([x, y], axis=1), 1), axis=0)
    return "".join(f"M{x:.1f},{y:.1f}h0" for x, y in places)


def _points(report: Report) -> dict | None:
    """The rich points of one question: bars and context cells in 0..1."""
    points = report.rich_points
    if points is None:
        return None
    context = points.context[:, :_CONTEXT_CELLS]
    largest = float(np.abs(context).max()) or 1.0
    return {
        "question": points.question,
        "context_size": points.context.shape[1],
        "rows": [
            {
                "time": timestamp(points.pts_seconds[row]),
                "norm": float(points.feature_norms[row]),
                "context": [float(value) / largest for value in context[row]],
                "relevance": float(points.weights[row, 0]),
                "mass": float(points.weights[row, 1]),
            }
            for row in range(len(points.pts_seconds))
        ],
    }


def _marks(times: np.ndarray) -> list[tuple[float, str]]:
    """Place in percent and name of round moments."""
    return [(_percent(mark, times), timestamp(mark)) for mark in round_moments(times)]


def _percent(seconds: float, times: np.ndarray) -> float:
    share = (seconds - float(times[0])) / span_seconds(times)
    return round(100 * min(max(share, 0.0), 1.0), 3)


def _seconds(value: float) -> str:
    return f"{value:.0f} s" if value >= 20 else f"{value:.1f} s" if value >= 1 else f"{value:.2f} s"
