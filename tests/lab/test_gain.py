import json

import pytest

from ntlbg.errors import DataError
from ntlbg_lab.questions import gain


def evaluation(folder, answers, videos=3):
    """Answers to questions about a few videos in turn; the truth is always "owl"."""
    folder.mkdir()
    rows = [
        {"dataset": "test", "video": f"{place % videos}.mp4", "question": f"Which {place}?",
         "answer": answer, "truth": "owl"}
        for place, answer in enumerate(answers)
    ]  # fmt: skip
    (folder / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_shares_difference_and_interval(tmp_path):
    before = evaluation(tmp_path / "before", ["owl", "cat", "cat", "cat", "cat", "cat"])
    after = evaluation(tmp_path / "after", ["An owl.", "owl", "owl", "cat", "owl", "owl"])
    found = gain(before, after)
    # by video the gains are 0, 1 and 1: the mean of three draws of them
    assert found == (
        "right before 0.167, after 0.833: +0.667 (+0.000 to +1.000, 95 %), "
        "6 questions about 3 videos"
    )


def test_nothing_gained_is_told(tmp_path):
    one = evaluation(tmp_path / "one", ["owl", "cat", "owl"])
    other = evaluation(tmp_path / "other", ["cat", "cat", "owl"])
    assert "+0.000 (+0.000 to +0.000, 95 %)" in gain(one, one)
    assert "before 0.667, after 0.333: -0.333" in gain(one, other)


def test_a_single_video_has_no_interval(tmp_path):
    one = evaluation(tmp_path / "one", ["owl", "cat"], videos=1)
    other = evaluation(tmp_path / "other", ["owl", "owl"], videos=1)
    assert "+0.500 (no interval), 2 questions about 1 videos" in gain(one, other)


def test_only_answers_to_the_same_questions_are_compared(tmp_path):
    one = evaluation(tmp_path / "one", ["owl", "cat"])
    other = evaluation(tmp_path / "other", ["owl", "cat", "owl"])
    with pytest.raises(DataError, match="different questions"):
        gain(one, other)
    with pytest.raises(DataError, match="no such file"):
        gain(one, tmp_path / "none")
    (other / "answers.jsonl").write_text('{"mine": 1}\n')
    with pytest.raises(DataError, match="no answers of an evaluation"):
        gain(one, other)
    (other / "answers.jsonl").write_text("")
    with pytest.raises(DataError, match="holds no answer"):
        gain(other, other)
