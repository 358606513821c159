"""What is said and written, as other programs read it: SubRip, WebVTT, plain text, JSON.

Texts are kept letter for letter. What would be read as a mark of the form is escaped where the
form has escapes, and taken apart where it has none.
"""

import html
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict

from ntlbg.time_text import timestamp
from ntlbg.types import Passage

ARROW = "-->"  # between two times; in a text it would end the cue


def transcript_text(passages: Sequence[Passage], form: str) -> str:
    """All passages, in one of ``FORMS``, in the order given."""
    return FORMS[form](passages)


def _srt(passages: Sequence[Passage]) -> str:
    return "".join(
        f"{number}\n{_clock(one.start_seconds, ',')} {ARROW} {_clock(one.end_seconds, ',')}\n"
        f"{_lines(one.text).replace(ARROW, '-- >')}\n\n"
        for number, one in enumerate(passages, 1)
    )


def _vtt(passages: Sequence[Passage]) -> str:
    cues = [
        f"{_clock(one.start_seconds, '.')} {ARROW} {_clock(one.end_seconds, '.')}\n"
        f"{html.escape(_lines(one.text), quote=False)}\n"
        for one in passages
    ]
    return "\n".join(["WEBVTT\n", *cues])


def _txt(passages: Sequence[Passage]) -> str:
    return "".join(
        f"{timestamp(max(0.0, one.start_seconds))}  {' '.join(one.text.split())}\n"
        for one in passages
    )


def _json(passages: Sequence[Passage]) -> str:
    rows = [asdict(one) for one in passages]
    return json.dumps({"passages": rows}, ensure_ascii=False, indent=2) + "\n"


FORMS: dict[str, Callable[[Sequence[Passage]], str]] = {
    "srt": _srt, "vtt": _vtt, "txt": _txt, "json": _json,
}  # fmt: skip


def _clock(seconds: float, mark: str) -> str:
    """``hh:mm:ss.mmm``; nothing begins before the first picture there."""
    milliseconds = max(0, round(1000 * seconds))
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}{mark}{rest % 1000:03d}"


def _lines(text: str) -> str:
    """Without empty lines, which would end the cue."""
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())
