"""Shares, intervals and differences against numbers counted by hand or by another library."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.stats import bootstrap

from ntlbg.data import NOT_SEEN
from ntlbg.models.builtin.vocabulary import object_names
from ntlbg_lab.evaluate.answering import Outcome
from ntlbg_lab.evaluate.recognition import (
    NO_OBJECT,
    EvaluatedVideo,
    judge_names,
    name_frames,
    summarize_recognition,
)
from ntlbg_lab.evaluate.summary import over_weights, summarize
from ntlbg_lab.evaluate.tables import EVALUATION, evaluation_numbers, evaluation_tables
from ntlbg_lab.haystack.questions import Event
from ntlbg_lab.haystack.timeline import Needle, Timeline
from ntlbg_lab.tables import as_markdown


def outcome(video, place, right, **changes):
    values = {
        "weights": "w", "condition": "seed 0", "kind": "hour", "video": video, "selector": "ntlbg",
        "num_frames": 16, "place": place, "type": "first", "multiple_choice": False,
        "question": f"q{video}-{place}", "truth": "guitar", "answer": "guitar" if right else "cat",
        "right": right, "strict": None, "seen": None, "seconds": 0.5, "reused": False,
    }  # fmt: skip
    return Outcome(**(values | changes))


def test_a_row_counted_by_hand():
    found = [
        outcome(0, 0, True, multiple_choice=True, seen=True),
        outcome(0, 1, False, seen=False),
        outcome(1, 0, True, type="when", strict=False, seen=True, seconds=1.5),
        outcome(1, 1, True, type="absent", truth=NOT_SEEN),
        outcome(1, 2, False, type="absent", truth=NOT_SEEN),
    ]
    (row,) = summarize(found)
    # what is not there is reported beside the others
    assert (row.cell, row.selector, row.n, row.videos) == ("hour-16", "ntlbg", 3, 2)
    assert (row.right, row.open, row.choice, row.evidence_seen) == (0.667, 0.5, 1.0, 0.667)
    assert row.by_type["absent"].share == 0.5
    assert (row.within_5.share, row.within_2.share, row.within_5.n) == (1.0, 0.0, 1)
    assert (row.not_seen.n, row.not_seen.share) == (2, 0.5)
    assert row.by_type["first"].n == 2
    assert row.by_type["when"].share == 1.0
    assert row.cpu_seconds == 0.833
    assert row.against == {}


def test_differences_are_paired_and_intervals_are_over_videos():
    draw = np.random.default_rng(0)
    ours, theirs = draw.random((30, 8)) < 0.8, draw.random((30, 8)) < 0.6
    found = [
        outcome(v, q, bool(right[v, q]), selector=name)
        for name, right in (("ntlbg", ours), ("top_k", theirs))
        for v in range(30)
        for q in range(8)
    ]
    rows = {row.selector: row for row in summarize(found)}
    difference = rows["ntlbg"].against["top_k"]
    paired = (ours.astype(float) - theirs).mean(1)
    reference = bootstrap((paired,), np.mean, method="percentile", rng=1).confidence_interval
    assert difference.difference == pytest.approx(paired.mean(), abs=5e-4)
    assert (difference.low, difference.high) == pytest.approx(tuple(reference), abs=0.012)
    assert rows["top_k"].against == {}
    shuffled = [found[i] for i in draw.permutation(len(found))]
    again = {row.selector: row for row in summarize(shuffled)}["ntlbg"].against["top_k"]
    assert again.difference == difference.difference


def test_one_video_has_no_interval():
    (row,) = summarize([outcome(0, 0, True), outcome(0, 1, False)])
    assert row.interval == (None, None)
    assert "| hour-16 | ntlbg | 2 | 1 | 0.500 | – |" in as_markdown(evaluation_tables([row]))


def test_unanswered_pairs_do_not_count():
    found = [outcome(0, 0, True), outcome(0, 1, True), outcome(0, 0, False, selector="uniform")]
    rows = {row.selector: row for row in summarize(found)}
    assert rows["ntlbg"].against["uniform"].difference == 1.0


def test_weights_are_summed_up_only_where_there_are_several():
    one = [outcome(0, place, place < 1, weights="a") for place in range(4)]
    two = [outcome(0, place, place < 3, weights="b") for place in range(4)]
    assert over_weights(summarize(one)) == []
    (row,) = over_weights(summarize(one + two))
    assert (row.weights, row.mean) == (2, 0.5)
    assert row.deviation == pytest.approx(np.std([0.25, 0.75], ddof=1), abs=5e-4)


def test_every_table_has_its_lines():
    found = [
        outcome(v, 0, v < 2, selector=name, type="when", strict=v < 1, weights=weights)
        for v in range(3)
        for name in ("uniform", "ntlbg")
        for weights in ("a" * 12, "b" * 12)
    ]
    rows = summarize(found)
    videos = [
        EvaluatedVideo(
            "a" * 12, "seed 0", "hour", v, 9, 0.5, {"noto": (4, 3), NO_OBJECT: (5, 5)}, []
        )
        for v in range(3)
    ]
    recognition = summarize_recognition(videos)
    text = as_markdown(evaluation_tables(rows, recognition, videos))
    for piece in (
        "| hour-16 | uniform | 3 | 3 | 0.667 |", "+0.000 (+0.000 to +0.000)", "0.33 (3)",
        "0.667 ± 0.000", "| noto | 12 | 0.750 |", "no object (right: nothing) | 15 | 1.000",
        "| hour | 3 | 27 | 18 |",
    ):  # fmt: skip
        assert piece in text, piece
    lines = EVALUATION.as_csv(evaluation_numbers(rows, recognition)).splitlines()
    assert len({line.count(",") for line in lines}) == 1
    assert any(",minus uniform,3,0.0," in line for line in lines)


def needle(name, style, start, end):
    return Needle(Event(name, start, end), style, 0, 0.5, 0.5, 0.5)


def test_names_are_judged_by_style():
    needles = (needle("cat", "noto", 1, 3), needle("dog", "fx", 4, 5), needle("owl", "fx", 4.5, 6))
    timeline = Timeline(8.0, (), needles, "val")
    named = ["nothing", "cat", "dog", "cat", "dog", "owl", "nothing", "nothing"]
    assert judge_names(timeline, np.arange(8.0), named) == {
        "fx": (2, 2), "noto": (2, 1), "nothing": (4, 3),
    }  # fmt: skip


def test_a_video_drawn_twice_counts_once():
    video = EvaluatedVideo("w", "c", "hour", 0, 9, 1.0, {"/art/open.zip": (4, 2)}, [("uniform", 4)])
    (row,) = summarize_recognition([video, video])
    assert (row.style, row.frames, row.right, row.low) == ("open", 4, 0.5, None)


def test_a_model_without_words_names_nothing():
    system = SimpleNamespace(answerer=object())
    assert name_frames(system, np.zeros((2, 4), np.float32)) is None


class Words:
    """A projector of 381 names, a further word and "nothing"."""

    words, nothing_bias = [[number] for number in range(382)], 2.0

    def word_logits(self, features):
        logits = torch.zeros(len(features), 383)
        logits[0, 5] = 3.0
        logits[1, 7] = 1.5  # less than the bias
        logits[2, 381] = 9.0  # not a word of the tower's own
        logits[2, 9] = 4.0
        return logits


def test_frames_are_named_by_the_towers_own_words():
    system = SimpleNamespace(
        answerer=SimpleNamespace(model=SimpleNamespace(multi_modal_projector=Words()))
    )
    names = object_names()
    found = name_frames(system, np.zeros((4, 8), np.float32))
    assert found == [names[5], "nothing", names[9], "nothing"]
    system.answerer.model.multi_modal_projector.words = [[1], [2]]
    assert name_frames(system, np.zeros((4, 8), np.float32)) is None
