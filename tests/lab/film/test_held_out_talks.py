"""The held-out talks keep what is measured by them: nothing of them was seen before."""

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageColor

from ntlbg.errors import MissingPackage
from ntlbg.judging import holds
from ntlbg.text.meaning.words import tokens
from ntlbg_lab import transcripts
from ntlbg_lab.film import asking, held_out
from ntlbg_lab.film.further_pages import EDITOR, LOOKS, TERMINAL
from ntlbg_lab.film.held_out import NAMES, TEXTS, line_of, one_of_each, written
from ntlbg_lab.film.pages import COLOURS, FACES, LAYOUTS, Page, draw_page, fact_page, font
from ntlbg_lab.film.painting import (
    BETWEEN,
    SIZE,
    TICKER_LETTERS,
    TICKER_PIXELS_A_SECOND,
    _news,
    ticker_at,
    ticker_strip,
)
from ntlbg_lab.film.plan import FPS, plan_film
from ntlbg_lab.film.talks import TALKS_FILE

# Of each talk.
NUMBERS = {"N": 5, "E": 5, "P": 8, "S": 5, "T": 3, "C": 3, "F": 6}
EVERY = pytest.mark.parametrize("name", NAMES)


def talk_of(whole):
    """As if it were read aloud, each sentence in three seconds."""
    told = list(dict.fromkeys(text for text, _, _ in islice(held_out._told(whole), 330)))
    rows = [(text, 3.2 * place, 3.2 * place + 3) for place, text in enumerate(told)]
    return held_out._talk(whole, Path("nowhere.opus"), rows)


@pytest.fixture(scope="module")
def planned():
    names = NAMES[:2]
    rng = np.random.default_rng(1)
    film = plan_film(rng, 60, [talk_of(written(name)) for name in names])
    return film, asking.ask_about(film, {name: written(name) for name in names}, rng)


def test_three_hundred_questions_with_those_about_pictures():
    asked = [one.question for name in NAMES for one in written(name).asked]
    assert len(asked) == len(set(asked)) == len(NAMES) * sum(NUMBERS.values())
    assert len(asked) + len(NAMES) // 2 * len(asking.SEEN_KINDS) >= 300


@EVERY
def test_kinds_are_what_they_say(name):
    asked = written(name).asked
    assert {kind: len(written(name).of(kind)) for kind in NUMBERS} == NUMBERS
    for one in asked:
        if one.kind in ("N", "E", "P"):
            assert holds(one.about, one.answer)
            assert sum(holds(other.about, one.answer) for other in written(name).of(*"NEPC")) == 1
        if one.kind in ("S", "T"):
            text = one.about if one.kind == "S" else line_of(one)[1]
            assert any(holds(line, one.answer) for line in text.split("; "))
        if one.kind in ("P", "C"):
            assert not {*tokens(one.about, "stems")} & {*tokens(one.question, "stems")}
        if one.kind == "E":
            assert {*tokens(one.about, "stems")} & {*tokens(one.question, "stems")}


def test_no_sentence_voice_layout_font_or_colour_was_seen_before():
    before = "\n".join(path.read_text("utf-8") for path in transcripts.TEXTS.glob("*.txt"))
    for name in NAMES:
        assert not [one.about for one in written(name).asked if one.about and one.about in before]
    for pattern in (TEXTS / "patterns.txt").read_text("utf-8").splitlines():
        assert pattern not in before
    used = {about["voice"] for about in json.loads(TALKS_FILE.read_text("utf-8")).values()}
    voices = [voice for name in NAMES for voice, _ in written(name).voices]
    assert len(voices) == len(set(voices)) == 2 * len(NAMES)
    assert not used & set(voices)
    for look in LOOKS:
        assert look.layout not in LAYOUTS
        assert not set(look.face) & {font for face in FACES for font in face}
        assert look.colours not in COLOURS


@EVERY
def test_no_slide_is_cut_off(name):
    """Nothing is drawn on the last columns but the ground, and different lines look different."""
    talk = talk_of(written(name))
    for about in talk.slides:
        page = fact_page(about, talk.look)
        drawn, empty = (draw_page(one, SIZE) for one in (page, Page("", (), page.look)))
        changed = (drawn != empty).any(2)
        assert changed.any()
        assert not changed[:, -8:].any()
        shorter = draw_page(Page(page.heading, page.lines[:-1], page.look), SIZE)
        assert (drawn != shorter).any()


def test_every_colour_can_be_read():
    def grey(colour):
        return float(np.dot(ImageColor.getrgb(colour), (0.299, 0.587, 0.114)))

    for look in (*LOOKS, TERMINAL, EDITOR):
        paper, _, band, text = map(grey, look.colours)
        assert abs(text - paper) > 110
        assert abs(grey(look.heading_ink) - band) > 65


@pytest.mark.slow  # pictures are a part that is fetched
def test_all_that_is_asked_is_in_the_film(planned):
    film, questions = planned
    assert len({one.sample.id for one in questions}) == len(questions) == 2 * 35 + 6
    for one in questions:
        assert bool(one.sample.evidence) == (one.kind != "F") or one.kind == "V"
        for start, end in one.sample.evidence:
            assert 0 <= start < end <= film.seconds
        if one.kind in ("N", "E", "P"):
            [(start, end)] = one.sample.evidence
            [spoken] = [said for said in film.spoken if (said.start, said.end) == (start, end)]
            assert holds(spoken.sentence.text, one.sample.answer)


@pytest.mark.slow
def test_what_the_ticker_shows_is_seen_when_it_is_said_to_be(planned):
    """By brute force: columns that are there only with the item, frame by frame."""
    film, _ = planned
    for chapter in film.chapters:
        items, news = [item["text"] for item in chapter.ticker], chapter.parts["news"]
        [asked] = [one for one in written(chapter.talk.name).of("T") if "ticker" in one.about]
        columns = item_columns(items, items.index(line_of(asked)[1]), chapter.talk.look)
        expected = [
            bool(columns[np.arange(ticker_at(number), ticker_at(number) + SIZE[1])
                         % len(columns)].any()) and ticker_at(number) >= 0
            for number in range(FPS * (news.end - news.start))
        ]  # fmt: skip
        found = np.zeros(len(expected), bool)
        for start, end in asking.spans_of(chapter, asked):
            found[round((start - news.start) * FPS) : round((end - news.start) * FPS)] = True
        late = SIZE[1] // 2 // (TICKER_PIXELS_A_SECOND // FPS) + 1  # before, it comes in
        borders = np.abs(np.diff(np.array(expected, int))).sum()
        assert borders > 6
        assert (found[late:] != np.array(expected)[late:]).sum() <= 2 * borders


def item_columns(items, place, look):
    """Which columns of the strip are an item's own: not there without it, on the left or right."""
    whole, before = ticker_strip(items, look), ticker_strip(items[:place], look)
    after = ticker_strip(items[place + 1 :], look)
    rows = np.arange(whole.shape[1])
    gap = round(font(look.face[1], TICKER_LETTERS).getlength(BETWEEN))
    left = _text_ends(before) + gap // 3 if place else 0
    right = whole.shape[1] - _text_ends(after) - gap if place + 1 < len(items) else len(rows)
    return (rows >= left) & (rows < right)


def _text_ends(strip):
    """How many columns have text until its end."""
    return int(np.flatnonzero((strip != strip[0, 0]).any((0, 2)))[-1]) + 1


@pytest.mark.slow
def test_captions_are_shown_in_the_news_and_then_gone(planned):
    film, _ = planned
    [chapter, _] = film.chapters
    [caption], news = chapter.captions, chapter.parts["news"]
    first, last = (round((time - news.start) * FPS) for time in (caption.start, caption.end))
    pictures = list(islice(_news(chapter, news), last + 1))
    box = [picture[SIZE[0] - 116 : SIZE[0] - 50, 24:] for picture in pictures]
    assert (box[first] != box[first - 1]).mean() > 0.05
    assert all((one == box[first]).all() for one in box[first:last])
    assert (box[last] == box[first - 1]).all()


def test_a_short_film_has_one_question_of_each_kind():
    kinds = [one.kind for one in one_of_each(written("coffee")).asked]
    assert sorted(kinds) == sorted([*NUMBERS, "T", "T"])


def test_without_espeak_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingPackage, match="apt-get install espeak-ng"):
        held_out.held_out_talk(written("coffee"), tmp_path / "speech", 10)
    assert not (tmp_path / "speech").exists()
