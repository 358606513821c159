"""Whatever is sent: nothing outside is read, nothing large is made, and the server goes on."""

import copy
import io
import json
import os
import random
import shutil
import struct
import zlib

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from PIL import Image
from programs import (
    CHAT,
    JSON,
    RED,
    client,
    data_url,
    film,
    picture,
    png,
    question,
    refusal,
    said,
    text,
    user,
)

from ntlbg.serve.completions.asked import MOST_PICTURE_BYTES
from ntlbg.serve.completions.body import IGNORED, MOST_BYTES, NEUTRAL

CASES = 2400


@pytest.fixture
def secrets(folder):
    """A film beside the folder, and links to it from inside."""
    outside = folder.parent / "secret.mp4"
    shutil.copy(folder / "film.mp4", outside)
    (folder / "link.mp4").symlink_to(outside)
    (folder / "loop.mp4").symlink_to("loop.mp4")
    (folder / "folder").symlink_to(folder.parent)
    return outside


def test_no_path_leads_out(calling, folder, secrets):
    names = [
        "../secret.mp4", "talks/../../secret.mp4", str(secrets), f"file://{secrets}", "link.mp4",
        "folder/secret.mp4", "loop.mp4", "file:///etc/passwd", "/etc/passwd", "/dev/zero",
        f"file://{folder}/..%2fsecret.mp4", f"file://{folder}/%2e%2e/secret.mp4", "/proc/self/mem",
        "film.mp4\0", "file:///%00", "", " ", "x" * 70_000, "file://", "file://localhost", "~",
        "%2e%2e/secret.mp4", "concat:film.mp4|film.mp4", "\\\\host\\share",
    ]  # fmt: skip
    for name in names:
        error = refusal(calling, question(user(film(name), text(RED))), 404)
        assert error["code"] == "video_not_found", name
        assert len(error["message"]) < 1600
        own = refusal(calling, question(user(text(RED)), ntlbg={"video": name}), 404)
        assert own["param"] == "ntlbg.video"
    for name in ("../secret.srt", "/etc/passwd"):
        error = refusal(calling, question(ntlbg={"subtitles": name}), 404)
        assert error["param"] == "ntlbg.subtitles"


@pytest.mark.parametrize("address", [
    "http://127.0.0.1/film.mp4", "https://example.org/film.mp4", "HTTP://example.org", "ftp://a/b",
    "rtsp://a/b", "file://example.org/film.mp4", "file://[", "data:video/mp4;base64,AAAA",
    "DATA:,x",
])  # fmt: skip
def test_nothing_is_fetched_nor_taken_in(calling, address):
    error = refusal(calling, question(user(film(address), text(RED))))
    assert error["param"] == "messages.0.content.0.video_url"


def test_pipes_and_other_files_are_refused(calling, folder):
    os.mkfifo(folder / "pipe")
    (folder / "red.txt").write_text("no film")
    (folder / "empty.mp4").touch()
    for name in ("pipe", "red.txt", "empty.mp4"):
        assert name in refusal(calling, question(user(film(name), text(RED))))["message"]


def bomb(side):
    """A PNG of a few kilobytes that says that it is so large."""

    def chunk(kind, content):
        sum_of = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + sum_of

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(2**20))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def gif():
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "GIF")
    return file.getvalue()


def moving():
    file = io.BytesIO()
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(file, "PNG", save_all=True, append_images=frames[1:])
    return file.getvalue()


@pytest.mark.parametrize("url", [
    "https://example.org/red.png", "http://127.0.0.1/red.png", "file:///etc/passwd", "red.png", "",
    "data:image/png;base64,%%%%", "data:image/png;base64,AAA", "data:image/png,red", "data:,",
    data_url(png(), "image/gif"), data_url(png(), "text/html"), data_url(b""),
    data_url(b"no picture"), data_url(gif()), data_url(moving()), data_url(png()[:40]),
    data_url(bomb(60_000)), data_url(bomb(2**31 - 1)), data_url(bomb(1000)),
    "data:image/svg+xml;base64,AAAA", data_url(b"RIFF\xff\xff\xff\xffWEBP"),
], ids=lambda url: url[:30])  # fmt: skip
def test_only_small_whole_still_pictures_are_taken(calling, url):
    error = refusal(calling, question(user(picture(url), text(RED))))
    assert "image_url" in error["param"]
    assert "ntlbg-stage" not in error["message"]


def test_large_pictures_and_requests_are_refused(calling, folder, tmp_path):
    large = data_url(bytes(MOST_PICTURE_BYTES + 9))
    assert "8 MiB" in refusal(calling, question(user(picture(large), text(RED))))["message"]
    huge = question(user(picture("data:image/png;base64," + "A" * MOST_BYTES), text(RED)))
    assert "24 MiB" in refusal(calling, huge, 413)["message"]
    with client(folder, tmp_path / "other") as asking:  # over a connection, too
        answered = asking.with_options(max_retries=0)._client.post("chat/completions", json=huge)
    assert answered.status_code == 413


STRANGE = [
    None, True, False, 0, 1, -1, 2, 1.5, 10**30, -(2**63), "", " ", "\0", "red", "none", "\u202e",
    "𝕧", "x" * 3000, [], {}, [[]], [None], {"a": 1}, text("red?"), "../film.mp4", "talks",
    "talks/talk.mp4", "http://127.0.0.1/x.mp4", "file:///etc/passwd", "data:image/png;base64,",
    film(), picture(data_url(png())), user(text("Is it blue?")), "assistant",
    "video_url", "cut.mp4",
]  # fmt: skip
# What may be meant: some of it is answered.
LIKELY = {
    "url": [
        "film.mp4",
        "talks/talk.mp4",
        "cut.mp4",
        "film.mp4\0",
        data_url(png(9, 3)),
        data_url(b"x"),
    ],
    "text": [
        "Is it blue?",
        "?" * 5000,
        "什么时候是红色？",
        "red at 99:99:99?",
        "\x1b[31m",
        "🎬" * 500,
    ],
    "content": ["Is it blue?", "", "null", [text("red"), text("?")]],
    "num_frames": [1, 2, 5, 64, 65],
    "start_seconds": [0, 0.5, 29.999, 39.9, 1e9, 1e-300],
    "end_seconds": [0, 2, 1.000001, 39, 1e300],
    "options": [["red", "red"], ["a", "b", "c"], ["", "x"], ["red", "blue"] * 30],
    "subtitles": ["none", "talks/talk.srt", "film.mp4", "talks"],
    "max_tokens": [1, 10**6, 10**7],
    "temperature": [0, 2, 0.01, 0.001, 1e-300],
    "top_p": [1, 0.01, 1e-300],
    "seed": [0, 2**63 - 1, 2**63, -1],
    "stream": [True, False],
    "model": ["colours", "ntlbg", "gpt-4o"],
    "user": ["somebody else", 5, {}],
    "role": ["assistant", "developer", "system", "user"],
    "include_usage": [True, False],
}


def seeds():
    """Requests that are answered."""
    own = {"num_frames": 3, "start_seconds": 1.0, "end_seconds": 30, "options": ["red", "blue"],
           "subtitles": "none"}  # fmt: skip
    return [
        question(),
        question(stream=True, stream_options={"include_usage": True}),
        question(ntlbg=own),
        question(max_tokens=5, temperature=0.5, top_p=0.5, seed=1, n=1, user="somebody"),
        question(user(picture(data_url(png())), text(RED)), stream=True),
        question({"role": "system", "content": "Be brief."}, user(film(), text(RED)), said("red"),
                 user(text("Is it blue?"))),
    ]  # fmt: skip


def places(node):
    """All containers in a request, each with its keys."""
    keys = list(node) if isinstance(node, dict) else range(len(node))
    found = [(node, key) for key in keys]
    for key in keys:
        if isinstance(node[key], dict | list):
            found += places(node[key])
    return found


def mutated(draw):
    """A request with some things in it changed, as bytes."""
    body = copy.deepcopy(draw.choice(seeds()))
    for _ in range(draw.choice((1, 1, 2, 3))):
        node, key = draw.choice(places(body) or [(body, "model")])
        way = draw.randrange(8)
        if way > 2 and key in LIKELY:
            node[key] = copy.deepcopy(draw.choice(LIKELY[key]))
        elif way == 0 and key in (node if isinstance(node, dict) else range(len(node))):
            del node[key]
        elif way == 1 and isinstance(node, list):
            node.insert(key, copy.deepcopy(draw.choice([*node, *STRANGE])))
        elif way == 2 and isinstance(node, dict):
            node[draw.choice([*NEUTRAL, *IGNORED, "ntlbg", "video", "other", "", "role"])] = (
                copy.deepcopy(draw.choice(STRANGE))
            )
        else:
            node[key] = copy.deepcopy(draw.choice(STRANGE))
    content = bytearray(json.dumps(body).encode())
    if draw.random() < 0.1:
        for _ in range(draw.randrange(1, 4)):
            content[draw.randrange(len(content))] = draw.randrange(256)
    return bytes(content[: draw.randrange(len(content))] if draw.random() < 0.03 else content)


def check(answered, sent):
    """What comes is what clients expect; whether it is an answer."""
    about = f"{sent[:1000]!r}: {answered.status_code} {answered.text[:1000]}"
    assert "Traceback" not in answered.text, about
    if answered.status_code != 200:
        error = answered.json()["error"]
        assert 400 <= answered.status_code < 500, about
        assert error["message"].strip(), about
        assert "\n" not in error["message"], about
        assert len(error["message"]) < 1600, about
        return False
    if not answered.headers["content-type"].startswith("text/event-stream"):
        ChatCompletion.model_validate(answered.json(), strict=True)
        return True
    blocks = [block for block in answered.text.split("\n\n") if block.startswith("data: ")]
    assert blocks[-1] == "data: [DONE]", about
    for block in blocks[:-1]:
        ChatCompletionChunk.model_validate_json(block[6:], strict=True)
    return True


def test_no_body_makes_the_server_fail(calling, folder):
    (folder / "cut.mp4").write_bytes((folder / "film.mp4").read_bytes()[:2000])
    draw, number = random.Random(0), 0
    for _ in range(CASES):
        sent = mutated(draw)
        answered = calling.post(CHAT, content=sent, headers=JSON)
        number += check(answered, sent)
    assert CASES / 20 < number < CASES * 0.7  # not all is refused, and not all is taken
