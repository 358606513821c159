"""How a language model writes its answer: the likeliest words, or words drawn at random."""

import math
from dataclasses import dataclass, fields

from ntlbg.errors import ConfigError, QuestionError

# Below it scores divided by it overflow; the likeliest word has all the chance long before.
LOWEST_TEMPERATURE = 0.01


@dataclass(frozen=True)
class Generation:
    """What is asked of a text that a language model writes; None leaves it to the answerer.

    Attributes:
        temperature: scores of words are divided by it and one is drawn; 0 takes the likeliest.
        top_p: only the likeliest words that together have this chance are drawn from.
        max_new_tokens: the answer ends here at the latest.
        seed: another one draws another answer; None is 0.

    Raises:
        ConfigError: a value out of range, or one that does nothing beside the others.
    """

    temperature: float | None = None
    top_p: float | None = None
    max_new_tokens: int | None = None
    seed: int | None = None

    def __post_init__(self):
        heat = self.temperature
        if heat and not LOWEST_TEMPERATURE <= heat < math.inf:
            raise ConfigError(
                f"temperature is {heat}; give 0, which takes the likeliest words, or a number from "
                f"{LOWEST_TEMPERATURE} on"
            )
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ConfigError(f"top_p is {self.top_p}; give a share above 0, up to 1")
        if self.max_new_tokens is not None and self.max_new_tokens < 1:
            raise ConfigError(f"max_new_tokens is {self.max_new_tokens}; give at least 1")
        if self.seed is not None and not 0 <= self.seed < 2**63:
            raise ConfigError(f"seed is {self.seed}; give a whole number, 0 or more, below 2^63")
        for name in ("top_p", "seed"):
            if getattr(self, name) is not None and not heat:
                raise ConfigError(
                    f"{name} is {getattr(self, name)}, but without a temperature above 0 the "
                    f"likeliest words are taken; give a temperature too, or leave {name} out"
                )

    @property
    def given(self) -> str:
        """Names of what was asked for, for people; empty where nothing was."""
        names = [field.name for field in fields(self) if getattr(self, field.name) is not None]
        return " and ".join(names)


GREEDY = Generation()


def check_written(options: list[str] | None, generation: Generation) -> None:
    """Refuse what would do nothing.

    Raises:
        QuestionError: an answer is chosen among options, and something is asked of its text.
    """
    if options is not None and generation.given:
        raise QuestionError(
            f"an answer among options is chosen by likelihood, not written: {generation.given} "
            "would do nothing; leave that out, or the options"
        )


def decided(generation: Generation) -> list[str]:
    """What to say of an answer that no language model wrote."""
    if not generation.given:
        return []
    return [f"the frames decided this answer, no text was written: {generation.given} did nothing"]
