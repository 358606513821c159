import numpy as np
import pytest

from ntlbg.haystack.questions import (
    HELD_OUT_WORDINGS,
    QUESTION_TYPES,
    TEMPLATES,
    Event,
    format_seconds,
    make_question,
    possible_types,
    with_article,
)

NAMES = ["guitar", "owl", "scissors", "bus", "apple", "dress", "key", "lion"]
EVENTS = [
    Event("guitar", 10.5, 13.0),
    Event("owl", 40.0, 42.0),
    Event("guitar", 100.0, 101.5),
    Event("bus", 200.2, 204.0),
]


def ask(kind, **options):
    return [
        make_question(EVENTS, np.random.default_rng(seed), NAMES, kind=kind, **options)
        for seed in range(40)
    ]


def test_every_type_has_trained_and_held_out_wordings():
    assert set(TEMPLATES) == set(QUESTION_TYPES)
    for wordings in TEMPLATES.values():
        assert len(set(wordings)) == len(wordings) > HELD_OUT_WORDINGS + 3


def test_first_and_last_name_the_outer_events():
    assert {sample.answer for sample in ask("first")} == {"guitar"}
    assert {sample.answer for sample in ask("last")} == {"bus"}
    assert ask("last")[0].evidence == [(200.2, 204.0)]


def test_neighbours_follow_the_order_and_show_both_events():
    answers = {
        (name, sample.answer)
        for sample in ask("after")
        for name in ("owl", "bus", "guitar")
        if f" {name}" in sample.question
    }
    # the guitar comes twice, so it is never asked after; the bus has nothing after it
    assert answers == {("owl", "guitar")}
    for sample in ask("before"):
        assert len(sample.evidence) == 2
        assert sample.evidence[1][0] < sample.evidence[0][0]


def test_counts_and_existence_agree_with_the_events():
    for sample in ask("count") + ask("exist"):
        named = [name for name in NAMES if name in sample.question]
        number = sum(event.name == named[0] for event in EVENTS)
        expected = str(number) if sample.answer_type == "count" else ("Yes" if number else "No")
        assert sample.answer == expected
        assert len(sample.evidence) == number


def test_both_answers_to_existence_occur():
    assert {sample.answer for sample in ask("exist")} == {"Yes", "No"}


def test_times_lie_inside_their_events():
    for sample in ask("when") + ask("which"):
        [(start, end)] = sample.evidence
        clock = sample.answer if sample.answer_type == "when" else sample.question
        minutes, seconds = clock[clock.index(":") - 2 :][:5].split(":")
        assert start <= int(minutes) * 60 + int(seconds) < end


@pytest.mark.parametrize("kind", QUESTION_TYPES)
def test_options_are_four_different_ones_with_the_answer(kind):
    for sample in ask(kind, multiple_choice=True):
        if kind == "exist":
            assert sample.options is None
        else:
            assert len(set(sample.options)) == 4
            assert sample.answer in sample.options


def test_the_answer_moves_among_the_options():
    places = {sample.options.index(sample.answer) for sample in ask("first", multiple_choice=True)}
    assert places == {0, 1, 2, 3}


def test_held_out_wordings_are_different():
    trained = {sample.question for sample in ask("first")}
    held_out = {sample.question for sample in ask("first", wordings="held_out")}
    assert not trained & held_out


def test_without_events_only_absence_can_be_asked():
    assert possible_types([]) == ["exist", "count"]
    sample = make_question([], np.random.default_rng(0), NAMES, kind="first")
    assert sample.answer in ("No", "0")


def test_words():
    assert [with_article(n) for n in ("owl", "bus", "guitar", "scissors", "dress")] == [
        "an owl",
        "bus",
        "a guitar",
        "scissors",
        "a dress",
    ]
    assert [format_seconds(s) for s in (0, 59.9, 3661)] == ["00:00", "00:59", "61:01"]
