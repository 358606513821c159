"""The clips of a video as the arms of a bandit: pulling one scores some of its frames.

T frames, M clips.
"""

from collections.abc import Callable

import numpy as np

from ntlbg.errors import InvalidFeatures
from ntlbg.selectors.inputs import Inputs

# Of a clip's rewards, in units of their range: the published code of FOCUS has it.
_LEAST_VARIANCE = 1e-6


class Arms:
    """Clips, and what is known of their frames.

    Attributes:
        borders: (M + 1,) clip m holds frames ``borders[m]`` to ``borders[m + 1] - 1``; frames from
            ``borders[M]`` on are in none.
        rewards: (T,) score of every frame pulled, else NaN.
    """

    def __init__(
        self, inputs: Inputs, score: Callable[[np.ndarray], np.ndarray] | None, borders: np.ndarray
    ):
        self._inputs, self._score = inputs, score
        self.borders = borders
        self.rewards = np.full(len(inputs), np.nan)

    def __len__(self) -> int:
        return len(self.borders) - 1

    def frames(self, arm: int) -> np.ndarray:
        return np.arange(self.borders[arm], self.borders[arm + 1])

    def pull(self, frames: np.ndarray) -> None:
        """Score these frames."""
        frames = np.sort(frames)
        if len(frames):
            self.rewards[frames] = self._evaluate(frames)

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
        return inputs.query_products(frames)

    def moments(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Number, mean and variance of the rewards of each arm: (M,) each."""
        rewards = self.rewards[: self.borders[-1]]
        pulled, starts = ~np.isnan(rewards), self.borders[:-1]
        rewards = np.where(pulled, rewards, 0)
        counts = np.add.reduceat(pulled.astype(np.int64), starts)
        means = np.add.reduceat(rewards, starts) / counts
        off = np.where(pulled, rewards - np.repeat(means, np.diff(self.borders)), 0)
        return counts, means, np.add.reduceat(off**2, starts) / counts

    def optimistic_means(self) -> np.ndarray:
        """Mean reward plus empirical Bernstein radius of each arm (the paper's equation 5)."""
        counts, means, variances = self.moments()
        spread = np.nanmax(self.rewards) - np.nanmin(self.rewards)
        variances = np.maximum(variances, _LEAST_VARIANCE * spread**2)
        rate = np.log(counts.sum()) / counts
        return means + np.sqrt(2 * variances * rate) + 3 * spread * rate
