"""What is left out, one part at a time. ``VARIANTS`` is the whole menu of parts in use."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from torch import Tensor

from ntlbg.data import Sample
from ntlbg.errors import ConfigError
from ntlbg.system import System
from ntlbg.types import Question, Relevance, Reply, ScoreUnit, Selection, VideoIndex
from ntlbg_lab.evaluate.answering import KnownVideo, WrappedRetriever

SELECTOR = "ntlbg"
FULL = "full"


@dataclass(frozen=True)
class Variant:
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
    FULL: Variant("as shipped"),
    "score-whitening": Variant("scores whitened once more", {"score_whitening": True}),
    "half-coverage": Variant("half of the frames for coverage", {"max_share": 0.5}),
    "default-shares": Variant(
        "the selector's mode, shares and quality for similarities", score_unit="similarity"
    ),
    "low-cap": Variant("relevance capped at 12 standard deviations", {"quality_cap": 12.0}),
    "no-grounding": Variant("times and order in the question unheeded", grounded=False),
    "no-events": Variant("no odds of an event", events=False),
    "no-context": Variant("c of the rich points zero", zeroed=("c",)),
    "no-weight": Variant("w of the rich points zero", zeroed=("w",)),
    "no-time": Variant("t of the rich points zero", zeroed=("t",)),
    "no-rich-points": Variant("c, w and t zero", zeroed=("c", "w", "t")),
    "no-doubt": Variant("relevance hidden from the reader", doubtful=False),
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


class AblatedVideo(KnownVideo):
    """One video and a system without some of its parts; what does not depend on them is shared."""

    def __init__(self, system: System, index: VideoIndex):
        super().__init__(system, index)
        self.retriever = self.ablated = AblatedRetriever(self.retriever)

    def answer_without(
        self, sample: Sample, variant: Variant, num_frames: int
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
