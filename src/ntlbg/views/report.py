"""One self-contained HTML page about answered questions; of other files it names the film alone."""

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
    percent,
    relevance_curve,
    relevance_levels,
    round_marks,
    timestamp,
)
from ntlbg.types import Answer
from ntlbg.views.inside import attention_view, points_view
from ntlbg.views.lanes import Lane, lanes_of
from ntlbg.views.player import Player, player_beside

if TYPE_CHECKING:  # needs PyTorch
    from ntlbg.models.ntlbg.inspection import Attention, RichPoints


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
        stage.write_text(render(report, _player(report, path)), "utf-8", errors="backslashreplace")
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


def _player(report: Report, path: Path) -> Player | None:
    """Of the film, where all questions are about one."""
    videos = {item.answer.video for item in report.asked}
    return player_beside(path, videos.pop()) if len(videos) == 1 else None


def render(report: Report, player: Player | None = None) -> str:
    """The page as text.

    Args:
        player: of the film beside it; None: nothing can be played.
    """
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
        player=player,
        questions=questions,
        has_lanes=any(view["lanes"] or view["quotes"] for view in questions),
        score=_score(report.asked),
        stages=_stages(report.benchmark),
        attention=report.attention and attention_view(report.attention),
        points=report.rich_points and points_view(report.rich_points),
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
    view = {"asked": asked, "picks": picks, "bands": bands, "marks": marks, "curve": curve}
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


def _seconds(value: float) -> str:
    return f"{value:.0f} s" if value >= 20 else f"{value:.1f} s" if value >= 1 else f"{value:.2f} s"
