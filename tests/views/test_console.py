"""What the command line shows of an answer."""

import pytest

from fakes import made_answer
from ntlbg.errors import EndpointError
from ntlbg.views import console


def test_an_answer_is_shown_as_it_is_written_and_once(capsys, tmp_path):
    with console.reading(tmp_path / "film.mp4") as bar:
        bar(10, 0.5)
        for piece in ("a red", " \x1b[31mcar", "\n"):
            bar.write(piece)
    assert bar.has_written
    console.print_answer(made_answer(text="a red car"), written=True)
    shown = capsys.readouterr().out
    assert shown.startswith("a red [31mcar\n\n")
    assert shown.count("red") == 1


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
    assert capsys.readouterr().out.startswith("]0;titlered[2J\n二")


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
