"""What goes over the wire: pictures with their times in order, or one video with true times."""

import numpy as np
import pytest

from loopback import picture_of, read_prompt
from ntlbg.answerers.chat.messages import Writing

TIMES = np.array([0.0, 12.5, 3661.04])
SHADES = (20, 120, 220)


@pytest.fixture
def pictures():
    return np.stack([np.full((56, 84, 3), shade, np.uint8) for shade in SHADES])


def parts_of(request) -> list[dict]:
    [message] = request["messages"]
    assert message["role"] == "user"
    return message["content"]


def test_each_picture_stands_after_its_time_and_the_question_last(pictures):
    parts = parts_of(Writing().request(pictures, TIMES, 4000.0, "What is it?"))
    assert [part["type"] for part in parts] == ["text", "image_url"] * 3 + ["text"]
    texts = [part["text"] for part in parts if part["type"] == "text"]
    assert texts == ["<0.0 seconds>", "<12.5 seconds>", "<3661.0 seconds>", "What is it?"]
    for part, shade in zip(parts[1::2], SHADES, strict=True):
        image = picture_of(part["image_url"]["url"])
        assert image.size == (84, 56)
        np.testing.assert_allclose(np.asarray(image), shade, atol=2)
        assert part["image_url"]["detail"] == "auto"


def test_how_pictures_are_written(pictures):
    pictures = np.random.default_rng(0).integers(0, 256, pictures.shape, np.uint8)
    sizes = []
    for quality in (10, 90):
        parts = parts_of(Writing("images", "low", quality).request(pictures, TIMES, 4000.0, "?"))
        assert parts[1]["image_url"]["detail"] == "low"
        sizes.append(len(parts[1]["image_url"]["url"]))
    assert sizes[0] < sizes[1] / 2


def test_a_video_in_the_form_of_vllm(pictures):
    """Each frame twice: two neighbours become one, whose time is their mean."""
    request = Writing("video").request(pictures, TIMES, 4000.0, "What is it?")
    video, question = parts_of(request)
    assert question == {"type": "text", "text": "What is it?"}
    url = video["video_url"]["url"]
    assert url.startswith("data:video/jpeg;base64,")
    frames = url.partition(",")[2].split(",")
    assert (len(frames), len(set(frames))) == (6, 3)
    assert frames[::2] == frames[1::2]
    told = request["media_io_kwargs"]["video"]
    indices = np.array(told["frames_indices"])
    np.testing.assert_allclose(indices.reshape(-1, 2).mean(1) / told["fps"], TIMES, atol=5e-4)
    assert (told["num_frames"], told["duration"]) == (-1, 4000.0)
    assert told["total_num_frames"] == 4_000_000 > indices.max()


def test_the_last_frame_is_one_of_the_video(pictures):
    told = Writing("video").request(pictures, TIMES, 3661.0, "?")["media_io_kwargs"]["video"]
    assert told["total_num_frames"] > max(told["frames_indices"])


@pytest.mark.parametrize(("frames_as", "text"), [
    ("images", "<0.0 seconds> <12.5 seconds> <3661.0 seconds> What is it?"),
    ("video", "What is it?"),
])  # fmt: skip
def test_what_stands_beside_the_pictures(pictures, frames_as, text):
    writing = Writing(frames_as)
    beside = writing.beside(TIMES, "What is it?")
    assert read_prompt(beside) == (text, [])
    # the same text as with them
    assert read_prompt(writing.request(pictures, TIMES, 4000.0, "What is it?"))[0] == text
