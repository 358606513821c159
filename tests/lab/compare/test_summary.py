"""Means, intervals, tests and the gate, on results whose truth is planted."""

import numpy as np
import pytest
from scipy import stats

from ntlbg.errors import ComparisonError
from ntlbg_lab.compare.records import METRICS, SelectorResult
from ntlbg_lab.compare.summary import check_divergence, summarize, video_means


def results(levels, *, videos=20, questions=3, seed=0, num_frames=8):
    """Recall around each selector's level, with a difficulty that all selectors share."""
    rng = np.random.default_rng(seed)
    hardness = rng.normal(0, 0.3, videos)
    found = []
    for place, (selector, level) in enumerate(levels.items()):
        for video in range(videos):
            for question in range(questions):
                recall = level + hardness[video] + rng.normal(0, 0.02)
                values = dict.fromkeys(METRICS) | {"recall": recall, "quantisation_error": -recall}
                kind = ("first", "when")[question % 2]
                found.append(
                    SelectorResult(video, question, kind, selector, num_frames, [place], values)
                )
    return found


def row(rows, selector, metric="recall", kind="all"):
    (found,) = [r for r in rows if (r.selector, r.metric, r.kind) == (selector, metric, kind)]
    return found


def test_pairing_sees_what_the_intervals_of_the_means_hide():
    rows = summarize(results({"uniform": 0.4, "good": 0.5, "equal": 0.4}, seed=1))
    good, uniform = row(rows, "good"), row(rows, "uniform")
    assert good.low < uniform.high  # videos differ much more than selectors
    contrast = good.against_baseline
    assert contrast.difference == pytest.approx(0.1, abs=0.02)
    assert contrast.low > 0.08
    assert contrast.p < contrast.p_holm < 0.01
    assert row(rows, "equal").against_baseline.p > 0.05
    assert uniform.against_baseline is None


@pytest.mark.parametrize("metric", ["recall", "quantisation_error"])
def test_the_best_other_respects_the_direction(metric):
    rows = summarize(results({"uniform": 0.2, "good": 0.5, "better": 0.6}))
    assert row(rows, "better", metric).against_best_other.other == "good"
    assert row(rows, "good", metric).against_best_other.other == "better"
    assert row(rows, "uniform", metric).against_best_other.other == "better"


def test_metrics_without_a_direction_have_no_best():
    found = results({"uniform": 0.2, "good": 0.5})
    for result in found:
        result.values["temporal_uniformity"] = result.values["recall"]
    rows = summarize(found)
    assert row(rows, "good", "temporal_uniformity").against_best_other is None
    assert row(rows, "good", "temporal_uniformity").against_baseline is not None


def test_p_is_that_of_a_permutation_test_over_videos():
    found = results({"uniform": 0.4, "other": 0.41}, videos=9)
    means = video_means(found, "recall")
    expected = stats.permutation_test(
        (means["other"] - means["uniform"],), np.mean, permutation_type="samples",
        n_resamples=np.inf,
    ).pvalue  # fmt: skip
    assert row(summarize(found), "other").against_baseline.p == pytest.approx(expected)


def test_questions_of_one_video_count_as_one():
    few, many = (results({"uniform": 0.4, "x": 0.4}, questions=n) for n in (2, 40))
    widths = [row(summarize(found), "x") for found in (few, many)]
    assert widths[0].videos == widths[1].videos == 20
    assert widths[1].high - widths[1].low > 0.9 * (widths[0].high - widths[0].low)


def test_one_video_has_means_and_no_intervals():
    rows = summarize(results({"uniform": 0.4, "x": 0.5}, videos=1))
    one = row(rows, "x")
    assert (one.low, one.high, one.against_baseline.p) == (None, None, 1)
    assert one.against_baseline.difference == pytest.approx(0.1, abs=0.03)


def test_types_of_questions_have_rows_of_their_own():
    rows = summarize(results({"uniform": 0.4, "x": 0.5}))
    assert {r.kind for r in rows} == {"all", "first", "when"}
    assert {r.kind for r in summarize(results({"x": 0.5}), pooled=False)} == {"first", "when"}


def test_questions_without_a_value_are_left_out():
    found = results({"uniform": 0.4, "x": 0.5}, videos=4)
    for result in found:
        if result.video == 3:
            result.values["recall"] = None
    assert row(summarize(found), "x").videos == 3
    assert row(summarize(found), "x", "shot_coverage").mean is None


def choices(**chosen):
    return [
        SelectorResult(0, question, "first", selector, 4, list(indices), {})
        for selector, found in chosen.items()
        for question, indices in enumerate(found)
    ]


def test_the_gate_names_selectors_that_never_differ():
    same = choices(a=[(1, 2), (3, 4)], b=[(1, 2), (3, 5)], c=[(1, 2), (3, 4)])
    with pytest.raises(ComparisonError, match="the same frames in all 2 cases: a and c"):
        check_divergence(same)


def test_one_different_frame_opens_the_gate():
    check_divergence(choices(a=[(1, 2), (3, 4)], b=[(1, 2), (3, 5)]))
    check_divergence(choices(a=[(1, 2)]))
