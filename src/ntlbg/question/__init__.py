"""A question is read once: its text and options become a :class:`Question` with an :class:`Intent`.

``english`` and ``chinese`` hold the words, ``timing`` makes something of what was read. Nothing
else in the package looks at a question's words, but for what the built-in model was trained to read
(``ntlbg.models.builtin.wording``), and that takes its words from ``english``.
"""

from ntlbg.question.follow_up import checked_talk, sought_by
from ntlbg.question.parse import checked_question, parse_question
from ntlbg.types import Intent, Question

__all__ = [
    "Intent", "Question", "checked_question", "checked_talk", "parse_question", "sought_by",
]  # fmt: skip
