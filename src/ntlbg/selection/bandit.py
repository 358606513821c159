"""FOCUS: find the relevant clips of a video by scoring few of its frames.

T frames, k chosen, M clips (arms of a bandit).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ntlbg.errors import ConfigError, InvalidFeatures, QueryRequired
from ntlbg.selection.inputs import Inputs, check_number, unit
from ntlbg.selection.result import Picks

# Least chance of a frame of a chosen clip, relative to its best.
_LEAST_CHANCE = 1e-3


@dataclass(frozen=True)
class FocusOptions:
    """Options of ``focus``.

    Attributes:
        score: function of frame indices, as the caller counts, that returns the relevance of each.
            It is called twice. Without it scores or a query must be given, and only the frames
            that would have been scored are looked at.
        clip_frames: frames a clip.
        coarse_pulls: frames scored in every clip.
        fine_pulls: further frames scored in the promising ones.
        promising: share of the clips that are promising.
        least_clips, most_clips: bounds on the clips that frames are chosen from.
    """

    score: Callable[[np.ndarray], np.ndarray] | None = None
    clip_frames: int = 16
    coarse_pulls: int = 3
    fine_pulls: int = 16
    promising: float = 0.25
    least_clips: int = 4
    most_clips: int = 32

    def __post_init__(self):
        if self.score is not None and not callable(self.score):
            raise ConfigError(f"option score must be a function of indices; got {self.score!r}")
        check_number("promising", self.promising, 0, 1)
        for name in ("clip_frames", "coarse_pulls", "fine_pulls", "least_clips", "most_clips"):
            check_number(name, getattr(self, name), 1, whole=True)
        if self.least_clips > self.most_clips:
            raise ConfigError(
                f"option least_clips ({self.least_clips}) must not exceed "
                f"most_clips ({self.most_clips})"
            )


class _Arms:
    """Clips, and what is known of their frames.

    Attributes:
        borders: (M + 1,) clip m holds frames ``borders[m]`` to ``borders[m + 1] - 1``.
        rewards: (T,) score of every frame pulled, else NaN.
    """

    def __init__(self, inputs: Inputs, options: FocusOptions):
        self._inputs = inputs
        self._score = options.score
        self.borders = np.append(np.arange(0, len(inputs), options.clip_frames), len(inputs))
        self.rewards = np.full(len(inputs), np.nan)

    def __len__(self) -> int:
        return len(self.borders) - 1

    def frames(self, arm: int) -> np.ndarray:
        return np.arange(self.borders[arm], self.borders[arm + 1])

    def pull(self, arms: np.ndarray, pulls: int) -> None:
        """Score ``pulls`` further frames of each arm, drawn without replacement."""
        drawn = [self._draw(self.frames(arm), pulls) for arm in arms]
        frames = np.sort(np.concatenate(drawn)) if drawn else np.zeros(0, np.int64)
        if len(frames):
            self.rewards[frames] = self._evaluate(frames)

    def _draw(self, frames: np.ndarray, pulls: int) -> np.ndarray:
        fresh = frames[np.isnan(self.rewards[frames])]
        count = min(pulls, len(fresh))
        return self._inputs.generator.permutation(fresh)[:count]

    def _evaluate(self, frames: np.ndarray) -> np.ndarray:
        inputs = self._inputs
        if self._score is not None:
            scores = np.asarray(self._score(inputs.order[frames]), np.float64)
            if scores.shape != frames.shape or not np.isfinite(scores).all():
                raise InvalidFeatures(
                    f"option score must return one finite number for each of {len(frames)} "
                    f"frames; got shape {scores.shape}"
                )
            return scores
        if inputs.scores is not None:
            return inputs.scores[frames]
        return (inputs.features[frames] @ unit(inputs.query)).astype(np.float64)

    def moments(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Number, mean and variance of the rewards of each arm: (M,) each."""
        pulled = ~np.isnan(self.rewards)
        rewards = np.where(pulled, self.rewards, 0)
        starts = self.borders[:-1]
        counts = np.add.reduceat(pulled.astype(np.int64), starts)
        means = np.add.reduceat(rewards, starts) / counts
        off = np.where(pulled, rewards - np.repeat(means, np.diff(self.borders)), 0)
        return counts, means, np.add.reduceat(off**2, starts) / counts


def choose_focus(inputs: Inputs, options: FocusOptions) -> Picks:
    """Frames of the clips of largest mean relevance, found by optimism under uncertainty.

    Zhu, Xu, Luo, Liu, Sarkar, Yang & You 2025 (FOCUS), arXiv:2510.27280, algorithm 2. Every clip
    is an arm; some frames of each are scored; the share ``promising`` of largest mean plus
    empirical Bernstein radius gets more pulls; those of largest mean are chosen. Each then gives
    the same number of frames, drawn in proportion to the reward of the nearest scored frame.

    ``promising`` is the paper's alpha; the length of a clip and the numbers of pulls are inferred
    from the share of frames it reports to score (1.6 % at 30 frames a second). On an hour at one
    frame a second they score 44 %.

    Deviations: the radius' constant is the range of the rewards, which the paper takes to be 1;
    chances are rewards above the least one seen, so that scores of any sign serve; where the
    chosen clips are too short for k frames, further ones follow.

    Raises:
        QueryRequired: neither a query nor scores nor ``score`` were given.
    """
    if options.score is None and inputs.query is None and inputs.scores is None:
        raise QueryRequired(
            f"selector 'focus' needs query= (one vector of size {inputs.features.shape[1]}), "
            f"scores= (one number for each of {len(inputs)} frames) or the option score= "
            "(a function of frame indices); got none"
        )
    arms = _Arms(inputs, options)
    arms.pull(np.arange(len(arms)), options.coarse_pulls)
    num_promising = max(1, round(options.promising * len(arms)))
    arms.pull(_largest(_optimistic_means(arms), num_promising), options.fine_pulls)
    _, means, _ = arms.moments()
    num_clips = int(np.clip(num_promising, options.least_clips, options.most_clips))
    quotas = _share_out(means, np.diff(arms.borders), inputs.num_frames, num_clips)
    chosen = [_draw_frames(arms, arm, quotas[arm], inputs) for arm in np.flatnonzero(quotas)]
    return Picks(np.sort(np.concatenate(chosen)))


def _optimistic_means(arms: _Arms) -> np.ndarray:
    """Mean reward plus empirical Bernstein radius of each arm (equation 5)."""
    counts, means, variances = arms.moments()
    log_total = np.log(counts.sum())
    spread = np.nanmax(arms.rewards) - np.nanmin(arms.rewards)
    return means + np.sqrt(2 * variances * log_total / counts) + 3 * spread * log_total / counts


def _largest(values: np.ndarray, number: int) -> np.ndarray:
    return np.sort(np.argsort(-values, kind="stable")[:number])


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


def _draw_frames(arms: _Arms, arm: int, number: int, inputs: Inputs) -> np.ndarray:
    """Frames of one clip, in proportion to the reward of the nearest frame pulled."""
    frames = arms.frames(arm)
    pulled = frames[~np.isnan(arms.rewards[frames])]
    nearest = pulled[np.abs(frames[:, None] - pulled).argmin(axis=1)]
    rewards = arms.rewards[nearest] - np.nanmin(arms.rewards)
    chances = rewards + _LEAST_CHANCE * rewards.max() if rewards.any() else np.ones(len(frames))
    return inputs.generator.choice(frames, number, replace=False, p=chances / chances.sum())
