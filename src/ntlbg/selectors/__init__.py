"""Choosing frames: the menu of selectors and their contract.

Every selector is called alike::

    indices = SELECTORS[name](features, num_frames, query=..., pts_seconds=..., **options)

and returns int64 indices, ascending and distinct, exactly ``min(num_frames, T)`` of them, the same
for the same inputs whatever the order of the frames, as long as their times differ. A published
method that returns fewer, or repeats some, is completed; its docstring says how.
:func:`select_frames` also tells what each chosen frame stands for.

T frames, D feature size, k chosen.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ntlbg.errors import ConfigError, QueryRequired, UnknownSelector
from ntlbg.selectors.adaq import AdaqOptions, choose_adaq
from ntlbg.selectors.aks import AksOptions, choose_aks
from ntlbg.selectors.bolt import BoltOptions, choose_bolt
from ntlbg.selectors.dpp import DppOptions, choose_dpp
from ntlbg.selectors.facility_location import FacilityLocationOptions, choose_facility_location
from ntlbg.selectors.focus import FocusOptions, choose_focus
from ntlbg.selectors.inputs import Inputs, NoOptions, check_budget, check_inputs, read_options
from ntlbg.selectors.k_center import choose_k_center
from ntlbg.selectors.longvu_window import WindowOptions, choose_longvu_window, window_redundancy
from ntlbg.selectors.max_info import MaxInfoOptions, choose_max_info
from ntlbg.selectors.mdp3 import Mdp3Options, choose_mdp3
from ntlbg.selectors.median_contour import choose_median_contour
from ntlbg.selectors.ntlbg import choose_ntlbg
from ntlbg.selectors.ntlbg_options import FOR_LOG_ODDS, NtlbgOptions
from ntlbg.selectors.q_frame import QFrameOptions, choose_q_frame
from ntlbg.selectors.relevance import choose_top_k
from ntlbg.selectors.result import SelectorOutput, check_choice_of, to_selection
from ntlbg.selectors.similarity_space import appearance_and_time
from ntlbg.selectors.stretches import select_distinct
from ntlbg.selectors.turns import choose_by_turns
from ntlbg.selectors.uniform import choose_random, choose_uniform
from ntlbg.selectors.wfs_sb import WfsOptions, choose_wfs_sb
from ntlbg.types import Selection

__all__ = [
    "SCORE_UNITS",
    "SELECTORS",
    "NtlbgOptions",
    "Selection",
    "Selector",
    "check_selector",
    "select_distinct",
    "select_frames",
    "window_redundancy",
]


# Keywords that every selector takes.
_COMMON = ("query", "scores", "pts_seconds", "generator")
# What scores can be: a similarity like a cosine, whose level says nothing, or log-odds that a frame
# is meant, in nats.
SCORE_UNITS = ("similarity", "log_odds")


@dataclass(frozen=True)
class Selector:
    """A way to choose frames.

    Attributes:
        name: its key in SELECTORS.
        choose: the algorithm, on checked inputs in order of time.
        options: dataclass of the keywords it accepts beyond the common ones.
        needs_query: whether it raises QueryRequired without a query or scores.
        uses_query: whether it heeds a query or scores at all.
        for_log_odds: options whose defaults are others where scores are log-odds.
        joins_parts: whether it knows of questions with several parts. Of others that use a query
            each part chooses its share, see :func:`ntlbg.selectors.turns.choose_by_turns`.
    """

    name: str
    choose: Callable[[Inputs, Any], SelectorOutput]
    options: type = NoOptions
    needs_query: bool = False
    uses_query: bool = True
    joins_parts: bool = False
    for_log_odds: Mapping[str, Any] = field(default_factory=dict)

    def __call__(
        self,
        features: Any,
        num_frames: int,
        *,
        query: Any = None,
        scores: Any = None,
        pts_seconds: Any = None,
        score_unit: str = "similarity",
        generator: np.random.Generator | None = None,
        **options: Any,
    ) -> np.ndarray:
        """Indices of the chosen frames; the arguments are those of :func:`select_frames`."""
        inputs, picks = self.run(
            features,
            num_frames,
            query=query,
            scores=scores,
            pts_seconds=pts_seconds,
            score_unit=score_unit,
            generator=generator,
            **options,
        )
        return np.sort(inputs.order[picks.frames])

    def run(self, features: Any, num_frames: int, **given: Any) -> tuple[Inputs, SelectorOutput]:
        """The checked arguments of :func:`select_frames`, and the choice in order of time."""
        common = {name: given.pop(name) for name in _COMMON}
        score_unit = given.pop("score_unit")
        if score_unit not in SCORE_UNITS:
            accepted = " or ".join(SCORE_UNITS)
            raise ConfigError(f"score_unit must be {accepted}; got {score_unit!r}")
        defaults = self.for_log_odds if score_unit == "log_odds" else {}
        chosen = read_options(self.options, self.name, {**defaults, **given})
        inputs = check_inputs(features, num_frames, **common)
        if inputs.num_parts > 1 and self.uses_query and not self.joins_parts:
            return inputs, choose_by_turns(inputs, lambda part: self._checked(part, chosen))
        return inputs, self._checked(inputs, chosen)

    def _checked(self, inputs: Inputs, options: Any) -> SelectorOutput:
        """The choice of the algorithm, in order of time."""
        picks = self.choose(inputs, options)
        check_choice_of(self.name, picks, inputs)
        return replace(picks, frames=np.sort(picks.frames))


SELECTORS: dict[str, Selector] = {
    selector.name: selector
    for selector in (
        Selector("ntlbg", choose_ntlbg, NtlbgOptions, joins_parts=True, for_log_odds=FOR_LOG_ODDS),
        Selector("uniform", choose_uniform, uses_query=False),
        Selector("top_k", choose_top_k, needs_query=True),
        Selector("random", choose_random, uses_query=False),
        Selector("aks", choose_aks, AksOptions, needs_query=True),
        Selector("bolt", choose_bolt, BoltOptions, needs_query=True),
        Selector("q_frame", choose_q_frame, QFrameOptions, needs_query=True),
        Selector("adaq", choose_adaq, AdaqOptions, needs_query=True),
        Selector("focus", choose_focus, FocusOptions, needs_query=True),
        Selector("wfs_sb", choose_wfs_sb, WfsOptions, needs_query=True),
        Selector("dpp", choose_dpp, DppOptions),
        Selector("mdp3", choose_mdp3, Mdp3Options, needs_query=True),
        Selector("max_info", choose_max_info, MaxInfoOptions, uses_query=False),
        Selector("k_center", choose_k_center, uses_query=False),
        Selector(
            "facility_location",
            choose_facility_location,
            FacilityLocationOptions,
            uses_query=False,
        ),
        Selector("longvu_window", choose_longvu_window, WindowOptions, uses_query=False),
        Selector("median_contour", choose_median_contour),
    )
}


def check_selector(
    name: str | None,
    num_frames: int | None,
    options: Mapping[str, Any] | None = None,
    *,
    asked: bool,
) -> None:
    """Refuse a choice before an hour of video is read for it; None is not known yet.

    Args:
        asked: whether frames are chosen for a question.

    Raises:
        UnknownSelector, InvalidBudget, QueryRequired: see their docstrings.
        ConfigError: an option the selector does not have, or a value out of range.
    """
    if num_frames is not None:
        check_budget(num_frames)
    if name is None:
        return
    if not isinstance(name, str):
        given = type(name).__name__
        raise UnknownSelector(f"a selector is given by its name in SELECTORS; got a {given}")
    if name not in SELECTORS:
        raise UnknownSelector(f"no selector {name!r}; there are: {', '.join(SELECTORS)}")
    read_options(SELECTORS[name].options, name, options or {})
    if not asked and SELECTORS[name].needs_query:
        others = ", ".join(name for name, other in SELECTORS.items() if not other.needs_query)
        raise QueryRequired(
            f"selector {name} chooses frames for a question; ask one, or select by {others}"
        )


def select_frames(
    name: str,
    features: Any,
    num_frames: int,
    *,
    query: Any = None,
    scores: Any = None,
    pts_seconds: Any = None,
    score_unit: str = "similarity",
    generator: np.random.Generator | None = None,
    **options: Any,
) -> Selection:
    """Choose frames, and say what each one stands for.

    Args:
        name: a key of SELECTORS.
        features: (T, D) one vector per frame; converted to float32.
        num_frames: k, at least 1. All frames are chosen when there are no more.
        query: (D,) vector in the features' space; (P, D) for a question that names several things,
            one for each: every part gets its share of the frames.
        scores: (T,) relevance of each frame from elsewhere, or (P, T); used instead of the query.
        pts_seconds: (T,) time of each frame, in any order. Without it frames are equally spaced;
            for ``focus``, whose clips have a length in seconds, a second apart.
        score_unit: of SCORE_UNITS; a selector may have other defaults for log-odds.
        generator: for the selectors that draw: ``random``, ``q_frame``, ``adaq`` and ``focus``.
            Without it they draw as with seed 0.
        options: the selector's own, the fields of ``SELECTORS[name].options``.

    Raises:
        UnknownSelector, InvalidBudget, InvalidFeatures, QueryRequired: see their docstrings.
        ConfigError: an option the selector does not have, or a value out of range.
        SelectionError: a selector of one's own that chose what is no choice of frames.
    """
    if name not in SELECTORS:
        raise UnknownSelector(f"no selector {name!r}; there are {', '.join(SELECTORS)}")
    inputs, picks = SELECTORS[name].run(
        features,
        num_frames,
        query=query,
        scores=scores,
        pts_seconds=pts_seconds,
        score_unit=score_unit,
        generator=generator,
        **options,
    )
    space = appearance_and_time(inputs) if picks.space is None else picks.space
    return to_selection(inputs, picks, space)
