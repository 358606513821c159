import pytest

from ntlbg.data import Sample
from ntlbg.evaluation.haystack import is_right


@pytest.mark.parametrize(
    ("text", "kind", "answer", "options", "right"),
    [
        ("guitar", "first", "guitar", None, True),
        (" Guitar ", "first", "guitar", None, True),
        ("guitars", "first", "guitar", None, False),
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
