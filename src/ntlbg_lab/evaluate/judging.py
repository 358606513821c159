"""What counts as a right answer."""

import re

from ntlbg.data import Question

TIME_TOLERANCE = 5.0  # seconds
STRICT_TOLERANCE = 2.0


def is_right(sample: Question, answer: str, *, tolerance: float = TIME_TOLERANCE) -> bool:
    """The same text; for an open question about a time, within ``tolerance`` of the evidence."""
    if is_open_time(sample):
        found = re.fullmatch(r"(\d+):(\d\d)", answer.strip())
        if not found:
            return False
        second = int(found[1]) * 60 + int(found[2])
        return any(
            start - tolerance <= second <= end + tolerance for start, end in sample.evidence or ()
        )
    return sample.answer is not None and answer.strip().casefold() == sample.answer.casefold()


def is_open_time(sample: Question) -> bool:
    """An answer may be near the truth without being equal to it."""
    return sample.answer_type == "when" and sample.options is None and bool(sample.evidence)
