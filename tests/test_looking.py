"""Questions that are too long for what reads them: refused before a video is read."""

import numpy as np
import pytest

from counter_videos import write_video
from fakes import ColourAnswerer
from longvu_models import tiny_longvu_processor, tiny_model
from ntlbg import pipeline
from ntlbg.answerers.longvu import LongVUAnswerer
from ntlbg.encoders.pretrained import DualEncoder
from ntlbg.errors import QuestionError
from ntlbg.index.store import FeatureIndex
from ntlbg.question import parse_question
from tiny_encoders import write_tiny_encoder
from tiny_models import tiny_answerer
from tiny_vlms import Colours


class Reader(Colours):
    """Reads eight words of a text."""

    name, fingerprint = "reader of eight", "eight"

    def text_tokens(self, text):
        return len(text.split()), 8


@pytest.fixture
def film(tmp_path):
    write_video(tmp_path / "film.mp4", count=12, fps=4, size=(54, 96))
    return tmp_path / "film.mp4"


@pytest.fixture
def untouched(monkeypatch):
    """No frame may be looked at."""
    from ntlbg import looking

    monkeypatch.setattr(looking, "index_video", lambda *_, **__: pytest.fail("the work began"))


LONG = "Is it red or is it blue or neither?"


def test_select_refuses_a_question_that_its_encoder_would_cut(film, untouched):
    with pytest.raises(QuestionError, match=r"9 tokens long, and reader of eight reads 8 to find"):
        pipeline.select(film, LONG, model=ColourAnswerer(), encoder=Reader())


def test_a_question_of_just_that_length_is_read(film, tmp_path):
    index, short = FeatureIndex(tmp_path / "index"), LONG.removesuffix(" neither?")
    given = {"model": ColourAnswerer(), "encoder": Reader(), "index": index, "num_frames": 2}
    assert not any("tokens" in note for note in pipeline.select(film, short, **given).notes)
    assert not any("tokens" in note for note in pipeline.ask(film, short, **given).notes)
    # what answers reads all of it
    [note] = [note for note in pipeline.ask(film, LONG, **given).notes if "tokens" in note]
    assert note.endswith("reads 8 to find frames: frames are found by its beginning")


def test_select_knows_what_a_trained_model_reads(film, untouched):
    answerer = tiny_answerer("red")  # 512 tokens, one for each letter
    with pytest.raises(QuestionError, match=r"601 tokens long, and colour reads 512"):
        pipeline.select(film, "x" * 600, model=answerer)


@pytest.mark.parametrize("family", ["clip", "siglip"])
def test_tokens_are_those_of_the_encoder(tmp_path, family):
    from ntlbg.encoders.loading import load_pretrained_encoder

    encoder = load_pretrained_encoder(str(write_tiny_encoder(family, tmp_path / family)))
    assert isinstance(encoder, DualEncoder)
    number, most = encoder.text_tokens("red " * 3)
    assert encoder.text_tokens("red " * 4)[0] > number
    # at its most, what comes behind makes no difference, and before it does
    text = "red "
    while encoder.text_tokens(text)[0] <= most:
        text += "red "
    one, other = encoder.encode_text([text + "blue", text + "dog car"])
    np.testing.assert_array_equal(one, other)


@pytest.fixture
def longvu():
    model = tiny_model(context_length=500)
    return LongVUAnswerer(model, tiny_longvu_processor(), "tiny", name="tiny")


@pytest.mark.parametrize("options", [None, ["red", "y" * 600]])
def test_longvu_refuses_what_leaves_no_room_for_a_frame(film, longvu, untouched, options):
    question = "Is it red?" if options else "x" * 600
    with pytest.raises(QuestionError, match=r"tiny reads 500, .* ask a shorter question"):
        pipeline.ask(film, question, options=options, model=longvu)


def test_longvu_refuses_too_many_options_first(film, longvu, untouched):
    options = [f"{number}" for number in range(27)]
    with pytest.raises(QuestionError, match="27 options; give at most"):
        pipeline.ask(film, "Which?", options=options, model=longvu)


def test_what_longvu_does_not_refuse_it_reads(longvu):
    """The longest question that it takes leaves room for a frame and an answer."""
    config, length = longvu.model.config, 1
    while length < 600:
        try:
            longvu.check_question(parse_question("x" * (length + 1)))
        except QuestionError:
            break
        length += 1
    prompt = longvu.processor.encode(longvu.processor.prompt("x" * length))
    frames = np.zeros((2, 54, 96, 3), np.uint8)
    _, visual = longvu._prepare(prompt, frames)
    assert visual >= 1
    assert len(prompt) + visual + config.reserved_tokens <= config.context_length + 1
