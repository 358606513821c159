"""A key is shown nowhere, however it comes."""

import itertools

import pytest

from ntlbg.answerers.chat.keys import Key

KEY = "sk-sk-a-key"
TEXTS = ["", "no", KEY, f"a {KEY} b", f"{KEY}{KEY}", f"sk-{KEY}sk-", "sk-sk-a-ke", f"sk-sk-a{KEY}"]


def pieces_of(text: str, *cuts: int) -> list[str]:
    """Between these places."""
    return [text[start:end] for start, end in itertools.pairwise([0, *sorted(cuts), len(text)])]


@pytest.mark.parametrize("text", TEXTS)
def test_a_key_is_hidden_however_it_is_cut(text):
    expected = text.replace(KEY, "***")
    assert Key(KEY).hidden_secret(text) == expected
    cuts = [*itertools.combinations(range(len(text) + 1), 2), range(len(text))]
    for places in cuts:
        shown = []
        along = Key(KEY).along(shown.append)
        for piece in pieces_of(text, *places):
            along(piece)
            assert KEY not in "".join(shown)
        along.end()
        assert "".join(shown) == expected
        assert "" not in shown


@pytest.mark.parametrize("key", [None, "a", "EMPTY"])
def test_a_placeholder_is_a_word_like_others(key):
    shown = []
    along = Key(key).along(shown.append)
    for piece in ("a ", "red ", "EMPTY ", "wall"):
        along(piece)
    assert shown == ["a ", "red ", "EMPTY ", "wall"]  # and nothing waits
    assert Key(key).hidden_secret("a wall") == "a wall"


def test_what_cannot_be_a_key_yet_is_not_waited_for():
    shown = []
    along = Key(KEY).along(shown.append)
    along("the sky is s")
    assert shown == ["the sky is "]
    along("o blue")
    assert shown == ["the sky is ", "so blue"]
