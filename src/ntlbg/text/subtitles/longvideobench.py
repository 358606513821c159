"""Subtitles as LongVideoBench publishes them: JSON, in two forms.

``[{"timestamp": [12.5, 14.0], "text": "..."}]``, where an end may be missing, and
``[{"start": "00:00:12.500", "end": "00:00:14.000", "line": "..."}]``. Their times are those of the
film that a clip was cut from: ``starting_timestamp_for_subtitles`` of a question is taken away.
"""

import json
import math
from pathlib import Path
from typing import Any

from ntlbg.errors import DataError
from ntlbg.text.subtitles.cues import Cue

FORMS = (
    '{"timestamp": [12.5, 14.0], "text": "..."} or '
    '{"start": "00:00:12.500", "end": "00:00:14.000", "line": "..."}'
)


def read_longvideobench(text: str, path: Path) -> list[Cue]:
    """The cues of such a file, in its order.

    Raises:
        DataError: no JSON, or an entry of another form.
    """
    try:
        entries = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}, line {error.lineno}: not JSON ({error.msg})") from error
    except RecursionError as error:
        raise DataError(f"{path}: too many brackets; give a list of {FORMS}") from error
    found = []
    for number, entry in enumerate(entries, 1):
        try:
            found.append(_cue(entry))
        except (LookupError, TypeError, ValueError, OverflowError) as error:
            raise DataError(
                f"{path}, entry {number}: {json.dumps(entry)[:80]}; expected {FORMS}"
            ) from error
    return found


def _cue(entry: dict[str, Any]) -> Cue:
    if "timestamp" in entry:
        start, end = entry["timestamp"]
        return Cue(_finite(float(start)), _end(end), _text(entry["text"]))
    return Cue(_clock(entry["start"]), _clock(entry["end"]), _text(entry["line"]))


def _end(given: Any) -> float | None:
    """Broken ends are null, or text."""
    is_number = isinstance(given, int | float) and math.isfinite(given)
    return float(given) if is_number else None


def _clock(given: str) -> float:
    """Seconds of "H:M:S.f"."""
    hours, minutes, seconds = given.split(":")
    return _finite(3600 * int(hours) + 60 * int(minutes) + float(seconds))


def _finite(seconds: float) -> float:
    if not math.isfinite(seconds):
        raise ValueError("not a time")
    return seconds


def _text(given: Any) -> str:
    if not isinstance(given, str):
        raise TypeError("not a text")
    return given
