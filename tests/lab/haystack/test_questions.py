import numpy as np
import pytest

from ntlbg.data import NOT_SEEN
from ntlbg_lab.haystack.questions import (
    EMPTY_MARGIN_SECONDS,
    EXTRA_TYPES,
    HELD_OUT_WORDINGS,
    QUESTION_TYPES,
    TEMPLATES,
    Event,
    format_seconds,
    make_question,
    possible_extras,
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
    assert set(TEMPLATES) == {*QUESTION_TYPES, "order", "both"}
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


def named(sample):
    return [name for name in NAMES if f" {name}" in sample.question]


def test_what_is_absent_is_never_shown():
    for sample in ask("absent"):
        assert sample.answer_type == "absent"
        assert sample.answer == NOT_SEEN
        assert sample.evidence == []
        assert sample.options is None
        if named(sample):
            assert not {event.name for event in EVENTS} & set(named(sample))
        else:
            minutes, seconds = sample.question[sample.question.index(":") - 2 :][:5].split(":")
            moment = int(minutes) * 60 + int(seconds)
            distances = [max(event.start - moment, moment - event.end, 0) for event in EVENTS]
            assert min(distances) >= EMPTY_MARGIN_SECONDS - 1
    assert any(":" in sample.question for sample in ask("absent"))


def test_an_empty_video_has_no_first_object():
    questions = {
        make_question([], np.random.default_rng(seed), NAMES, kind="absent").question
        for seed in range(60)
    }
    assert questions & set(TEMPLATES["first"])
    assert questions & set(TEMPLATES["last"])
    assert possible_extras([]) == ["absent"]


def test_of_two_objects_the_one_with_the_earlier_first_appearance_is_first():
    for sample in ask("order", multiple_choice=True):
        firsts = {event.name: event.start for event in reversed(EVENTS)}
        assert len(named(sample)) == 2
        assert sample.answer == min(named(sample), key=firsts.get)
        assert sorted(sample.options) == sorted(named(sample))
        assert {start for start, _ in sample.evidence} == {firsts[n] for n in named(sample)}
    assert len(
        {sample.options[0] == sample.answer for sample in ask("order", multiple_choice=True)}
    )


def test_both_is_true_when_both_are_there():
    there = {event.name for event in EVENTS}
    for sample in ask("both", multiple_choice=True):
        assert len(named(sample)) == 2
        assert sample.answer == ("Yes" if set(named(sample)) <= there else "No")
        assert len(sample.evidence) == len(set(named(sample)) & there)
        assert sample.options is None
    assert {sample.answer for sample in ask("both")} == {"Yes", "No"}


@pytest.mark.parametrize("kind", EXTRA_TYPES)
def test_extra_types_have_held_out_wordings_too(kind):
    def patterns(samples):
        texts = set()
        for sample in samples:
            text = sample.question
            for name in sorted(NAMES, key=len, reverse=True):
                text = text.replace(with_article(name), "X").replace(name, "X")
            texts.add("".join(c for c in text if not c.isdigit()))
        return texts

    assert not patterns(ask(kind)) & patterns(ask(kind, wordings="held_out"))
    one_name = EVENTS[:1]
    drawn = make_question(one_name, np.random.default_rng(0), NAMES, kind="order")
    assert drawn.answer_type in QUESTION_TYPES
