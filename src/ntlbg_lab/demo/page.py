"""What the page of the demonstration says: facts, times, what is measured, limits."""

import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np

from ntlbg.answerers.ntlbg import NtlbgAnswerer
from ntlbg.answerers.ntlbg_vl import NtlbgVLAnswerer
from ntlbg.judging import TIME_TOLERANCE
from ntlbg.system import System
from ntlbg.time_text import timestamp
from ntlbg.train.loss_parts import loss_parts
from ntlbg.types import Answer
from ntlbg.views.card import ReportQuestion
from ntlbg.views.report import Report, TimedStep

# Questions about one named thing show the attention best: in others, what the question says about
# the order of time changes the ranking, too.
NAMING_KINDS = ("when", "count")
MEASURED = (
    "An answer is right when its text is the true answer; a time given freely is right within "
    f"{TIME_TOLERANCE:.0f} seconds of the moment asked for. What is said or written is right when "
    "the answer's first line holds the true words; quotations that are only near do not count.",
    "Uniform is the same model with as many frames, taken at equal distances, and with the same "
    "words: where a quotation answers, the frames make no difference.",
    "The number under a picture is its relevance: how much likelier it is, in nats, "
    "under the distribution of the frames the question means than under that of all frames.",
    "Seconds are wall-clock time of this run on this machine.",
)
LIMITS = (
    "Eight questions about one made video illustrate; they are not a benchmark.",
    "The built-in model knows a few hundred drawn objects by name and answers in a few words. "
    "It does not describe films or follow people, and what is said or written it only quotes.",
    "The voices are made (espeak-ng), and the sentences between those asked about are patterns; "
    "real speech may be easier or harder.",
)


def benchmark(answers: Sequence[Answer]) -> list[TimedStep]:
    """Seconds of each step; the first question pays for reading the video."""
    first, *others = [answer.usage["seconds"] for answer in answers]
    count = f"{answers[0].usage['frames_sampled']:,} frames"
    stages = [TimedStep("Decode and encode the video", first["index"], f"{count}, once per video")]
    if others:
        again = statistics.median(seconds["index"] for seconds in others)
        stages.append(TimedStep("Find the features again", again, "median of the later questions"))
    steps = {"Select frames": "select", "Read their pictures": "read", "Answer": "answer"}
    for name, key in steps.items():
        median = statistics.median(answer.usage["seconds"][key] for answer in answers)
        stages.append(TimedStep(name, median, "median per question"))
    return stages


def page_of(asked: list[ReportQuestion], stages: list[TimedStep], system: System) -> Report:
    """All that the page shows."""
    first = asked[0].answer
    usage, seconds = first.usage, first.usage["video_seconds"]
    apart = frames_apart(first.context.pts_seconds, seconds)
    return Report(
        title=f"{_spelled(len(asked))} questions about {_length(seconds)} of video",
        lead=(
            "A made film of talks with slides, news with a ticker, and pictures in which a few "
            f"objects each appear for a few seconds. The program {_knows(usage)}looks at "
            f"{usage['frames_sampled']:,} frames once, and for each question reads only the "
            f"{usage['frames_used']} that represent the film best for that question."
        ),
        facts={
            "Length": timestamp(seconds),
            "Looked at": f"{usage['frames_sampled']:,} frames, one {apart}",
            "Read per question": f"{usage['frames_used']} frames",
            "Visual tokens per question": f"{usage['visual_tokens']}",
            "Known by": ", ".join(usage["streams"]),
            "Model": first.model,
            "Selector": first.selector,
        },
        asked=asked,
        benchmark=stages,
        **_inside(asked, system),
        measured=MEASURED,
        limits=(
            *(LIMITS if system.name == "builtin" else (LIMITS[0], LIMITS[2])),
            f"One frame {apart} is looked at; what is shown between two can be missed.",
        ),
    )


def _knows(usage: dict) -> str:
    """What it did beside looking."""
    did = {"speech": "listens", "screen": "reads the screen"}
    done = [did[stream] for stream in usage["streams"] if stream in did]
    return "".join(f"{one}, " for one in done)


def _inside(asked: list[ReportQuestion], system: System) -> dict[str, Any]:
    """What a model with NTLBG attention shows of itself; of each kind the first question."""
    model = system.answerer
    first = asked[0].answer
    if isinstance(model, NtlbgVLAnswerer):
        return {"rich_points": model.rich_points(first.question, first.context)}
    if not isinstance(model, NtlbgAnswerer):
        return {}
    naming = (item for kind in NAMING_KINDS for item in asked if item.kind == kind)
    named = next(naming, asked[0])
    question, video = named.answer.question, named.answer.context
    return {
        "attention": model.attention(question, named.truth or "", video, losses=loss_parts),
        "rich_points": model.rich_points(first.question, first.context),
    }


def frames_apart(pts_seconds: np.ndarray, seconds: float) -> str:
    """How far the frames of a video of ``seconds`` are from each other, on average."""
    gap = float(np.diff(pts_seconds).mean()) if len(pts_seconds) > 1 else seconds
    return "per second" if f"{gap:.2f}" == "1.00" else f"every {gap:.3g} s"


def _length(seconds: float) -> str:
    minutes = round(seconds / 60)
    return "one hour" if minutes == 60 else f"{minutes} minutes"


def _spelled(number: int) -> str:
    names = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight")
    return names[number] if number < len(names) else str(number)
