"""How the published LongVU code was evaluated: all settings of each benchmark, as data.

Nothing of this is used unless asked for: videos elsewhere are sampled by time, not by index.
"""

import re
from dataclasses import dataclass

from ntlbg.errors import ConfigError

MULTIPLE_CHOICE = "Question: {question}\nOptions:\n{options}\n"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class FrameRule:
    """Which frames of a clip are read.

    Attributes:
        fps: frames per second.
        rounds_rate: the clip's rate is rounded before the step between frames is taken.
        thin_above: of more frames than this every (count // thin_above)-th stays, so that up to
            twice as many may remain.
        at_most: of more frames than this an even selection stays.
    """

    fps: float
    rounds_rate: bool = False
    thin_above: int | None = None
    at_most: int | None = None


@dataclass(frozen=True)
class Benchmark:
    """Settings of one benchmark; thresholds not named are the checkpoint's.

    Attributes:
        frames: which frames are read.
        num_options: letters that count as an answer; None: as many as the question has options.
        prompt: template of the question; ``{options}`` one a line.
        drop_threshold, dino_threshold: see `LongVUConfig`.
        max_new_tokens: of the greedy answer.
    """

    frames: FrameRule
    num_options: int | None
    prompt: str
    drop_threshold: float
    dino_threshold: float | None = None
    max_new_tokens: int = 5


FRAME_RULES = {
    "inference": FrameRule(1.0),
    "training": FrameRule(1.0),
    "training_uniform": FrameRule(1.0, at_most=100),
    "half_fps": FrameRule(0.5, rounds_rate=True),
    "half_fps_thinned": FrameRule(0.5, rounds_rate=True, thin_above=1000),
    "two_fps": FrameRule(2.0),
}
BENCHMARKS = {
    "videomme": Benchmark(
        FRAME_RULES["half_fps"],
        4,
        MULTIPLE_CHOICE + "Respond with only the letter (A, B, C, or D) of the correct option.\n",
        drop_threshold=0.65,
    ),
    "mlvu": Benchmark(
        FRAME_RULES["half_fps_thinned"],
        4,
        MULTIPLE_CHOICE + "Respond with only the letter (A, B, C or D) of the correct option.",
        drop_threshold=0.77,
        dino_threshold=0.82,
    ),
    "egoschema": Benchmark(
        FRAME_RULES["half_fps_thinned"],
        5,
        MULTIPLE_CHOICE + "Respond with only the letter (A, B, C, D or E) of the correct option.",
        drop_threshold=0.8,
    ),
    "mvbench": Benchmark(
        FRAME_RULES["two_fps"],
        None,
        MULTIPLE_CHOICE
        + "Answer with the option's letter from the given choices directly and only give the best "
        "option.",
        drop_threshold=0.8,
    ),
}


def frame_indices(
    rule: FrameRule,
    num_frames: int,
    average_fps: float,
    *,
    start_seconds: float | None = None,
    end_seconds: float | None = None,
) -> list[int]:
    """Indices of the frames that the published scripts read of a clip.

    Raises:
        ConfigError: the clip's rate is too low for the rule; the published code fails here too.
    """
    rate = round(average_fps) if rule.rounds_rate else average_fps
    step = round(rate / rule.fps)
    if step < 1:
        raise ConfigError(
            f"a clip of {average_fps:g} frames per second cannot be read at {rule.fps:g}; "
            "sample it by time instead"
        )
    first = 0 if start_seconds is None else max(0, round(start_seconds * rate))
    last = num_frames if end_seconds is None else min(round(end_seconds * rate), num_frames - 1)
    indices = list(range(first, last, step))
    if rule.thin_above is not None and len(indices) > rule.thin_above:
        return indices[:: len(indices) // rule.thin_above]
    if rule.at_most is not None and len(indices) > rule.at_most:
        interval = len(indices) / rule.at_most  # multiplied as floats, as published
        return [indices[int(i * interval)] for i in range(rule.at_most)]
    return indices


def format_question(benchmark: Benchmark, question: str, options: list[str]) -> str:
    """The question as the published scripts put it, options lettered (A), (B) ..."""
    lettered = [f"({letter}) {option}" for letter, option in zip(LETTERS, options)]
    return benchmark.prompt.format(question=question, options="\n".join(lettered))


def parse_letter(text: str, num_options: int) -> str | None:
    """The letter an answer counts as: the first capital among those possible, outside "Answer".

    None where the published scripts fail or guess. "Both A and C" counts as B: so it was scored.
    """
    found = re.search(f"[A-{LETTERS[num_options - 1]}]", text.replace("Answer", ""))
    return found and found.group()
