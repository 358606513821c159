"""The two published layouts of LongVU's training data: a JSON list, and a folder apart from it."""

import json

import numpy as np
import pytest
from PIL import Image

from counter_videos import write_video
from ntlbg.errors import DataError
from ntlbg.train.longvu_data import LongVUQuestions
from ntlbg.train.longvu_settings import DataSettings


def turns(*texts: str) -> list[dict]:
    return [{"from": ("human", "gpt")[n % 2], "value": text} for n, text in enumerate(texts)]


def settings(path, folder) -> DataSettings:
    return DataSettings(questions=(str(path),), folder=str(folder), fps=1.0)


def listed(path, *records):
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(records))
    return path


def test_onevision_json_and_its_folder_of_pictures(tmp_path):
    folder = tmp_path / "pictures"
    for name, colour in (("coco/1.jpg", "red"), ("vg/2.png", "blue")):
        (folder / name).parent.mkdir(parents=True)
        Image.new("RGB", (8, 6), colour).save(folder / name)
    path = listed(
        tmp_path / "lists" / "onevision.json",
        {"id": "1", "image": "coco/1.jpg",
         "conversations": turns("<image>\nWhat?", "A wall.", "Which colour?", "Red.")},
        {"id": "2", "image": "vg/2.png", "conversations": turns("What?\n<image>", "The sky.")},
    )  # fmt: skip
    samples = [LongVUQuestions(settings(path, folder), "image")[n] for n in range(3)]
    assert [(one.question, one.answer) for one in samples] == [
        ("What?", "A wall."), ("Which colour?", "Red."), ("What?", "The sky.")
    ]  # fmt: skip
    assert [one.pixels.shape for one in samples] == [(6, 8, 3)] * 3
    assert np.array_equal(samples[0].pixels, samples[1].pixels)
    assert samples[2].pixels[0, 0].tolist() == [0, 0, 255]


def test_train_video_data_json_and_its_folder_of_videos(tmp_path):
    folder = tmp_path / "clips"
    (folder / "webvid").mkdir(parents=True)
    (folder / "gifs").mkdir()
    write_video(folder / "webvid" / "1.mp4", count=12, fps=4, size=(40, 56))
    frames = [Image.new("RGB", (48, 32), colour) for colour in ("red", "blue")]
    frames[0].save(
        folder / "gifs" / "t.gif", save_all=True, append_images=frames[1:], duration=1000
    )
    path = listed(
        tmp_path / "lists" / "train_video_data.json",
        {"video": "webvid/1.mp4", "conversations": turns("<video>\nWhat?", "Numbers.")},
        {"video": "t.gif", "conversations": turns("<image>\nWhich colours?", "Two.")},
    )
    questions = LongVUQuestions(settings(path, folder), "video")
    assert [questions[n].answer for n in range(2)] == ["Numbers.", "Two."]
    assert questions[0].pixels.shape == (3, 40, 56, 3)
    assert questions[1].pixels.shape == (2, 32, 48, 3)


def test_with_a_folder_nothing_is_looked_for_beside_the_questions(tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    Image.new("RGB", (8, 6)).save(tmp_path / "1.jpg")
    path = listed(tmp_path / "one.json", {"image": "1.jpg", "conversations": turns("What?", "It.")})
    LongVUQuestions(DataSettings(questions=(str(path),)), "image")
    with pytest.raises(DataError, match=r"1\.jpg: no such file in .*elsewhere or in videos/"):
        LongVUQuestions(settings(path, folder), "image")
    with pytest.raises(DataError, match=r"folder: got '.*gone'; there is no such folder, name the"):
        LongVUQuestions(settings(path, tmp_path / "gone"), "image")
