"""Readings of text that runs through, with and without wrong letters, become its sentences."""

import difflib
import random

import pytest

from ntlbg.text.screen.looks import Rectangle
from ntlbg.text.screen.ticker import Ticker, found_in, merged, runs_on, shift, uncut

SENTENCES = [
    "Council votes tonight on the new tram line to the harbour",
    "Police look for a white van seen near the school",
    "Lottery numbers 4 17 23 31 40 and 42",
    "Heavy snow expected above 800 metres on Friday",
    "Nurses announce a strike for the third of May",
    "United lose at home again, coach under pressure",
]


def readings(sentences, letters_a_second, every, errors, seed, mark=" • ", width=60, loops=2):
    """What a camera on a ticker reads: windows of its text, letters wrong by chance, words cut."""
    rnd, text = random.Random(seed), (mark.join(sentences) + mark) * loops
    found, at, seconds = [], 0, 0.0
    while at < len(text) - width // 2:
        window = "".join(
            rnd.choice("abcdeiltro0") if rnd.random() < errors else letter
            for letter in text[at : at + width]
        )
        found.append((seconds, uncut(window, left=at > 0, right=at + width < len(text))))
        at, seconds = at + letters_a_second * every, seconds + every
    return found


@pytest.mark.parametrize("mark", [" • ", " +++ ", " | ", " *** "])
@pytest.mark.parametrize(("speed", "every"), [(6, 2), (10, 2), (14, 2), (20, 2), (10, 4)])
def test_readings_without_errors_give_each_sentence_once(mark, speed, every):
    for seed in range(3):
        sentences = random.Random(seed).sample(SENTENCES, 5)
        found = found_in(readings(sentences, speed, every, 0.0, seed, mark))
        assert sorted(one.text for one in found) == sorted(sentences)


@pytest.mark.parametrize(("errors", "exact", "alike"), [(0.01, 0.8, 0.97), (0.03, 0.4, 0.85)])
def test_wrong_letters_spoil_few_sentences(errors, exact, alike):
    """Of readings with 1 % wrong letters .6 of the sentences came out exact in the prototype."""
    right = near = count = surplus = 0
    for seed in range(8):
        found = [one.text for one in found_in(readings(SENTENCES, 10, 2, errors, seed))]
        right += sum(sentence in found for sentence in SENTENCES)
        near += sum(
            max(difflib.SequenceMatcher(None, sentence, one).ratio() for one in found) > 0.9
            for sentence in SENTENCES
        )
        surplus += len(found) - len(SENTENCES)
        count += len(SENTENCES)
    assert right / count >= exact
    assert near / count >= alike
    assert surplus <= 8, "one surplus passage a ticker at most"


def test_sentences_begin_when_their_first_letter_is_seen():
    found = {one.text: one for one in found_in(readings(SENTENCES, 10, 2, 0.0, 0, loops=1))}
    text = " • ".join(SENTENCES)
    for sentence in SENTENCES:
        comes_in = max(0, text.index(sentence) - 60) / 10
        goes_out = (text.index(sentence) + len(sentence)) / 10
        assert abs(found[sentence].start_seconds - comes_in) <= 4.0
        assert abs(found[sentence].end_seconds - goes_out) <= 4.0


@pytest.mark.parametrize("cut", range(2, 40, 5))
def test_folding_halfway_changes_nothing(cut):
    read = readings(SENTENCES, 10, 2, 0.0, 1)
    whole = Ticker(Rectangle(0, 0, 1280, 40), list(read)).finished(99.0)
    ticker = Ticker(Rectangle(0, 0, 1280, 40), list(read[:cut]))
    ticker.fold()
    ticker = Ticker.from_json(ticker.to_json())
    for seconds, text in read[cut:]:
        ticker.add(seconds, text)
    parts = ticker.finished(99.0)
    assert [one.text for one in parts] == [one.text for one in whole]
    assert [one.start_seconds for one in parts] == [one.start_seconds for one in whole]


def test_boxes_of_one_row_and_time_are_one_reading():
    ticker = Ticker(Rectangle(0, 0, 1280, 40), [(1.0, "Council votes tonight")])
    ticker.add(3.0, "votes tonight")
    ticker.add(3.0, "Police look for a van")
    assert ticker.readings[1] == (3.0, "votes tonight • Police look for a van")


@pytest.mark.parametrize(
    ("before", "now", "does"),
    [
        ("Council votes tonight on the tram", "votes tonight on the tram line", True),
        ("Council votes tonight on the tram", "Council votes tonight on the tram", False),
        ("Council votes tonight on the tram", "Seeds, copper and glass for the tram", False),
        ("Training of the network", "Results of the training", False),
        ("Glass 420", "Seeds 17", False),
    ],
)
def test_what_runs_and_what_is_another_line(before, now, does):
    assert runs_on(before, now) == does


def test_a_shift_is_found_over_a_wrong_letter():
    assert shift("Council votes tonight on the tram", "votes tanight on the tram line") == 8
    assert shift("Council votes tonight", "Heavy snow expected") is None


def test_full_stops_part_sentences_where_there_are_no_marks():
    text = "Snow falls above 800 m. The road to the valley is closed. Schools stay open."
    read = [(float(n), text[max(0, 6 * n - 40) : 6 * n]) for n in range(2, 20)]
    read = [(t, uncut(s, left=6 * t > 40, right=6 * t < len(text))) for t, s in read]
    assert [one.text for one in found_in(read)] == [
        "Snow falls above 800 m.", "The road to the valley is closed.", "Schools stay open.",
    ]  # fmt: skip


def test_merging_keeps_what_is_different():
    found = found_in([(0.0, "Lottery 4 17 23 • Petrol down by 4 cents • Museum reopens")])
    assert len(merged(found + found)) == 3
