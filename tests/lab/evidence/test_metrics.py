"""Metrics of answers and selections, against hand-worked and independent values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntlbg.judging import normalized, same_text
from ntlbg_lab.evidence.metrics import (
    Answered,
    bleu,
    cell_contour_deviation,
    diversity,
    mean_rank,
    rouge,
    selection_metrics,
    summarize_answers,
    time_coverage,
    token_f1,
    whitened,
)

WORDS = st.text(alphabet="ab c.", max_size=12)


@pytest.mark.parametrize(
    ("answer", "truth", "match", "f1"),
    [
        ("The red guitar.", "red guitar", 1, 1),
        ("guitar", "a red guitar", 0, 2 / 3),
        ("red red guitar", "red guitar", 0, 0.8),
        ("red red", "red red guitar", 0, 0.8),  # a word counts as often as it is there
        ("blue", "red", 0, 0),
        ("", "", 1, 1),
        ("the", "", 1, 1),
        ("", "red", 0, 0),
    ],
)
def test_match_and_f1(answer, truth, match, f1):
    assert same_text(answer, truth) == bool(match)
    assert token_f1(answer, truth) == pytest.approx(f1)


@given(WORDS, WORDS)
def test_f1_is_symmetric_between_0_and_1_and_1_for_a_match(one, other):
    assert token_f1(one, other) == pytest.approx(token_f1(other, one))
    assert 0 <= token_f1(one, other) <= 1
    if normalized(one) == normalized(other):
        assert token_f1(one, other) == 1


def test_bleu_and_rouge_of_equal_and_foreign_texts():
    texts = ["a man walks down the street", "red"]
    assert bleu(texts, texts) == pytest.approx(1)
    assert rouge(texts, texts) == pytest.approx({"rouge1": 1, "rougeL": 1})
    assert bleu(["zebra"], ["a man walks"]) == pytest.approx(0, abs=1e-9)
    assert rouge(["zebra"], ["a man walks"])["rouge1"] == 0


def test_rouge_l_counts_the_longest_common_subsequence():
    # all words are there, but no more than two in the same order
    found = rouge(["the gunman killed police"], ["police killed the gunman"])
    assert found["rouge1"] == pytest.approx(1)
    assert found["rougeL"] == pytest.approx(0.5)


def test_bleu_of_a_partial_answer():
    # brevity exp(1 - 6/3), every n-gram of the answer is right
    assert bleu(["the cat sat"], ["the cat sat on the mat"]) == pytest.approx(np.exp(-1), rel=1e-6)


def test_summary_splits_by_kind():
    def made(answer, truth, kind):
        return Answered(answer, truth, kind, {"coverage": 0.5, "relevance": float("nan")}, 2.0)

    summary = summarize_answers(
        [made("red", "red", "which"), made("blue", "red", "which"), made("2", "2", None)]
    )
    assert summary["questions"] == 3
    assert summary["exact_match"] == pytest.approx(2 / 3)
    assert summary["by_kind"]["which"]["exact_match"] == 0.5
    assert summary["by_kind"]["none"]["f1"] == 1
    assert summary["selection"] == {"coverage": 0.5, "relevance": None}
    assert summary["seconds_per_question"] == 2
    with pytest.raises(ValueError, match="no answers"):
        summarize_answers([])


def test_even_frames_cover_all_time_and_one_end_covers_its_share():
    times = np.arange(101.0)
    assert time_coverage(times, np.array([10, 30, 50, 70, 90])) == 1
    assert time_coverage(times, np.array([0, 1, 2, 3])) == pytest.approx(16 / 101)


def test_diversity_is_the_mean_cosine_distance():
    assert diversity(np.eye(3)) == pytest.approx(1)
    assert diversity(np.array([[1.0, 0], [2, 0]])) == pytest.approx(0)
    assert diversity(np.array([[1.0, 0], [-3, 0]])) == pytest.approx(2)
    assert np.isnan(diversity(np.ones((1, 4))))


def test_rank_of_the_best_and_of_chance():
    scores = np.arange(100.0)
    assert mean_rank(scores, np.array([98, 99])) == pytest.approx(0.99)
    assert mean_rank(scores, np.arange(100)) == pytest.approx(0.5)
    assert mean_rank(np.zeros(10), np.array([3])) == pytest.approx(0.5)


def test_contour_deviation_is_0_for_cells_at_one_radius_and_large_otherwise():
    draw = np.random.default_rng(0)
    angle = np.repeat(np.linspace(0, 2 * np.pi, 7)[:-1], 40)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    features = (ring + draw.normal(size=ring.shape) * 1e-3).astype(np.float32)
    first = np.arange(6) * 40
    assert cell_contour_deviation(features, whitened(features), first) < 0.01
    far = features.copy()
    far[:40] *= 6
    assert cell_contour_deviation(far, whitened(far), first) > 0.2


def test_selection_metrics_of_all_frames():
    draw = np.random.default_rng(1)
    features, times = draw.normal(size=(30, 5)).astype(np.float32), np.arange(30.0)
    found = selection_metrics(features, times, np.arange(30), draw.normal(size=30))
    assert found["information_kept"] == pytest.approx(1)
    assert found["coverage"] == 1
    assert found["relevance"] == pytest.approx(0.5)
    assert np.isnan(selection_metrics(features, times, np.arange(3))["relevance"])


def test_contour_deviation_is_that_of_the_cells_means():
    features = np.random.default_rng(1).normal(size=(300, 5)) * [3, 2, 1, 1, 0.5]
    features, chosen = features.astype(np.float32), np.array([3, 50, 120, 299])
    distance = ((features[:, None] - features[chosen]) ** 2).sum(-1)
    cells = distance.argmin(1)
    centred = features - features.mean(0)
    inverse = np.linalg.inv(np.cov(centred.T, bias=True))
    means = np.stack([centred[cells == cell].mean(0) for cell in range(4)])
    radii = np.sqrt(np.einsum("kd,de,ke->k", means, inverse, means))
    found = cell_contour_deviation(features, whitened(features), chosen)
    assert found == pytest.approx(radii.std() / radii.mean(), rel=0.02)  # moments are shrunk


def test_points_of_one_radius_do_not_deviate():
    directions = np.repeat(np.concatenate([np.eye(3), -np.eye(3)]), 50, axis=0)
    noise = np.random.default_rng(2).normal(0, 0.01, directions.shape)
    features = (directions + noise).astype(np.float32)
    chosen = np.arange(25, 300, 50)
    assert cell_contour_deviation(features, whitened(features), chosen) < 0.02
