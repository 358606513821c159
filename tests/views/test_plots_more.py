"""Plots of training and of the feature space: right numbers, real files."""

import numpy as np
import pytest
from PIL import Image

from ntlbg.errors import DataError
from ntlbg.selectors import select_frames
from ntlbg.views.plots_features import (
    contour_radius,
    draw_feature_plane,
    principal_plane,
    save_feature_plane,
)
from ntlbg_lab.plots import (
    draw_training_curves,
    save_training_curves,
)

HISTORY = [
    {"step": 1, "loss": 5.0, "task": 4.0, "ntlbg": 0.5, "learning_rate": 1e-3},
    {"step": 2, "eval_task": 3.9},
    {"step": 2, "loss": 3.0, "task": 2.5, "ntlbg": 0.25, "learning_rate": 5e-4},
]


@pytest.fixture
def video():
    draw = np.random.default_rng(0)
    features = (draw.normal(size=(200, 6)) * [5, 2, 1, 0.5, 0.1, 0.1]).astype(np.float32)
    times, scores = np.arange(200.0), draw.normal(size=200)
    return features, times, select_frames("ntlbg", features, 8, scores=scores, pts_seconds=times)


def test_the_plane_is_that_of_the_largest_variance(video):
    features = video[0]
    points, deviations, shares = principal_plane(features)
    covariance = np.cov(features.T, bias=True)
    largest = np.linalg.eigvalsh(covariance)[::-1]
    assert deviations**2 == pytest.approx(largest[:2], rel=1e-4)
    assert shares == pytest.approx(largest[:2] / largest.sum(), rel=1e-4)
    assert np.cov(points.T, bias=True) == pytest.approx(np.diag(deviations**2), abs=1e-6)


def test_the_contour_is_where_the_picks_are():
    angle = np.linspace(0, 2 * np.pi, 9)[:-1]
    deviations = np.array([3.0, 0.5])
    chosen = 1.7 * np.stack([np.cos(angle), np.sin(angle)], axis=1) * deviations
    assert contour_radius(chosen, deviations) == pytest.approx(1.7)
    assert contour_radius(chosen * [1, 0], np.array([3.0, 0.0])) == pytest.approx(1.7 / 2**0.5)


def test_the_plane_is_written_as_png_and_svg(video, tmp_path):
    features, times, selection = video
    png, svg = save_feature_plane(features, selection, times, tmp_path, title="A video")
    with Image.open(png) as picture:
        assert min(picture.size) > 400
    assert "<svg" in svg.read_text()
    first = svg.read_bytes()
    save_feature_plane(features, selection, times, tmp_path, title="A video")
    assert svg.read_bytes() == first


def test_every_pick_is_drawn(video):
    features, times, selection = video
    axes = draw_feature_plane(features, selection, times).axes[0]
    frames, picks = axes.collections
    assert (len(frames.get_offsets()), len(picks.get_offsets())) == (200, 8)
    assert len(axes.patches) == 1


@pytest.mark.parametrize("frames", [1, 5])
def test_frames_that_are_all_the_same_are_one_point(frames, tmp_path):
    features, times = np.ones((frames, 3), np.float32), np.arange(float(frames))
    selection = select_frames("uniform", features, 2, pts_seconds=times)
    points, deviations, shares = principal_plane(features)
    assert not points.any()
    assert not deviations.any()
    assert not shares.any()
    save_feature_plane(features, selection, times, tmp_path)


def test_features_on_a_line_have_one():
    features = np.arange(6, dtype=np.float32)[:, None]
    points, _, shares = principal_plane(features)
    assert shares == pytest.approx([1, 0])
    assert np.ptp(points[:, 0]) == pytest.approx(5)


def test_training_curves_show_what_was_logged(tmp_path):
    figure = draw_training_curves(HISTORY)
    drawn = {axes.get_title("left"): axes for axes in figure.axes if axes.lines}
    assert set(drawn) == {"Total loss", "Answer (cross-entropy, nats)", "Representative points",
                          "Learning rate"}  # fmt: skip
    task = drawn["Answer (cross-entropy, nats)"].lines
    assert [list(line.get_ydata()) for line in task] == [[4.0, 2.5], [3.9]]
    png, svg = save_training_curves(HISTORY, tmp_path)
    with Image.open(png) as picture:
        assert picture.size[0] > 800
    assert svg.stat().st_size > 1000


def test_an_empty_history_cannot_be_drawn():
    with pytest.raises(DataError, match="nothing was logged"):
        draw_training_curves([])


def test_times_beside_picks_do_not_cover_each_other(video):
    features, times, selection = video
    texts = draw_feature_plane(features, selection, times).axes[0].texts
    size, places = np.ptp(principal_plane(features)[0], axis=0), [text.xy for text in texts]
    assert 1 < len(places) <= 8
    for number, one in enumerate(places):
        for other in places[:number]:
            assert (np.abs(np.subtract(one, other)) > [0.1, 0.03] * size).any()
    one_place = draw_feature_plane(np.ones_like(features), selection, times).axes[0].texts
    assert len(one_place) == 1
