"""What is shown of the attention, against dense matrices and what training computes."""

import numpy as np
import pytest
import torch

from ntlbg.config import Config
from ntlbg.data import Sample
from ntlbg.feature_loader import QuestionFeatures
from ntlbg.models.ntlbg.inspection import plane_of
from ntlbg.selectors import select_frames
from ntlbg.selectors.contour import optimal_radius
from ntlbg.train.loss_parts import loss_parts
from ntlbg.train.question_objective import QuestionObjective
from roles import given
from tiny_models import HIDDEN, tiny_answerer

QUESTION, ANSWER = "When does the drum appear?", "02:28"


@pytest.fixture(scope="module")
def answerer():
    """Anything but the starting point: every parameter of the attention moved."""
    answerer = tiny_answerer()
    torch.manual_seed(1)
    for parameter in answerer.model.ntlbg_attention.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return answerer


@pytest.fixture(scope="module")
def video(answerer):
    features = np.random.default_rng(0).standard_normal((30, HIDDEN)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    times = np.arange(30) * 2.0
    scores = answerer.retriever.score_features(features, QUESTION)
    return given(
        features, times, select_frames("ntlbg", features, 5, scores=scores, pts_seconds=times)
    )


@pytest.fixture(scope="module")
def shown(answerer, video):
    return answerer.attention(QUESTION, ANSWER, video, losses=loss_parts)


@pytest.fixture(scope="module")
def labelled(answerer, video):
    """Inputs with the answer, and the output, with mu_Q, U, d in float64."""
    inputs = answerer.processor(
        QUESTION, video.features, video.pts_seconds, video.selection, answer=ANSWER
    )
    with torch.no_grad():
        output = answerer.model(**inputs, logits_at_labels=True)
    found = output.statistics
    gaussian = [x[0, 0].double().numpy() for x in (found.mean, found.factor, found.diagonal)]
    return inputs, output, gaussian


def dense(factor, diagonal):
    return factor @ factor.T + np.diag(diagonal)


def test_distances_are_those_of_the_full_covariance(shown, labelled, video):
    mean, factor, diagonal = labelled[2]
    inverse = np.linalg.inv(dense(factor, diagonal))
    apart = video.features - mean
    expected = np.einsum("td,de,te->t", apart, inverse, apart)
    np.testing.assert_allclose(shown.distances, expected, rtol=1e-4)
    np.testing.assert_array_equal(shown.chosen, video.selection.indices)


def test_the_level_is_the_best_common_radius_in_whitened_space(shown, labelled, video):
    output, (mean, factor, diagonal) = labelled[1], labelled[2]
    whiten = np.linalg.cholesky(np.linalg.inv(dense(factor, diagonal)))
    codes = (output.codes[0].double().numpy() - mean) @ whiten
    frames = (video.features - mean) @ whiten
    directions = codes / np.linalg.norm(codes, axis=1, keepdims=True)
    radius = optimal_radius(frames, directions, output.weights[0].double().numpy())
    assert shown.level == pytest.approx(radius**2, rel=1e-4)
    assert shown.level > 0


def test_word_weights_are_the_attention_over_the_tokens_of_each_word(shown, labelled):
    tokens = labelled[1].statistics.token_weights[0, 0].double().numpy()
    assert shown.words == ["When", "does", "the", "drum", "appear", "?"]
    # one token a character, a space with the word behind it
    ends = np.cumsum([5, 5, 4, 5, 7, 1])
    expected = [part.sum() for part in np.split(tokens, ends[:-1])]
    assert shown.word_weights == pytest.approx(expected)
    assert shown.word_weights.sum() == pytest.approx(1, abs=1e-6)


def test_word_weights_depend_on_the_question(answerer, shown, video):
    other = answerer.attention("When does the owl appear?", ANSWER, video, losses=loss_parts)
    assert other.word_weights.sum() == pytest.approx(1, abs=1e-6)
    same = [0, 1, 2, 4, 5]  # words of both
    assert not np.allclose(other.word_weights[same], shown.word_weights[same], rtol=1e-3)


def test_losses_are_those_of_training_on_the_same_question(answerer, shown, video):
    objective = QuestionObjective(answerer.model, answerer.processor, Config())
    objective.choose = lambda item: video.selection
    item = QuestionFeatures(
        Sample(video="film.mp4", question=QUESTION, answer=ANSWER),
        features=video.features,
        pts_seconds=video.pts_seconds,
    )
    with torch.no_grad():
        terms = objective([item])["terms"]
    found = {part.name: part.value for part in shown.losses}
    assert found.keys() == terms.keys()
    unknown = {name for name, value in found.items() if value is None}
    assert unknown == {"align", "context"}
    for name in found.keys() - unknown:
        assert found[name] == pytest.approx(terms[name].item(), rel=1e-5), name
    assert all("only known while training" in p.meaning for p in shown.losses if p.value is None)


def test_the_mean_and_the_frames_lie_in_the_plane(shown, labelled, video):
    """Frames along the line from their mean to mu_Q, and where they vary most across it."""
    mean = labelled[2][0]
    centre = video.features.mean(axis=0, dtype=np.float64)
    toward = mean - centre
    assert shown.plane.mean == pytest.approx([np.linalg.norm(toward), 0], abs=1e-6)
    along = (video.features - centre) @ toward / np.linalg.norm(toward)
    np.testing.assert_allclose(shown.plane.points[:, 0], along, atol=1e-6)


def test_the_second_axis_is_the_widest_across_the_first():
    draw = np.random.default_rng(4)
    features = (draw.normal(size=(80, 4)) * [5, 3, 1, 1]).astype(np.float32)
    mean = features.mean(0) + np.ones(4)
    plane = plane_of(features, mean, np.zeros((4, 1)), np.ones(4))
    across = np.eye(4) - np.ones((4, 4)) / 4  # onto what is at a right angle to the first axis
    widest = np.linalg.eigvalsh(across @ np.cov(features.T, bias=True) @ across)[-1]
    assert plane.points[:, 1].var() == pytest.approx(widest, rel=1e-4)
    assert np.abs(plane.points[:, 1]).max() == plane.points[:, 1].max()


def test_the_ellipse_is_the_shadow_of_the_ellipsoid(shown, labelled):
    """Half axes and angle against the eigenvectors of the covariance; no point lies outside."""
    level, plane = shown.level, shown.plane
    large, small, degrees = plane.ellipse(level)
    axis = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
    np.testing.assert_allclose(plane.covariance @ axis, large**2 / level * axis, atol=1e-9)
    across = np.array([-axis[1], axis[0]])
    np.testing.assert_allclose(plane.covariance @ across, small**2 / level * across, atol=1e-9)
    assert large > small > 0


def test_points_of_an_ellipsoid_fall_within_the_ellipse():
    draw = np.random.default_rng(3)
    features, mean = draw.normal(size=(50, 5)), 3 * draw.normal(size=5)
    factor, diagonal = draw.normal(size=(5, 2)), draw.random(5) + 0.1
    plane = plane_of(features.astype(np.float32), mean, factor, diagonal)
    sphere = draw.normal(size=(20000, 5))
    sphere /= np.linalg.norm(sphere, axis=1, keepdims=True)
    surface = mean + 2 * sphere @ np.linalg.cholesky(dense(factor, diagonal)).T  # level 4
    # the axes, from where the frames came to lie
    axes = np.linalg.lstsq(features - features.mean(0), plane.points, rcond=None)[0].T
    apart = (surface - mean) @ axes.T
    levels = np.einsum("ni,ij,nj->n", apart, np.linalg.inv(plane.covariance), apart)
    assert levels.max() <= 4 * (1 + 1e-6)
    assert levels.max() > 4 * 0.99


@pytest.mark.parametrize("mean", [np.zeros(4), np.ones(4), np.arange(4.0)])
def test_frames_that_are_all_the_same_are_one_point(mean):
    features = np.ones((6, 4), np.float32)
    plane = plane_of(features, mean, np.zeros((4, 1)), np.array([1.0, 2.0, 3.0, 4.0]))
    assert not plane.points.any()
    assert plane.mean == pytest.approx([np.linalg.norm(mean - 1), 0])
    assert np.linalg.eigvalsh(plane.covariance).min() >= 1 - 1e-9
