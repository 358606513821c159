"""``benchmarks/compression_loss.py``: its films, its pixels, its tokens, and its gate."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def loss(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    import compression_loss

    return compression_loss


@pytest.fixture
def films(loss):
    import compression_films

    return compression_films


@pytest.fixture
def reader(loss):
    import compression_reader

    return compression_reader


def test_every_question_has_one_answer_that_the_pictures_show(films):
    draw = np.random.default_rng(0)
    for number in (1, 2, 4, 8, 8, 8):
        film = films.make_film(draw, number)
        asked = [(one.kind, one.about) for one in film.questions]
        assert len(set(asked)) == len(asked)
        still = np.median(film.pictures.astype(int), axis=0) if number == 8 else None
        for one in film.questions:
            assert one.answer in films.WORDS
            assert one.shown.any()
            if one.kind == "colour":
                colour = np.array(films.COLOURS[one.answer])
                there = (film.pictures == colour).all(-1).sum((1, 2))
                assert (there[one.shown] > 30).all()
                assert not there[~one.shown].any()
            if one.kind == "count" and still is not None:
                moved = np.abs(film.pictures - still).max(-1) > 40
                assert (moved.sum((1, 2))[one.shown] > 30).all()


def test_what_comes_after_is_shown_after(films):
    draw = np.random.default_rng(1)
    for film in (films.make_film(draw, 8) for _ in range(20)):
        where = {one.about: one.shown for one in film.questions if one.kind == "pattern"}
        assert [one.answer for one in film.questions if one.kind == "count"] == [str(len(where))]
        for one in film.questions:
            if one.kind == "after":
                before, after = where[one.about].nonzero()[0], where[one.answer].nonzero()[0]
                assert before.max() < after.min()
                for other in set(where) - {one.about, one.answer}:
                    there = where[other].nonzero()[0]
                    assert there.max() < before.min() or there.min() > after.max()


def test_pixels_are_those_of_the_published_processor(reader):
    pictures = np.random.default_rng(0).integers(0, 256, (3, 32, 64, 3), np.uint8)
    published = Qwen2VLImageProcessorPil(
        patch_size=8, do_resize=False, image_mean=[0.5] * 3, image_std=[0.5] * 3
    )
    expected = published(list(pictures), return_tensors="pt")["pixel_values"]
    torch.testing.assert_close(reader.patches(pictures), expected, atol=1e-5, rtol=0)


def test_relevance_is_as_often_right_as_is_said(films):
    draw, shown = np.random.default_rng(0), np.array([True, False])
    asked = films.Asked("colour", "plain", "red", shown)
    drawn = np.array([films.relevance(asked, draw) for _ in range(4000)])
    assert (drawn[:, 0] > drawn[:, 1]).mean() == pytest.approx(0.92, abs=0.015)


@pytest.mark.slow
def test_a_tiny_reader_is_measured_by_the_same_code(loss, capsys, tmp_path):
    assert loss.main(["--tiny", "--reader", str(tmp_path / "reader")]) == 0
    out = capsys.readouterr().out
    first, several = out.split("About ")[1:]
    assert first.startswith("one frame: ")
    assert several.startswith("several frames: ")
    for part in (first, several):
        rows = [line for line in part.splitlines() if line.startswith("| ")]
        assert len(rows) == 1 + len(loss.METHODS)
        assert len({row.split("|")[2] for row in rows[1:]}) == 1  # all tokens are all tokens
    assert loss.main(["--tiny", "--reader", str(tmp_path / "reader")]) == 0
    assert capsys.readouterr().out == "\nAbout " + "About ".join([first, several])


@pytest.mark.slow
def test_compression_that_changes_nothing_fails(loss, capsys, monkeypatch):
    """A reader that says the same whatever it sees."""
    trained = loss.trained_reader

    def deaf(arguments):
        model = trained(arguments)
        model.lm_head.weight.data.zero_()
        return model

    monkeypatch.setattr(loss, "trained_reader", deaf)
    assert loss.main(["--tiny"]) == 1
    told = capsys.readouterr().err
    assert "longvu, longvu, no relevance, vidcom2: no logit changed at a quarter" in told
