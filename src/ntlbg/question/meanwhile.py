"""A question across two streams: what is written while something is said, and the other way round.

"Which heading is on the slide while the budget is discussed?" Neither stream answers it alone: the
words that are said tell when, and the screen tells what.
"""

import re

from ntlbg.question.language import Language
from ntlbg.types import Meanwhile


def meanwhile(language: Language, text: str) -> Meanwhile | None:
    """What is asked for and what goes on at that time; None where one stream may answer.

    Args:
        text: of a question, without what only looks like an order.
    """
    for found in language.meanwhile.finditer(text):
        rest = found["rest"] or found["rest_after"]
        clause = found["clause"] or found["clause_first"]
        if language.written.search(rest) and language.said.search(clause):
            return _about("written", language.said, clause)
        if language.said.search(rest) and language.written.search(clause):
            return _about("said", language.written, clause)
    return None


def _about(wanted, known_by: re.Pattern, clause: str) -> Meanwhile | None:
    """What goes on, without the words that it is said, or written; None: it is not named."""
    about = " ".join(known_by.sub(" ", clause).strip(" ,.?!。").split())
    return Meanwhile(wanted, about) if about else None
