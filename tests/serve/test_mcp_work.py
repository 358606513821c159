"""Work takes time: progress is told, it can be stopped, others wait or go on beside it."""

from itertools import pairwise

import anyio
import anyio.lowlevel
import pytest
from agents import Gate, GatedAnswerer, call, films, talk, text

from fakes import ColourAnswerer, write_colour_video
from ntlbg.errors import WeightsError
from ntlbg.serve import parts
from ntlbg.serve.films import Films
from ntlbg.serve.mcp import make_server
from ntlbg.serve.parts import Parts
from processes import PATIENCE
from text.subtitle_videos import write_with_tracks

LONG = 400  # frames, in batches of 32


@pytest.fixture(scope="module")
def long_film(tmp_path_factory):
    folder = tmp_path_factory.mktemp("long")
    write_colour_video(folder / "long.mp4", duration=LONG)
    write_colour_video(folder / "other.mp4", duration=20)
    return folder


@pytest.fixture
def gated(long_film, tmp_path):
    """A server whose encoder stops after two batches, and that encoder."""
    answerer = GatedAnswerer()
    yield make_server(films(long_film, tmp_path / "index", answerer)), answerer.encoder
    answerer.encoder.open()


async def reached(gate: Gate) -> None:
    with anyio.fail_after(PATIENCE):
        while not gate.stands.is_set():
            await anyio.sleep(0.01)


async def heeded(gate: Gate) -> None:
    """Open it when the word that a call is cancelled has gone round: all is in this one loop."""
    for _ in range(200):
        await anyio.lowlevel.checkpoint()
    gate.open()


async def begun(group, client, tool, **arguments):
    """A call in the background, with what it told and gave."""
    told, replies, scope = [], [], anyio.CancelScope()

    async def note(progress, total, message):
        told.append((progress, total, message))

    async def work():
        with scope:
            replies.append(await client.call_tool(tool, arguments, progress_callback=note))

    group.start_soon(work)
    return told, replies, scope


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_progress_is_told_and_grows_to_the_whole(long_film, tmp_path, mode):
    told = []

    async def read(client):
        async def note(progress, total, message):
            told.append((progress, total, message))

        return await client.call_tool("index_video", {"video": "long.mp4"}, progress_callback=note)

    result = talk(make_server(films(long_film, tmp_path / "index")), read, mode)
    assert not result.is_error
    shares = [progress for progress, _, _ in told]
    assert len(shares) > 8
    assert all(before < after for before, after in pairwise(shares))
    assert shares[-1] == 1.0
    assert {total for _, total, _ in told} == {1.0}
    assert told[0][2] == "reading long.mp4"


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_reading_a_film_can_be_cancelled_and_goes_on_later(gated, mode):
    server, gate = gated

    async def cancelled(client):
        async with anyio.create_task_group() as group:
            told, replies, scope = await begun(group, client, "index_video", video="long.mp4")
            await reached(gate)
            scope.cancel()
            await heeded(gate)
        after = await client.call_tool("ask_video", {"video": "other.mp4", "question": "red?"})
        return told, replies, after, gate.encoded

    told, replies, after, encoded = talk(server, cancelled, mode)
    assert not replies
    assert told[-1][0] < 0.5
    assert not after.is_error
    assert encoded < LONG  # of both films
    assert "400 frames" in text(call(server, "index_video", video="long.mp4"))


def test_a_client_that_goes_away_stops_its_work(gated):
    server, gate = gated

    async def left(client):
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                await begun(group, client, "index_video", video="long.mp4")
                await reached(gate)
                scope.cancel()
                with anyio.CancelScope(shield=True):
                    await heeded(gate)

    talk(server, left)
    assert gate.encoded < LONG


def test_others_are_answered_meanwhile_and_what_needs_the_model_waits(gated):
    server, gate = gated

    async def meanwhile(client):
        async with anyio.create_task_group() as group:
            _, first, _ = await begun(group, client, "index_video", video="long.mp4")
            await reached(gate)
            told, second, _ = await begun(
                group, client, "ask_video", video="other.mp4", question="Is it red?"
            )
            facts = await client.call_tool("video_info", {"video": "other.mp4"})
            shown = await client.call_tool("get_frames", {"video": "other.mp4", "times": [1]})
            while not told:
                await anyio.sleep(0.01)
            waiting = told[0][2], list(first), list(second)
            gate.open()
        return facts, shown, waiting, first[0], second[0]

    facts, shown, waiting, first, second = talk(server, meanwhile)
    assert not facts.is_error
    assert not shown.is_error
    assert waiting == ("waiting for another job to end", [], [])
    assert "400 frames" in text(first)
    assert text(second).startswith("red")


def test_calls_about_one_film_at_once_do_not_disturb_each_other(long_film, tmp_path):
    """Its subtitles are inside it: they are looked for once, and kept."""
    cues = [("The first.", 5, 30), ("And the second.", 40, 70)]
    place = tmp_path / "films"
    place.mkdir()
    write_with_tracks(place / "tracks.mkv", [("ass", "eng", cues)])
    film = {"video": "tracks.mkv"}
    calls = [("get_transcript", film), ("video_info", film), ("get_chapters", film),
             ("ask_video", film | {"question": "Is it red?"})] * 3  # fmt: skip
    replies = []

    async def at_once(client):
        async def one(tool, arguments):
            replies.append(await client.call_tool(tool, arguments))

        async with anyio.create_task_group() as group:
            for tool, arguments in calls:
                group.start_soon(one, tool, arguments)

    talk(make_server(films(place, tmp_path / "index")), at_once)
    assert [text(reply) for reply in replies if reply.is_error] == []
    assert sum("And the second." in text(reply) for reply in replies) >= 3


def test_who_waits_can_give_up(gated):
    server, gate = gated

    async def gave_up(client):
        async with anyio.create_task_group() as group:
            await begun(group, client, "index_video", video="long.mp4")
            await reached(gate)
            told, _, scope = await begun(
                group, client, "ask_video", video="other.mp4", question="Is it red?"
            )
            while not told:
                await anyio.sleep(0.01)
            scope.cancel()
            await heeded(gate)
        return await client.call_tool("ask_video", {"video": "other.mp4", "question": "red?"})

    assert not talk(server, gave_up).is_error


def test_the_model_is_loaded_once_and_again_where_that_failed(folder, tmp_path, monkeypatch):
    loads = []

    def load(model, **others):
        loads.append(model)
        if len(loads) == 1:
            raise WeightsError("its parts are missing; run `ntlbg fetch`")
        return load_system(ColourAnswerer())

    load_system = parts.load_system
    monkeypatch.setattr(parts, "load_system", load)
    known = films(folder, tmp_path / "index")
    server = make_server(Films(known.roots, Parts("somebody/something"), known.index))
    asked = {"video": "film.mp4", "question": "Is it red?"}
    failed = call(server, "ask_video", **asked)
    assert (failed.is_error, text(failed)) == (True, "its parts are missing; run `ntlbg fetch`")
    assert not loads[1:]
    for tool in ("ask_video", "find_moments"):
        assert not call(server, tool, **asked).is_error
    assert loads == ["somebody/something"] * 2


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (MemoryError(), "not enough memory"),
        (ZeroDivisionError("a secret of ours"), "Error executing tool ask_video"),
    ],
)
def test_faults_are_told_without_a_traceback(folder, tmp_path, error, said):
    class Broken(ColourAnswerer):
        def answer(self, question, given):
            raise error

    server = make_server(films(folder, tmp_path / "index", Broken()))
    failed = call(server, "ask_video", video="film.mp4", question="Is it red?")
    assert failed.is_error
    assert said in text(failed)
    assert "secret" not in text(failed)
    assert "Traceback" not in text(failed)
    assert not call(server, "video_info").is_error
