"""``benchmarks/words.py``: what it counts, against counting by hand; and a tiny film end to end."""

import json
import random
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ntlbg.data import Sample
from ntlbg.types import Passage
from speech_sample import word_error_rate


@pytest.fixture
def answers(benchmark_script):
    return benchmark_script("words_answers")


@pytest.fixture
def tables(benchmark_script):
    return benchmark_script("words_tables")


def answer(quoted=(), frames=(), text="x"):
    quotations = [SimpleNamespace(start_seconds=a, end_seconds=b, source="speech", text="q")
                  for a, b in quoted]  # fmt: skip
    evidence = [SimpleNamespace(pts_seconds=time, score=score) for time, score in frames]
    return SimpleNamespace(quotations=quotations, evidence=evidence, text=text, found=0.5,
                           context=SimpleNamespace(decision=None))  # fmt: skip


def test_moments_are_quotations_then_the_best_frames_apart(answers):
    given = answer([(10, 12)], [(11, 9.0), (40, 2.0), (44, 3.0), (90, 1.0), (200, 0.5)])
    assert answers.moments(given, [(10, 12)]) == [(10, 12), (44, 44), (90, 90)]
    assert answers.moments(given, ()) == [(11, 11), (44, 44), (90, 90)]


@pytest.mark.parametrize(
    ("kind", "among", "expected"),
    [
        ("N", [(25.1, 30)], False),
        ("N", [(25.0, 30)], True),
        ("N", [(0, 5)], True),
        ("T", [(102, 102)], True),
        ("V", [(102, 102)], False),
        ("V", [(102, 102), (12, 12)], True),
        ("N", [], False),
    ],
)
def test_what_is_found_is_within_five_seconds(answers, kind, among, expected):
    assert answers.is_found(kind, [(10, 20), (100, 101)], among) is expected


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ('00:01 said: "The bell."', True),
        ("Not said or shown.", False),
        ('Nothing says so directly; nearest:\n00:01 said: "x"', False),
        ("I did not see that.", False),
        ("No", False),
        ("0", False),
        ("guitar", True),
    ],
)
def test_what_counts_as_an_answer(answers, text, given):
    assert answers.is_given(text) is given


def question(kind, spans, answer="bell"):
    from ntlbg_lab.film.asking import Question

    sample = Sample(id="1", video="v", question="What?", answer=answer, answer_type="said",
                    evidence=spans)  # fmt: skip
    return Question(kind, sample, "talk")


def test_a_deleted_sentence_is_in_no_passage_and_all_others_stay(answers):
    spoken = [Passage(str(time), time, time + 4.0, "speech") for time in range(0, 40, 5)]
    heard = {"speech": spoken, "screen": [], "subtitles": spoken}
    cases = answers.cases_of([question("N", [(10.1, 13.9)])], heard)
    names = ["ours", "uniform", "subtitled", "deleted", "subtitled, deleted"]
    assert [case.condition for case in cases] == names
    for case in cases[3:]:
        left, *silent = case.words.listen_to
        [piece] = left.listen(Path("film"), 0.0, {})
        assert [one.text for one in piece.passages] == [str(t) for t in range(0, 40, 5) if t != 10]
        assert not [one for other in silent for one in next(other.listen("", 0.0, {})).passages]


def test_across_streams_each_is_asked_alone(answers):
    heard = {"speech": [Passage("a", 0, 1, "speech")], "screen": [Passage("b", 0, 1, "screen")]}
    heard["subtitles"] = []
    cases = answers.cases_of([question("C", [(0, 1)])], heard)
    for case in cases[2:4]:
        parts = [next(iter(one.listen(Path("film"), 0.0, {}))) for one in case.words.listen_to]
        assert {one.name for one in case.words.listen_to} == {"speech", "screen"}
        assert [one.source for part in parts for one in part.passages] == [case.condition]


def test_an_answer_is_right_by_its_words_and_a_foreign_one_if_it_is_denied(answers):
    case = answers.Case(question("N", [(10, 12)]), "ours")
    quoted = answer([(10, 12)], [(11, 1.0)], '00:10 said: "A bell rang."')
    assert answers.answer_of(0, case, quoted, 1.0).right
    assert not answers.answer_of(0, case, answer(text='00:10 said: "A ball."'), 1.0).right
    assert not answers.answer_of(0, replace(case, condition="deleted"), quoted, 1.0).right
    foreign = answers.Case(question("F", []), "ours")
    assert answers.answer_of(0, foreign, answer(text="Not said or shown."), 1.0).right


def test_edits_are_those_of_another_count(tables):
    draw = random.Random(3)
    for _ in range(50):
        said, found = ([draw.choice("abcde") for _ in range(draw.randint(1, 12))] for _ in "12")
        expected = word_error_rate(" ".join(said), " ".join(found)) * len(said)
        assert tables.edits(said, found) == pytest.approx(expected)


def test_intervals_are_wilsons(tables):
    """By its formula, at 17 of 20."""
    z, p, n = 1.959964, 17 / 20, 20
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    expected = f"0.85 ({middle - half:.2f}–{middle + half:.2f}, n 20)"
    assert tables.share([True] * 17 + [False] * 3) == expected


@pytest.mark.thorough
@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_a_tiny_film_end_to_end_and_a_stopped_run_goes_on(tmp_path, monkeypatch, benchmark_script):
    monkeypatch.setenv("NTLBG_INDEX", str(tmp_path))  # which the run sets, so that it is put back
    words = benchmark_script("words")
    text = words.measure(tmp_path / "out", words.TINY)
    lines = (tmp_path / "out" / words.ANSWERS_FILE).read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert {row["kind"] for row in rows} == set("NEPSTCVF")
    asked = [row for row in rows if row["condition"] == "ours" and row["kind"] in "SN"]
    assert all(row["right"] for row in asked)
    (tmp_path / "out" / words.ANSWERS_FILE).write_text("\n".join(lines[:-3]) + "\n" + lines[-3][:9])
    assert words.measure(tmp_path / "out", words.TINY) == text
