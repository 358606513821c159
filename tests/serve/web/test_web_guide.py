"""docs/web.md: its commands have their options, its table every call, its limits those of the
program."""

import json
import re
import shlex
from pathlib import Path

import typer.main

from ntlbg.cli import app
from ntlbg.serve.web.asked import read_asked
from ntlbg.serve.web.gate import SHORTEST_TOKEN
from ntlbg.serve.web.jobs import MOST_WAITING
from ntlbg.serve.web.openapi import PATHS
from ntlbg.serve.web.previews import MOST_BYTES
from ntlbg.serve.web.records import MOST_RECORDS, STATES
from ntlbg.serve.web.shelf import MOST_FILMS, id_of
from ntlbg.serve.web.starting import Options
from ntlbg.serve.web.uploads import LEFT_FREE, MOST_AT_ONCE, MOST_UPLOADS
from ntlbg.views.clips.preview import SMALL

PAGE = (Path(__file__).parents[3] / "docs" / "web.md").read_text(encoding="utf-8")


def test_commands_have_their_options():
    command = typer.main.get_command(app).get_command(None, "serve")
    lines = re.findall(r"^ntlbg serve.*", PAGE, flags=re.MULTILINE)
    assert len(lines) == 2
    for line in lines:
        words = shlex.split(line, comments=True)[2:]
        assert command.make_context("serve", words).params["root"]


def test_the_table_has_every_call():
    rows = "\n".join(re.findall(r"^\| (`.+?`.*?) \|", PAGE, flags=re.MULTILINE))
    named = set(re.findall(r"/[\w/{}]+", rows))
    parts = {path for path in PATHS if path.startswith(("/api", "/media", "/preview", "/strip"))}
    parts -= {"/api/history/{id}/clips/{file}"}
    assert parts <= named
    assert "/clips/{file}" in named


def test_what_is_sent_is_taken():
    [body] = re.findall(r"-d '(\{.+\})'", PAGE)
    asked = read_asked(json.loads(body))
    assert asked.film == id_of("film.mp4")


def test_limits_are_those_of_the_program():
    assert LEFT_FREE == 2**29
    assert Options([]).max_upload_gb == 4
    for words in (
        "4 GB at most", f"there are {MOST_UPLOADS} at most", f"{MOST_WAITING} jobs wait at most",
        f"{MOST_RECORDS:,} jobs are kept", f"{MOST_BYTES // 2**30} GB of previews",
        f"has {MOST_FILMS:,} videos", f"{SHORTEST_TOKEN} letters or more",
        f"{SMALL.longest_side} pixels", f"({', '.join(STATES)})",
    ):  # fmt: skip
        assert words in PAGE, words
    assert (MOST_AT_ONCE, "two at once" in PAGE) == (2, True)
