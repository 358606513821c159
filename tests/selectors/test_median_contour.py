"""The original rule, and that it does what makes it useless."""

import numpy as np
import pytest

from ntlbg.selectors import SELECTORS
from ntlbg.selectors.contour import nearest_to_median_contour
from ntlbg.selectors.median_contour import _spread_in_time
from ntlbg_lab.evidence.metrics import quantisation_error
from ntlbg_lab.simulation import simulate_video


def test_frames_lie_at_the_median_distance(frames):
    frames = frames[:, :12]  # many frames for each direction: the covariance is hardly shrunk
    white = frames - frames.mean(axis=0)
    distance = np.einsum("td,de,te->t", white, np.linalg.inv(np.cov(frames.T)), white)
    off = np.abs(distance - np.median(distance))
    chosen = SELECTORS["median_contour"](frames, 30)
    assert off[chosen].max() <= np.sort(off)[180]  # of 3000; shrinkage moves a few
    assert np.diff(chosen).min() > 1  # and they are spread in time


def test_spread_in_time_by_hand():
    times = np.array([0.0, 1, 2, 10, 11, 30])
    assert _spread_in_time(times, 1, 3).tolist() == [1, 4, 5]
    assert _spread_in_time(times, 1, 1).tolist() == [1]
    assert _spread_in_time(times, 0, 6).tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("num_frames", [10, 44])
def test_of_two_frames_as_far_from_the_contour_the_earlier_is_nearer(num_frames):
    """An even number of frames has two in the middle, on both sides of the median."""
    for seed in range(20):
        frames = np.random.default_rng(seed).standard_normal((num_frames, 3)).astype(np.float32)
        white = frames - frames.mean(axis=0)
        middle = np.argsort(np.square(white).sum(axis=1))[num_frames // 2 - 1 : num_frames // 2 + 1]
        assert nearest_to_median_contour(white, 1).tolist() == [middle.min()]
        chosen = SELECTORS["median_contour"](frames, 4)
        np.testing.assert_array_equal(SELECTORS["median_contour"](3 * frames, 4), chosen)


def test_query_moves_the_contour(local):
    with_query = SELECTORS["median_contour"](local.features, 16, query=local.query)
    assert not np.array_equal(with_query, SELECTORS["median_contour"](local.features, 16))


def test_it_represents_a_video_worse_than_chance():
    video = simulate_video(3, "global", 1500)
    error = {
        name: quantisation_error(video.features, SELECTORS[name](video.features, 128))
        for name in ("median_contour", "ntlbg", "random")
    }
    assert error["median_contour"] > 1.1 * error["random"]
    assert error["median_contour"] > 1.3 * error["ntlbg"]
