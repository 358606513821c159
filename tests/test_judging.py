import pytest

from ntlbg.data import NOT_SEEN, QuestionRecord, Sample
from ntlbg.judging import STRICT_TOLERANCE, is_right


@pytest.mark.parametrize(
    ("text", "kind", "answer", "options", "right"),
    [
        ("guitar", "first", "guitar", None, True),
        (" Guitar ", "first", "guitar", None, True),
        ("guitars", "first", "guitar", None, False),
        ("A guitar.", "first", "guitar", None, True),
        ("10", "count", "1.0", ["1.0", "10"], False),
        ("Green", "which", "green", ["green", "blue"], True),
        ("01:40", "when", "01:40", None, True),
        ("01:48", "when", "01:40", None, True),
        ("01:49", "when", "01:40", None, False),
        ("01:35", "when", "01:40", None, True),
        ("01:34", "when", "01:40", None, False),
        ("01:41", "when", "01:40", ["01:40", "01:41"], False),
        ("01:41", "which", "01:40", None, False),
        ("soon", "when", "01:40", None, False),
    ],
)
def test_what_is_right(text, kind, answer, options, right):
    evidence = [(100.0, 103.0)]
    sample = Sample(
        video="v", question="q", answer=answer, answer_type=kind, options=options, evidence=evidence
    )
    assert is_right(sample, text) is right


@pytest.mark.parametrize(("text", "right"), [("01:38", True), ("01:45", True), ("01:46", False)])
def test_a_stricter_tolerance(text, right):
    sample = Sample(
        video="v", question="q", answer="01:40", answer_type="when", evidence=[(100.0, 103.0)]
    )
    assert is_right(sample, text, tolerance=STRICT_TOLERANCE) is right


def test_what_is_not_there_has_no_time():
    sample = Sample(video="v", question="q", answer=NOT_SEEN, answer_type="when")
    assert is_right(sample, NOT_SEEN)
    assert not is_right(sample, "01:40")


def test_what_is_not_known_is_neither_right_nor_wrong():
    assert is_right(QuestionRecord(video="v", question="q"), "guitar") is None
