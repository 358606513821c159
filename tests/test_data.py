"""Questions in files: what is written is read again, whatever its letters."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntlbg.data import Sample, read_json_lines, read_questions, read_samples, write_samples
from ntlbg.errors import DataError

# str.splitlines splits at each of them, and JSON allows the last three inside a string as they are
SEPARATORS = "\v\f\x1c\x1d\x1e\x85\u2028\u2029"


def sample(question: str) -> Sample:
    return Sample(video="v.mp4", question=question, answer="a")


@given(st.lists(st.text("a\n\r\t" + SEPARATORS, min_size=1), max_size=4))
def test_samples_come_back_whatever_ends_a_line_elsewhere(questions):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "questions.jsonl"
        assert write_samples(path, map(sample, questions)) == len(questions)
        assert [found.question for found in read_samples(path)] == questions


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\n\n \n"])
def test_lines_of_any_system_are_read_and_counted(ending, tmp_path):
    path = tmp_path / "lines.jsonl"
    text = ending.join(json.dumps(f"{n}\u2028", ensure_ascii=False) for n in "12") + ending
    path.write_bytes(text.encode())
    assert [value for _, value in read_json_lines(path)] == ["1\u2028", "2\u2028"]
    path.write_bytes(f"{text}{{".encode())
    line = path.read_text(encoding="utf-8").count("\n") + 1
    with pytest.raises(DataError, match=rf"lines\.jsonl:{line}: not JSON"):
        list(read_json_lines(path))


def test_mistakes_name_file_line_and_field(tmp_path):
    path = tmp_path / "questions.jsonl"
    path.write_text('\n{"video": "v", "question": "", "answer": "a"}\n')
    with pytest.raises(DataError, match=r"questions\.jsonl:2: question: String should have"):
        list(read_samples(path))
    path.write_bytes(b"\xff")
    with pytest.raises(DataError, match=r"questions\.jsonl: cannot be read as UTF-8"):
        list(read_samples(path))


def test_only_questions_may_lack_their_answer(tmp_path):
    path = tmp_path / "questions.jsonl"
    path.write_text('{"video": "v", "question": "q", "options": ["a", "b"]}\n')
    [question] = read_questions(path)
    assert question.answer is None
    with pytest.raises(DataError, match=r"questions\.jsonl:1: answer: Field required"):
        list(read_samples(path))
    path.write_text('{"video": "v", "question": "q", "options": ["a", "b"], "answer": "c"}\n')
    for read in (read_questions, read_samples):
        with pytest.raises(DataError, match="'c' is not one of the options"):
            list(read(path))
