"""One self-contained HTML page about answered questions; of other files it names the film alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ntlbg import __version__
from ntlbg.files import Inputs, staged_file
from ntlbg.marks import PAGE
from ntlbg.time_text import timestamp
from ntlbg.types import Answer
from ntlbg.views.card import ReportQuestion, card_view, templates
from ntlbg.views.inside import attention_view, points_view
from ntlbg.views.player import Player, player_beside

if TYPE_CHECKING:  # needs PyTorch
    from ntlbg.models.ntlbg.inspection import Attention, RichPoints


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
    questions = [card_view(asked, f"q{number}") for number, asked in enumerate(report.asked, 1)]
    return (
        templates()
        .get_template("report.html")
        .render(
            report=report,
            player=player,
            questions=questions,
            has_lanes=any(view["lanes"] or view["quotes"] for view in questions),
            score=_score(report.asked),
            stages=_stages(report.benchmark),
            attention=report.attention and attention_view(report.attention),
            points=report.rich_points and points_view(report.rich_points),
            version=__version__,
            seconds=_seconds,
        )
    )


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
