"""What counts as a right answer. Everything that counts right answers asks here."""

import re
import string

from ntlbg.data import QuestionRecord

TIME_TOLERANCE = 5.0  # seconds
STRICT_TOLERANCE = 2.0
# Kinds of questions about what is said or written: answered by a quotation or a sentence, which is
# right if it holds the true words. In the words of the film, in others, on a slide, in a ticker,
# and on a slide while something is said.
QUOTED_KINDS = frozenset({"said", "reworded", "slide", "ticker", "while"})
_WHEN_QUOTED = re.compile(r'^[\d:]+ (?:said|subtitle|on screen): "')
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def is_right(
    question: QuestionRecord, answer: str, *, tolerance: float = TIME_TOLERANCE
) -> bool | None:
    """The same text; for an open question about a time, within ``tolerance`` of the evidence; for
    one of QUOTED_KINDS, :func:`holds`.

    None where the true answer is not known. Options may differ by no more than a full stop or an
    article, so one of them is right only as it is written.
    """
    if question.answer is None:
        return None
    if question.options is not None:
        return answer.strip().casefold() == question.answer.strip().casefold()
    if question.answer_type in QUOTED_KINDS:
        return holds(answer, question.answer)
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


def holds(answer: str, truth: str) -> bool:
    """Whether the first line of an answer has all words of the truth in a row.

    Further lines are quotations that come near, which is no answer. When a quotation is from does
    not count.
    """
    first = next(iter(answer.strip().splitlines()), "")
    words, wanted = _words(_WHEN_QUOTED.sub("", first)), _words(truth)
    return any(words[at : at + len(wanted)] == wanted for at in range(len(words)))


def _words(text: str) -> list[str]:
    """Letters and digits; "1,240" and "8.3" are one word each."""
    return re.findall(r"\d+(?:[.,:]\d+)*|[^\W\d_]+", text.casefold())
