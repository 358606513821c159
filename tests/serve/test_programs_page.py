"""docs/programs.md: its programs run, its tables have every field, its limits are the program's."""

import json
import re
from pathlib import Path

from agents import films
from programs import CHAT, serving

from ntlbg.serve.completions.asked import LONGEST_QUESTION, MOST_PICTURE_BYTES
from ntlbg.serve.completions.body import (
    IGNORED,
    MOST_BYTES,
    MOST_MESSAGES,
    NEUTRAL,
    Body,
    Own,
)
from ntlbg.serve.completions.objects import TOLD
from ntlbg.serve.completions.work import MOST_PIXELS
from ntlbg.serve.films import MOST_MOMENTS
from ntlbg.serve.turns import MOST_WAITING

PAGE = (Path(__file__).parents[2] / "docs" / "programs.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8642/v1"


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


def test_its_programs_run(folder, tmp_path, capsys):
    whole, streamed = blocks("python")
    with serving(films(folder, tmp_path / "index")) as address:
        for program in (whole, streamed):
            assert ADDRESS in program
            exec(compile(program.replace(ADDRESS, address), "programs.md", "exec"), {})
            said = capsys.readouterr().out
            assert said.startswith("red")
            assert "00:1" in said
    assert "visual tokens" in said


def test_its_request_is_answered(calling):
    [content] = blocks("json")
    answered = calling.post(CHAT, json=json.loads(content))
    assert '{"content": "red"}' in answered.text or '{"content": "blue"}' in answered.text
    assert answered.text.endswith("data: [DONE]\n\n")


def rows(heading):
    """Names in the first columns of the tables below a heading."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [re.findall(r"`(\w+)`", row) for row in re.findall(r"^\| (`.+?) \|", section, re.M)]


def test_tables_have_every_field():
    named = [name for row in rows("The field `ntlbg`") for name in row]
    own = list(Own.model_fields)
    assert named[: len(own)] == own
    assert set(named[len(own) :]) == {*TOLD, "unit"} - {"options"}


def test_other_fields_are_named_where_they_belong():
    section = PAGE.partition("\n## Other fields\n")[2].partition("\n## ")[0]
    followed, refused, ignored = (
        set(re.findall(r"`([\w.]+)`", part)) for part in section.split("\n\n")[0].split("\n- ")[1:]
    )
    looked_at = Body.model_fields.keys() - {"messages", "ntlbg", "stream_options"}
    assert followed - {"ntlbg"} == looked_at | {"stream_options.include_usage"}
    assert refused == set(NEUTRAL)
    assert ignored == {*IGNORED, "stream_options.include_obfuscation", "detail", "name"}


def test_limits_are_those_of_the_program():
    for words in (
        f"{MOST_BYTES // 2**20} MiB and {MOST_MESSAGES:,} messages",
        f"{LONGEST_QUESTION:,} characters",
        f"{MOST_PICTURE_BYTES // 2**20} MiB and {MOST_PIXELS // 10**6} million pixels",
        f"1 to {MOST_MOMENTS} |",
        f"{MOST_WAITING} others wait",
    ):
        assert words in PAGE, words
