"""What each part adds, end to end: the same questions answered without it.

Parts in use are taken away from one model. Parts of training need models trained without them:
``ntlbg_lab.training.ablation`` makes those, and they are answered with here.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ntlbg.answerers import Answerer
from ntlbg.answerers.builtin import load_builtin_answerer
from ntlbg.data import Sample
from ntlbg.errors import ConfigError
from ntlbg.files import check_folder, staged_directory
from ntlbg.marks import LATEX, MARKDOWN, as_latex_file, as_markdown_file, csv_table, json_parts
from ntlbg.system import System, load_system
from ntlbg_lab.compare.ablation.tables import (
    AblationRow,
    ablation_rows,
    as_csv,
    as_latex,
    as_markdown,
)
from ntlbg_lab.compare.ablation.variants import FULL, VARIANTS, AblatedVideo, Variant
from ntlbg_lab.evaluate.answering import Outcome, outcome
from ntlbg_lab.evaluate.recognition import Footage
from ntlbg_lab.evaluate.records import Records
from ntlbg_lab.evaluate.videos import Condition, Kind, encode_timeline, plan_video

__all__ = ["VARIANTS", "ablate"]

FRAMES = (8,)
IN_USE, IN_TRAINING = "Parts in use", "Parts of training"
FILES = {
    "ablation.json": json_parts("the tables of an ablation", IN_USE, IN_TRAINING),
    "ablation.md": MARKDOWN,
    "ablation.csv": csv_table("the table of an ablation", as_csv({})),
    "ablation.tex": LATEX,
}
Parts = dict[str, list[AblationRow]]
Say = Callable[[str], None]


@dataclass(frozen=True)
class _Plan:
    """What all variants are asked."""

    kind: Kind
    condition: Condition
    videos: int
    frames: tuple[int, ...]


def ablate(
    out_dir: str | Path,
    *,
    variants: Sequence[str] = tuple(VARIANTS),
    trained: Mapping[str, tuple[str, Path]] | None = None,
    frames: Sequence[int] = FRAMES,
    videos: int = 12,
    minutes: float = 10,
    questions: int = 12,
    seed: int = 0,
    split: str = "val",
    model: str | Answerer | System = "builtin",
    progress: Say | None = None,
) -> Parts:
    """Answer the same questions with every variant; a killed run goes on with the next video.

    Leaves ``answers.jsonl``, ``videos.jsonl``, ``ablation.json`` and tables as Markdown, CSV and
    LaTeX, about everything the folder holds under these settings.

    Args:
        variants: names in VARIANTS; ``full`` is always among them.
        trained: name to (description, weights); the first one is the full recipe.
        frames: budgets.
        videos, minutes, questions: how many videos, how long, and questions about each.
        seed, split: of the videos.
        model: what the parts in use are taken from.

    Raises:
        ConfigError, WeightsError, DataError, OutputError.
    """
    folder, trained = Path(out_dir), dict(trained or {})
    unknown = [name for name in variants if name not in VARIANTS]
    if unknown:
        raise ConfigError(f"no variants {unknown}; there are {', '.join(VARIANTS)}")
    if not frames or min(*frames, videos, questions) < 1 or minutes <= 0:
        raise ConfigError(
            f"frames {list(frames)}, videos {videos}, questions {questions} and minutes {minutes} "
            "must be positive"
        )
    kind = Kind(f"{minutes:g}-minutes", minutes * 60, questions)
    plan = _Plan(kind, Condition(seed=seed, split=split), videos, tuple(sorted(set(frames))))
    check_folder(folder, FILES)
    records, parts = Records(folder), {}
    if variants:
        chosen = {name: VARIANTS[name] for name in dict.fromkeys((FULL, *variants))}
        used = _answer_all(records, plan, chosen, load_system(model, pristine=True), progress)
        changes = {name: variant.change for name, variant in chosen.items()}
        parts[IN_USE] = ablation_rows(_of(records, plan, [used]), changes, FULL)
    if trained:
        weights = [
            _answer_all(
                records,
                plan,
                {name: VARIANTS[FULL]},
                load_system(load_builtin_answerer(path, pristine=True)),
                progress,
            )
            for name, (_, path) in trained.items()
        ]
        changes = {name: change for name, (change, _) in trained.items()}
        parts[IN_TRAINING] = ablation_rows(
            _of(records, plan, weights), changes, next(iter(trained))
        )
    _write(folder, parts)
    return parts


def _of(records: Records, plan: _Plan, weights: Sequence[str]) -> list[Outcome]:
    return [
        o
        for o in records.outcomes
        if o.weights in weights
        and (o.condition, o.kind) == (plan.condition.name, plan.kind.name)
        and o.video < plan.videos
        and o.num_frames in plan.frames
    ]


def _answer_all(
    records: Records, plan: _Plan, variants: Mapping[str, Variant], system: System, progress
) -> str:
    """Answer what is missing with one model; returns its fingerprint."""
    weights = system.fingerprint
    what = next(iter(variants)) if len(variants) == 1 else f"{len(variants)} variants"
    todo = []
    for number in range(plan.videos):
        timeline, samples = plan_video(plan.kind, number, plan.condition)
        blocks = [
            (weights, plan.condition.name, plan.kind.name, number, name, k)
            for k in plan.frames
            for name in variants
        ]
        missing = [block for block in blocks if not records.done(block, samples)]
        if missing:
            todo.append((missing, timeline, samples))
    began = time.perf_counter()
    for done, (missing, timeline, samples) in enumerate(todo, start=1):
        _answer(records, missing, variants, system, timeline, samples)
        if progress:
            seconds = time.perf_counter() - began
            left = seconds / done * (len(todo) - done)
            progress(
                f"{what}: video {done} of {len(todo)}, {seconds:.0f} s, about {left:.0f} s left"
            )
    return weights


def _answer(records, blocks, variants, system, timeline, samples: Sequence[Sample]) -> None:
    began = time.process_time()
    index = encode_timeline(system, timeline)
    seconds = time.process_time() - began
    video = AblatedVideo(system, index)
    outcomes = []
    for block in blocks:
        variant, num_frames = variants[block[4]], block[5]
        for place, sample in enumerate(samples):
            began = time.process_time()
            answered = video.answer_without(sample, variant, num_frames)
            spent = time.process_time() - began
            outcomes.append(outcome(block, place, sample, index.pts_seconds, *answered, spent))
    done = [block[4:] for block in blocks]
    weights, condition, kind, number, *_ = blocks[0]
    records.add(
        outcomes,
        Footage(weights, condition, kind, number, len(index), round(seconds, 2), {}, done),
    )


def _write(folder: Path, parts: Parts) -> None:
    with staged_directory(folder, FILES) as stage:
        rows = {title: [asdict(row) for row in found] for title, found in parts.items()}
        (stage / "ablation.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
        (stage / "ablation.md").write_text(as_markdown_file(as_markdown(parts)), "utf-8")
        (stage / "ablation.csv").write_text(as_csv(parts), encoding="utf-8")
        (stage / "ablation.tex").write_text(as_latex_file(as_latex(parts)), "utf-8")
