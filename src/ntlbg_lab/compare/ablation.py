"""What each part adds, end to end: the same questions answered without it.

Parts in use are taken away from one model, one at a time; ``VARIANTS`` is the whole menu of them.
Parts of training need models trained without them: ``ntlbg_lab.training.ablation`` makes those, and
they are answered with here.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from ntlbg.answerers import Answerer
from ntlbg.answerers.builtin import load_builtin_answerer
from ntlbg.data import Sample
from ntlbg.errors import ConfigError
from ntlbg.files import check_folder
from ntlbg.system import System, load_system
from ntlbg.types import Question, Relevance, Reply, ScoreUnit, Selection, VideoIndex
from ntlbg_lab.checks import check_names, check_positive
from ntlbg_lab.compare.ablation_rows import (
    ABLATION,
    IN_TRAINING,
    IN_USE,
    AblationRow,
    ablation_numbers,
    ablation_rows,
    ablation_tables,
    as_objects,
)
from ntlbg_lab.evaluate import VideoCondition, VideoKind
from ntlbg_lab.evaluate.answering import MemoizedVideo, WrappedRetriever
from ntlbg_lab.evaluate.work import FILES as ANSWER_FILES
from ntlbg_lab.evaluate.work import AnswerFunction, EvaluationStore, Say, tasks_left, work_through

SELECTOR = "ntlbg"
FULL = "full"


@dataclass(frozen=True)
class Ablation:
    """The model without a part, or with a part it does without.

    Attributes:
        change: for people.
        options: of the selector, over its defaults.
        score_unit: what the model's scores are taken for, where not for what they are.
        grounded: whether relevance heeds what the question says about time.
        events: whether the odds of an event decide about first, last, before and after.
        zeroed: parts of the rich points R = [r; c; w; t] that read as zeros.
        doubtful: whether frames of little relevance read as "nothing".
    """

    change: str
    options: Mapping[str, Any] = field(default_factory=dict)
    score_unit: ScoreUnit | None = None
    grounded: bool = True
    events: bool = True
    zeroed: tuple[str, ...] = ()
    doubtful: bool = True


VARIANTS = {
    FULL: Ablation("as shipped"),
    "score-whitening": Ablation("scores whitened once more", {"score_whitening": True}),
    "half-coverage": Ablation("half of the frames for coverage", {"max_share": 0.5}),
    "default-shares": Ablation(
        "the selector's mode, shares and quality for similarities", score_unit="similarity"
    ),
    "low-cap": Ablation("relevance capped at 12 standard deviations", {"quality_cap": 12.0}),
    "no-grounding": Ablation("times and order in the question unheeded", grounded=False),
    "no-events": Ablation("no odds of an event", events=False),
    "no-context": Ablation("c of the rich points zero", zeroed=("c",)),
    "no-weight": Ablation("w of the rich points zero", zeroed=("w",)),
    "no-time": Ablation("t of the rich points zero", zeroed=("t",)),
    "no-rich-points": Ablation("c, w and t zero", zeroed=("c", "w", "t")),
    "no-doubt": Ablation("relevance hidden from the reader", doubtful=False),
}


class AblatedRetriever(WrappedRetriever):
    """A retriever without what the variant leaves out."""

    variant = VARIANTS[FULL]

    def event_odds(self, index: VideoIndex) -> np.ndarray | None:
        """None, as from a model that cannot tell, where the variant has no events."""
        return self.inner.event_odds(index) if self.variant.events else None

    def relevance(self, index: VideoIndex, question: Question) -> list[Relevance]:
        """The bare scores where the variant does not heed time and order."""
        if self.variant.grounded:
            found = super().relevance(index, question)
        else:
            found = [Relevance(self.score(index, question.text), self.unit, self.name)]
        unit = self.variant.score_unit
        return found if unit is None else [replace(one, unit=unit) for one in found]


class AblatedVideo(MemoizedVideo):
    """One video and a system without some of its parts; what does not depend on them is shared."""

    def __init__(self, system: System, index: VideoIndex):
        super().__init__(system, index)
        self.retriever = self.ablated = AblatedRetriever(self.retriever)

    def answer_without(
        self, sample: Sample, variant: Ablation, num_frames: int
    ) -> tuple[Selection, Reply, bool]:
        """As ``answer``, from a variant."""
        self.ablated.variant = variant
        selection = self.choose(sample, SELECTOR, num_frames, **variant.options)
        shown = selection if variant.doubtful else replace(selection, scores=None)
        with zeroed_points(self.system, variant.zeroed):
            return selection, *self.read(sample, shown, variant.zeroed)


@contextmanager
def zeroed_points(system: System, parts: tuple[str, ...]) -> Iterator[None]:
    """Meanwhile these parts of the rich points reach the projector as zeros.

    Raises:
        ConfigError: the model has no rich points.
    """
    if not parts:
        yield
        return
    model: Any = getattr(system.answerer, "model", None)
    if not hasattr(model, "multi_modal_projector") or not hasattr(model, "rich_points"):
        raise ConfigError(f"model {system.name!r} has no rich points, so none can be left out")
    columns = point_columns(model.config)

    def zero(module, inputs):
        points, *others = inputs
        return (_without(points, [columns[part] for part in parts]), *others)

    hook = model.multi_modal_projector.register_forward_pre_hook(zero)
    try:
        yield
    finally:
        hook.remove()


def point_columns(config) -> dict[str, slice]:
    """Where r, c, w and t are in a rich point."""
    sizes = config.rich_point_parts
    ends = np.cumsum(list(sizes.values())).tolist()
    return {name: slice(end - size, end) for (name, size), end in zip(sizes.items(), ends)}


def _without(points: Tensor, columns: list[slice]) -> Tensor:
    points = points.clone()
    for part in columns:
        points[..., part] = 0
    return points


FRAMES = (8,)
Parts = dict[str, list[AblationRow]]


def ablate(
    out_dir: str | Path,
    *,
    variants: Sequence[str] | None = None,
    trained: Mapping[str, tuple[str, Path]] | None = None,
    train_steps: int | None = None,
    tower: Path | None = None,
    tiny: bool = False,
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
        variants: names in VARIANTS, ``full`` always among them; by default all, or none where
            models are trained.
        trained: name to (description, weights); the first one is the full recipe.
        train_steps, tower, tiny: train those in so many steps, as ``train_variants`` does.
        frames: budgets.
        videos, minutes, questions: how many videos, how long, and questions about each.
        seed, split: of the videos.
        model: what the parts in use are taken from.

    Raises:
        ConfigError, WeightsError, DataError, OutputError.
    """
    if train_steps is None and (tower or tiny):
        raise ConfigError("suite 'ablation' has no tower and tiny without train-steps")
    if variants is None:
        variants = tuple(VARIANTS) if train_steps is None else ()
    check_names("variants", variants, VARIANTS)
    check_positive(frames=list(frames), videos=videos, questions=questions, minutes=minutes)
    folder, trained = Path(out_dir), dict(trained or {})
    kind = VideoKind(f"{minutes:g}-minutes", minutes * 60, questions)
    condition, budgets = VideoCondition(seed=seed, split=split), sorted(set(frames))
    check_folder(folder, ABLATION.kinds | ANSWER_FILES)
    if train_steps is not None:
        from ntlbg_lab.training.ablation import train_variants

        trained = train_variants(
            folder / "trained", steps=train_steps, tower=tower, tiny=tiny, progress=progress
        )
    store, parts = EvaluationStore(folder), {}

    def answer(system: System, asked: Mapping[str, Ablation]) -> str:
        """Answer what is missing with one model; its fingerprint."""
        cells = [(name, k) for k in budgets for name in asked]
        todo = tasks_left(store, system.fingerprint, kind, condition, cells, videos=videos)
        work_through(todo, system, store, partial(_answer_about, asked), progress)
        return system.fingerprint

    def rows(weights: Sequence[str], changes: Mapping[str, str], full: str) -> list[AblationRow]:
        where = condition.name, kind.name
        found = [
            o
            for o in store.answers.records
            if o.weights in weights and (o.condition, o.kind) == where
            and o.video < videos and o.num_frames in budgets
        ]  # fmt: skip
        return ablation_rows(found, changes, full)

    if variants:
        chosen = {name: VARIANTS[name] for name in dict.fromkeys((FULL, *variants))}
        used = [answer(load_system(model, pristine=True), chosen)]
        changes = {name: variant.change for name, variant in chosen.items()}
        parts[IN_USE] = rows(used, changes, FULL)
    if trained:
        used = [
            answer(load_system(load_builtin_answerer(path, pristine=True)), {name: VARIANTS[FULL]})
            for name, (_, path) in trained.items()
        ]
        changes = {name: change for name, (change, _) in trained.items()}
        parts[IN_TRAINING] = rows(used, changes, next(iter(trained)))
    ABLATION.write(folder, ablation_tables(parts), ablation_numbers(parts), as_objects(parts))
    return parts


def _answer_about(
    asked: Mapping[str, Ablation], system: System, index: VideoIndex
) -> AnswerFunction:
    video = AblatedVideo(system, index)
    return lambda sample, key: video.answer_without(sample, asked[key.selector], key.num_frames)
