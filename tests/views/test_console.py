"""What the command line shows of an answer."""

import json
import sys

import pytest
from rich.cells import cell_len

from fakes import made_answer, with_words
from ntlbg.errors import EndpointError
from ntlbg.types import Passage
from ntlbg.views import console


def test_an_answer_is_shown_as_it_is_written_and_once(capsys, tmp_path):
    with console.reading(tmp_path / "film.mp4") as bar:
        bar(10, 0.5)
        for piece in ("a red", " \x1b[31mcar", "\n"):
            bar.write(piece)
    assert bar.has_written
    console.print_answer(made_answer(text="a red car"), written=True)
    shown = capsys.readouterr().out
    assert shown.startswith("a red \\x1b[31mcar\n\n")
    assert shown.count("red") == 1


def test_a_bar_counts_what_comes_next_by_another_name(tmp_path):
    with console.reading(tmp_path / "film.mp4") as bar:
        rename = bar.renamed("writing titles", "chapters")
        [task] = bar.progress.tasks
        bar(10, 0.5)
        assert (task.description, task.fields["count"]) == ("reading film.mp4", "10 frames")
        rename(3, 0.25)
        assert (task.description, task.completed) == ("writing titles", 0.25)
        assert task.fields["count"] == "3 chapters"


def test_after_a_text_that_breaks_off_comes_a_new_line(capsys, tmp_path):
    def breaking(*pieces):
        with console.reading(tmp_path / "film.mp4") as bar:
            for piece in pieces:
                bar.write(piece)
            raise EndpointError("cut off")

    for pieces in (["a", " red"], []):
        with pytest.raises(EndpointError):
            breaking(*pieces)
    assert capsys.readouterr().out == "a red\n"


def test_a_text_cannot_steer_the_terminal(capsys):
    console.print_answer(made_answer(text="\x1b]0;title\x07red\x1b[2J\n二\t."))
    assert capsys.readouterr().out.startswith("\\x1b]0;title\\x07red\\x1b[2J\n二")


def test_what_was_used_is_told(capsys):
    answer = made_answer()
    answer.usage.update(visual_tokens=2048, prompt_tokens=2300, answer_tokens=12)
    console.print_answer(answer)
    assert (
        "8 of 3,600 frames, 2,048 visual, 2,300 prompt, 12 answer tokens" in capsys.readouterr().out
    )
    answer.usage.update(visual_tokens=None, prompt_tokens=None, answer_tokens=None)
    console.print_answer(answer)
    assert "tokens" not in capsys.readouterr().out


def spoken_answer(quoted: str, **changes):
    said = Passage(quoted, 760.0, 764.0, "speech")
    return with_words(made_answer(**changes), [said], [said])


@pytest.mark.parametrize("text", ["knead it well " * 30, "\u4e00" * 200])
def test_a_long_quotation_is_wrapped_and_whole(capsys, monkeypatch, text):
    monkeypatch.setenv("COLUMNS", "60")
    console.print_answer(spoken_answer(text))
    shown = capsys.readouterr().out.split("moment")[0]
    assert "12:40 said:" in shown
    assert all(cell_len(line) <= 60 for line in shown.splitlines())
    letters = "".join(shown.split("said:")[1].split())
    assert letters == "".join(f'"{text}"'.split())


def test_a_quotation_is_shown_once(capsys):
    console.print_answer(spoken_answer("ten minutes", text='12:40 said: "ten minutes"'))
    assert capsys.readouterr().out.count("ten minutes") == 1


def test_what_is_said_cannot_steer_the_terminal(capsys):
    answer = spoken_answer("red\x1b[2J\x07 \u202ecar", notes=["film.\x1b[31msrt is read"])
    answer.usage.update(streams=["pictures", "film.\x1b]0;t\x07srt"], passages=1)
    console.print_answer(answer)
    shown = capsys.readouterr()
    assert '12:40 said: "red\\x1b[2J\\x07 \\u202ecar"' in shown.out
    for text in (shown.out, shown.err):
        assert not {"\x1b", "\x07", "\u202e"} & set(text)
    assert shown.err == "note: film.\\x1b[31msrt is read\n"


def test_json_holds_quotations_letter_for_letter(capsys):
    console.print_json(spoken_answer("red\x1b[2J\n car").to_dict())
    written = capsys.readouterr().out
    assert "\x1b" not in written
    assert json.loads(written)["quotations"] == [
        {"text": "red\x1b[2J\n car", "start_seconds": 760.0, "end_seconds": 764.0,
         "timestamp": "12:40", "source": "speech"}
    ]  # fmt: skip


@pytest.mark.parametrize(("terminal", "shown"), [(True, "a\\x1b[31mb\n"), (False, "a\x1b[31mb\n")])
def test_a_transcript_is_made_harmless_on_a_terminal_only(capsys, monkeypatch, terminal, shown):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    console.print_text("a\x1b[31mb\n")
    assert capsys.readouterr().out == shown


def test_the_bar_tells_of_each_work_by_itself(tmp_path):
    with console.reading(tmp_path / "film.mp4") as bar:
        [task] = bar.progress.tasks
        bar.listened("listening to film.mp4", 900.0, 3600.0)
        assert (task.description, task.percentage) == ("listening to film.mp4", 25.0)
        assert task.fields["count"] == "900 s"
        bar(10, 0.5)
        assert (task.description, task.percentage) == ("reading film.mp4", 50.0)
        assert task.fields["count"] == "10 frames"
