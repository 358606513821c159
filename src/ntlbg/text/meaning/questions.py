"""Questions that are shipped: foreign to nearly any film, and about any film as a whole."""

import json
from functools import cache
from pathlib import Path

from ntlbg.text.meaning import TextEncoder
from ntlbg.text.meaning.words import likeness


def foreign_questions(language: str) -> tuple[str, ...]:
    """64 questions on 64 subjects, in Chinese for "zh", else in English."""
    return _shipped("foreign", language)


def likeness_to_whole(question: str, language: str, encoder: TextEncoder | None) -> float:
    """How much a question is like one about a film as a whole: the largest cosine, to 1.

    Of vectors where an encoder is given, else of words and characters.
    """
    prototypes = _shipped("whole", language)
    if encoder is None:
        return max(likeness(question, prototype) for prototype in prototypes)
    vectors = encoder.encode_questions([question, *prototypes])
    return float((vectors[1:] @ vectors[0]).max())


def _shipped(kind: str, language: str) -> tuple[str, ...]:
    return _all()[kind]["zh" if language == "zh" else "en"]


@cache
def _all() -> dict[str, dict[str, tuple[str, ...]]]:
    written = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    return {
        kind: {language: tuple(questions) for language, questions in of.items()}
        for kind, of in written.items()
    }
