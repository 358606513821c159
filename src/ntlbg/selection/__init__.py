"""Choosing frames: the menu of selectors and their contract.

Every selector is called alike::

    indices = SELECTORS[name](features, num_frames, query=..., pts_seconds=..., **options)

and returns int64 indices, ascending and distinct, exactly ``min(num_frames, T)`` of them, the same
for the same inputs whatever the order of the frames, as long as their times differ.
:func:`select_frames` also tells what each chosen frame stands for.

T frames, D feature size, k chosen.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ntlbg.errors import UnknownSelector
from ntlbg.selection.inputs import Inputs, NoOptions, check_inputs, read_options
from ntlbg.selection.ntlbg import NtlbgOptions, choose_ntlbg
from ntlbg.selection.relevance import choose_top_k
from ntlbg.selection.result import Picks, Selection, describe
from ntlbg.selection.space import appearance_and_time
from ntlbg.selection.uniform import choose_uniform

__all__ = ["SELECTORS", "NtlbgOptions", "Selection", "Selector", "select_frames"]


@dataclass(frozen=True)
class Selector:
    """A way to choose frames.

    Attributes:
        name: its key in SELECTORS.
        choose: the algorithm, on checked inputs in order of time.
        options: dataclass of the keywords it accepts beyond the common ones.
    """

    name: str
    choose: Callable[[Inputs, Any], Picks]
    options: type = NoOptions

    def __call__(
        self,
        features: Any,
        num_frames: int,
        *,
        query: Any = None,
        scores: Any = None,
        pts_seconds: Any = None,
        generator: np.random.Generator | None = None,
        **options: Any,
    ) -> np.ndarray:
        """Indices of the chosen frames; the arguments are those of :func:`select_frames`."""
        chosen = read_options(self.options, self.name, options)
        inputs = check_inputs(
            features, num_frames, query=query, scores=scores, pts_seconds=pts_seconds
        )
        return np.sort(inputs.order[self.choose(inputs, chosen).frames])


SELECTORS: dict[str, Selector] = {
    "ntlbg": Selector("ntlbg", choose_ntlbg, NtlbgOptions),
    "uniform": Selector("uniform", choose_uniform),
    "top_k": Selector("top_k", choose_top_k),
}


def select_frames(
    name: str,
    features: Any,
    num_frames: int,
    *,
    query: Any = None,
    scores: Any = None,
    pts_seconds: Any = None,
    generator: np.random.Generator | None = None,
    **options: Any,
) -> Selection:
    """Choose frames, and say what each one stands for.

    Args:
        name: a key of SELECTORS.
        features: (T, D) one vector per frame; converted to float32.
        num_frames: k, at least 1. All frames are chosen when there are no more.
        query: (D,) vector in the features' space.
        scores: (T,) relevance of each frame from elsewhere; used instead of the query.
        pts_seconds: (T,) time of each frame, in any order. Without it frames are equally spaced.
        generator: for selectors that draw; none of ``ntlbg``, ``uniform`` and ``top_k`` does.
        options: the selector's own, see :class:`NtlbgOptions`.

    Raises:
        UnknownSelector, InvalidBudget, InvalidFeatures, QueryRequired: see their docstrings.
        ConfigError: an option the selector does not have, or a value out of range.
    """
    if name not in SELECTORS:
        raise UnknownSelector(f"no selector {name!r}; there are {', '.join(SELECTORS)}")
    selector = SELECTORS[name]
    chosen = read_options(selector.options, name, options)
    inputs = check_inputs(features, num_frames, query=query, scores=scores, pts_seconds=pts_seconds)
    picks = selector.choose(inputs, chosen)
    space = appearance_and_time(inputs) if picks.space is None else picks.space
    return describe(inputs, picks, space)
