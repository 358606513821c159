"""Subtitles as LongVideoBench publishes them: JSON, in two forms.

``[{"timestamp": [12.5, 14.0], "text": "..."}]``, where an end may be missing, and
``[{"start": "00:00:12.500", "end": "00:00:14.000", "line": "..."}]``. Their times are those of the
film that a clip was cut from: ``starting_timestamp_for_subtitles`` of a question is taken away.
"""

import json
import re
from pathlib import Path
from typing import Any

from ntlbg.errors import DataError
from ntlbg.text.subtitles.cues import Cue
from ntlbg.text_files import parse_json

CLOCK = re.compile(r"\s*([0-9]{1,4}):([0-9]{1,3}):([0-9]{1,3}(?:\.[0-9]*)?)\s*")
FORMS = (
    '{"timestamp": [12.5, 14.0], "text": "..."} or '
    '{"start": "00:00:12.500", "end": "00:00:14.000", "line": "..."}'
)


def read_longvideobench(text: str, path: Path) -> list[Cue]:
    """The cues of such a file, in its order.

    Raises:
        DataError: no JSON, or an entry of another form.
    """
    entries = parse_json(text, path)
    found = []
    for number, entry in enumerate(entries, 1):
        try:
            found.append(_cue(entry))
        except (LookupError, TypeError, ValueError) as error:
            raise DataError(
                f"{path}, entry {number}: {json.dumps(entry)[:80]}; expected {FORMS}"
            ) from error
    return found


def _cue(entry: dict[str, Any]) -> Cue:
    if "timestamp" not in entry:
        return Cue(_clock(entry["start"]), _clock(entry["end"]), _text(entry["line"]))
    match entry["timestamp"]:  # of a text "45" the two would be 4 and 5
        case [int() | float() as start, end] if start is not True and start is not False:
            return Cue(float(start), _end(end), _text(entry["text"]))
    raise ValueError("not two times")


def _end(given: Any) -> float | None:
    """Broken ends are null, or text."""
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    return float(given) if is_number else None


def _clock(given: str) -> float:
    """Seconds of "H:M:S.f"."""
    found = CLOCK.fullmatch(given)
    if found is None:
        raise ValueError("not a time")
    return 3600 * int(found[1]) + 60 * int(found[2]) + float(found[3])


def _text(given: Any) -> str:
    if not isinstance(given, str):
        raise TypeError("not a text")
    return given
