"""How well are questions about unseen haystacks answered, by selector and budget?

Every selector answers the same questions about the same videos with as many frames. Videos are
drawn at one frame a second at the encoder's size; ``tests/lab/haystack/test_agreement.py`` says how
close that is to encoding and decoding them. ``KINDS`` is the whole menu of videos.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from ntlbg.data import Sample
from ntlbg.encoders.checked import encode
from ntlbg.errors import ConfigError
from ntlbg.system import System
from ntlbg.types import VideoIndex
from ntlbg_lab.haystack import SPLITS, make_questions
from ntlbg_lab.haystack.pictures import STYLES, drawable_names, style_name
from ntlbg_lab.haystack.timeline import NEEDLE_SPACING, Timeline, draw_frames, plan_timeline

__all__ = ["KINDS", "VideoCondition", "VideoKind", "encode_timeline", "plan_video"]


BATCH = 128
ROUNDS = 8
EXTRA_QUESTIONS = ("absent", "absent", "order", "both")
WORDINGS = ("train", "held_out")


@dataclass(frozen=True)
class VideoKind:
    """One kind of video.

    Attributes:
        name: its key in KINDS.
        seconds: length.
        questions: about each video; long ones cost more to draw, so they are asked more.
        extras: further questions, about what is not there and about two objects at once. They are
            reported beside the others.
        spacing: seconds between the starts of two needles, at least.
        clip: every frame is read, one a second: what the reader can do when selection cannot fail.
        multiple_choice: whether some questions have options.
    """

    name: str
    seconds: float
    questions: int = 12
    extras: int = 0
    spacing: float = NEEDLE_SPACING
    clip: bool = False
    multiple_choice: bool = True

    def label(self, num_frames: int) -> str:
        """Name of a cell of the tables."""
        return self.name if self.clip else f"{self.name}-{num_frames}"


KINDS = {
    kind.name: kind
    for kind in (
        VideoKind("ten-minutes", 600, extras=4),
        VideoKind("hour", 3600, questions=25, extras=8),
        VideoKind("three-hours", 10800, questions=50, extras=16),
        VideoKind(
            "clip-8", 8, questions=6, extras=2, spacing=3.0, clip=True, multiple_choice=False
        ),
        VideoKind(
            "clip-16", 16, questions=6, extras=2, spacing=4.0, clip=True, multiple_choice=False
        ),
    )
}


@dataclass(frozen=True)
class VideoCondition:
    """What the videos and questions of one run have in common.

    Attributes:
        seed: same seed, same videos and questions.
        split: backgrounds.
        styles: of the objects' pictures, names or zip files.
        wordings: of the questions.
    """

    seed: int = 0
    split: str = "test"
    styles: tuple[str, ...] = STYLES
    wordings: str = "train"

    def __post_init__(self):
        for name, accepted in (("split", SPLITS), ("wordings", WORDINGS)):
            if getattr(self, name) not in accepted:
                raise ConfigError(
                    f"{name} {getattr(self, name)!r}: choose from {', '.join(accepted)}"
                )

    @property
    def name(self) -> str:
        """Of a group of rows in the tables."""
        parts = [] if self.wordings == "train" else ["held-out wordings"]
        if self.styles != STYLES:
            parts.append(" ".join(map(style_name, self.styles)))
        parts += [] if self.split == "test" else [f"split {self.split}"]
        return ", ".join([*parts, f"seed {self.seed}"])


def plan_video(
    kind: VideoKind, number: int, condition: VideoCondition, *, questions: int | None = None
) -> tuple[Timeline, list[Sample]]:
    """Video ``number`` of a kind, before it is drawn, and questions about it, the extras last.

    No question is asked twice about a video as long as there are others.
    """
    names = drawable_names(condition.styles)
    rng = np.random.default_rng((condition.seed, number, len(condition.split), int(kind.seconds)))
    timeline = plan_timeline(
        rng, kind.seconds, names=names, split=condition.split, styles=condition.styles,
        spacing=kind.spacing,
    )  # fmt: skip
    ask = partial(
        make_questions, timeline, rng, names=names, video=str(number), wordings=condition.wordings
    )
    samples = _distinct(ask, kind.questions if questions is None else questions)
    samples += _distinct(partial(ask, kinds=EXTRA_QUESTIONS), kind.extras)
    if not kind.multiple_choice:
        samples = [sample.model_copy(update={"options": None}) for sample in samples]
    return timeline, samples


def _distinct(ask: Callable[[int], list[Sample]], number: int) -> list[Sample]:
    """``number`` questions, repeated ones only where ``ask`` finds no others."""
    found: dict[tuple, Sample] = {}
    repeated = []
    for _ in range(ROUNDS):
        for sample in ask(number - len(found)):
            key = (sample.question, *(sample.options or ()))
            if found.setdefault(key, sample) is not sample:
                repeated.append(sample)
    return [*found.values(), *repeated][:number]


def encode_timeline(system: System, timeline: Timeline) -> VideoIndex:
    """What a system's encoders make of the drawn frames, one a second."""
    sizes = {encoder.image_size for encoder in system.encoders}
    if len(sizes) > 1:
        raise ConfigError(f"made videos are drawn in one size; the encoders want {sorted(sizes)}")
    [size] = sizes
    frames = draw_frames(timeline, size, 1.0)
    seconds, parts = [], []
    while batch := list(itertools.islice(frames, BATCH)):
        seconds += [at for at, _ in batch]
        pictures = np.stack([frame for _, frame in batch])
        parts.append([encode(encoder, pictures) for encoder in system.encoders])
    found = {
        encoder.name: list(zip(*column, strict=True))
        for encoder, column in zip(system.encoders, zip(*parts, strict=True), strict=True)
    }
    return VideoIndex(
        np.array(seconds),
        {name: np.concatenate(features) for name, (features, _) in found.items()},
        {
            name: {key: np.concatenate([each[key] for each in notes]) for key in notes[0]}
            for name, (_, notes) in found.items()
        },
    )
