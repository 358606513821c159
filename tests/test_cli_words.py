"""``transcript``, ``screen-text`` and questions about words, as typed; mistakes are one line."""

import json

import pytest

import ntlbg.text
from commands import assert_one_error
from fakes import ColourAnswerer
from ntlbg import answerers
from ntlbg.answerers.quoting import quotation, with_quotations
from ntlbg.text import Listener, Piece
from ntlbg.text.screen import ScreenListener
from ntlbg.text.speech import SpeechListener
from ntlbg.types import Passage

SRT = (
    "1\n00:00:11,000 --> 00:00:12,500\nSeeds cost $420.\n\n2\n00:00:30,000 --> 00:00:31,000\nBye.\n"
)
SAID = Passage("Seeds cost $420.", 11.0, 12.5, "speech")


@pytest.fixture
def film(colour_video, tmp_path):
    path = tmp_path / "film.mp4"
    path.write_bytes(colour_video.read_bytes())
    return path


class Quoting(ColourAnswerer):
    """As the built-in model does, it quotes what is likelier than what it sees."""

    def answer(self, question, given):
        return with_quotations(question, super().answer(question, given), given)


@pytest.fixture
def quoting(run, monkeypatch):
    monkeypatch.setitem(answerers.ANSWERERS, "quoting", lambda choice: Quoting())


@pytest.fixture
def heard(monkeypatch):
    """Speech without a model: what was asked for is noted."""
    models = []

    class Speech(Listener):
        name, fingerprint, source, wants = "speech", "said-1", "speech", "file"

        def __init__(self, model="base"):
            self.fingerprint = f"said-1 {model}"
            self.model = model

        def listen(self, stream, after_seconds, state):
            models.append(self.model)
            yield Piece((SAID,), 40.0)

    monkeypatch.setattr("ntlbg.text.speech.SpeechListener", Speech)
    monkeypatch.setitem(ntlbg.text.LISTENERS, "speech", Speech)
    return models


def test_a_transcript_is_the_subtitles_where_there_are_some(run, film, heard):
    film.with_suffix(".srt").write_text(SRT)
    done = run("transcript", film)
    assert (done.exit_code, done.stdout) == (0, "00:11  Seeds cost $420.\n00:30  Bye.\n")
    assert heard == []


@pytest.mark.parametrize("options", [("--listen",), ("--subtitles", "none")])
def test_or_what_is_heard(run, film, heard, options):
    film.with_suffix(".srt").write_text(SRT)
    done = run("transcript", film, *options, "--format", "vtt", "--model", "small")
    assert done.exit_code == 0
    assert done.stdout == "WEBVTT\n\n00:00:11.000 --> 00:00:12.500\nSeeds cost $420.\n"
    assert run("transcript", film, *options, "--format", "json", "--model", "small").exit_code == 0
    assert heard == ["small"]  # once


def test_a_film_without_sound_is_one_line(run, film):
    done = run("transcript", film)
    assert_one_error(done)
    assert "sound" in done.stderr


def test_other_forms_are_refused(run, film):
    assert run("transcript", film, "--format", "docx").exit_code == 2
    assert_one_error(run("transcript", film, "--subtitles", film.parent / "no.srt"))
    assert_one_error(run("transcript", film.parent / "no.mp4"))


def test_a_question_about_what_is_said_is_answered_by_a_quotation(run, film, heard, quoting):
    asked = ("ask", film, "How much did the seeds cost?", "--model", "quoting", "-k", 4)
    silent = json.loads(run(*asked, "--json").stdout)
    assert silent["quotations"] == []
    done = run(*asked, "--listen", "--json")
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert answer["text"] == quotation(SAID)
    assert answer["quotations"] == [
        {"text": SAID.text, "start_seconds": 11.0, "end_seconds": 12.5, "timestamp": "00:11",
         "source": "speech"}
    ]  # fmt: skip
    assert answer["usage"]["streams"] == ["pictures", "speech"]
    shown = run(*asked)  # it is known from then on
    assert shown.stdout.startswith('00:11 said: "Seeds cost $420."\n')
    assert shown.stdout.count("Seeds cost") == 1
    assert "1 passages (speech)" in shown.stdout
    assert heard == ["base"]


def test_nothing_is_listened_to_before_what_is_asked_is_checked(run, film, heard, quoting):
    asked = ("ask", film, "How much did the seeds cost?", "--listen", "--max-visual-tokens")
    assert_one_error(run(*asked, 1, "-k", 4, "--model", "quoting"))
    assert_one_error(run(*asked, 1000, "--model", film.parent / "nothing"))
    assert heard == []


def test_a_film_without_sound_is_asked_by_its_pictures(run, film):
    done = run("ask", film, "Is it red?", "--model", "colours", "--listen", "-k", 4)
    assert done.exit_code == 0
    assert "note: speech is left out: " in done.stderr


def test_answers_to_a_file_listen_too_and_say_so(run, film, heard, quoting, tmp_path):
    asked = tmp_path / "q.jsonl"
    asked.write_text(json.dumps({"video": film.name, "question": "What did seeds cost?"}) + "\n")
    command = ("answer", asked, tmp_path / "a.jsonl", "--model", "quoting", "-k", 4)
    assert run(*command, "--listen").exit_code == 0
    assert json.loads((tmp_path / "a.jsonl").read_text())["answer"] == quotation(SAID)
    other = run(*command)
    assert_one_error(other)
    assert "or ask with --listen\n" in other.stderr


def test_index_listens(run, film, heard, monkeypatch):
    from ntlbg import encoders

    monkeypatch.setitem(encoders.ENCODERS, "builtin", lambda: ColourAnswerer().encoder)
    assert run("index", film, "--listen").exit_code == 0
    assert heard == ["base"]
    assert run("transcript", film, "--listen").stdout == "00:11  Seeds cost $420.\n"
    assert heard == ["base"]


def test_screen_text_is_written(run, film, monkeypatch):
    given = []

    class Screen(Listener):
        name, fingerprint, source, wants = "screen", "seen-1", "screen", "file"

        def __init__(self, *, pictures_per_hour, reader):
            given.append(pictures_per_hour)

        def listen(self, stream, after_seconds, state):
            yield Piece((Passage("Agenda", 1.0, 9.5, "screen"),), 40.0)

    monkeypatch.setattr("ntlbg.text.screen.ScreenListener", Screen)
    done = run("screen-text", film, "--format", "srt", "--pictures-per-hour", 60)
    assert done.stdout == "1\n00:00:01,000 --> 00:00:09,500\nAgenda\n\n"
    assert given == [60]
    assert run("screen-text", film, "--pictures-per-hour", 0).exit_code == 2


def test_the_menu_is_what_the_commands_use():
    made = {name: make() for name, make in ntlbg.text.LISTENERS.items()}
    assert {name: type(listener) for name, listener in made.items()} == {
        "speech": SpeechListener, "screen": ScreenListener,
    }  # fmt: skip
    for name, listener in made.items():
        assert (listener.name, listener.source) == (name, name)
