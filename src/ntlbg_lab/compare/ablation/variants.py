"""What is left out, one part at a time. ``VARIANTS`` is the whole menu of parts in use."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from torch import Tensor

from ntlbg.backends import Backend, Reply
from ntlbg.choosing import choose_frames
from ntlbg.data import Sample
from ntlbg.errors import ConfigError
from ntlbg.selectors import SELECTORS, Selection, select_distinct
from ntlbg_lab.evaluate.answering import KnownVideo

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
    score_unit: str | None = None
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


class AblatedVideo(KnownVideo):
    """One video and a model without some of its parts; what does not depend on them is shared."""

    def __init__(self, backend: Backend, features: np.ndarray, pts_seconds: np.ndarray):
        super().__init__(backend, features, pts_seconds)
        self.variant = VARIANTS[FULL]

    @property
    def score_unit(self) -> str:
        """Of the model, unless the variant takes its scores for similarities."""
        return self.variant.score_unit or self.backend.score_unit

    def event_odds(self, features: np.ndarray, pts_seconds: np.ndarray) -> np.ndarray | None:
        """None, as from a model that cannot tell, where the variant has no events."""
        return super().event_odds(features, pts_seconds) if self.variant.events else None

    def answer_without(
        self, sample: Sample, variant: Variant, num_frames: int
    ) -> tuple[Selection, Reply, bool]:
        """As ``answer``, from a variant."""
        self.variant = variant
        selection = self._choose(sample, num_frames)
        shown = selection if variant.doubtful else replace(selection, scores=None)
        with zeroed_points(self.backend, variant.zeroed):
            return selection, *self.read(sample, shown, variant.zeroed)

    def _choose(self, sample: Sample, num_frames: int) -> Selection:
        if self.variant.grounded:
            return choose_frames(
                self, self.features, self.pts_seconds, sample.question, SELECTOR, num_frames,
                options=sample.options, **self.variant.options,
            )  # fmt: skip
        return select_distinct(
            SELECTORS[SELECTOR], self.features, num_frames, pts_seconds=self.pts_seconds,
            scores=self.score_frames(self.features, sample.question),
            score_unit=self.score_unit, **self.variant.options,
        )  # fmt: skip


@contextmanager
def zeroed_points(backend: Backend, parts: tuple[str, ...]) -> Iterator[None]:
    """Meanwhile these parts of the rich points reach the projector as zeros.

    Raises:
        ConfigError: the model has no rich points.
    """
    if not parts:
        yield
        return
    model = getattr(backend, "model", None)
    if not hasattr(model, "multi_modal_projector") or not hasattr(model, "rich_points"):
        raise ConfigError(f"model {backend.name!r} has no rich points, so none can be left out")
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
