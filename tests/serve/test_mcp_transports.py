"""As agents start it: over stdio and over HTTP."""

import json
import re
import signal
import socket
import subprocess
from contextlib import contextmanager
from functools import partial

import anyio
import httpx2
import pytest
from agents import command, over_stdio, talk, text

from fakes import write_colour_video
from ntlbg.errors import ConfigError
from ntlbg.serve.transports import open_port
from processes import finish, python, started

ASKED = {"video": "film.mp4", "question": "Is it red?"}


async def conversation(client):
    told = []

    async def note(progress, total, message):
        told.append(progress)

    tools = (await client.list_tools()).tools
    read = await client.call_tool("index_video", {"video": "film.mp4"}, progress_callback=note)
    answered = await client.call_tool("ask_video", ASKED)
    shown = await client.call_tool("get_frames", {"video": "film.mp4", "times": [1, 11]})
    refused = await client.call_tool("ask_video", ASKED | {"video": "../film.mp4"})
    return tools, told, read, answered, shown, refused


def check(conversed):
    tools, told, read, answered, shown, refused = conversed
    assert len(tools) == 7
    assert "40 frames" in text(read)
    assert told == sorted(set(told))
    assert told[-1] == 1.0
    assert text(answered).startswith("red\n")
    assert [block.type for block in shown.content] == ["text", "image"] * 2
    assert refused.is_error


@pytest.fixture
def own_index(tmp_path, monkeypatch):
    monkeypatch.setenv("NTLBG_INDEX", str(tmp_path / "index"))


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_over_stdio(folder, own_index, mode):
    check(talk(over_stdio("--root", folder), conversation, mode))


def test_the_current_folder_is_served_where_none_is_named(folder, own_index):
    target = over_stdio().model_copy(update={"cwd": folder})
    said = text(talk(target, lambda client: client.call_tool("video_info", {})))
    assert said.splitlines()[1:] == ["film.mp4", "talks/talk.mp4"]


def message(method, number=None, **parameters):
    content = {"jsonrpc": "2.0", "method": method, "params": parameters}
    return json.dumps(content if number is None else content | {"id": number}) + "\n"


HELLO = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "a test", "version": "0"},
}


def test_nothing_but_the_protocol_is_on_stdout(folder, own_index):
    """Though the model prints, and so does a program that it starts; it ends when stdin does."""
    lines = [
        message("initialize", 1, **HELLO),
        message("notifications/initialized"),
        message("tools/call", 2, name="ask_video", arguments=ASKED),
    ]
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with started(command("--root", folder), text=True, **streams) as process:
        process.stdin.write("".join(lines))
        process.stdin.flush()
        replies = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.stdin.write("no message at all\n" + message("ping", 3))
        process.stdin.flush()
        while json.loads(line := process.stdout.readline()).get("id") != 3:
            assert json.loads(line)["jsonrpc"] == "2.0"
        rest, errors = finish(process)
    assert [reply["id"] for reply in replies] == [1, 2]
    assert replies[1]["result"]["content"][0]["text"].startswith("red")
    assert rest == ""
    assert "stray line" in errors
    assert "stray child" in errors
    assert process.returncode == 0


@contextmanager
def over_http(*arguments):
    """A running server on a free port, and its address."""
    line = command("--http", "127.0.0.1:0", *arguments)
    with started(line, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        said = process.stderr.readline()
        yield process, re.fullmatch(r"agents can connect to (http://\S+:\d+/mcp)\n", said)[1]


def test_over_http(folder, own_index):
    with over_http("--root", folder) as (process, address):
        for mode in ("auto", "legacy"):
            check(talk(address, conversation, mode))
        port = address.split(":")[2].partition("/")[0]
        kinds = {"accept": "application/json, text/event-stream"}
        body = json.loads(message("initialize", 1, **HELLO))
        for headers, status in (
            ({}, 200),
            ({"host": "evil.example"}, 421),
            ({"origin": "http://evil.example"}, 403),
            ({"origin": f"http://127.0.0.1:{port}"}, 200),
        ):
            answered = httpx2.post(address, json=body, headers=kinds | headers)
            assert answered.status_code == status, headers
        process.send_signal(signal.SIGTERM)
        out, errors = finish(process)
    assert process.returncode == 128 + signal.SIGTERM
    assert "stray line" not in out
    assert "Traceback" not in errors


async def cancelled(client):
    """What is told of reading a film after it was cancelled at its first word."""
    begun, told = anyio.Event(), []

    async def note_first(progress, total, message):
        begun.set()

    async def note(progress, total, message):
        told.append(progress)

    read = partial(client.call_tool, "index_video", {"video": "long.mp4"})
    async with anyio.create_task_group() as group:
        group.start_soon(partial(read, progress_callback=note_first))
        await begun.wait()
        group.cancel_scope.cancel()
    assert not (await read(progress_callback=note)).is_error
    return told


@pytest.mark.slow
@pytest.mark.parametrize(("over", "mode"), [("stdio", "legacy"), ("HTTP", "auto")])
def test_cancelling_reaches_the_work(tmp_path, own_index, monkeypatch, over, mode):
    """Else the film would be read whole, and there would be nothing to tell of the next time."""
    (tmp_path / "films").mkdir()
    write_colour_video(tmp_path / "films" / "long.mp4", duration=200)  # seven batches
    monkeypatch.setenv("SECONDS_A_BATCH", "0.5")
    if over == "stdio":
        told = talk(over_stdio("--root", tmp_path / "films"), cancelled, mode)
    else:
        with over_http("--root", tmp_path / "films") as (_, address):
            told = talk(address, cancelled, mode)
    begun, *_, done = filter(None, told)  # 0 while it waits for the other one to stop
    assert (begun, done) == (32 / 200, 1.0)


@pytest.mark.parametrize(
    "address",
    ["0.0.0.0:8000", "8000", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:99999", "evil.example:80", "",
     "127.0.0.1:-1", "127.0.0.1:²"],
)  # fmt: skip
def test_only_this_machine_can_connect(address):
    with pytest.raises(ConfigError, match="--http"):
        open_port(address)


def test_a_port_that_is_taken_is_told():
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        pytest.raises(ConfigError, match="give another port"),
    ):
        open_port(f"127.0.0.1:{other.getsockname()[1]}")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--root", "none"], "error: none: is no folder; give one with videos\n"),
        (["--http", "0.0.0.0:80"], "error: --http 0.0.0.0:80: give 127.0.0.1:PORT; "),
        (["--model", "no such model"], "error: no model 'no such model'; "),
        (["--model-option", "x"], "error: --model-option x: is not NAME=VALUE"),
    ],
)
def test_wrong_options_are_one_line(tmp_path, arguments, said):
    done = subprocess.run(
        python("-m", "ntlbg.cli", "mcp", *arguments), capture_output=True, text=True, cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1
