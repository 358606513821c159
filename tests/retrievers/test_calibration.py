"""Log-odds of similarities, counted on simulated videos: right in their order, too sure in size."""

import numpy as np
import pytest

from ntlbg.retrievers.calibration import LEAST_SHARE, as_log_odds, tempered
from ntlbg_lab.simulation import simulate_video

VIDEOS, FRAMES, PRIOR = 40, 1200, 0.8


def odds_of(similarities, features, prior=PRIOR):
    return as_log_odds(similarities, features, np.arange(float(len(features))), prior)


@pytest.fixture(scope="module")
def counted():
    """Log-odds of all frames of many videos, and which of them are relevant."""
    odds, relevant = [], []
    for seed in range(100, 100 + VIDEOS):
        video = simulate_video(seed, "local", FRAMES)
        shown = np.zeros(FRAMES, bool)
        shown[np.concatenate(video.events)] = True
        odds.append(odds_of(video.features @ video.query, video.features))
        relevant.append(shown)
    return np.concatenate(odds), np.concatenate(relevant)


# Log-odds from and to, and within what the share of relevant frames has to be. Counted on 60 other
# videos: .0002, .003, .028, .25, .65, .92. The log-odds themselves say .00002, .003, .12, .79,
# .995, 1: too sure, since the tail of what is not relevant, shots that fit in part, is longer than
# that of the normal law they are compared with. Half of the log-odds, less 2 nats, is about true.
CURVE = [
    (-np.inf, -8, 0.0, 0.001),
    (-8, -4, 0.0005, 0.01),
    (-4, 0, 0.01, 0.1),
    (0, 4, 0.1, 0.45),
    (4, 8, 0.45, 0.85),
    (8, np.inf, 0.8, 1.0),
]


@pytest.mark.parametrize(("least", "most", "lowest", "highest"), CURVE)
def test_the_share_of_relevant_frames_rises_with_the_log_odds(
    counted, least, most, lowest, highest
):
    odds, relevant = counted
    inside = (odds >= least) & (odds < most)
    assert inside.sum() >= 50
    assert lowest <= relevant[inside].mean() <= highest


@pytest.mark.parametrize("inside", [(-6, -4), (-4, -2), (-2, 0), (0, 2)])
def test_tempered_they_are_about_true(counted, inside):
    """Within a factor of two and a half in odds, where they were too sure before."""
    odds, relevant = tempered(counted[0]), counted[1]
    here = (odds >= inside[0]) & (odds < inside[1])
    share = relevant[here].mean()
    assert abs(np.log(share / (1 - share)) - odds[here].mean()) < np.log(2.5)
    np.testing.assert_array_equal(np.argsort(odds), np.argsort(counted[0]))


def test_as_many_frames_are_expected_as_there_are_within_a_factor_of_three(counted):
    odds, relevant = counted
    assert relevant.sum() / 3 < (1 / (1 + np.exp(-odds))).sum() < 3 * relevant.sum()


def test_level_and_size_of_similarities_do_not_matter():
    """Cosines, or a hundred times as much, or less a constant."""
    video = simulate_video(3, "local", FRAMES)
    cosines = (video.features @ video.query).astype(np.float64)
    odds = odds_of(cosines, video.features)
    for other in (100 * cosines, cosines - 0.3, 0.01 * cosines + 7):
        np.testing.assert_allclose(odds_of(other, video.features), odds, atol=1e-2)
    assert np.ptp(odds) > 5


def test_words_of_the_question_move_the_level():
    video = simulate_video(3, "local", FRAMES)
    cosines = video.features @ video.query
    low, high = (odds_of(cosines, video.features, prior) for prior in (0.1, 0.9))
    assert np.ptp(high - low) < 1e-9
    assert (high > low).all()


@pytest.mark.parametrize("kind", ["similarities", "frames"])
def test_where_nothing_tells_frames_apart_all_are_alike(kind):
    """As likely as a moment of three seconds in twenty minutes is to be any frame's."""
    video = simulate_video(3, "local", FRAMES)
    if kind == "similarities":
        odds = odds_of(np.full(FRAMES, 0.2), video.features)
    else:
        odds = odds_of(np.full(FRAMES, 0.2), np.ones((FRAMES, 8), np.float32))
    share = PRIOR * 3 / (FRAMES - 1)
    np.testing.assert_allclose(odds, np.log(share / (1 - share)))


def test_one_frame_and_no_chance_stay_finite():
    odds = odds_of(np.array([0.3]), np.ones((1, 4), np.float32), prior=0.0)
    np.testing.assert_allclose(odds, np.log(LEAST_SHARE), atol=1e-5)
