"""Records in the form of LLaVA: every pair of turns is a question with its answer."""

import json

import pytest

from ntlbg.data import read_questions, read_samples
from ntlbg.errors import DataError

# As in LongVU's onevision.json: pictures, several turns, the placeholder in the first.
PICTURE = {
    "id": "000000033471",
    "image": "coco/train2017/000000033471.jpg",
    "conversations": [
        {"from": "human", "value": "<image>\nWhat colour is the bus?"},
        {"from": "gpt", "value": "It is red."},
        {"from": "human", "value": "What is behind it?"},
        {"from": "gpt", "value": "A tree."},
    ],
    "data_source": "coco",
}
# As in LongVU's train_video_data.json: videos, numbers as ids, the placeholder anywhere.
VIDEO = {
    "id": 7,
    "video": "webvid/00001/1.mp4",
    "conversations": [
        {"from": "human", "value": "Describe it in short.\n<video>"},
        {"from": "gpt", "value": " Waves.\n"},
    ],
}


def written(folder, *records, name="records.json"):
    path = folder / name
    lines = [json.dumps(record) for record in records]
    path.write_text("\n".join(lines) if name.endswith("jsonl") else f"[{','.join(lines)}]")
    return path


def human(text: str) -> dict:
    return {"from": "human", "value": text}


def gpt(text: str) -> dict:
    return {"from": "gpt", "value": text}


@pytest.mark.parametrize("name", ["records.json", "records.jsonl"])
def test_every_pair_of_turns_is_a_question(name, tmp_path):
    plain = {"video": "v.mp4", "question": "Which?", "answer": "a"}
    found = list(read_samples(written(tmp_path, PICTURE, VIDEO, plain, name=name)))
    assert [(one.id, one.video, one.question, one.answer) for one in found] == [
        ("000000033471-1", PICTURE["image"], "What colour is the bus?", "It is red."),
        ("000000033471-2", PICTURE["image"], "What is behind it?", "A tree."),
        ("7", "webvid/00001/1.mp4", "Describe it in short.", "Waves."),
        (None, "v.mp4", "Which?", "a"),
    ]
    assert [one.model_extra for one in found[:3]] == [{"data_source": "coco"}] * 2 + [{}]


def test_a_record_with_a_question_is_that_question(tmp_path):
    record = {**VIDEO, "id": "a", "question": "Which?", "answer": "this"}
    (found,) = read_samples(written(tmp_path, record))
    assert (found.id, found.question, found.answer) == ("a", "Which?", "this")


def test_a_last_question_without_reply_may_be_asked_but_not_learned_from(tmp_path):
    turns = [*PICTURE["conversations"], human("And why?")]
    path = written(tmp_path, {"image": "a.png", "conversations": turns})
    assert [one.answer for one in read_questions(path)] == ["It is red.", "A tree.", None]
    with pytest.raises(DataError, match=r"records\.json:1: conversations\.4: answer: Field requ"):
        list(read_samples(path))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"conversations": []}, r"conversations: got \[\]; give a list of turns"),
        ({"conversations": "hello"}, "conversations: got 'hello'; give a list of turns"),
        ({"conversations": ["hello"]}, r"conversations\.0: got 'hello'; a turn has the keys from"),
        (
            {"conversations": [{"from": "system", "value": "Be kind."}]},
            r"conversations\.0\.from: got 'system'; here it must be 'human': human and gpt speak",
        ),
        (
            {"conversations": [human("Why?"), human("Why?")]},
            r"conversations\.1\.from: got 'human'; here it must be 'gpt'",
        ),
        (
            {"conversations": [human("Why?"), {"from": "gpt"}]},
            r"conversations\.1\.value: got None; give what is said",
        ),
        (
            {"conversations": [human("<image>\n"), gpt("A bus.")]},
            r"conversations\.0: question: String should have at least 1",
        ),
        (
            {"conversations": [human("Why?"), gpt("No."), human("Why?"), gpt(" ")]},
            r"conversations\.2: answer: String should have at least 1",
        ),
        ({"image": ["a.png", "b.png"]}, r"image: got \['a\.png', 'b\.png'\]; give the name of one"),
        ({"image": ""}, "image: got ''; give the name of one file"),
        ({"video": "v.mp4"}, "image or video: got image and video; a conversation is about one"),
    ],
)
def test_mistakes_name_file_record_and_key(changes, message, tmp_path):
    path = written(tmp_path, VIDEO, PICTURE | changes)
    with pytest.raises(DataError, match=rf"records\.json:2: {message}"):
        list(read_samples(path))


def test_text_alone_is_refused(tmp_path):
    record = {"id": "t", "conversations": [human("Why?"), gpt("Because.")]}
    with pytest.raises(DataError, match=r"records\.json:1: image or video: got neither; .*text a"):
        list(read_samples(written(tmp_path, record)))
