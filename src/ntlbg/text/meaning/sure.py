"""From signs to chances: how likely the first passage answers a question, and how likely any does.

Fitted by scripts/calibrate_words.py; sure.json says on what, and how it went on what was held out.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ntlbg.text.meaning import DEFAULT_TEXT_ENCODER, TextEncoder
from ntlbg.text.meaning.ranking import Signs
from ntlbg.text.meaning.words import Scheme

# From this chance on a passage is the answer: more often right than not.
SAID = 0.5


@dataclass(frozen=True)
class Logistic:
    """Chance = 1 / (1 + exp(-(intercept + sum of weight x sign))).

    sharpness: passages share the chance as exp(sharpness x score).
    """

    intercept: float
    weights: dict[str, float]
    sharpness: float

    def chance(self, signs: Signs) -> float:
        """0 to 1."""
        odds = self.intercept + sum(
            weight * getattr(signs, name) for name, weight in self.weights.items()
        )
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, odds))))


def fitted_to(encoder: TextEncoder | None, scheme: Scheme, language: str) -> Logistic:
    """The constants for what finds the passages; of an encoder that was not fitted, only signs
    that do not depend on its cosines' level."""
    return _fits()[fit_name(encoder, scheme, language)]


def fit_name(encoder: TextEncoder | None, scheme: Scheme, language: str) -> str:
    """As in sure.json."""
    if encoder is None:
        return "characters" if language == "zh" else scheme
    if encoder.name == DEFAULT_TEXT_ENCODER:
        return f"{DEFAULT_TEXT_ENCODER} {scheme}"
    return "encoder"


def least_chance(streams: Iterable[str]) -> float:
    """Below this union of the streams' chances nothing is said to be there.

    Of each set of streams its own: one in ten questions that nothing answers comes above it.
    """
    return _written()["limits"]["+".join(sorted(streams))]


def is_about_whole(likeness: float, encoder: TextEncoder | None) -> bool:
    """Whether a question this like those about a film as a whole is one."""
    return likeness >= _written()["whole"]["words" if encoder is None else "encoder"]


@cache
def _fits() -> dict[str, Logistic]:
    return {name: Logistic(**fit) for name, fit in _written()["fits"].items()}


@cache
def _written() -> dict:
    return json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
