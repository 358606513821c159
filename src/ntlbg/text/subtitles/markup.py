"""What is left of a subtitle's text without its tags, positions and drawings."""

import html
from collections.abc import Iterator

import regex

# Of SRT and VTT. Other words in angle brackets are text: lectures show code.
TAGS = "i|b|u|s|em|strong|strike|font|span|p|div|a|c|v|lang|ruby|rt|tt|big|small|sub|sup|bdo"
STAMP = r"(?:\d{1,4}:)?\d{1,2}:\d{1,2}\.\d{1,4}"  # within a text: from here on the next word
TAG = regex.compile(
    rf"<\s*(?P<line>br)\s*/?\s*>|<(?P<stamp>{STAMP})>"
    rf"|<\s*/?\s*(?:{TAGS})\s*>|</?(?:{TAGS})[\s.][^<>]*>"  # "a < b and c > d" is none
    rf"|\{{\\[^{{}}]*\}}",
    regex.IGNORECASE,
)
OVERRIDE = regex.compile(r"\{[^}]*\}")
DRAWING = regex.compile(r"\\p(\d+)")
INVISIBLE = regex.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")


def split_at_stamps(raw: str) -> Iterator[tuple[str | None, str]]:
    """Plain text of SRT or VTT in pieces, each with the time in its text that it begins at.

    >>> list(split_at_stamps("<v Ann>one<00:00:01.500><c> two &amp; three</c>"))
    [(None, 'one'), ('00:00:01.500', ' two & three')]
    """
    stamp, text, at = None, "", 0
    for tag in TAG.finditer(raw):
        text += _unescaped(raw[at : tag.start()]) + "\n" * bool(tag["line"])
        at = tag.end()
        if tag["stamp"]:
            yield stamp, text
            stamp, text = tag["stamp"], ""
    yield stamp, text + _unescaped(raw[at:])


def ass_text(raw: str) -> str:
    """Plain text of an event in SubStation Alpha: no styles, comments in braces or drawings.

    >>> ass_text(r"{\\an8}One {note}two\\Nthree{\\p1}m 0 0 l 9 9{\\p0}")
    'One two\\nthree'
    """
    shown, at, is_drawing = [], 0, False
    for override in [*OVERRIDE.finditer(raw), None]:
        end = len(raw) if override is None else override.start()
        if not is_drawing:
            shown.append(raw[at:end])
        if override is not None:
            at = override.end()
            for scale in DRAWING.findall(override.group()):
                is_drawing = int(scale) > 0
    text = "".join(shown).replace(r"\h", " ").replace(r"\N", "\n").replace(r"\n", "\n")
    return INVISIBLE.sub("", text)


def _unescaped(text: str) -> str:
    return INVISIBLE.sub("", html.unescape(text))
