import pytest

from ntlbg.data import NOT_SEEN, QuestionRecord, Sample
from ntlbg.judging import QUOTED_KINDS, STRICT_TOLERANCE, holds, is_right


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


@pytest.mark.parametrize(
    ("answer", "truth", "right"),
    [
        ('12:40 said: "Rent for a half plot rises to £41."', "41", True),
        ('12:41 said: "Rent for a half plot rises."', "41", False),
        ('1:12:41 on screen: "By ox cart: 12 km a day"', "12", True),
        ('1:12:41 on screen: "By ox cart"', "12", False),
        ("The rent is 41 pounds.", "41", True),
        ("The rent is 410 pounds.", "41", False),
        ("22:40 on Sunday", "22:40", True),
        ("It was filled to 64%.", "64", True),
        ("Fire it to 1,240 degrees", "1,240", True),
        ("Fire it to 1,240 degrees", "240", False),
        ("It measured 13.8", "3.8", False),
        ("In Hall C.", "hall C", True),
        ("In the hall of C", "hall C", False),
        ("", "hall C", False),
        ('Nothing says so directly; nearest:\n00:07 said: "in hall C"', "hall C", False),
        ("\n  In hall C.\nAnd so on.", "hall C", True),
    ],
)
def test_an_answer_holds_the_truth_in_its_first_line(answer, truth, right):
    assert holds(answer, truth) is right
    for kind in QUOTED_KINDS:
        sample = Sample(video="v", question="q", answer=truth, answer_type=kind)
        assert is_right(sample, answer) is right


def test_other_kinds_are_not_right_for_holding_the_truth():
    sample = Sample(video="v", question="q", answer="guitar", answer_type="first")
    assert not is_right(sample, "I saw a red guitar there")
