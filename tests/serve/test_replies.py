"""No reply is longer than promised, and a cut one says so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntlbg.errors import ConfigError
from ntlbg.serve.replies import (
    BYTES_A_TOKEN,
    LONGEST_ERROR,
    MOST_TOKENS,
    check_number,
    error_text,
    reply,
)
from ntlbg.serve.steps import Steps

MOST_BYTES = MOST_TOKENS * BYTES_A_TOKEN


def test_what_fits_is_told_whole():
    assert reply(["a", "b\tc", "猫"]) == "a\nb\tc\n猫"


def test_what_does_not_fit_is_cut_between_lines():
    lines = [f"{number} {'word ' * 20}" for number in range(2000)]
    *told, last = reply(lines, lambda number: f"go on at {number}").split("\n")
    assert told == lines[: len(told)]
    assert last == (
        f"[cut here: {len(told)} of 2000 lines are told, 8,000 tokens at most; "
        f"go on at {len(told)}]"
    )
    assert len(told) > 200


@given(
    st.lists(st.text(max_size=40), max_size=5),
    st.integers(0, 60_000),
    st.sampled_from(["a", "猫", "\x1b", "\ud800", "🎬"]),
)
def test_no_reply_is_too_long_nor_cannot_be_sent(lines, size, sign):
    told = reply([*lines, sign * size, *lines])
    assert len(told.encode()) <= MOST_BYTES
    assert told.isprintable() or "\x1b" not in told


def test_one_line_that_is_too_long_is_told_as_far_as_it_goes():
    told, end = reply(["猫" * 50_000]).split("\n")
    assert set(told) == {"猫"}
    assert len(told) > 7000
    assert end.startswith("[cut here: 1 of 1 lines")


def test_errors_are_one_line_of_bounded_length():
    assert error_text("no\nsuch \x1b film") == "no such \\x1b film"
    assert len(error_text("x" * 10**6)) == LONGEST_ERROR + 3


def test_numbers_have_bounds():
    check_number("n", 1, 2)
    check_number("n", 2, 2)
    for number in (0, 3, -1):
        with pytest.raises(ConfigError, match=f"n is {number}; give 1 to 2"):
            check_number("n", number, 2)


def test_steps_share_the_whole():
    told = []
    steps = Steps(lambda share, what: told.append((share, what)), 2)
    frames, seconds = steps.frames("reading"), steps.seconds("listening")
    frames(5, 0.5)
    frames(7, None)
    frames(10, 1.0)
    seconds(1.0, 4.0)
    seconds(9.0, 4.0)
    seconds(9.0, 0.0)
    assert told == [
        (0.25, "reading"), (0.0, "reading"), (0.5, "reading"),
        (0.625, "listening"), (1.0, "listening"), (0.5, "listening"),
    ]  # fmt: skip
