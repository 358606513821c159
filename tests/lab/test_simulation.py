"""Simulated videos have the statistics they promise."""

import numpy as np
import pytest

from ntlbg.errors import ConfigError
from ntlbg_lab.simulation import FEATURE_SIZE, REGIMES, THINGS, simulate_video

EVERY_REGIME = pytest.mark.parametrize("regime", list(REGIMES))


# Sum of some features, of some of the query, and of the events' frames, at seed 7 and 600 frames,
# before there were questions that name things: published figures rest on these videos.
AS_EVER = {
    "local": (-2.24717, -0.29422, 3681),
    "global": (-1.72242, -0.08699, 0),
    "weak": (-2.24717, -0.29422, 3681),
    "toppc": (-2.24717, -0.54537, 3681),
    "junk": (-2.28273, -0.16534, 3681),
    "long": (-0.29674, -0.07066, 27008),
}


@pytest.fixture(scope="module")
def videos():
    return [simulate_video(seed, "local", 3000) for seed in range(8)]


@EVERY_REGIME
def test_shape_and_kind(regime):
    video = simulate_video(4, regime, 900)
    assert video.features.shape == (900, FEATURE_SIZE)
    assert video.features.dtype == video.query.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(video.features, axis=1), 1, atol=1e-5)
    assert np.linalg.norm(video.query) == pytest.approx(1, abs=1e-5)
    assert video.shots.shape == (900,)
    assert set(np.diff(video.shots)) <= {0, 1}
    assert (len(video.events) > 0) == (regime != "global")
    for before, after in zip(video.events, video.events[1:]):
        assert before[-1] < after[0]
    for event in video.events:
        assert (np.diff(event) == 1).all()
        assert event[0] >= 0
        assert event[-1] < 900
        low, high = REGIMES[regime].event_seconds
        assert low <= len(event) <= high


def test_seed_decides():
    one, same, other = (simulate_video(seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.features, same.features)
    np.testing.assert_array_equal(one.query, same.query)
    assert len(one) != len(other)
    assert 600 <= len(one) <= 20_000


def test_numbers_of_events_follow_the_annotations():
    counts = [len(simulate_video(seed, "local", 600).events) for seed in range(60)]
    assert np.mean(counts) == pytest.approx(1.75, abs=0.45)
    assert set(counts) <= {1, 2, 3, 4, 5}


def test_cosines_look_like_an_encoders(videos):
    same, apart = [], []
    for video in videos:
        frames, shots = video.features, video.shots
        pairs = np.random.default_rng(0).integers(len(video), size=(2, 20_000))
        cosines = np.einsum("nd,nd->n", frames[pairs[0]], frames[pairs[1]])
        near = shots[pairs[0]] == shots[pairs[1]]
        same.append(np.median(cosines[near & (pairs[0] != pairs[1])]))
        apart.append(np.mean(cosines[~near]))
    assert np.mean(same) == pytest.approx(0.945, abs=0.02)
    assert np.mean(apart) == pytest.approx(0.67, abs=0.02)


def test_query_stands_out_at_events_only(videos):
    background, spread, gain = [], [], []
    for video in videos:
        cosine = video.features @ video.query
        event = np.isin(np.arange(len(video)), np.concatenate(video.events))
        background.append(cosine[~event].mean())
        spread.append(cosine[~event].std())
        gain.append(cosine[event].mean() - background[-1])
    assert np.mean(background) == pytest.approx(0.20, abs=0.03)
    assert 0.02 < np.mean(spread) < 0.045
    assert np.mean(gain) == pytest.approx(0.08, abs=0.025)


def test_regimes_differ_as_they_say():
    def event_gain(regime):
        gains = []
        for seed in range(12):
            video = simulate_video(seed, regime, 800)
            cosine = video.features @ video.query
            gains += [cosine[event].mean() - np.median(cosine) for event in video.events]
        return np.mean(gains)

    assert event_gain("weak") < event_gain("local") - 0.015
    # the junk prototypes: many frames equal to one of two
    frames = simulate_video(0, "junk", 3000).features
    like = (frames @ frames[::10].T > 0.97).mean()
    assert len(simulate_video(0, "long", 800).events[0]) >= 10
    usual = simulate_video(0, "local", 3000).features
    assert like != (usual @ usual[::10].T > 0.97).mean()


def test_unknown_regime_and_too_short_a_video():
    with pytest.raises(ConfigError, match="no regime 'easy'; there are local, global, weak"):
        simulate_video(0, "easy")
    with pytest.raises(ConfigError, match="num_frames must be at least 600; got 599"):
        simulate_video(0, "local", 599)


@EVERY_REGIME
def test_videos_of_old_regimes_stay_as_they_were(regime):
    video = simulate_video(7, regime, 600)
    features, query, events = AS_EVER[regime]
    assert video.features[::97, :5].sum() == pytest.approx(features, abs=1e-3)
    assert video.query[:6].sum() == pytest.approx(query, abs=1e-4)
    assert sum(int(event.sum()) for event in video.events) == events
    np.testing.assert_array_equal(video.parts, video.query[None])


@pytest.mark.parametrize("regime", list(THINGS))
def test_questions_that_name_things(regime):
    """Events fit one of the parts, better than the rest of the video does."""
    kind = THINGS[regime]
    for seed in range(4):
        video = simulate_video(seed, regime, 900)
        assert video.regime == regime
        assert kind.things[0] <= len(video.parts) <= kind.things[1]
        assert len(video.parts) * kind.times[0] <= len(video.events)
        assert len(video.events) <= len(video.parts) * kind.times[1]
        np.testing.assert_allclose(np.linalg.norm(video.features, axis=1), 1, atol=1e-5)
        frames = np.concatenate(video.events)
        assert len(set(frames.tolist())) == len(frames)
        assert all(2 <= len(event) <= 8 for event in video.events)
        cosines = video.features @ video.parts.T
        gains = cosines - np.median(cosines, axis=0)
        best = [gains[event].mean(0).max() for event in video.events]
        assert min(best) > 0
        assert np.mean(best) > 0.06
        fits = {int(gains[event].mean(0).argmax()) for event in video.events}
        assert len(fits) > len(video.parts) / 2


def test_lookalikes_are_longer_and_weaker_than_events():
    plain, crowded = (simulate_video(3, name, 900) for name in ("several", "distractors"))
    for video, most in ((plain, 40), (crowded, 400)):
        rest = np.delete(video.features, np.concatenate(video.events), axis=0)
        raised = (rest @ video.parts.T > np.median(rest @ video.parts.T, axis=0) + 0.07).any(1)
        assert (raised.sum() > 40) == (most == 400)


def test_things_are_asked_about_in_up_to_an_hour():
    lengths = [len(simulate_video(seed, "one")) for seed in range(12)]
    assert min(lengths) >= 600
    assert max(lengths) <= 3600
    with pytest.raises(ConfigError, match="several_hard"):
        simulate_video(0, "hardest")
