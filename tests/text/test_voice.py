"""Pieces of speech: never too long, never across a long pause, and all of the speech in them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ntlbg.text.voice import (
    BEGINS,
    LONGEST_PAUSE_SECONDS,
    LONGEST_SECONDS,
    MARGIN_WINDOWS,
    RATE,
    WINDOW,
    WINDOW_SECONDS,
    SileroDetector,
    spoken_pieces,
)
from ntlbg.types import Sound
from ntlbg.video.audio import read_sound
from speech_sample import MUSIC, PATH, SAID, SECONDS

MARGIN_SECONDS = MARGIN_WINDOWS * WINDOW_SECONDS


def loudness(samples):
    """A detector for tests: speech is what is not silent."""
    return np.abs(samples.reshape(-1, WINDOW)).mean(axis=1)


def blocks(samples, start=0.0, size=RATE):
    for first in range(0, len(samples), size):
        yield Sound(samples[first : first + size], start + first / RATE)


def talk(turns):
    """Samples of pauses and speech by turns, in windows; those of speech are all different."""
    parts, value = [], 0.6
    for number, length in enumerate(turns):
        samples = np.zeros(length * WINDOW, np.float32)
        if number % 2:
            value += 1e-7 * length
            samples[:] = value
        parts.append(samples)
    return np.concatenate(parts)


def heard(samples, **options):
    pieces = list(spoken_pieces(blocks(samples, **options), loudness))
    return pieces, [piece for piece in pieces if piece.sound is not None]


# pauses of up to 5 s and speech of .1 to 40 s, in windows
TURNS = st.lists(
    st.tuples(st.integers(0, 160), st.integers(4, 1300)).map(list), min_size=0, max_size=12
).map(lambda pairs: [length for pair in pairs for length in pair])


@settings(deadline=None, max_examples=60)
@given(turns=TURNS, tail=st.integers(0, 100), odd=st.integers(0, WINDOW - 1))
def test_pieces_of_any_talk(turns, tail, odd):
    samples = np.concatenate([talk([*turns, tail]), np.zeros(odd, np.float32)])
    pieces, spoken = heard(samples, start=100.0)
    untils = [piece.until_seconds for piece in pieces]
    assert untils == sorted(untils)
    if len(samples):
        assert untils[-1] == pytest.approx(100 + len(samples) / RATE)
    covered = np.zeros(len(samples), bool)
    for piece in spoken:
        first = round((piece.sound.start_seconds - 100) * RATE)
        length = len(piece.sound.samples)
        whole = np.concatenate([samples, np.zeros(WINDOW, np.float32)])
        # the sound itself, in its place: no text can be stretched over what was left out
        np.testing.assert_array_equal(piece.sound.samples, whole[first : first + length])
        assert length / RATE <= LONGEST_SECONDS + 2 * MARGIN_SECONDS + 1e-6
        assert longest_pause(piece.sound.samples) <= LONGEST_PAUSE_SECONDS + 1e-6
        new = slice(first, first + length)
        assert not (covered[new] & (samples[new] > 0)).any(), "speech is heard twice"
        covered[new] = True
    assert covered[samples > 0].all(), "speech is lost"


def longest_pause(samples):
    """Of zeros between speech, in seconds."""
    loud = np.flatnonzero(samples)
    return float(np.diff(loud).max() - 1) / RATE if len(loud) > 1 else 0.0


def test_the_size_of_blocks_does_not_matter():
    samples = talk([20, 300, 15, 700, 90, 50])
    _, one = heard(samples)
    _, other = heard(samples, size=3333)
    assert [piece.until_seconds for piece in one] == [piece.until_seconds for piece in other]


def test_what_is_too_long_is_cut_at_its_longest_pause():
    """Pauses of .5 s and .7 s after 21 and 25 s."""
    samples = talk([0, 656, 16, 109, 22, 800])
    _, spoken = heard(samples)
    assert spoken[0].until_seconds == pytest.approx(781 * WINDOW_SECONDS)
    assert spoken[0].goes_on
    assert not spoken[-1].goes_on


def test_a_click_is_no_speech():
    _, spoken = heard(talk([100, 2, 100]))
    assert spoken == []


def test_silence_says_how_far_it_has_come():
    pieces, spoken = heard(np.zeros(300 * RATE, np.float32))
    assert spoken == []
    assert len(pieces) >= 4


def test_nothing_is_held_of_a_long_silence():
    """At most two minutes are asked of the stream before something comes out."""
    taken = []

    def counted():
        for block in blocks(np.zeros(600 * RATE, np.float32)):
            taken.append(block.start_seconds)
            yield block

    for number, piece in enumerate(spoken_pieces(counted(), loudness)):
        assert taken[-1] - piece.until_seconds < 2, number
    assert len(taken) == 600


def test_going_on_after_a_piece_gives_the_pieces_that_follow():
    samples = talk([30, 400, 80, 300, 10, 900, 70, 60])
    pieces, _ = heard(samples)
    for number, piece in enumerate(pieces[:-1]):
        first = round(piece.until_seconds * RATE)
        rest = list(spoken_pieces(blocks(samples[first:], start=first / RATE), loudness))
        assert [one.until_seconds for one in rest] == pytest.approx(
            [one.until_seconds for one in pieces[number + 1 :]]
        )


def test_the_network_hears_speech_and_no_music():
    pieces = list(spoken_pieces(read_sound(PATH), SileroDetector()))
    spoken = [piece.sound for piece in pieces if piece.sound is not None]
    spans = [(one.start_seconds, one.start_seconds + len(one.samples) / RATE) for one in spoken]
    # a pause of more than two seconds lies between the second and the third sentence
    assert len(spans) == 2
    for span, first, last in zip(spans, (SAID[0], SAID[2]), (SAID[1], SAID[3]), strict=True):
        assert span[0] == pytest.approx(first[2], abs=0.3)
        assert span[1] > last[2] + 1
    assert spans[-1][1] < MUSIC[0]
    assert pieces[-1].until_seconds == pytest.approx(SECONDS, abs=0.05)


def test_the_network_remembers_what_came_before():
    """The same chances, however the sound is parted."""
    samples = np.concatenate([block.samples for block in read_sound(PATH)])[: 200 * WINDOW]
    whole = SileroDetector()(samples)
    parted = SileroDetector()
    found = np.concatenate([parted(part) for part in np.split(samples, 8)])
    np.testing.assert_allclose(found, whole, atol=1e-4)
    assert (whole >= BEGINS).any()
