"""``ntlbg.chapters``: the whole way, by the rules, and by a model that is told what is said."""

from dataclasses import replace

import numpy as np
import pytest

import ntlbg
from fakes import ColourAnswerer, ColourEncoder, write_colour_video
from ntlbg.answerers import Wants
from ntlbg.answerers.echo import EchoAnswerer
from ntlbg.errors import ConfigError
from ntlbg.index.passages import Words
from ntlbg.index.store import FeatureIndex
from ntlbg.types import Reply
from ntlbg.video_chapters.asking import MOST_WORDS, title_of
from systems import answerer as implemented

SRT = "".join(
    f"{number}\n00:00:{2 * number:02d},000 --> 00:00:{2 * number + 1:02d},500\n{text}\n\n"
    for number, text in enumerate(
        [f"The harbour has {number} cranes." for number in range(5)]
        + [f"Seeds of beans cost {number} pounds." for number in range(15)]
    )
)


@pytest.fixture
def film(tmp_path, colour_video):
    """40 s; the harbour is spoken of for 10 s, then beans, while something red is shown first."""
    path = tmp_path / "film.mp4"
    path.write_bytes(colour_video.read_bytes())
    path.with_suffix(".srt").write_text(SRT)
    return path


@pytest.fixture
def index(tmp_path):
    return FeatureIndex(tmp_path / "index")


class Titler(ColourAnswerer):
    """Writes what it is told to; it is told passages and shown pictures."""

    name = fingerprint = "titler"

    def __init__(self, *texts, written=True):
        super().__init__(pictures=True)
        self.wants = Wants(pictures=True, passages=True)
        self.texts, self.written, self.asked = list(texts), written, []

    def answer(self, question, given):
        self.asked.append(question)
        self.inputs.append(given)
        return Reply(self.texts.pop(0), None, len(given.selection), written=self.written)


def test_titles_are_what_is_said_and_chapters_leave_no_gap(film, index):
    found = ntlbg.chapters(film, number=2, encoder=ColourEncoder(), index=index)
    first, second = found
    assert (first.start_seconds, second.end_seconds) == (0.0, 40.0)
    assert first.end_seconds == second.start_seconds == 10.0
    assert first.title.startswith("The harbour has")
    assert second.title.startswith("Seeds of beans cost")
    assert {one.title_source for one in found} == {"subtitles"}
    assert len(found) == 2


def test_what_was_read_is_not_read_again(film, index):
    encoder = ColourEncoder()
    first = ntlbg.chapters(film, encoder=encoder, index=index)
    encoded = encoder.encoded
    assert encoded == 40
    assert ntlbg.chapters(film, encoder=encoder, index=index) == first
    assert encoder.encoded == encoded


def test_without_words_they_have_numbers_and_a_note_says_why(film, index):
    silent = Words(subtitles="none")
    found = ntlbg.chapters(film, number=2, encoder=ColourEncoder(), words=silent, index=index)
    assert [one.title for one in found] == ["Chapter 1", "Chapter 2"]
    assert any("pictures alone" in note for note in found.notes)


def test_a_model_is_told_each_chapter_and_shown_its_frames(film, index):
    done = []
    titler = Titler('**Title:** "Cranes"\nThey are two.', "Beans.")
    found = ntlbg.chapters(
        film, number=2, model=titler, index=index, naming=lambda *at: done.append(at)
    )
    assert [(one.title, one.title_source) for one in found] == [
        ("Cranes", "model"),
        ("Beans", "model"),
    ]
    assert done == [(1, 0.5), (2, 1.0)]
    for given, chapter in zip(titler.inputs, found):
        inside = (chapter.start_seconds <= given.times) & (given.times < chapter.end_seconds)
        assert inside.all()
        assert given.frames is not None
        np.testing.assert_array_equal(given.frames.pts_seconds, given.times)
        assert given.generation.max_new_tokens
    told = [{one.text.split()[0] for one in given.passages} for given in titler.inputs]
    assert told == [{"The"}, {"Seeds"}]
    assert [len(given.passages) for given in titler.inputs] == [5, 15]
    assert str(MOST_WORDS) in titler.asked[0].text


@pytest.mark.parametrize("titler", [Titler("", " \n "), Titler("said", "said", written=False),
                                    EchoAnswerer()])  # fmt: skip
def test_a_model_that_writes_none_leaves_the_titles_and_a_note_says_so(film, index, titler):
    encoder = ColourEncoder()
    found = ntlbg.chapters(film, number=2, model=titler, encoder=encoder, index=index)
    usual = ntlbg.chapters(film, number=2, encoder=encoder, index=index)
    assert found.chapters == usual.chapters
    assert any("no title for 2 of 2" in note for note in found.notes)


@pytest.mark.parametrize("family", ["qwen2_5_vl", "smolvlm"])
def test_a_model_of_transformers_writes_titles(film, index, family):
    found = ntlbg.chapters(
        film, number=2, model=implemented(family), encoder=ColourEncoder(), index=index
    )
    assert len(found) == 2
    for one in found:
        assert one.title_source in ("model", "subtitles")
        assert one.title
        assert len(one.title) <= 60
        assert "\n" not in one.title


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Beans and peas", "Beans and peas"),
        ("\n\n# Beans and peas\nMore.", "Beans and peas"),
        ("Title: “Beans and peas”", "Beans and peas"),
        ("chapter title - Beans", "Beans"),
        ("“港口的费用”", "港口的费用"),
        ("word " * 30, "word " * 11 + "word…"),
        ("", ""),
    ],
)
def test_a_reply_becomes_one_line(text, title):
    reply = Reply(text, None, 0, written=True)
    assert title_of(reply) == title
    assert title_of(replace(reply, written=False)) == ""


def test_a_short_film_is_one_chapter(tmp_path, index):
    path = tmp_path / "short.mp4"
    write_colour_video(path, duration=5.0)
    [chapter] = ntlbg.chapters(path, encoder=ColourEncoder(), index=index)
    assert (chapter.start_seconds, chapter.end_seconds) == (0.0, 5.0)


def test_what_cannot_be_divided_is_refused(tmp_path, film, index):
    from PIL import Image

    picture = tmp_path / "picture.png"
    Image.new("RGB", (64, 48)).save(picture)
    with pytest.raises(ConfigError, match="is a picture, which has no chapters"):
        ntlbg.chapters(picture, encoder=ColourEncoder(), index=index)
    for wrong in ({"number": 0}, {"least": 0}, {"number": 9}, {"model_options": {"a": 1}},
                  {"endpoint": "http://localhost:1/v1"}, {"text_encoder": "nothing"}):  # fmt: skip
        with pytest.raises(ConfigError):
            ntlbg.chapters(film, encoder=ColourEncoder(), index=index, **wrong)
