"""Recall of evidence, against counting by hand and by brute force."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntlbg.errors import DataError
from ntlbg_lab.evidence.annotations import Annotation
from ntlbg_lab.evidence.recall import (
    evidence_tables,
    measure_recall,
    read_selections,
    sees,
    uniform_times,
)
from ntlbg_lab.tables import as_markdown

ONE = Annotation("a", "v", ((10.0, 10.0), (50.0, 53.0)), 100.0)
OTHER = Annotation("b", "w", ((20.0, 20.0),), 100.0)


@pytest.mark.parametrize(
    ("times", "tolerance", "any_seen", "all_seen"),
    [
        ([12.0], 2, True, False),
        ([12.1], 2, False, False),
        ([8.0, 51.0], 2, True, True),
        ([10.0, 55.0], 2, True, True),
        ([10.0, 55.1], 2, True, False),
        ([10.0, 52.0], 0, True, True),
        ([], 5, False, False),
    ],
)
def test_evidence_is_seen_within_the_tolerance(times, tolerance, any_seen, all_seen):
    assert sees(times, ONE.evidence, tolerance, "any") is any_seen
    assert sees(times, ONE.evidence, tolerance, "all") is all_seen


def test_rounding_does_not_move_the_border():
    assert 0.7 + 0.1 < 0.8
    assert sees([0.8], [(0.7, 0.7)], 0.1)


seconds = st.integers(0, 400).map(lambda quarter: quarter / 4)


@given(
    st.lists(seconds, max_size=6),
    st.lists(st.tuples(seconds, st.integers(0, 20)), min_size=1, max_size=4),
    st.integers(0, 40).map(lambda quarter: quarter / 4),
)
def test_recall_is_that_of_sliding_over_every_quarter_second(times, evidence, tolerance):
    intervals = [(start, start + length / 4) for start, length in evidence]
    hits = []
    for start, end in intervals:
        moments = np.arange(start, end + 0.1, 0.25)
        hits.append(any(abs(time - moment) <= tolerance for time in times for moment in moments))
    assert sees(times, intervals, tolerance, "any") == any(hits)
    assert sees(times, intervals, tolerance, "all") == all(hits)


def test_shares_and_discordant_pairs_are_counted():
    report = measure_recall(
        [ONE, OTHER],
        {"good": {"a": [10.0, 50.0], "b": [20.0]}, "half": {"a": [10.0], "b": [70.0]}},
        tolerances=[2.0],
    )
    shares = {(r.selection, r.mode): r.share for r in report.recalls}
    assert shares == {
        ("good", "any"): 1.0, ("half", "any"): 0.5, ("good", "all"): 1.0, ("half", "all"): 0.0,
    }  # fmt: skip
    assert {r.selection: r.frames for r in report.recalls} == {"good": 1.5, "half": 1.0}
    counts = {(c.mode, c.only_one, c.only_other, c.p) for c in report.contrasts}
    assert counts == {("any", 1, 0, 1.0), ("all", 2, 0, 0.5)}
    assert (report.questions, report.videos, report.without_selection) == (2, 2, 0)


def test_intervals_treat_questions_about_one_video_as_one():
    many = [Annotation(f"q{n}", "one video", ((10.0, 10.0),), 100.0) for n in range(50)]
    times = {a.id: [10.0] if n % 2 else [90.0] for n, a in enumerate(many)}
    (recall, *_) = measure_recall(many, {"x": times}, tolerances=[1.0]).recalls
    assert (recall.share, recall.low, recall.high) == (0.5, None, None)  # one video, no interval
    apart = [Annotation(a.id, f"video {a.id}", a.evidence, 100.0) for a in many]
    (recall, *_) = measure_recall(apart, {"x": times}, tolerances=[1.0]).recalls
    assert recall.low < 0.45 < 0.55 < recall.high


def test_all_lists_are_judged_on_the_same_questions():
    report = measure_recall([ONE, OTHER], {"x": {"a": [10.0], "b": [0.0]}, "y": {"a": [10.0]}})
    assert (report.questions, report.without_selection) == (1, 1)
    assert {r.n for r in report.recalls} == {1}


def test_lists_without_a_common_question_are_refused():
    with pytest.raises(DataError, match="no question is in all 1 lists"):
        measure_recall([ONE], {"x": {"other": [1.0]}})


def test_moments_past_the_end_betray_a_wrong_rate():
    with pytest.raises(DataError, match="are frames counted at another rate"):
        measure_recall([ONE], {"x": {"a": [125.0]}})


def test_uniform_times_are_middles_of_equal_intervals():
    assert uniform_times([ONE], 4) == {"a": [12.5, 37.5, 62.5, 87.5]}
    with pytest.raises(DataError, match="no duration"):
        uniform_times([Annotation("a", "v", ((1.0, 1.0),))], 4)


def lists(tmp_path, *records):
    path = tmp_path / "list.jsonl"
    path.write_text("\n".join(map(json.dumps, records)) + "\n", encoding="utf-8")
    return path


def test_lists_hold_seconds_or_frames_with_a_rate(tmp_path):
    path = lists(
        tmp_path, {"id": "a", "pts_seconds": [1, 2.5]}, {"id": "b", "frames": [60], "fps": 30},
    )  # fmt: skip
    assert read_selections(path) == {"a": [1.0, 2.5], "b": [2.0]}
    assert read_selections(lists(tmp_path, {"id": "c", "frames": [60]}), 24) == {"c": [2.5]}


def test_a_rate_in_the_line_wins(tmp_path):
    path = lists(tmp_path, {"id": "b", "frames": [60], "fps": 30}, {"id": "c", "frames": [60]})
    assert read_selections(path, 60) == {"b": [2.0], "c": [1.0]}


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"id": "a", "frames": [60]}, "unknown rate; add fps to the line, or give --fps"),
        ({"id": "a", "frames": [60], "fps": 0}, "fps must be positive"),
        ({"id": "a", "frames": [-1], "fps": 25}, "not negative"),
        ({"id": "a", "pts_seconds": [-1]}, "not negative"),
        ({"id": "a", "pts_seconds": ["x"]}, "'a'"),
        ({"id": "a"}, "neither pts_seconds nor frames"),
        ({"id": "a", "pts_seconds": "45"}, "pts_seconds must be a list of numbers, got '45'"),
        ({"id": "a", "pts_seconds": {"4": 1}}, "pts_seconds must be a list of numbers"),
        ({"id": "a", "pts_seconds": [True]}, "pts_seconds must be a list of numbers"),
        ({"id": "a", "frames": "96", "fps": 24}, "frame numbers must be a list of numbers"),
        ({"id": ["a"], "pts_seconds": [1]}, "id must be text or a whole number"),
        ({"pts_seconds": [1]}, "a record has no 'id'"),
    ],
)
def test_lists_that_cannot_be_used_are_refused(tmp_path, record, message):
    with pytest.raises(DataError, match=message):
        read_selections(lists(tmp_path, record))


def test_so_many_uniform_moments_are_refused():
    with pytest.raises(DataError, match="99999999 frames for each of 2 questions are too many"):
        uniform_times([ONE, OTHER], 99_999_999)


def test_tables_name_every_list_and_tolerance():
    report = measure_recall([ONE, OTHER], {k: uniform_times([ONE, OTHER], int(k)) for k in "48"})
    table, counted, tests = (as_markdown([part]) for part in evidence_tables(report))
    assert table.splitlines()[0].count("±") == 6
    assert "| 4 | 4 |" in table
    assert len({line.count("|") for line in table.splitlines()}) == 1
    assert counted == "2 questions about 2 videos, 95 % intervals"
    assert len(tests.splitlines()) == 2 + 6
    assert len({line.count("|") for line in tests.splitlines()}) == 1
