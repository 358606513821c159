"""Chapters begin where pictures and subject change together, whatever else changes."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ntlbg.errors import ConfigError
from ntlbg.types import Passage
from ntlbg.video_chapters.dividing import LEAST_SECONDS, divide
from ntlbg.video_chapters.topics import Topics, topics_of, unit

NOBODY = topics_of((), lambda: None)


def looks(scenes, seconds, rng, noise=0.1):
    """Features (T, 8) once a second: a direction of its own for each of the scenes' numbers."""
    directions = np.eye(8)
    place = np.searchsorted(
        np.cumsum([length for _, length in scenes]), np.arange(seconds), "right"
    )
    features = np.stack([directions[scenes[min(one, len(scenes) - 1)][0]] for one in place])
    return features + noise * rng.normal(size=features.shape)


def speech(subjects, rng, *, every=5.0):
    """Sentences of 4 seconds: vectors near a direction for each of the subjects' numbers."""
    passages, vectors, start = [], [], 0.0
    for subject, length in subjects:
        for begin in np.arange(start, start + length - 1e-9, every):
            passages.append(Passage(f"Sentence at {begin:g}.", begin, begin + 4, "speech"))
            vectors.append(np.eye(8)[subject] + 0.25 * rng.normal(size=8))
        start += length
    return Topics(tuple(passages), unit(np.array(vectors)))


def found(seconds, features, topics=NOBODY, **options):
    times = np.arange(len(features), dtype=np.float64)
    return divide(float(seconds), features, times, topics, **options)


def starts(division):
    return [round(start) for start, _ in division.spans]


def test_a_border_is_where_both_change_and_not_where_one_does():
    rng = np.random.default_rng(0)
    # another picture from 100 to 130 s, another subject from 300 to 330, both at 200 and 400
    shown = looks([(0, 100), (5, 30), (0, 70), (1, 200), (2, 200)], 600, rng)
    told = speech([(0, 200), (1, 100), (6, 30), (1, 70), (2, 200)], rng)
    assert starts(found(600, shown, told)) == [0, 200, 400]


def test_without_words_pictures_tell_and_a_note_says_so():
    rng = np.random.default_rng(0)
    division = found(300, looks([(0, 100), (1, 120), (0, 80)], 300, rng))
    assert starts(division) == [0, 100, 220]
    assert any("pictures alone" in note and "--listen" in note for note in division.notes)


def test_where_pictures_do_not_change_words_tell_and_a_note_says_so():
    rng = np.random.default_rng(0)
    still = np.ones((300, 8)) + 1e-3 * rng.normal(size=(300, 8))  # as coding changes it
    division = found(300, still, speech([(0, 100), (1, 120), (2, 80)], rng))
    assert starts(division) == [0, 100, 220]
    assert any("words alone" in note for note in division.notes)


def test_where_nothing_changes_there_is_one_chapter():
    division = found(600, np.ones((600, 8)))
    assert division.spans == ((0.0, 600.0),)
    assert "neither" in division.notes[0]
    alike = speech([(0, 600)], np.random.default_rng(0))
    same = Topics(alike.passages, np.tile(np.eye(8)[0], (len(alike.passages), 1)))
    assert found(600, np.ones((600, 8)), same).spans == ((0.0, 600.0),)


def test_parts_of_one_length_where_nothing_tells_and_a_number_is_given():
    division = found(600, np.ones((600, 8)), number=4)
    assert starts(division) == [0, 150, 300, 450]


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 300), st.booleans())
def test_chapters_cover_the_video_and_cut_no_sentence(seed, seconds, irregular):
    rng = np.random.default_rng(seed)
    lengths = [(int(rng.integers(8)), float(rng.integers(3, 60))) for _ in range(8)]
    told = speech(lengths, rng, every=float(rng.uniform(4, 9)))
    told = Topics(
        tuple(one for one in told.passages if one.start_seconds < seconds),
        told.vectors[: sum(one.start_seconds < seconds for one in told.passages)],
    )
    number = max(1, seconds // 2)
    times = (
        np.sort(rng.uniform(0, seconds, number)) if irregular else np.linspace(0, seconds, number)
    )
    features = looks(lengths, seconds, rng)[np.minimum(times.astype(int), seconds - 1)]
    division = divide(float(seconds), features, times, told)
    begins, ends = map(list, zip(*division.spans))
    assert begins[0] == 0
    assert ends == [*begins[1:], seconds]
    assert len(begins) == 1 or min(np.subtract(ends, begins)) >= LEAST_SECONDS - 1e-6
    for begin in begins[1:]:
        for one in told.passages:
            assert not one.start_seconds + 1e-6 < begin < one.end_seconds - 1e-6
    order, words = rng.permutation(number), rng.permutation(len(told.passages))
    other = Topics(tuple(told.passages[row] for row in words), told.vectors[words])
    again = divide(float(seconds), features[order], times[order], other)
    np.testing.assert_allclose(again.spans, division.spans)


@pytest.mark.parametrize("number", [1, 2, 3, 7])
def test_as_many_as_asked_for(number):
    rng = np.random.default_rng(0)
    shown = looks([(0, 100), (1, 120), (2, 80)], 300, rng)
    assert len(found(300, shown, number=number).spans) == number
    assert len(found(300, shown, least=number).spans) == max(number, 3)


def test_no_room_is_an_error_that_says_how_much_there_is():
    with pytest.raises(ConfigError, match=r"4 chapters are wanted.* room for 3 of 10 seconds"):
        found(35, np.ones((35, 8)), number=4)
    with pytest.raises(ConfigError, match="room for 3"):
        found(35, np.ones((35, 8)), number=10**12)  # for which no memory would be enough
    with pytest.raises(ConfigError, match=r"3 chapters at least are wanted.* room for 2"):
        found(25, np.ones((25, 8)), least=3)
    whole = Topics((Passage("On and on", 0.0, 60.0, "speech"),), np.ones((1, 1)))
    with pytest.raises(ConfigError, match="room for 1"):
        found(60, np.ones((60, 8)), whole, number=2)


def test_a_talk_twice_as_long_has_the_same_chapters():
    rng = np.random.default_rng(0)
    for scale in (1, 2):
        parts = [(0, 90 * scale), (1, 120 * scale), (2, 60 * scale)]
        seconds = 270 * scale
        division = found(seconds, looks(parts, seconds, rng), speech(parts, rng))
        assert starts(division) == [0, 90 * scale, 210 * scale]


def test_a_border_moves_to_the_cut_nearby_but_into_no_sentence():
    rng = np.random.default_rng(0)
    told = speech([(0, 100), (1, 100)], rng)  # a sentence from 100 to 104
    late = looks([(0, 102), (1, 98)], 200, rng, noise=0.01)
    early = looks([(0, 99), (1, 101)], 200, rng, noise=0.01)
    assert starts(found(200, early, told)) == [0, 99]
    assert starts(found(200, late, told))[1] in (99, 100, 104)


def test_five_seconds_are_one_chapter():
    rng = np.random.default_rng(0)
    assert found(5, looks([(0, 2), (1, 3)], 5, rng)).spans == ((0.0, 5.0),)


def test_three_hours_take_little_memory():
    rng = np.random.default_rng(0)
    parts = [(number % 8, 1800.0) for number in range(6)]
    shown = looks(parts, 10_800, rng).astype(np.float32)
    told = speech(parts, rng)
    tracemalloc.start()
    division = found(10_800, shown, told)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert starts(division) == pytest.approx([1800 * number for number in range(6)], abs=2)
    assert peak < 200e6  # a matrix of all frames takes 930 MB
