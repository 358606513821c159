"""The demonstration: a film like people's own, eight questions about it, one HTML page.

They are about what is shown for seconds, what is said, what is written, and what is written while
something is said. Every question is also asked with uniformly sampled frames, the same number of
them. All questions of the film are asked, whatever their answers turn out to be.
"""

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ntlbg.answerers import Answerer
from ntlbg.cli.words import heard
from ntlbg.config import load_config
from ntlbg.data import Sample, read_samples
from ntlbg.downloads import fetch_parts
from ntlbg.errors import MissingPackage, NoSoundError
from ntlbg.files import check_folder, staged_file
from ntlbg.index.passages import Words
from ntlbg.index.store import FeatureIndex
from ntlbg.json_lines import alone_in
from ntlbg.judging import is_right
from ntlbg.marks import PAGE, PAGE_BYTES, json_rows, plots
from ntlbg.models.ntlbg.checkpoints import trained_by
from ntlbg.pipeline import ask
from ntlbg.system import System, load_system
from ntlbg.text import load_listener
from ntlbg.views.card import ReportQuestion
from ntlbg.views.console import counting
from ntlbg.views.plots import save_timeline
from ntlbg.views.plots_attention import save_attention
from ntlbg.views.report import Report, TimedStep, write_report
from ntlbg_lab import film
from ntlbg_lab.demo.page import benchmark, page_of
from ntlbg_lab.film import KINDS, QUESTIONS_FILE, check_film, make_film

NUM_FRAMES = 16
SEED = 2024
STREAMS = ("speech", "screen")
PARTS = ("speech", "text")  # what hears, and what tells which sentence is meant

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
    streams: Sequence[str] = STREAMS,
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
        streams: names in LISTENERS that are listened to before the first question; none: by
            pictures alone.
        say: called with every line of the account.

    Raises:
        NtlbgError: the configuration is wrong, the folder cannot be written, another demo works in
            it, or the model's parts cannot be fetched.
    """
    out_dir = Path(out_dir)
    folder = out_dir / f"film-{minutes:g}-minutes-{SEED}"
    check_film(minutes, SEED)
    _check(out_dir, folder, minutes, save_plots)
    with alone_in(out_dir):  # two at once would make the same film
        budget = _budget(config, num_frames, say)
        if streams:
            fetch_parts(PARTS, progress=say)
        system = load_system(model or _model(config, say), pristine=True)
        video, samples = _sample(folder, minutes, say)
        asked, steps = _answered(video, samples, system, streams, budget, say)
        page = page_of(asked, steps, system)
        path = _write(page, asked, out_dir, save_plots)
    say(f"\nreport: {path}")
    return Demo(path, video, asked)


def _answered(
    video: Path,
    samples: Sequence[Sample],
    system: System,
    streams: Sequence[str],
    budget: dict[str, int | None],
    say,
) -> tuple[list[ReportQuestion], list[TimedStep]]:
    """Every question, from an index of its own, and what the time went to."""
    with tempfile.TemporaryDirectory(prefix="ntlbg-demo-") as scratch:
        index = FeatureIndex(Path(scratch))
        steps = _listen(video, streams, index, say)
        say(f"{video.name}: {len(samples)} questions, {budget['num_frames']} frames for each\n")
        given = {"model": system, "index": index, "words": Words(listen_to=tuple(streams)),
                 **budget}  # fmt: skip
        asked = _ask_all(video, samples, given, say)
    steps += benchmark([item.answer for item in asked])
    say("".join(f"\n{step.name}: {step.seconds:.2f} s" for step in steps))
    return asked, steps


def _write(page: Report, asked: list[ReportQuestion], out_dir: Path, save_plots: bool) -> Path:
    path = write_report(page, out_dir / "report.html")
    _write_answers(asked, out_dir / "answers.json")
    if save_plots:
        for item in asked:
            save_timeline(item.answer, out_dir / "plots", name=item.kind, truth=item.evidence)
        if page.attention:
            save_attention(page.attention, out_dir / "plots")
    return path


def _check(out_dir: Path, sample: Path, minutes: float, save_plots: bool) -> None:
    """Before a model is loaded, not after."""
    check_folder(out_dir, FILES, needed=PAGE_BYTES)
    if not (sample / QUESTIONS_FILE).is_file():
        check_folder(sample, film.FILES, needed=film.least_bytes(minutes))
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
    """The film and the questions about it."""
    if not (folder / QUESTIONS_FILE).is_file():
        say(f"making a film of {minutes:g} minutes")
        began = time.perf_counter()
        with counting(f"making a film of {minutes:g} minutes", unit="frames") as progress:
            make_film(folder, minutes=minutes, seed=SEED, progress=progress)
        say(f"made a film of {minutes:g} minutes in {time.perf_counter() - began:.0f} s")
    samples = list(read_samples(folder / QUESTIONS_FILE))
    return folder / samples[0].video, samples


def _listen(video: Path, streams: Sequence[str], index: FeatureIndex, say) -> list[TimedStep]:
    """Keep what is said and written; of what cannot be listened to every answer has a note."""
    steps = []
    for name in streams:
        listener = load_listener(name)
        doing = "listen to the sound" if listener.wants == "sound" else "read the screen"
        say(f"{doing} ...")
        began = time.perf_counter()
        with suppress(NoSoundError, MissingPackage):
            found = len(heard(video, listener, index))
            seconds = time.perf_counter() - began
            say(f"found {found} passages in {seconds:.0f} s")
            steps.append(
                TimedStep(doing.capitalize(), seconds, f"{found} passages, once per video")
            )
    return steps


def _ask_all(
    video: Path, samples: Sequence[Sample], given: dict[str, Any], say
) -> list[ReportQuestion]:
    asked = []
    for sample in samples:
        asked.append(_ask_both(video, sample, given))
        say(_line(asked[-1]))
    return asked


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
