"""How the scripts of the original project end."""

import pytest

from ntlbg.cli.scripts import exit_code
from ntlbg.errors import ConfigError


def raising(error):
    def work():
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ConfigError("no such\nkey"), 2, "error: no such key\n"),
        (KeyboardInterrupt(), 130, "stopped; the same command goes on from what is finished\n"),
    ],
)
def test_what_a_user_causes_is_one_line(error, code, said, capsys):
    assert exit_code(raising(error)) == code
    assert capsys.readouterr().err == said


def test_other_errors_are_not_hidden_and_success_is_silent(capsys):
    assert exit_code(lambda: None) == 0
    assert capsys.readouterr().err == ""
    with pytest.raises(ZeroDivisionError):
        exit_code(raising(ZeroDivisionError()))
