"""Sentences are read aloud at one loudness, one after the other, as many as there is room for."""

import shutil
from itertools import pairwise

import av
import numpy as np
import pytest

from ntlbg_lab.film.reading_aloud import ESPEAK, LOUDNESS, PAUSE, read_aloud, write_opus
from ntlbg_lab.film.talks import RATE

pytestmark = pytest.mark.skipif(
    shutil.which(ESPEAK) is None, reason=f"{ESPEAK}, a Debian package, is not installed"
)
TEXTS = ["Good morning.", "The bell was rung by a horse.", "And now to something else."]


@pytest.fixture(scope="module")
def heard():
    return read_aloud([(text, "en-gb", 150) for text in TEXTS], 60)


def test_sentences_are_loud_and_silence_is_between_them(heard):
    rows, samples = heard
    assert [text for text, _, _ in rows] == TEXTS
    assert rows[0][1] == PAUSE
    for (_, _, end), (_, start, _) in pairwise(rows):
        assert start - end == pytest.approx(PAUSE, abs=0.002)
        assert not samples[round(end * RATE) + 5 : round(start * RATE) - 5].any()
    for _, start, end in rows:
        level = np.sqrt(np.mean(samples[round(start * RATE) : round(end * RATE)] ** 2))
        assert level == pytest.approx(LOUDNESS, rel=0.01)


def test_no_more_than_there_is_room_for(heard):
    rows, _ = heard
    fewer, samples = read_aloud([(text, "en-gb", 150) for text in TEXTS], rows[1][2] + 0.01)
    assert fewer == rows[:2]
    assert len(samples) / RATE == pytest.approx(rows[1][2] + PAUSE, abs=0.01)


def test_faster_speech_is_shorter(heard):
    rows, _ = heard
    faster, _ = read_aloud([(text, "en-gb", 175) for text in TEXTS], 60)
    assert faster[-1][2] < rows[-1][2]


def test_an_opus_file_is_as_long_as_what_was_written(heard, tmp_path):
    _, samples = heard
    write_opus(samples, tmp_path / "said.opus", 32_000)
    with av.open(str(tmp_path / "said.opus")) as file:
        assert file.duration / av.time_base == pytest.approx(len(samples) / RATE, abs=0.05)
