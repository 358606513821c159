"""Each tool by the SDK's own client: what it gives, what it refuses, how much it tells."""

import base64
import io
import os
import shutil
from itertools import pairwise

import av
import numpy as np
import pytest
from agents import call, films, started_by, talk, text
from mcp_types import CallToolResult
from PIL import Image

from fakes import ColourAnswerer
from ntlbg.serve.jpegs import MOST_PICTURES, MOST_SIDE
from ntlbg.serve.mcp import make_server
from ntlbg.serve.replies import BYTES_A_TOKEN, MOST_TOKENS
from processes import python

TOOLS = {
    "video_info": {},
    "ask_video": {"question": "Is it red?"},
    "find_moments": {"question": "Is it red?"},
    "get_chapters": {},
    "get_frames": {"times": [1.0]},
    "get_transcript": {},
    "index_video": {},
}
WHOLE_REPLY = 1_000_000


def pictures(result: CallToolResult) -> list[tuple[str, Image.Image]]:
    """Each with the text that stands before it."""
    blocks = result.content
    return [
        (before.text, Image.open(io.BytesIO(base64.b64decode(block.data))))
        for before, block in pairwise(blocks)
        if block.type == "image" and block.mime_type == "image/jpeg"
    ]


def colour(picture: Image.Image) -> np.ndarray:
    """Of the lower half, which the moving bar is not in."""
    return np.asarray(picture)[picture.height // 2 :].mean((0, 1))


def refused(result: CallToolResult) -> str:
    assert result.is_error
    said = text(result)
    assert "Traceback" not in said
    assert not said.startswith("Error executing tool"), said
    assert "\n" not in said
    return said


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_all_tools_are_listed_and_described(server, mode):
    listed = talk(server, lambda client: client.list_tools(), mode).tools
    assert {tool.name for tool in listed} == TOOLS.keys()
    for tool in listed:
        assert tool.description
        assert tool.annotations.read_only_hint
        for name, schema in tool.input_schema["properties"].items():
            assert schema.get("description"), f"{tool.name} {name}"


def test_facts_and_words_of_a_film(server):
    said = text(call(server, "video_info", video="talks/talk.mp4"))
    assert "length 00:40 (40.00 s), 96 x 64 pixels, 4.000 pictures a second, h264" in said
    assert "words: 3 passages from talk.srt" in said
    assert "nothing is known to be said" in text(call(server, "video_info", video="film.mp4"))


def test_films_are_listed(server, folder):
    said = text(call(server, "video_info")).splitlines()
    assert said == [f"videos in {folder}:", "film.mp4", "talks/talk.mp4"]


def test_a_picture_is_a_film_of_one_frame(server, folder):
    Image.new("RGB", (40, 30), (220, 30, 30)).save(folder / "red.png")
    assert "a picture, 40 x 30 pixels" in text(call(server, "video_info", video="red.png"))
    [(_, picture)] = pictures(call(server, "get_frames", video="red.png", times=[0]))
    assert np.abs(colour(picture) - (220, 30, 30)).max() < 8


def test_a_question_is_answered_with_its_moments(server):
    said = text(call(server, "ask_video", video="film.mp4", question="Is it red?")).splitlines()
    assert said[0] == "red"
    best = [line for line in said if "score 4." in line]
    assert best
    assert all(line.startswith(("00:10", "00:11", "00:12")) for line in best)


def test_options_and_a_part_of_a_film(server):
    asked = {"video": "film.mp4", "question": "Is it red?"}
    said = text(call(server, "ask_video", options=["blue", "red"], num_frames=4, **asked))
    assert said.splitlines()[:3] == ["red", "option 'blue': 0.10", "option 'red': 0.90"]
    assert sum("stands for" in line for line in said.splitlines()) == 4
    said = text(call(server, "ask_video", start_seconds=14, end_seconds=24, **asked))
    assert said.splitlines()[0] == "no"


def test_moments_come_best_first_with_passages(server):
    found = call(server, "find_moments", video="talks/talk.mp4", question="Is it blue?")
    lines = text(found).splitlines()
    first = next(line for line in lines if "stands for" in line)
    assert first.startswith(("00:25", "00:26"))
    question = "How much did we pay for seeds last month?"
    said = text(call(server, "find_moments", video="talks/talk.mp4", question=question))
    assert "Last month we paid four hundred dollars for seeds." in said.partition("passages (")[2]


def test_chapters(server):
    [*_, first] = text(call(server, "get_chapters", video="film.mp4", number=1)).splitlines()
    assert first == "00:00 (0.00 s) Chapter 1"
    lines = text(call(server, "get_chapters", video="film.mp4", number=3)).splitlines()
    assert [line.partition(")")[2] for line in lines[-3:]] == [f" Chapter {n}" for n in (1, 2, 3)]


def test_pictures_by_times_come_each_after_its_time(server):
    found = pictures(call(server, "get_frames", video="film.mp4", times=[26, "0:11.1", "1", 500]))
    assert [said for said, _ in found] == [
        "00:26 (26.00 s)", "00:11 (11.00 s)", "00:01 (1.00 s)", "00:39 (39.75 s)",
    ]  # fmt: skip
    shown = [colour(picture) for _, picture in found]
    expected = [(30, 30, 220), (220, 30, 30), (120, 120, 120), (120, 120, 120)]
    assert np.abs(np.subtract(shown, expected)).max() < 12
    assert {picture.size for _, picture in found} == {(96, 64)}


def test_pictures_for_a_question(server):
    asked = {"video": "film.mp4", "question": "Is it blue?", "num_frames": 3, "longest_side": 48}
    found = pictures(call(server, "get_frames", **asked))
    assert len(found) == 3
    assert {picture.size for _, picture in found} == {(48, 32)}
    assert min(np.abs(colour(one) - (30, 30, 220)).max() for _, one in found) < 12


def test_words_of_a_part_of_a_film(server):
    said = text(call(server, "get_transcript", video="talks/talk.mp4")).splitlines()
    assert said == [
        "00:02 (2.00 to 5.00 s) subtitles: The harvest was good this year.",
        "00:11 (11.00 to 14.00 s) subtitles: Last month we paid four hundred dollars for seeds.",
        "00:20 (20.00 to 22.00 s) subtitles: Nobody answered the telephone.",
    ]
    part = {"video": "talks/talk.mp4", "start_seconds": 6, "end_seconds": 12}
    assert text(call(server, "get_transcript", **part)).splitlines() == said[1:2]
    part |= {"start_seconds": 30, "end_seconds": 40}
    assert text(call(server, "get_transcript", **part)).startswith("nothing is said")
    best = call(server, "get_transcript", video="talks/talk.mp4", question="Who paid for seeds?")
    assert text(best).splitlines()[0] == said[1]
    assert "index_video" in text(call(server, "get_transcript", video="film.mp4"))


def test_a_long_transcript_is_cut_and_goes_on_where_it_says(server, folder):
    cues = [
        f"{n}\n00:00:{n // 100:02d},{n % 100:02d}0 --> 00:00:{n // 100:02d},{n % 100:02d}9\n"
        f"Sentence number {n} is about {'very ' * 20}little.\n"
        for n in range(1, 400)
    ]
    (folder / "film.srt").write_text("\n".join(cues))
    first = text(call(server, "get_transcript", video="film.mp4"))
    assert len(first.encode()) <= MOST_TOKENS * BYTES_A_TOKEN
    *_, last, end = first.splitlines()
    assert end.startswith("[cut here: ")
    start = float(end.rpartition("start_seconds=")[2].partition(" ")[0])
    second = text(call(server, "get_transcript", video="film.mp4", start_seconds=start))
    numbers = [
        int(line.partition("number ")[2].partition(" ")[0])
        for line in [*first.splitlines()[:-1], *second.splitlines()]
        if "number " in line
    ]
    assert "number" in last
    assert set(range(1, max(numbers) + 1)) == set(numbers)


def test_a_film_is_read_once(folder, tmp_path):
    answerer = ColourAnswerer()
    server = make_server(films(folder, tmp_path / "index", answerer))
    said = text(call(server, "index_video", video="film.mp4"))
    assert said == "film.mp4: 40 frames up to 00:39 (39.00 s) are read"
    assert answerer.encoder.encoded == 40
    call(server, "ask_video", video="film.mp4", question="Is it red?")
    assert answerer.encoder.encoded == 40


def test_what_cannot_be_listened_to_is_said(server):
    said = text(call(server, "index_video", video="film.mp4", listen=True))
    assert "note: speech is left out: " in said


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize(
    "video",
    [
        "none.mp4", "../secret.mp4", "link.mp4", "/etc/passwd", "a\0.mp4", "x" * 100_000, "",
        "talks", "damaged.mp4", "empty.mp4", "text.mp4", "pipe.mp4",
    ],
)  # fmt: skip
def test_what_is_no_film_within_is_refused_in_a_line(server, folder, tool, video):
    content = (folder / "film.mp4").read_bytes()
    shutil.copy(folder / "film.mp4", folder.parent / "secret.mp4")
    (folder / "link.mp4").symlink_to("../secret.mp4")
    (folder / "damaged.mp4").write_bytes(content[: len(content) // 3])
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("no film at all\n" * 100)
    os.mkfifo(folder / "pipe.mp4")
    said = refused(call(server, tool, video=video, **TOOLS[tool]))
    assert len(said) < 2000


def test_subtitles_outside_are_not_read(server, folder):
    (folder.parent / "diary.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nMy secret.\n")
    (folder / "film.srt").symlink_to("../diary.srt")
    for tool, more in TOOLS.items():
        assert "secret" not in text(call(server, tool, video="film.mp4", **more))
    said = text(call(server, "video_info", video="film.mp4"))
    assert "film.srt: outside the folders that may be read" in said


@pytest.mark.parametrize(
    ("tool", "arguments", "expected"),
    [
        ("ask_video", {"video": "film.mp4"}, "ask_video: question: Field required"),
        ("ask_video", {"video": "film.mp4", "question": " "}, "the question is empty"),
        ("ask_video", {"video": "film.mp4", "question": "red?", "options": ["a"]}, "at least two"),
        ("ask_video", {"video": "film.mp4", "question": "red?", "frames": 3},
         "ask_video has no argument 'frames'; it takes video, question, "),
        ("ask_video", {"video": "film.mp4", "question": "red?", "num_frames": 0}, "give 1 to 64"),
        ("ask_video", {"video": "film.mp4", "question": "red?", "start_seconds": 9,
                       "end_seconds": 3}, "end"),
        ("find_moments", {"video": "film.mp4", "question": "red?", "num_frames": 65},
         "num_frames is 65; give 1 to 64"),
        ("get_chapters", {"video": "film.mp4", "number": 0}, "give 1 or more"),
        ("get_chapters", {"video": "film.mp4", "number": 999}, "999"),
        ("get_frames", {"video": "film.mp4"}, "give either times or a question"),
        ("get_frames", {"video": "film.mp4", "times": [1], "question": "red?"}, "and not both"),
        ("get_frames", {"video": "film.mp4", "times": list(range(13))},
         "the number of times is 13; give 1 to 12"),
        ("get_frames", {"video": "film.mp4", "times": []}, "the number of times is 0"),
        ("get_frames", {"video": "film.mp4", "times": [-1]}, "seconds >= 0"),
        ("get_frames", {"video": "film.mp4", "times": ["soon"]}, "'soon' is no time"),
        ("get_frames", {"video": "film.mp4", "question": "red?", "num_frames": 13}, "give 1 to 12"),
        ("get_frames", {"video": "film.mp4", "times": [1], "longest_side": 4000},
         "longest_side is 4000; give 1 to 1999"),
        ("get_transcript", {"video": "film.mp4", "start_seconds": 5, "end_seconds": 5},
         "the start before the end"),
        ("get_transcript", {"video": "film.mp4", "question": ""}, "the question is empty"),
        ("index_video", {"video": "film.mp4", "listen": "perhaps"}, "index_video: listen: "),
        ("no_tool", {}, "no tool 'no_tool'; there are: video_info, "),
    ],
)  # fmt: skip
def test_wrong_arguments_are_told_in_a_line(server, tool, arguments, expected):
    assert expected in refused(call(server, tool, **arguments))


def write_noise(path, size, pictures):
    draw = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = *size, "yuvj420p"
        for _ in range(pictures):
            noise = draw.integers(0, 256, (size[1] // 4, size[0] // 4, 3), np.uint8)
            picture = noise.repeat(4, 0).repeat(4, 1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def test_a_reply_of_many_large_pictures_becomes_smaller(server, folder):
    write_noise(folder / "large.mov", (3840, 2160), 2)
    asked = {"video": "large.mov", "longest_side": MOST_SIDE}
    [(_, alone)] = pictures(call(server, "get_frames", times=[0], **asked))
    assert max(alone.size) <= MOST_SIDE
    whole = call(server, "get_frames", times=[0, 1] * (MOST_PICTURES // 2), **asked)
    shown = pictures(whole)
    assert len(shown) == MOST_PICTURES
    assert 64 < max(shown[0][1].size) < max(alone.size)
    assert WHOLE_REPLY / 3 < len(whole.model_dump_json()) < WHOLE_REPLY


@pytest.mark.slow
def test_the_builtin_model_answers_an_agent(folder):
    target = started_by(python("-m", "ntlbg.cli", "mcp", "--root", folder))

    async def questions(client):
        asked = {"video": "talks/talk.mp4", "question": "How much did we pay for seeds?"}
        answered = await client.call_tool("ask_video", asked)
        again = await client.call_tool("find_moments", asked)
        return answered, again, await client.call_tool("get_frames", asked | {"num_frames": 2})

    answered, again, shown = talk(target, questions)
    assert "we paid four hundred dollars for seeds" in text(answered)
    assert "we paid four hundred dollars for seeds" in text(again)
    assert len(pictures(shown)) == 2
