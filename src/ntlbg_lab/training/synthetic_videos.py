"""Training videos for the selector and the language model, assembled from a bank of features.

A synthetic video is the frames that a selector might have chosen, what lies around them, and
several questions about them. It needs no pixels: it is a list of times and feature vectors.
T candidate frames, K chosen, Q questions, D feature size.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import IterableDataset, get_worker_info

from ntlbg.data import Sample
from ntlbg.models.builtin.vision_tower import BuiltinVisionTower, normalize_pixels
from ntlbg.models.builtin.vocabulary import object_names
from ntlbg_lab.haystack.augmentation import FrameRenderer
from ntlbg_lab.haystack.questions import Event, make_question
from ntlbg_lab.training.settings import SyntheticVideoOptions

BATCH = 64


@dataclass(frozen=True)
class FeatureBank:
    """Unit vectors of rendered frames.

    Attributes:
        needles: (N, D), frames that show an object.
        groups: for each object name, lists of rows of ``needles`` drawn from the same picture.
        empty: (M, D), frames that show none.
    """

    needles: Tensor
    groups: dict[str, list[np.ndarray]]
    empty: Tensor


@torch.inference_mode()
def encode(tower: BuiltinVisionTower, frames: Iterable[np.ndarray]) -> Tensor:
    """Frames uint8 (H, W, 3) -> (N, D), in batches: one frame alone takes half as long as 64."""
    frames, parts = iter(frames), []
    while batch := list(islice(frames, BATCH)):
        parts.append(tower(normalize_pixels(torch.from_numpy(np.stack(batch)))))
    return torch.cat(parts).clone()


def build_feature_bank(
    tower: BuiltinVisionTower,
    renderer: FrameRenderer,
    *,
    repeats: int,
    empty: int,
    names: int | None = None,
) -> FeatureBank:
    """Render each picture ``repeats`` times and ``empty`` frames without an object.

    ``names``: only of the first so many objects; None is all of them.
    """
    known, groups = object_names(), {}
    places: list[tuple[int, int]] = []
    for label in renderer.drawable[:names]:
        rows = len(places) + np.arange(len(renderer.variants[label]) * repeats)
        groups[known[label]] = list(rows.reshape(-1, repeats))
        places += [(label, number // repeats) for number in range(len(rows))]
    needles = encode(tower, (renderer.needle(*place)[0] for place in places))
    nothing = encode(tower, (renderer.negative()[0] for _ in range(empty)))
    return FeatureBank(needles, groups, nothing)


# Neighbours in time are sometimes the answer: worth more than nothing, less than a sure hit.
NEIGHBOUR_WORTH = 0.6
CLIPS = 0.2  # share of short clips of which every frame is chosen
SPACING, CLIP_SPACING = 6, 3  # seconds between the starts of two appearances, at least
SKIPPED = 0.3  # chance that a selector misses a frame within an appearance
SHORTEST_VIDEO, LONGEST_VIDEO = 40.0, 11_000.0  # seconds
RUNS = 0.3  # share of the doubtful frames that come as runs, as a selector finds them
ANY_OBJECT = ("first", "last", "which")
NEIGHBOUR = ("before", "after")


@dataclass(frozen=True)
class SyntheticVideo:
    """One video and its questions.

    Attributes:
        features: (T, D); pts_seconds: (T,) float64; indices: (K,) int64, chosen frames.
        questions: Q samples with short answers.
        evidence: (Q, T) how much each frame matters to each question, 0 to 1.
        frames: uint8 (K, H, W, 3), pixels of the chosen frames, or None.
    """

    features: Tensor
    pts_seconds: Tensor
    indices: Tensor
    questions: list[Sample]
    evidence: Tensor
    frames: np.ndarray | None = None


class SyntheticVideos(IterableDataset):
    """Endless random videos; the same seed gives the same ones.

    With a renderer, the chosen frames come with fresh pixels, for the vision tower to learn from.
    """

    def __init__(
        self,
        bank: FeatureBank,
        options: SyntheticVideoOptions,
        seed: int,
        renderer: FrameRenderer | None = None,
    ):
        self.bank, self.options, self.seed, self.renderer = bank, options, seed, renderer

    def __iter__(self) -> Iterator[SyntheticVideo]:
        worker = get_worker_info()
        rng = np.random.default_rng((self.seed, worker.id if worker else 0))
        while True:
            yield make_synthetic_video(self.bank, rng, self.options, self.renderer)


def make_synthetic_video(
    bank: FeatureBank,
    rng: np.random.Generator,
    options: SyntheticVideoOptions,
    renderer: FrameRenderer | None = None,
) -> SyntheticVideo:
    """Plant needles on random seconds, choose them and some empty frames, ask about them."""
    budget = int(rng.choice(options.num_frames))
    doubtful = options.doubtful * rng.uniform(0, 2)
    if clip := rng.random() < CLIPS:
        shown = _plant(bank, rng, budget, budget, CLIP_SPACING)
        duration, chosen = budget, set(range(budget))
    else:
        duration = int(np.exp(rng.uniform(np.log(SHORTEST_VIDEO), np.log(LONGEST_VIDEO))))
        shown = _plant(bank, rng, budget, duration, SPACING)
        chosen = {second for second, frame in shown.items() if frame.chosen}
    doubts: dict[int, Tensor] = {}
    while len(chosen) < budget:
        start = int(rng.integers(0, max(duration, max(chosen, default=0) + 20)))
        run = range(start, start + _run_length(rng, budget - len(chosen), doubtful))
        if len(run) > 1 and chosen.isdisjoint(run):
            doubts |= dict.fromkeys(run, _doubt(bank, rng))
        chosen |= set(run)
    around, far = chosen, []
    if not clip:
        around = {second + step for second in chosen for step in (-2, -1, 0, 1, 2)}
        far = rng.integers(0, duration + 20, options.distractors).tolist()
    seconds = sorted(second for second in around.union(far) if second >= 0)
    features = torch.stack(
        [
            shown[s].feature if s in shown else _empty(bank, rng, doubtful, doubts.get(s))
            for s in seconds
        ]
    )
    events = _events(shown)
    names = list(bank.groups)
    order = rng.permutation(options.question_types)
    questions = [
        make_question(events, rng, names, kind=str(order[number % len(order)]))
        for number in range(options.num_questions)
    ]
    labels = [shown[s].name if s in shown else None for s in seconds]
    evidence = torch.tensor([_evidence(question, labels) for question in questions])
    places = [place for place, second in enumerate(seconds) if second in chosen]
    frames = None
    if renderer is not None:
        pictured = [labels[place] for place in places]
        frames = np.stack([_render(renderer, name) for name in pictured])
    times = torch.tensor(seconds, dtype=torch.float64)
    return SyntheticVideo(features, times, torch.tensor(places), questions, evidence, frames)


def _render(renderer: FrameRenderer, name: str | None) -> np.ndarray:
    if name is None:
        return renderer.negative()[0]
    return renderer.needle(object_names().index(name))[0]


class _Shown(NamedTuple):
    """What a frame shows.

    ``appearance`` counts them in order of time; ``chosen``: a selector has found the frame.
    """

    name: str
    feature: Tensor
    appearance: int
    chosen: bool


def _plant(bank, rng, budget, duration, spacing) -> dict[int, _Shown]:
    """Objects on a few seconds in a row each, by second; some come back."""
    number, places = _places(rng, budget, duration, spacing)
    shown: dict[int, _Shown] = {}
    for place, name in enumerate(_names(bank, rng, number)):
        room = budget - len(shown) - (number - 1 - place)
        length = min(int(rng.integers(1, min(5, spacing))), room)
        start = places[place] * spacing
        start += int(rng.integers(0, 2)) if length < spacing - 1 else 0
        inner = length > 2 and rng.random() < SKIPPED
        missed = start + int(rng.integers(1, length - 1)) if inner else None
        group = bank.groups[name][rng.integers(len(bank.groups[name]))]
        for second in range(start, start + length):
            feature = bank.needles[rng.choice(group)]
            shown[second] = _Shown(name, feature, place, second != missed)
    return shown


def _places(rng, budget, duration, spacing) -> tuple[int, list[int]]:
    """How many appearances, and where they are, in units of ``spacing``, in order."""
    room = max(1, duration // spacing)
    most = min(7 if budget >= 8 else 3, room if spacing == CLIP_SPACING else 7)
    number = int(rng.integers(1, most + 1)) if rng.random() < 0.93 else 0
    if spacing != CLIP_SPACING:
        room = max(number * 8, room)
    return number, sorted(rng.choice(room, number, replace=False).tolist())


def _names(bank, rng, number: int) -> list[str]:
    names = list(bank.groups)
    planted: list[str] = []
    while len(planted) < number:
        back = planted and rng.random() < 0.3
        planted.append(str(rng.choice(planted if back else names)))
    rng.shuffle(planted)
    return planted


def _run_length(rng: np.random.Generator, room: int, doubtful: float) -> int:
    """1, or sometimes a few seconds in a row of one doubtful thing."""
    return min(room, int(rng.integers(2, 7))) if rng.random() < RUNS * doubtful else 1


def _doubt(bank: FeatureBank, rng: np.random.Generator) -> Tensor:
    """What an empty frame may look like a little: an object, or nothing that has a name."""
    if rng.random() < 0.5:
        return F.normalize(
            torch.from_numpy(rng.standard_normal(bank.empty.shape[1])).float(), dim=0
        )
    return bank.needles[rng.integers(len(bank.needles))]


def _empty(
    bank: FeatureBank, rng: np.random.Generator, doubtful: float, doubt: Tensor | None = None
) -> Tensor:
    """An empty frame, sometimes bent towards a doubt, always when one is given."""
    feature = bank.empty[rng.integers(len(bank.empty))]
    if doubt is None:
        if rng.random() >= doubtful:
            return feature
        doubt = _doubt(bank, rng)
    return F.normalize(feature * 0.6 + doubt * rng.uniform(0.2, 0.75), dim=0)


def _events(shown: dict[int, _Shown]) -> list[Event]:
    """Appearances in order of time; the first and the last frame of each were chosen."""
    seconds: dict[int, list[int]] = {}
    for second, frame in shown.items():
        seconds.setdefault(frame.appearance, []).append(second)
    return [
        Event(shown[found[0]].name, found[0], found[-1] + 1)
        for found in map(sorted, seconds.values())
    ]


def _evidence(question: Sample, labels: Sequence[str | None]) -> list[float]:
    """What each frame is worth to the question."""
    kind, asked = question.answer_type, question.question
    if kind in ANY_OBJECT:
        return [float(label is not None) for label in labels]
    named = {label for label in labels if label is not None and _mentions(asked, label)}
    worth = []
    for label in labels:
        if label in named or (kind in NEIGHBOUR and label == question.answer):
            worth.append(1.0)
        else:
            worth.append(NEIGHBOUR_WORTH if kind in NEIGHBOUR and label is not None else 0.0)
    return worth


def _mentions(question: str, name: str) -> bool:
    return f" {name}" in question and not question.split(f" {name}", 1)[1][:1].isalpha()
