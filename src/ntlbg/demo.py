"""The demonstration: one long sample video, eight kinds of questions, one HTML page.

Every question is also asked with uniformly sampled frames, the same number of them. The first
question of each kind is taken, whatever its answer turns out to be.
"""

import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ntlbg.backends import Backend, load_backend
from ntlbg.data import Sample, read_samples
from ntlbg.evaluation.plots import save_timeline
from ntlbg.haystack import make_videos
from ntlbg.index import FeatureIndex
from ntlbg.outputs import staged_directory, staged_file
from ntlbg.pipeline import DEFAULT_SELECTOR, ask
from ntlbg.report import Asked, Report, Stage, write_report
from ntlbg.results import Answer
from ntlbg.timelines import timestamp

KINDS = ("first", "last", "before", "after", "count", "exist", "when", "which")
NUM_FRAMES = 16
SEED = 2024
TIME_TOLERANCE_SECONDS = 5.0
_QUESTIONS_MADE = 64  # enough for one of each kind

MEASURED = (
    "An answer is right when its text is the true answer; a time is right within "
    f"{TIME_TOLERANCE_SECONDS:.0f} seconds of the moment asked for.",
    "Uniform is the same model with as many frames, taken at equal distances.",
    "The number under a picture is its relevance: how much likelier it is, in nats, "
    "under the distribution of the frames the question means than under that of all frames.",
    "Seconds are wall-clock time of this run on this machine.",
)
LIMITS = (
    "Eight questions about one made video illustrate; they are not a benchmark.",
    "The built-in model knows a few hundred drawn objects by name and answers in a few words. "
    "It does not describe films, read text or follow people.",
    "What is shown for less than a second can fall between two looks at one frame per second.",
)


@dataclass(frozen=True)
class Demo:
    """What a run leaves behind."""

    report: Path
    video: Path
    asked: list[Asked]


def run(
    out_dir: str | Path = "results/demo",
    *,
    minutes: float = 60,
    num_frames: int = NUM_FRAMES,
    selector: str = DEFAULT_SELECTOR,
    seed: int = SEED,
    save_plots: bool = False,
    model: str | Backend = "builtin",
    say: Callable[[str], None] = print,
    progress: Callable | None = None,
) -> Demo:
    """Make the sample video, ask, compare, and write ``report.html`` into ``out_dir``.

    A sample video that is already there is used again; features are computed anew, so that the
    times are those of a first question.

    Raises:
        NtlbgError: the folder cannot be written, or the model's parts cannot be fetched.
    """
    out_dir = Path(out_dir)
    backend = load_backend(model)
    video, samples = _sample(out_dir, minutes, seed, say)
    say(f"{video.name}: {len(samples)} questions, {num_frames} frames for each\n")
    with tempfile.TemporaryDirectory(prefix="ntlbg-demo-") as scratch:
        index = FeatureIndex(Path(scratch))
        asked = []
        for sample in samples:
            asked.append(_ask_both(video, sample, backend, num_frames, selector, index, progress))
            say(_line(asked[-1]))
    stages = _benchmark([item.answer for item in asked])
    say("".join(f"\n{stage.name}: {stage.seconds:.2f} s" for stage in stages))
    page = _report(asked, stages, backend)
    path = write_report(page, out_dir / "report.html")
    _write_answers(asked, out_dir / "answers.json")
    if save_plots:
        for item in asked:
            save_timeline(item.answer, out_dir / "plots", name=item.kind, truth=item.evidence)
    say(f"\nreport: {path}")
    return Demo(path, video, asked)


def is_right(text: str, sample: Sample) -> bool:
    """Whether an answer is the sample's, a time within TIME_TOLERANCE_SECONDS."""
    if _same(text, sample.answer):
        return True
    moment = _seconds(text)
    if sample.answer_type != "when" or moment is None:
        return False
    return any(
        start - TIME_TOLERANCE_SECONDS <= moment <= end + TIME_TOLERANCE_SECONDS
        for start, end in sample.evidence
    )


def _sample(out_dir: Path, minutes: float, seed: int, say) -> tuple[Path, list[Sample]]:
    """The video and the first question of each kind."""
    folder = out_dir / f"sample-{minutes:g}-minutes-{seed}"
    if not (folder / "questions.jsonl").is_file():
        say(f"making a video of {minutes:g} minutes ...")
        began = time.perf_counter()
        with staged_directory(out_dir) as stage:
            make_videos(stage / folder.name, minutes=minutes, seed=seed, questions=_QUESTIONS_MADE)
            shutil.rmtree(folder, ignore_errors=True)
        say(f"made in {time.perf_counter() - began:.0f} s")
    samples = list(read_samples(folder / "questions.jsonl"))
    chosen = [
        next((sample for sample in samples if sample.answer_type == kind), None) for kind in KINDS
    ]
    return folder / samples[0].video, [sample for sample in chosen if sample is not None]


def _ask_both(
    video: Path,
    sample: Sample,
    backend: Backend,
    num_frames: int,
    selector: str,
    index: FeatureIndex,
    progress: Callable | None,
) -> Asked:
    shared = {
        "options": sample.options,
        "model": backend,
        "num_frames": num_frames,
        "index": index,
        "progress": progress,
    }
    answer = ask(video, sample.question, selector=selector, read_frames=True, **shared)
    baseline = ask(video, sample.question, selector="uniform", **shared)
    return Asked(
        answer=answer,
        kind=sample.answer_type,
        truth=sample.answer,
        right=is_right(answer.text, sample),
        evidence=sample.evidence,
        baseline=baseline,
        baseline_right=is_right(baseline.text, sample),
    )


def _line(item: Asked) -> str:
    """One question on the terminal: answer, truth, best moments, uniform's answer."""
    best = sorted(item.answer.evidence, key=lambda moment: -(moment.score or 0.0))[:4]
    moments = " ".join(moment.timestamp for moment in sorted(best, key=lambda m: m.pts_seconds))
    marks = {True: "right", False: "wrong"}
    return (
        f"{item.answer.question}\n"
        f"  {item.answer.text:<14} {marks[item.right]}, truth: {item.truth}; moments {moments}\n"
        f"  {item.baseline.text:<14} {marks[item.baseline_right]}, from uniformly sampled frames"
    )


def _benchmark(answers: Sequence[Answer]) -> list[Stage]:
    """Seconds of each step; the first question pays for reading the video."""
    first, *others = [answer.usage["seconds"] for answer in answers]
    count = f"{answers[0].usage['frames_sampled']:,} frames"
    stages = [Stage("Decode and encode the video", first["index"], f"{count}, once per video")]
    if others:
        again = statistics.median(seconds["index"] for seconds in others)
        stages.append(Stage("Find the features again", again, "median of the later questions"))
    for name, key in (
        ("Select frames", "select"),
        ("Read their pictures", "read"),
        ("Answer", "answer"),
    ):
        median = statistics.median(answer.usage["seconds"][key] for answer in answers)
        stages.append(Stage(name, median, "median per question"))
    return stages


def _report(asked: list[Asked], stages: list[Stage], backend: Backend) -> Report:
    first = asked[0].answer
    usage, seconds = first.usage, first.usage["video_seconds"]
    return Report(
        title=f"{_spelled(len(asked))} questions about {_length(seconds)} of video",
        lead=(
            "A made video in which a few objects each appear for a few seconds. The program "
            f"looks at {usage['frames_sampled']:,} frames once, and for each question reads only "
            f"the {usage['frames_used']} that represent the video best for that question."
        ),
        facts={
            "Video": f"{first.video.name}, {timestamp(seconds)}",
            "Looked at": f"{usage['frames_sampled']:,} frames, one per second",
            "Read per question": f"{usage['frames_used']} frames",
            "Visual tokens per question": f"{usage['visual_tokens']}",
            "Model": first.model,
            "Selector": first.selector,
        },
        asked=asked,
        benchmark=stages,
        rich_points=backend.rich_points(first.question, video=first.seen),
        measured=MEASURED,
        limits=LIMITS,
    )


def _write_answers(asked: list[Asked], path: Path) -> None:
    records = [
        {
            "kind": item.kind,
            "truth": item.truth,
            "right": item.right,
            "evidence": item.evidence,
            "selected": item.answer.to_dict(),
            "uniform_right": item.baseline_right,
            "uniform": item.baseline.to_dict(),
        }
        for item in asked
    ]
    with staged_file(path) as stage:
        stage.write_text(json.dumps(records, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _same(text: str, truth: str) -> bool:
    return text.strip(" .").casefold() == truth.strip(" .").casefold()


def _seconds(text: str) -> float | None:
    """``mm:ss`` or ``h:mm:ss`` as seconds; None for anything else."""
    parts = text.strip(" .").split(":")
    if len(parts) not in (2, 3) or not all(part.isdigit() for part in parts):
        return None
    total = 0
    for part in parts:
        total = total * 60 + int(part)
    return float(total)


def _length(seconds: float) -> str:
    minutes = round(seconds / 60)
    return "one hour" if minutes == 60 else f"{minutes} minutes"


def _spelled(number: int) -> str:
    names = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight")
    return names[number] if number < len(names) else str(number)
