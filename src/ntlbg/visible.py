"""Text of others on a terminal: what would steer it is made visible."""

import json
import unicodedata

# Control characters, ends of lines that are none to a shell, halves of characters (bytes of file
# names that are not UTF-8). Joiners and other formats are parts of words and stay.
_STEERS = ("Cc", "Zl", "Zp", "Cs")
# Marks that turn the order of letters around, so that a name reads as another one.
_TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

# Names that people give have fewer characters.
LONGEST_SHOWN = 200


def visible(text: str, keep: str = "") -> str:
    r"""The text with escapes, as Python writes them, for what steers a terminal.

    Args:
        keep: of those the ones that stay.

    >>> print(visible("red\x1b[2J \u202ecar"))
    red\x1b[2J \u202ecar
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(sign if sign in keep else _escaped(sign) for sign in text)


def shortened(text: str) -> str:
    """As much as a message has room for."""
    if len(text) <= LONGEST_SHOWN:
        return text
    return f"{text[:LONGEST_SHOWN]}... ({len(text)} characters)"


def in_json(text: str) -> str:
    """JSON that means the same, without what would steer a terminal."""
    return "".join(
        json.dumps(sign)[1:-1] if _steers(sign) and sign != "\n" else sign for sign in text
    )


def _steers(sign: str) -> bool:
    return sign in _TURNS or unicodedata.category(sign) in _STEERS


def _escaped(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii") if _steers(sign) else sign
