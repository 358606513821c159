"""Questions in files: what is written is read again, whatever its letters."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntlbg.data import (
    Sample,
    read_published,
    read_questions,
    read_samples,
    write_samples,
)
from ntlbg.errors import DataError
from ntlbg.text_files import read_json_lines

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
    with pytest.raises(DataError, match=r"questions\.jsonl:1: cannot be read as UTF-8"):
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


OWN = {"video": "v", "question": "q"}


def written(path, *records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_a_number_as_id_is_text(tmp_path):
    path = written(tmp_path / "q.jsonl", OWN | {"id": 17}, OWN | {"id": "a"}, OWN)
    assert [found.id for found in read_questions(path)] == ["17", "a", None]
    for wrong in (True, 1.5, [1]):
        with pytest.raises(DataError, match=r"q\.jsonl:1: id: Input should be a valid string"):
            list(read_questions(written(path, OWN | {"id": wrong})))


@pytest.mark.parametrize("ids", [("a", "b", "a"), (1, 2, "1"), (7, None, 7)])
def test_two_questions_with_one_id_are_refused_with_both_lines(ids, tmp_path):
    path = written(tmp_path / "q.jsonl", *(OWN | {"id": name} for name in ids))
    told = rf"q\.jsonl:3: id: '{ids[2]}' is also the id of .*q\.jsonl:1; give each question its own"
    for read in (read_questions, read_published):
        with pytest.raises(DataError, match=told):
            list(read(path))


def test_ids_of_conversations_are_those_of_pictures_and_may_come_again(tmp_path):
    turns = [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "So."}]
    record = {"id": "0033", "image": "a.png", "conversations": turns}
    path = written(tmp_path / "q.jsonl", record, record)
    assert [found.id for found in read_questions(path)] == ["0033", "0033"]


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"duration": -0.5}, "duration"),
        ({"duration": "45"}, "duration"),
        ({"duration": True}, "duration"),
        ({"evidence": [[0, 1], [2, "3"]]}, "evidence.1.1"),
        ({"evidence": ["45"]}, "evidence.0"),
        ({"evidence": [[-1, 2]]}, "evidence.0.0"),
    ],
)
def test_seconds_are_numbers_and_not_negative(change, key, tmp_path):
    path = written(tmp_path / "q.jsonl", OWN, OWN | change)
    with pytest.raises(DataError, match=rf"q\.jsonl:2: {re.escape(key)}: Input should be "):
        list(read_questions(path))


@pytest.mark.parametrize("name", ["q.json", "q.jsonl"])
def test_a_mark_in_front_of_the_text_is_passed_over(name, tmp_path):
    text = json.dumps([OWN] if name == "q.json" else OWN, ensure_ascii=False)
    (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert [found.video for found in read_questions(tmp_path / name)] == ["v"]


@pytest.mark.parametrize("record", ["[1]", '"q"', "null"])
def test_a_question_is_an_object(record, tmp_path):
    path = tmp_path / "q.jsonl"
    path.write_text(f"{json.dumps(OWN)}\n{record}\n")
    with pytest.raises(DataError, match=r"q\.jsonl:2: got .*; a question is a JSON object"):
        list(read_questions(path))
