"""Whatever arguments an agent sends, it is answered in words, and the server goes on."""

import os
import random
import string

from agents import talk, text

CASES = 300
NAMES = [
    "film.mp4", "talks/talk.mp4", "red.txt", "", " ", ".", "..", "/", "../../etc/passwd", "talks",
    "film.mp4/", "film.mp4\0", "\0", "x" * 300, "x" * 70_000, "a/" * 2000, "pipe", "cut.mp4", "-",
    "http://127.0.0.1/film.mp4", "file:film.mp4", "concat:film.mp4|film.mp4", "𝕧\u202e.mp4", "~",
    "%2e%2e/film.mp4", "film.mp4 ", "FILM.MP4", "\\\\host\\share", "\x1b[2J", "empty.mp4", "null",
]  # fmt: skip
TEXTS = [
    "red?", "Is it blue?", "", "\0", "?" * 5000, "什么时候是红色？", "\x1b[31m", "\u202e", "a\nb",
    "When does the red appear at 99:99:99?", "{}", "🎬" * 500, "null", "1e999", "NaN", "[]",
]  # fmt: skip
NUMBERS = [
    0, 1, 2, 12, 13, -1, 39.9, 1e9, 1e300, -1e300, 10**18, 10**400, 0.1, 1e-300, float("nan"),
    float("inf"), True, False, None, "1", "1:30", "x",
]  # fmt: skip
KEYS = [
    "video", "question", "options", "start_seconds", "end_seconds", "num_frames", "times",
    "longest_side", "number", "listen", "read_screen", "ctx", "self", "__class__", "",
]  # fmt: skip
TOOLS = [
    "video_info", "ask_video", "find_moments", "get_chapters", "get_frames", "get_transcript",
    "index_video",
]  # fmt: skip


def value(draw: random.Random, key: str):
    """Likely what is wanted, and sometimes anything at all."""
    if draw.random() < 0.15:
        return draw.choice([[], {}, [[]], {"a": [1]}, [None], *NUMBERS, *TEXTS, *NAMES])
    if key == "video":
        return "film.mp4" if draw.random() < 0.4 else draw.choice(NAMES)
    if key in ("question", ""):
        return draw.choice([*TEXTS, "".join(draw.choices(string.printable, k=30))])
    if key == "options":
        return draw.choices(TEXTS, k=draw.randrange(5))
    if key == "times":
        return draw.choices(NUMBERS, k=draw.randrange(15))
    if key in ("listen", "read_screen"):  # without what would take a minute
        return draw.choice([False, 0, "no", None])
    return draw.choice(NUMBERS)


def arguments(draw: random.Random, known: list[str], needed: list[str]):
    """For a tool that has some arguments, of which it needs some."""
    keys = [key for key in needed if draw.random() < 0.95]
    keys += draw.sample(known, draw.randrange(len(known) + 1))
    keys += [draw.choice(KEYS)] * (draw.random() < 0.05)
    return {key: value(draw, key) for key in dict.fromkeys(keys)}


def test_hostile_arguments_are_answered_in_words(server, folder):
    (folder / "red.txt").write_text("no film")
    (folder / "empty.mp4").touch()
    (folder / "cut.mp4").write_bytes((folder / "film.mp4").read_bytes()[:2000])
    os.mkfifo(folder / "pipe")
    draw = random.Random(0)

    async def talk_nonsense(client):
        schemas = {tool.name: tool.input_schema for tool in (await client.list_tools()).tools}
        answered = 0
        for _ in range(CASES):
            tool = draw.choice(TOOLS)
            schema = schemas[tool]
            given = arguments(draw, list(schema["properties"]), schema.get("required", []))
            result = await client.call_tool(tool, given)
            said = text(result)
            about = f"{tool} {str(given)[:300]}: {said[:300]}"
            assert result.content, about
            assert "Traceback" not in said, about
            assert not said.startswith("Error executing tool"), about
            assert len(result.model_dump_json()) < 1_000_000, about
            assert not result.is_error or (said and "\n" not in said), about
            answered += not result.is_error
        assert not (await client.call_tool("video_info", {})).is_error
        return answered

    answered = talk(server, talk_nonsense)
    assert CASES / 20 < answered < CASES  # not all is refused, and not all is taken
