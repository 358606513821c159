"""What counts as a right answer. Everything that counts right answers asks here."""

import re
import string

from ntlbg.data import QuestionRecord

TIME_TOLERANCE = 5.0  # seconds
STRICT_TOLERANCE = 2.0
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def is_right(
    question: QuestionRecord, answer: str, *, tolerance: float = TIME_TOLERANCE
) -> bool | None:
    """The same text; for an open question about a time, within ``tolerance`` of the evidence.

    None where the true answer is not known. Options may differ by no more than a full stop or an
    article, so one of them is right only as it is written.
    """
    if question.answer is None:
        return None
    if question.options is not None:
        return answer.strip().casefold() == question.answer.strip().casefold()
    if not is_open_time(question):
        return same_text(answer, question.answer)
    found = re.fullmatch(r"(\d+):(\d\d)", answer.strip())
    if not found:
        return False
    second = int(found[1]) * 60 + int(found[2])
    return any(start - tolerance <= second <= end + tolerance for start, end in question.evidence)


def is_open_time(question: QuestionRecord) -> bool:
    """An answer may be near the truth without being equal to it."""
    return question.answer_type == "when" and question.options is None and bool(question.evidence)


def same_text(answer: str, truth: str) -> bool:
    """Exact match as in SQuAD: Rajpurkar et al. 2016, arXiv:1606.05250."""
    return normalized(answer) == normalized(truth)


def normalized(text: str) -> str:
    """As answers are compared: lower case, no punctuation, no articles, single spaces."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())
