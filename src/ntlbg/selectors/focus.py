"""FOCUS: find the relevant clips of a video by scoring few of its frames.

The published code is another algorithm than the paper; both are here. T frames, k chosen, M clips
(arms of a bandit).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ntlbg.errors import ConfigError, QueryRequired
from ntlbg.selectors.arms import Arms
from ntlbg.selectors.inputs import LEAST, MOST, Inputs, check_choice, check_number
from ntlbg.selectors.result import SelectorOutput

# Settings of the published code, from its example script.
_LEAST_REGIONS = 8  # clips of a video, however short
_BEST_SHARE = 0.2  # of k, the frames of largest score at once
_TEMPERATURE = 0.06  # of the softmax within a clip
_EVEN_SHARE = 0.5  # of the fine pulls that lie evenly, the others by chance
_LARGEST_GAP_SECONDS = 1.0  # between frames of different clips,
_GAP_SHARE = 0.25  # at most this share of the mean time between k frames,
_NO_GAP_SECONDS = 0.2  # and none where that is so short
# Least chance of a frame of a chosen clip, relative to its best, in the paper's version.
_LEAST_CHANCE = 1e-3


@dataclass(frozen=True)
class FocusOptions:
    """Options of ``focus``.

    Attributes:
        score: function of frame indices, as the caller counts, that returns the relevance of each.
            It is called twice. Without it scores or a query must be given, and only the frames
            that would have been scored are looked at.
        version: ``code``, the algorithm of the published code; ``paper``, the paper's algorithm 2.
        clip_seconds: length of a clip. Without ``pts_seconds`` frames count as a second apart.
        coarse_pulls: frames scored in every clip.
        fine_seconds: in the promising clips further frames are scored, one for every so many
            seconds of a clip.
        promising: share of the clips that are promising.
        least_clips, most_clips: bounds on the clips that frames are chosen from.
    """

    score: Callable[[np.ndarray], np.ndarray] | None = None
    version: str = "code"
    clip_seconds: float = 16.0
    coarse_pulls: int = 3
    fine_seconds: float = 1.0
    promising: float = 0.25
    least_clips: int = 4
    most_clips: int = 32

    def __post_init__(self):
        if self.score is not None and not callable(self.score):
            raise ConfigError(f"option score must be a function of indices; got {self.score!r}")
        check_choice("version", self.version, ("code", "paper"))
        check_number("promising", self.promising, 0, 1)
        for name in ("clip_seconds", "fine_seconds"):
            check_number(name, getattr(self, name), LEAST, MOST)
        for name in ("coarse_pulls", "least_clips", "most_clips"):
            check_number(name, getattr(self, name), 1, MOST, whole=True)
        if self.least_clips > self.most_clips:
            raise ConfigError(
                f"option least_clips ({self.least_clips}) must not exceed "
                f"most_clips ({self.most_clips})"
            )


def choose_focus(inputs: Inputs, options: FocusOptions) -> SelectorOutput:
    """Frames of the clips of largest relevance, found by optimism under uncertainty.

    Zhu, Xu, Luo, Liu, Sarkar, Yang & You 2025 (FOCUS), arXiv:2510.27280. Every clip is an arm; some
    frames of each are scored, and further ones of the share ``promising`` of largest mean plus
    empirical Bernstein radius.

    ``code``, as the authors published it: a fifth of k are the best frames scored at all; the
    others come from the promising clips, the same number from each, drawn by the softmax of the
    clip's first scores, scaled to 0..1, each standing for the frames nearest to it. What the
    further scores say of a clip is not used, and frames after the last whole clip are in none.

    ``paper``, algorithm 2: the clips of largest mean, the further scores included, give the same
    number of frames each, drawn in proportion to the reward of the nearest scored frame. The
    numbers of pulls are inferred from the share of frames it reports to score (1.6 % at 30 frames
    a second). On an hour at one frame a second both score some 40 %.

    Deviations: the radius' constant is the range of the rewards, which the paper takes to be 1, and
    scores may have any sign; where the chosen clips are too short for k frames, further ones
    follow.

    Raises:
        QueryRequired: neither a query nor scores nor ``score`` were given.
    """
    if options.score is None and inputs.query is None and inputs.scores is None:
        raise QueryRequired(
            f"selector 'focus' needs query= (one vector of size {inputs.features.shape[1]}), "
            f"scores= (one number for each of {len(inputs)} frames) or the option score= "
            "(a function of frame indices); got none"
        )
    choose = _choose_as_code if options.version == "code" else _choose_as_paper
    return SelectorOutput(np.sort(choose(inputs, options)))


def seconds_per_frame(times: np.ndarray) -> float:
    """Mean time between frames; 1 where their times do not tell."""
    return float(times[-1] - times[0]) / max(len(times) - 1, 1) or 1.0


# ----------------------------------------------------------------------------- published code


def _choose_as_code(inputs: Inputs, options: FocusOptions) -> np.ndarray:
    num_frames, rng = len(inputs), inputs.generator
    spacing = seconds_per_frame(inputs.times)
    seconds = num_frames * spacing
    num_regions = max(_LEAST_REGIONS, math.ceil(seconds / options.clip_seconds))
    stride = max(1, num_frames // num_regions)
    num_clips = num_frames // stride
    arms = Arms(inputs, options.score, np.arange(num_clips + 1) * (num_frames // num_clips))
    first = [_centre_and_others(arms.frames(m), options, rng) for m in range(num_clips)]
    arms.pull(np.concatenate(first))
    best_first = np.argsort(-arms.optimistic_means(), kind="stable")
    estimates = _nearest_rewards(arms, first)

    num_open = min(max(options.least_clips, math.ceil(options.promising * num_clips)), num_clips)
    window = _Window(
        half=max(1, round(num_frames / num_regions / 2)),
        stride=round(min(max(options.fine_seconds / spacing, 1), stride)),
    )
    arms.pull(_fine_frames(arms, best_first[:num_open], window, rng))

    k = inputs.num_frames
    chosen = _Chosen(_best_scored(arms.rewards, k), _gap_in_frames(seconds / k, spacing))
    clips = best_first[: min(num_open, options.most_clips)]
    each, extra = divmod(k - len(chosen), len(clips))
    for rank, clip in enumerate(clips):
        chosen.draw(arms.frames(clip), estimates, each + (rank < extra), rng)
    return chosen.completed(arms, best_first, estimates, k)


def _centre_and_others(
    frames: np.ndarray, options: FocusOptions, rng: np.random.Generator
) -> np.ndarray:
    """The frame in the middle of a clip, the earlier of two, and others by chance."""
    centre = frames[(len(frames) - 1) // 2]
    others = frames[frames != centre]
    number = min(options.coarse_pulls - 1, len(others))
    drawn = rng.choice(others, number, replace=False) if len(others) else others
    return np.append(centre, drawn)


def _nearest_rewards(arms: Arms, pulled: list[np.ndarray]) -> np.ndarray:
    """Of every frame of a clip the reward of the nearest one pulled: (borders[M],)."""
    nearest = []
    for arm, frames in enumerate(pulled):
        distance = np.abs(arms.frames(arm)[:, None] - frames)
        nearest.append(frames[distance.argmin(axis=1)])
    return arms.rewards[np.concatenate(nearest)]


@dataclass(frozen=True)
class _Window:
    """Frames around a clip's centre, ``half`` on each side, one pull for every ``stride``."""

    half: int
    stride: int


def _fine_frames(
    arms: Arms, clips: np.ndarray, window: _Window, rng: np.random.Generator
) -> np.ndarray:
    """Further frames to score around the promising clips: some evenly, some by chance."""
    num_frames = len(arms.rewards)
    known = ~np.isnan(arms.rewards)
    fresh = np.zeros(num_frames, bool)
    for clip in clips:
        centre = (arms.borders[clip] + arms.borders[clip + 1] - 1) // 2
        start, end = max(0, centre - window.half), min(num_frames - 1, centre + window.half)
        length = end - start + 1
        number = max(1, length // window.stride)
        num_even = round(_EVEN_SHARE * number)
        fresh[_even_frames(start, length, num_even)] = True
        fresh &= ~known
        left = start + np.flatnonzero(~(known | fresh)[start : end + 1])
        number = min(number - num_even, len(left))
        if number:
            fresh[rng.choice(left, number, replace=False)] = True
    return np.flatnonzero(fresh)


def _even_frames(start: int, length: int, number: int) -> np.ndarray:
    """The middles of equal intervals of a window; only its own where it has too few frames."""
    if 0 < length <= number:
        number = 1
        start += (length - 1) // 2
        length = 1
    interval = length / max(number, 1)
    return start + (np.arange(number) * interval + interval / 2).astype(np.int64)


def _best_scored(rewards: np.ndarray, num_frames: int) -> np.ndarray:
    """The frames of largest reward, a share of k; of equal ones the earlier."""
    scored = np.flatnonzero(~np.isnan(rewards))
    number = round(_BEST_SHARE * min(num_frames, len(scored)))
    return scored[np.argsort(-rewards[scored], kind="stable")[:number]]


def _gap_in_frames(seconds_between: float, spacing: float) -> int:
    """Frames that a drawn frame keeps from those chosen before its clip."""
    if seconds_between <= _NO_GAP_SECONDS:
        return 0
    return round(min(_GAP_SHARE * seconds_between, _LARGEST_GAP_SECONDS) / spacing)


@dataclass
class _Chosen:
    """The frames chosen so far, and how far others keep from them."""

    frames: np.ndarray
    gap: int

    def __len__(self) -> int:
        return len(self.frames)

    def draw(
        self, clip: np.ndarray, estimates: np.ndarray, number: int, rng: np.random.Generator
    ) -> None:
        """Draw frames of a clip by the softmax of their estimated rewards, scaled to 0..1."""
        free = clip[~np.isin(clip, self.frames)]
        if not number or not len(free):
            return
        if len(self.frames):
            apart = np.abs(free[:, None] - self.frames).min(axis=1) >= self.gap
            free = free[apart] if apart.any() else free
        rewards = estimates[free]
        spread = np.ptp(rewards)
        scaled = (rewards - rewards.min()) / spread if spread else np.ones(len(free))
        chances = np.exp((scaled - scaled.max()) / _TEMPERATURE)
        chances /= chances.sum()
        drawn = rng.choice(len(free), min(number, len(free)), replace=False, p=chances)
        self.frames = np.append(self.frames, free[drawn])

    def completed(
        self, arms: Arms, best_first: np.ndarray, estimates: np.ndarray, num_frames: int
    ) -> np.ndarray:
        """With the best frames of the best clips, and at last those in no clip: (num_frames,)."""
        missing = num_frames - len(self.frames)
        if not missing:
            return self.frames
        clips = [
            arms.frames(clip)[np.argsort(-estimates[arms.frames(clip)], kind="stable")]
            for clip in best_first
        ]
        order = np.concatenate([*clips, np.arange(arms.borders[-1], len(arms.rewards))])
        order = order[~np.isin(order, self.frames)]
        return np.concatenate([self.frames, order[:missing]])


# ------------------------------------------------------------------------------------- paper


def _choose_as_paper(inputs: Inputs, options: FocusOptions) -> np.ndarray:
    length = options.clip_seconds / seconds_per_frame(inputs.times)
    length = round(min(max(length, 1), len(inputs)))
    arms = Arms(inputs, options.score, np.append(np.arange(0, len(inputs), length), len(inputs)))
    _pull_by_chance(arms, np.arange(len(arms)), options.coarse_pulls, inputs.generator)
    num_promising = max(1, round(options.promising * len(arms)))
    promising = np.argsort(-arms.optimistic_means(), kind="stable")[:num_promising]
    fine_pulls = max(1, round(options.clip_seconds / options.fine_seconds))
    _pull_by_chance(arms, np.sort(promising), fine_pulls, inputs.generator)
    _, means, _ = arms.moments()
    num_clips = int(np.clip(num_promising, options.least_clips, options.most_clips))
    quotas = _share_out(means, np.diff(arms.borders), inputs.num_frames, num_clips)
    chosen = [
        _draw_frames(arms, arm, quotas[arm], inputs) for arm in np.flatnonzero(quotas).tolist()
    ]
    return np.concatenate(chosen)


def _pull_by_chance(arms: Arms, clips: np.ndarray, pulls: int, rng: np.random.Generator) -> None:
    """Score ``pulls`` further frames of each clip, drawn without replacement."""
    drawn = []
    for clip in clips:
        frames = arms.frames(clip)
        drawn.append(rng.permutation(frames[np.isnan(arms.rewards[frames])])[:pulls])
    arms.pull(np.concatenate(drawn))


def _share_out(
    means: np.ndarray, lengths: np.ndarray, num_frames: int, num_clips: int
) -> np.ndarray:
    """Frames of each clip: (M,), equal among the best ones as far as they have so many."""
    best_first = np.argsort(-means, kind="stable")
    num_open = min(num_clips, num_frames)
    quotas = np.zeros(len(means), np.int64)
    while missing := num_frames - quotas.sum():
        clips = best_first[:num_open]
        clips = clips[quotas[clips] < lengths[clips]]
        if not len(clips):
            num_open += 1
            continue
        each, extra = divmod(missing, len(clips))
        wanted = each + (np.arange(len(clips)) < extra)
        quotas[clips] += np.minimum(wanted, lengths[clips] - quotas[clips])
    return quotas


def _draw_frames(arms: Arms, arm: int, number: int, inputs: Inputs) -> np.ndarray:
    """Frames of one clip, in proportion to the reward of the nearest frame pulled."""
    frames = arms.frames(arm)
    pulled = frames[~np.isnan(arms.rewards[frames])]
    nearest = pulled[np.abs(frames[:, None] - pulled).argmin(axis=1)]
    rewards = arms.rewards[nearest] - np.nanmin(arms.rewards)
    chances = rewards + _LEAST_CHANCE * rewards.max() if rewards.any() else np.ones(len(frames))
    return inputs.generator.choice(frames, number, replace=False, p=chances / chances.sum())
