"""What each part adds, end to end: the same questions answered without it.

Parts in use are taken away from one model. Parts of training need models trained without them:
``ntlbg_lab.training.ablation`` makes those, and they are answered with here.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ntlbg.backends import Backend, load_backend, load_builtin_backend
from ntlbg.data import Sample
from ntlbg.errors import ConfigError
from ntlbg.files import check_folder, staged_directory
from ntlbg.marks import json_parts
from ntlbg_lab.compare.ablation.tables import (
    ABLATION,
    AblationRow,
    ablation_numbers,
    ablation_rows,
    ablation_tables,
)
from ntlbg_lab.compare.ablation.variants import FULL, VARIANTS, AblatedVideo, Variant
from ntlbg_lab.evaluate.answering import CellKey, Outcome, outcome
from ntlbg_lab.evaluate.recognition import EvaluatedVideo
from ntlbg_lab.evaluate.records import EvaluationStore
from ntlbg_lab.evaluate.videos import Condition, Kind, encode_timeline, plan_video

__all__ = ["VARIANTS", "ablate"]

FRAMES = (8,)
IN_USE, IN_TRAINING = "Parts in use", "Parts of training"
FILES = {
    "ablation.json": json_parts("the tables of an ablation", IN_USE, IN_TRAINING),
    **ABLATION.kinds,
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
    model: str | Backend = "builtin",
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
    records, parts = EvaluationStore(folder), {}
    if variants:
        chosen = {name: VARIANTS[name] for name in dict.fromkeys((FULL, *variants))}
        used = _answer_all(records, plan, chosen, load_backend(model, enrolled=False), progress)
        changes = {name: variant.change for name, variant in chosen.items()}
        parts[IN_USE] = ablation_rows(_of(records, plan, [used]), changes, FULL)
    if trained:
        used = [
            _answer_all(
                records,
                plan,
                {name: VARIANTS[FULL]},
                load_builtin_backend(path, enrolled=False),
                progress,
            )
            for name, (_, path) in trained.items()
        ]
        changes = {name: change for name, (change, _) in trained.items()}
        parts[IN_TRAINING] = ablation_rows(_of(records, plan, used), changes, next(iter(trained)))
    _write(folder, parts)
    return parts


def _of(records: EvaluationStore, plan: _Plan, weights: Sequence[str]) -> list[Outcome]:
    return [
        o
        for o in records.outcomes
        if o.weights in weights
        and (o.condition, o.kind) == (plan.condition.name, plan.kind.name)
        and o.video < plan.videos
        and o.num_frames in plan.frames
    ]


def _answer_all(
    records: EvaluationStore,
    plan: _Plan,
    variants: Mapping[str, Variant],
    backend: Backend,
    progress,
) -> str:
    """Answer what is missing with one model; returns its fingerprint."""
    weights = backend.fingerprint
    what = next(iter(variants)) if len(variants) == 1 else f"{len(variants)} variants"
    todo = []
    for number in range(plan.videos):
        timeline, samples = plan_video(plan.kind, number, plan.condition)
        keys = [
            CellKey(weights, plan.condition.name, plan.kind.name, number, name, k)
            for k in plan.frames
            for name in variants
        ]
        missing = [key for key in keys if not records.done(key, samples)]
        if missing:
            todo.append((missing, timeline, samples))
    began = time.perf_counter()
    for done, (missing, timeline, samples) in enumerate(todo, start=1):
        _answer(records, missing, variants, backend, timeline, samples)
        if progress:
            seconds = time.perf_counter() - began
            left = seconds / done * (len(todo) - done)
            progress(
                f"{what}: video {done} of {len(todo)}, {seconds:.0f} s, about {left:.0f} s left"
            )
    return weights


def _answer(records, keys, variants, backend, timeline, samples: Sequence[Sample]) -> None:
    began = time.process_time()
    pts_seconds, features = encode_timeline(backend, timeline)
    seconds = time.process_time() - began
    video = AblatedVideo(backend, features, pts_seconds)
    outcomes = []
    for key in keys:
        for place, sample in enumerate(samples):
            began = time.process_time()
            answered = video.answer_without(sample, variants[key.selector], key.num_frames)
            spent = time.process_time() - began
            outcomes.append(outcome(key, place, sample, pts_seconds, *answered, spent))
    done = [(key.selector, key.num_frames) for key in keys]
    which = key.weights, key.condition, key.kind, key.video
    records.add(outcomes, EvaluatedVideo(*which, len(features), round(seconds, 2), {}, done))


def _write(folder: Path, parts: Parts) -> None:
    with staged_directory(folder, FILES) as stage:
        rows = {title: [asdict(row) for row in found] for title, found in parts.items()}
        (stage / "ablation.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
        ABLATION.write(stage, ablation_tables(parts), ablation_numbers(parts))
