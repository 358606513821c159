"""What the steps hand to one another: plain values, frozen, without behaviour of their own.

T frames looked at, k of them chosen, D feature size.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from ntlbg.generation import GREEDY, Generation
from ntlbg.types.media import Frames, Sound
from ntlbg.types.question import Intent, Meanwhile, Question, Turn
from ntlbg.types.words import Chapter, Chapters, Decision, Passage

__all__ = [
    "Answer",
    "AnswerInput",
    "Chapter",
    "Chapters",
    "Decision",
    "Evidence",
    "Frames",
    "Intent",
    "Meanwhile",
    "Passage",
    "Plan",
    "Question",
    "Quotation",
    "Relevance",
    "Reply",
    "ScoreUnit",
    "SelectedFrames",
    "Selection",
    "Sound",
    "Turn",
    "VideoIndex",
]

# Whether a relevance is log-odds that a frame is meant, in nats, or a similarity like a cosine,
# whose level says nothing.
ScoreUnit = Literal["log_odds", "similarity"]


@dataclass(frozen=True, eq=False)
class VideoIndex:
    """What is known of a video before anything is asked: T frames as every encoder sees them.

    Attributes:
        pts_seconds: float64 (T,), from the first shown picture.
        features: by name of the encoder float32 (T, D).
        notes: by name of the encoder what else it says of the frames: arrays (T, ...) by name.
        passages: what is said and written.
        meta: where it comes from; plain JSON values.
    """

    pts_seconds: np.ndarray
    features: Mapping[str, np.ndarray]
    notes: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    passages: tuple[Passage, ...] = ()
    meta: Mapping = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.pts_seconds)


@dataclass(frozen=True, eq=False)
class Relevance:
    """How much each frame matters for a text.

    Attributes:
        values: float64 (T,).
        unit: what they are. Only log-odds can be compared with zero, or told what comes before
            what.
        source: name of the retriever.
    """

    values: np.ndarray
    unit: ScoreUnit
    source: str


@dataclass(frozen=True)
class Selection:
    """Which frames were chosen, and why.

    Attributes:
        indices: (k,) int64, ascending and distinct.
        scores: (T,) float64 relevance of every frame: the scores given, else the inner product
            with the unit query; of several parts the largest; None without either.
        z: (T,) float64 relevance in standard deviations above the median, after whitening.
            None when the selector does not calibrate or has no relevance to go by.
        weights: (k,) float64 share of frames each chosen one stands for; they sum to 1.
        spans: (k, 2) float64 first and last time of the unbroken run of frames around the chosen
            one that it stands for. Seconds; frame indices when no times were given.
        p_local: probability that the question is about a few moments, or None.
        num_relevance: how many frames were chosen for relevance, the others for coverage.
        contour_radius: common Mahalanobis radius of the code vectors, where one was asked for.
        num_pictures: how many different pictures there are, where near-identical neighbours count
            as one; else None. Below k some chosen frames repeat others.
    """

    indices: np.ndarray
    scores: np.ndarray | None
    z: np.ndarray | None
    weights: np.ndarray
    spans: np.ndarray
    p_local: float | None = None
    num_relevance: int = 0
    contour_radius: float | None = None
    num_pictures: int | None = None

    def __len__(self) -> int:
        return len(self.indices)


@dataclass(frozen=True)
class Plan:
    """What of a video an answerer is shown, decided before any of it is read.

    Attributes:
        num_frames: how many frames.
        height, width: of each picture in pixels, as the model is given it.
        visual_tokens: that stand for all of them; an upper bound where a model compresses.
    """

    num_frames: int
    height: int
    width: int
    visual_tokens: int


@dataclass(frozen=True, eq=False)
class AnswerInput:
    """What an answerer is given beside the question.

    Attributes:
        index: the video.
        features: (T, D) float32, in which frames were told apart when they were chosen.
        selection: which k frames, with scores and weights.
        frames: the k chosen pictures; None where nothing asked for pictures.
        generation: how text is to be written.
        plan: the size that pictures are to be shown in; None: as they are.
        on_text: called with each piece of the answer as it is written, where somebody reads along;
            not with what has to be checked before it is shown.
        kept: a folder of the film in the user's index, for an answerer that wants one to keep
            things in; it may not be there yet.
        passages: what it is told of what is said and written, in order of time.
        decision: what of that answers the question; None where nothing is known to be said.
        talk: earlier questions about the film and their answers, the oldest first.
    """

    index: VideoIndex
    features: np.ndarray
    selection: Selection
    frames: Frames | None = None
    generation: Generation = GREEDY
    plan: Plan | None = None
    on_text: Callable[[str], None] | None = None
    kept: Path | None = None
    passages: tuple[Passage, ...] = ()
    decision: Decision | None = None
    talk: tuple[Turn, ...] = ()

    @property
    def pts_seconds(self) -> np.ndarray:
        """float64 (T,) of all frames."""
        return self.index.pts_seconds

    @property
    def times(self) -> np.ndarray:
        """float64 (k,) of the chosen ones."""
        return self.index.pts_seconds[self.selection.indices]

    @property
    def pictures(self) -> np.ndarray:
        """uint8 (k, H, W, 3) of the chosen ones; ValueError where nothing asked for pictures."""
        if self.frames is None:
            raise ValueError("no pictures were read; ask for them with read_frames=True")
        return self.frames.data


@dataclass(frozen=True)
class Reply:
    """What an answerer says.

    Attributes:
        text: the answer.
        option_scores: probability of each option, in the order given; None without options.
        visual_tokens: tokens of the language model spent on the video; None: a server does not say.
        found: chance that the chosen frames show what the question is about; None: cannot tell.
        supports: (k,) which of the chosen frames show it; None: cannot tell.
        notes: why the answer may be worth less than it seems, a sentence each.
        written: whether a language model wrote the text, as ``generation`` says.
        prompt_tokens: of all that was read, those of the video among them; None: not counted.
        answer_tokens: of the text that was written; None: not counted, or none was.
        finish_reason: "stop" where the text ended by itself, "length" where it was cut off.
        quoted: passages that are the text; None: it is no quotation.
    """

    text: str
    option_scores: list[float] | None
    visual_tokens: int | None
    found: float | None = None
    supports: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    written: bool = False
    prompt_tokens: int | None = None
    answer_tokens: int | None = None
    finish_reason: str | None = None
    quoted: tuple[Passage, ...] | None = None


@dataclass(frozen=True)
class Evidence:
    """One selected frame.

    Attributes:
        pts_seconds: when it is on screen, from the first picture.
        timestamp: the same as ``mm:ss``, from one hour on as ``h:mm:ss``.
        score: its relevance to the question; None where nothing was asked.
        weight: share of the video's frames it stands for.
        span_seconds: from the first to the last of those frames.
        supports: whether it shows what the question is about; None where the model cannot tell.
        image: where its picture was written, if it was.
    """

    pts_seconds: float
    timestamp: str
    score: float | None
    weight: float
    span_seconds: tuple[float, float]
    supports: bool | None = None
    image: Path | None = None


@dataclass(frozen=True)
class Quotation:
    """A passage that an answer rests on.

    Attributes:
        text: what is said or written.
        start_seconds, end_seconds: when, from the first picture.
        timestamp: of the start, as of ``Evidence``.
        source: "subtitles", "speech" or "screen".
    """

    text: str
    start_seconds: float
    end_seconds: float
    timestamp: str
    source: str


@dataclass(frozen=True)
class SelectedFrames:
    """The frames chosen from a video; ``context`` keeps the arrays behind them."""

    video: Path
    question: str | None
    selector: str
    evidence: list[Evidence]
    usage: dict
    notes: list[str] = field(default_factory=list)
    context: AnswerInput = field(repr=False, compare=False, kw_only=True)

    def to_dict(self) -> dict:
        """Plain values for JSON; without the arrays."""
        return _plain(self)


@dataclass(frozen=True)
class Answer:
    """An answer and what it rests on; ``context`` keeps the arrays behind it.

    ``found`` is the chance that the selected frames show what the question is about; None where
    the model cannot tell. ``quotations`` are passages of what is said and written that answer the
    question, or come nearest.
    """

    text: str
    evidence: list[Evidence]
    usage: dict
    question: str
    video: Path
    model: str
    selector: str
    options: list[str] | None = None
    option_scores: list[float] | None = None
    found: float | None = None
    notes: list[str] = field(default_factory=list)
    quotations: list[Quotation] = field(default_factory=list)
    context: AnswerInput = field(repr=False, compare=False, kw_only=True)

    def to_dict(self) -> dict:
        """Plain values for JSON; without the arrays."""
        return _plain(self)


def _plain(result: "SelectedFrames | Answer") -> dict:
    record = vars(result) | {"evidence": [asdict(one) for one in result.evidence]}
    if isinstance(result, Answer):
        record["quotations"] = [asdict(one) for one in result.quotations]
    del record["context"]
    return json.loads(json.dumps(record, default=os.fspath))
