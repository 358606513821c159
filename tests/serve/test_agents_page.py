"""docs/agents.md: its settings start the command, its table has every tool and argument."""

import json
import re
from pathlib import Path

import typer.main
from agents import talk

from ntlbg.cli import app
from ntlbg.cli.app import read_model_options
from ntlbg.serve.films import BEST_PASSAGES
from ntlbg.serve.jpegs import MOST_PICTURES, MOST_SIDE, USUAL_SIDE
from ntlbg.serve.replies import MOST_TOKENS
from ntlbg.serve.transports import open_port

PAGE = (Path(__file__).parents[2] / "docs" / "agents.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```json\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


def parsed(words):
    command = typer.main.get_command(app).get_command(None, "mcp")
    return command.make_context("mcp", list(words)).params


def test_settings_are_json_and_start_the_command():
    entries = [
        server
        for block in BLOCKS
        for servers in json.loads(block).values()
        for server in servers.values()
    ]
    assert len(entries) == 4
    for entry in entries:
        if "command" not in entry:
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/mcp", entry["url"])
            continue
        assert (entry["command"], entry["args"][0]) == ("ntlbg", "mcp")
        options = parsed(entry["args"][1:])
        assert options["root"]
        read_model_options(options["model_option"])


def test_commands_have_their_options():
    lines = re.findall(r"ntlbg mcp(?: --\S+ [^\s`#]+)+", PAGE)
    assert len(lines) >= 3
    for line in lines:
        options = parsed(line.split()[2:])
        if options["http"]:
            open_port(options["http"]).close()


def test_the_table_has_every_tool_with_its_arguments(server):
    listed = talk(server, lambda client: client.list_tools()).tools
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", PAGE, flags=re.MULTILINE))
    assert {tool.name: list(tool.input_schema["properties"]) for tool in listed} == {
        name: re.findall(r"`(\w+)`", arguments) for name, arguments in rows.items()
    }


def test_limits_are_those_of_the_program():
    said = (
        f"{MOST_TOKENS:,} tokens", f"shows {MOST_PICTURES} pictures", f"the {BEST_PASSAGES} best",
        f"at most {MOST_SIDE:,} pixels ({USUAL_SIDE} unless",
    )  # fmt: skip
    for words in said:
        assert words in PAGE
