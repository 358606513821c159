"""Text of others on a terminal."""

import json
import sys
import unicodedata

import pytest

from ntlbg.visible import in_json, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a red car", "a red car"),
        ("\x1b]0;t\x07\x9b2J\x7f", "\\x1b]0;t\\x07\\x9b2J\\x7f"),
        ("one\ntwo\r\u2028", "one\\ntwo\\r\\u2028"),
        ("gpj.\u202eexe", "gpj.\\u202eexe"),
        (b"caf\xe9".decode("utf-8", "surrogateescape"), "caf\\udce9"),
        ("می\u200cخواهم 👩\u200d🚀 é 二", "می\u200cخواهم 👩\u200d🚀 é 二"),
    ],
)
def test_what_would_steer_is_shown(text, shown):
    assert visible(text) == shown


def test_every_control_character_goes_and_nothing_that_people_write():
    for number in range(sys.maxunicode + 1):
        sign = chr(number)
        control = unicodedata.category(sign) in ("Cc", "Zl", "Zp", "Cs")
        turns = unicodedata.bidirectional(sign) in {
            "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI",
        }  # fmt: skip
        assert (visible(sign) != sign) == (control or turns), hex(number)
    assert visible("a\nb\tc", keep="\n\t") == "a\nb\tc"


def test_json_means_the_same():
    value = {"a": "\x9b2J \u202e é \x1b\n", "b": [1, "\u2028"]}
    text = in_json(json.dumps(value, ensure_ascii=False, indent=1))
    assert json.loads(text) == value
    assert not {"\x9b", "\u202e", "\x1b", "\u2028"} & set(text)
