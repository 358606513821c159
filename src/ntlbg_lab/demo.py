"""The demonstration: one long sample video, eight kinds of questions, one HTML page.

Every question is also asked with uniformly sampled frames, the same number of them. The first
question of each kind is taken, whatever its answer turns out to be.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ntlbg.answerers import Answerer
from ntlbg.answerers.ntlbg import NtlbgAnswerer
from ntlbg.config import load_config
from ntlbg.data import Sample, read_samples
from ntlbg.files import check_folder, staged_file
from ntlbg.index.store import FeatureIndex
from ntlbg.judging import TIME_TOLERANCE, is_right
from ntlbg.marks import PAGE, json_rows, plots
from ntlbg.models.ntlbg.checkpoints import trained_by
from ntlbg.pipeline import ask
from ntlbg.system import System, load_system
from ntlbg.time_text import timestamp
from ntlbg.train.loss_parts import loss_parts
from ntlbg.types import Answer
from ntlbg.views.console import counting
from ntlbg.views.plots import save_timeline
from ntlbg.views.plots_attention import save_attention
from ntlbg.views.report import Report, ReportQuestion, TimedStep, write_report
from ntlbg_lab import haystack
from ntlbg_lab.haystack import QUESTIONS_FILE, make_videos

KINDS = ("first", "last", "before", "after", "count", "exist", "when", "which")
# Questions about one named thing show the attention best: in others, what the question says about
# the order of time changes the ranking, too.
NAMING_KINDS = ("when", "count")
NUM_FRAMES = 16
SEED = 2024
_QUESTIONS_MADE = 64  # enough for one of each kind

MEASURED = (
    "An answer is right when its text is the true answer; a time given freely is right within "
    f"{TIME_TOLERANCE:.0f} seconds of the moment asked for.",
    "Uniform is the same model with as many frames, taken at equal distances.",
    "The number under a picture is its relevance: how much likelier it is, in nats, "
    "under the distribution of the frames the question means than under that of all frames.",
    "Seconds are wall-clock time of this run on this machine.",
)
LIMITS = (
    "Eight questions about one made video illustrate; they are not a benchmark.",
    "The built-in model knows a few hundred drawn objects by name and answers in a few words. "
    "It does not describe films, read text or follow people.",
)


FILES = {
    "report.html": PAGE,
    "answers.json": json_rows("answers of the demonstration", "kind", "truth", "selected"),
}


@dataclass(frozen=True)
class Demo:
    """What a run leaves behind."""

    report: Path
    video: Path
    asked: list[ReportQuestion]


def make_demo(
    out_dir: str | Path = "results/demo",
    *,
    minutes: float = 60,
    config: str | Path | None = None,
    num_frames: int = NUM_FRAMES,
    save_plots: bool = False,
    model: str | Answerer | System | None = None,
    say: Callable[[str], None] = print,
) -> Demo:
    """Make the sample video, ask, compare, and write ``report.html`` into ``out_dir``.

    A sample video that is already there is used again; features are computed anew, so that the
    times are those of a first question.

    Args:
        config: a file like ``configs/longvideo_config.json``: its ``max_frames`` are looked at, and
            as many selected as it chooses of them, but never more than ``num_frames``.
        model: as for :func:`ntlbg.ask`; None is what was trained by ``config``, or the
            built-in one.
        say: called with every line of the account.

    Raises:
        NtlbgError: the configuration is wrong, the folder cannot be written, or the model's parts
            cannot be fetched.
    """
    out_dir = Path(out_dir)
    sample_folder = out_dir / f"sample-{minutes:g}-minutes-{SEED}"
    _check(out_dir, sample_folder, save_plots)
    budget = _budget(config, num_frames, say)
    system = load_system(model or _model(config, say), pristine=True)
    video, samples = _sample(sample_folder, minutes, say)
    say(f"{video.name}: {len(samples)} questions, {budget['num_frames']} frames for each\n")
    asked = []
    with tempfile.TemporaryDirectory(prefix="ntlbg-demo-") as scratch:
        given = {"model": system, "index": FeatureIndex(Path(scratch)), **budget}
        for sample in samples:
            asked.append(_ask_both(video, sample, given))
            say(_line(asked[-1]))
    stages = _benchmark([item.answer for item in asked])
    say("".join(f"\n{stage.name}: {stage.seconds:.2f} s" for stage in stages))
    page = _report(asked, stages, system)
    path = write_report(page, out_dir / "report.html")
    _write_answers(asked, out_dir / "answers.json")
    if save_plots:
        for item in asked:
            save_timeline(item.answer, out_dir / "plots", name=item.kind, truth=item.evidence)
        if page.attention:
            save_attention(page.attention, out_dir / "plots")
    say(f"\nreport: {path}")
    return Demo(path, video, asked)


def _check(out_dir: Path, sample: Path, save_plots: bool) -> None:
    """Before a model is loaded, not after."""
    check_folder(out_dir, FILES)
    if not (sample / QUESTIONS_FILE).is_file():
        check_folder(sample, haystack.FILES)
    if save_plots:
        check_folder(out_dir / "plots", plots(*KINDS, "attention"))


def _budget(config: str | Path | None, num_frames: int, say) -> dict[str, int | None]:
    """``num_frames`` and ``max_frames`` of every question."""
    if config is None:
        return {"num_frames": num_frames, "max_frames": None}
    wanted = load_config(config).video_config
    chosen = wanted.representatives_for(wanted.max_frames)
    if chosen > num_frames:
        say(f"{config} asks for {chosen} frames; {num_frames} are read here")
    return {"num_frames": min(chosen, num_frames), "max_frames": wanted.max_frames}


def _model(config: str | Path | None, say) -> str:
    """What training by this configuration left; where it left nothing, the built-in model."""
    if config is None:
        return "builtin"
    settings = load_config(config)
    trained = trained_by(settings)
    if trained is None:
        say(f"{settings.output_dir}: nothing was trained there yet; this is the built-in model")
        return "builtin"
    say(f"the model is what training left in {trained}")
    return trained


def _sample(folder: Path, minutes: float, say) -> tuple[Path, list[Sample]]:
    """The video and the first question of each kind."""
    if not (folder / QUESTIONS_FILE).is_file():
        began = time.perf_counter()
        with counting(f"making a video of {minutes:g} minutes", unit="frames") as progress:
            make_videos(
                folder, minutes=minutes, seed=SEED, questions=_QUESTIONS_MADE, progress=progress
            )
        say(f"made a video of {minutes:g} minutes in {time.perf_counter() - began:.0f} s")
    samples = list(read_samples(folder / QUESTIONS_FILE))
    first = {sample.answer_type: sample for sample in reversed(samples)}
    return folder / samples[0].video, [first[kind] for kind in KINDS if kind in first]


def _ask_both(video: Path, sample: Sample, given: dict[str, Any]) -> ReportQuestion:
    with counting("reading the video", unit="frames") as progress:
        answer = ask(
            video, sample.question, options=sample.options, read_frames=True, progress=progress,
            **given,
        )  # fmt: skip
    baseline = ask(video, sample.question, options=sample.options, selector="uniform", **given)
    return ReportQuestion(
        answer=answer,
        kind=sample.answer_type or "",
        truth=sample.answer,
        right=is_right(sample, answer.text),
        evidence=sample.evidence,
        baseline=baseline,
        baseline_right=is_right(sample, baseline.text),
    )


def _line(item: ReportQuestion) -> str:
    """One question on the terminal: answer, truth, best moments, uniform's answer."""
    best = sorted(item.answer.evidence, key=lambda moment: -(moment.score or 0.0))[:4]
    moments = " ".join(moment.timestamp for moment in sorted(best, key=lambda m: m.pts_seconds))
    assert item.baseline is not None  # `_ask_both` gives one
    selected, uniform = (
        f"{' '.join(answer.text.split()):<14} {'right' if right else 'wrong'}"
        for answer, right in ((item.answer, item.right), (item.baseline, item.baseline_right))
    )
    return (
        f"{item.answer.question}\n  {selected}, truth: {item.truth}; moments {moments}\n"
        f"  {uniform}, from uniform sampling"
    )


def _benchmark(answers: Sequence[Answer]) -> list[TimedStep]:
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


def _report(asked: list[ReportQuestion], stages: list[TimedStep], system: System) -> Report:
    first = asked[0].answer
    usage, seconds = first.usage, first.usage["video_seconds"]
    apart = _apart(first.context.pts_seconds, seconds)
    return Report(
        title=f"{_spelled(len(asked))} questions about {_length(seconds)} of video",
        lead=(
            "A made video in which a few objects each appear for a few seconds. The program "
            f"looks at {usage['frames_sampled']:,} frames once, and for each question reads only "
            f"the {usage['frames_used']} that represent the video best for that question."
        ),
        facts={
            "Length": timestamp(seconds),
            "Looked at": f"{usage['frames_sampled']:,} frames, one {apart}",
            "Read per question": f"{usage['frames_used']} frames",
            "Visual tokens per question": f"{usage['visual_tokens']}",
            "Model": first.model,
            "Selector": first.selector,
        },
        asked=asked,
        benchmark=stages,
        **_inside(asked, system),
        measured=MEASURED,
        limits=(
            *LIMITS[: 2 if system.name == "builtin" else 1],
            f"One frame {apart} is looked at; what is shown between two can be missed.",
        ),
    )


def _inside(asked: list[ReportQuestion], system: System) -> dict[str, Any]:
    """What a model with NTLBG attention shows of itself; of each kind the first question."""
    model = system.answerer
    if not isinstance(model, NtlbgAnswerer):
        return {}
    first = asked[0].answer
    naming = (item for kind in NAMING_KINDS for item in asked if item.kind == kind)
    named = next(naming, asked[0])
    question, video = named.answer.question, named.answer.context
    return {
        "attention": model.attention(question, named.truth or "", video, losses=loss_parts),
        "rich_points": model.rich_points(first.question, first.context),
    }


def _write_answers(asked: list[ReportQuestion], path: Path) -> None:
    records = [
        {
            "kind": item.kind,
            "truth": item.truth,
            "right": item.right,
            "evidence": item.evidence,
            "selected": item.answer.to_dict(),
            "uniform_right": item.baseline_right,
            "uniform": item.baseline and item.baseline.to_dict(),
        }
        for item in asked
    ]
    with staged_file(path, FILES[path.name]) as stage:
        stage.write_text(json.dumps(records, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _apart(pts_seconds: np.ndarray, seconds: float) -> str:
    """How far the frames of a video of ``seconds`` are from each other, on average."""
    gap = float(np.diff(pts_seconds).mean()) if len(pts_seconds) > 1 else seconds
    return "per second" if f"{gap:.2f}" == "1.00" else f"every {gap:.3g} s"


def _length(seconds: float) -> str:
    minutes = round(seconds / 60)
    return "one hour" if minutes == 60 else f"{minutes} minutes"


def _spelled(number: int) -> str:
    names = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight")
    return names[number] if number < len(names) else str(number)
