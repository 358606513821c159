"""GGUF files, by llama.cpp in this process: answers, counts, who is let in, and what is left."""

import gc
import math
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import httpx2
import openai
import psutil
import pytest
from typer.testing import CliRunner

import ntlbg
from commands import assert_one_error
from fakes import ColourEncoder
from ntlbg.answerers.gguf import _cores, load_gguf_answerer
from ntlbg.budget import check_used, plan_frames
from ntlbg.cli import app
from ntlbg.errors import BudgetError, ConfigError, EndpointError, MissingPackage, WeightsError
from ntlbg.generation import Generation
from ntlbg.question import parse_question
from processes import python, started, wait_for
from tiny_encoders import write_tiny_encoder
from tiny_gguf import PICTURE_TOKENS, TRAINED_CONTEXT, write_sized_projector, write_tiny_gguf
from tiny_vlms import drawn, shown

OPTIONS = ["red", "blue", "grey"]
ASKED = "Which colour is it?"
SHORT = Generation(max_new_tokens=6)


@pytest.fixture(scope="module")
def files(tiny_gguf):
    return tiny_gguf


@pytest.fixture(scope="module")
def answerer(files):
    return load(files)


def load(files, **options):
    return load_gguf_answerer(files.model, {"mmproj": files.projector, "threads": 1, **options})


def given_of(number=3, plan=None, **more):
    return shown(drawn(number), [7.5 * place for place in range(number)], plan, **more)


def plan_of(answerer, number=3, question=ASKED, **more):
    plan, _ = plan_frames(answerer, parse_question(question), (90, 160), 30, num_frames=number,
                          last_seconds=30.0, **more)  # fmt: skip
    return plan


# Answers and counts


def test_what_is_read_is_what_was_planned(answerer):
    for number in (1, 2, 3, 9):
        plan = plan_of(answerer, number)
        assert plan.visual_tokens == number * PICTURE_TOKENS
        reply = answerer.answer(parse_question(ASKED), given_of(number, plan, generation=SHORT))
        assert reply.visual_tokens == plan.visual_tokens
        assert (reply.notes, reply.finish_reason, reply.answer_tokens) == ((), "length", 6)
        assert reply.text
        check_used(plan, reply, answerer, plan.visual_tokens)
        beside = answerer.text_tokens(parse_question(ASKED), number, 30.0)
        assert reply.prompt_tokens + 256 <= plan.visual_tokens + beside


def test_the_cap_is_kept(answerer):
    plan, notes = plan_frames(answerer, parse_question(ASKED), (90, 160), 30,
                              max_visual_tokens=5 * PICTURE_TOKENS + 1)  # fmt: skip
    assert plan.num_frames == 5
    assert any(f"the cap is {5 * PICTURE_TOKENS + 1}" in note for note in notes)
    with pytest.raises(BudgetError, match=f"at least {4 * PICTURE_TOKENS} visual tokens"):
        plan_of(answerer, 4, max_visual_tokens=4 * PICTURE_TOKENS - 1)


@pytest.mark.parametrize("cap", [300, 700, 1200, 5000])
def test_pictures_are_as_large_as_the_cap_allows(files, tmp_path, cap):
    sized = replace(files, projector=write_sized_projector(tmp_path / "sized.gguf"))
    answerer, question = load(sized), parse_question(ASKED)
    plan, _ = plan_frames(answerer, question, (360, 640), 30, num_frames=4, max_visual_tokens=cap)
    sizes = answerer.picture_sizes(360, 640)
    fitting = [size for size in sizes if answerer.cost(4, *size) <= cap]
    assert (plan.height, plan.width) == fitting[0]
    given = shown(drawn(4, 360, 640), [1.0, 2.0, 3.0, 4.0], plan, generation=SHORT)
    assert answerer.answer(question, given).visual_tokens == plan.visual_tokens


def test_an_answer_is_read_along(answerer):
    pieces = []
    given = given_of(generation=Generation(max_new_tokens=12), on_text=pieces.append)
    reply = answerer.answer(parse_question(ASKED), given)
    assert len(pieces) > 3
    assert "".join(pieces).strip() == reply.text


def test_pictures_matter_and_so_does_their_order(answerer):
    question = parse_question(ASKED, OPTIONS)
    pictures = drawn(3)
    scores = [
        answerer.answer(question, shown(shape, [1.0, 2.0, 3.0])).option_scores
        for shape in (pictures, pictures[::-1].copy(), 255 - pictures, pictures)
    ]
    assert scores[0] == pytest.approx(scores[3], abs=1e-6)
    for other in scores[1:3]:
        assert max(abs(a - b) for a, b in zip(scores[0], other)) > 1e-5


def test_options_by_the_chances_of_their_letters(answerer):
    """Against another client of the same server."""
    question, given = parse_question(ASKED, OPTIONS), given_of()
    reply = answerer.answer(question, given)
    sender = answerer.client.sender
    key = sender._client.headers["authorization"].removeprefix("Bearer ")
    text = "Which colour is it?\nA. red\nB. blue\nC. grey\n"
    text += "Answer with the option's letter from the given choices directly."
    messages = answerer.writing.request(given.pictures, given.times, 15.0, text)["messages"]
    with openai.OpenAI(base_url=sender.address, api_key=key) as client:
        done = client.chat.completions.create(
            model="tiny", messages=messages, max_tokens=1, temperature=0, logprobs=True,
            top_logprobs=20, extra_body={"cache_prompt": False},
        )  # fmt: skip
    listed = done.choices[0].logprobs.content[0].top_logprobs
    likely = {item.token: math.exp(item.logprob) for item in listed}
    total = sum(likely[letter] for letter in "ABC")
    assert reply.option_scores == pytest.approx(
        [likely[letter] / total for letter in "ABC"], abs=1e-6
    )
    assert reply.text == OPTIONS[max(range(3), key=lambda place: reply.option_scores[place])]
    assert reply.prompt_tokens == done.usage.prompt_tokens


# What it reads at once


def test_a_context_beyond_the_training_is_cut_to_it(answerer, files):
    """As llama.cpp does; and what it really reads is what frames are planned by."""
    assert answerer.options.n_ctx > TRAINED_CONTEXT
    assert answerer.context_length == TRAINED_CONTEXT
    short = load(files, n_ctx=1024)
    assert short.context_length == 1024
    plan, notes = plan_frames(short, parse_question(ASKED), (90, 160), 30, last_seconds=9000.0)
    assert 1 < plan.num_frames < 30
    assert any("tiny reads 1024" in note for note in notes)
    times = [9000.0 + place for place in range(plan.num_frames)]
    given = shown(drawn(plan.num_frames), times, plan)
    reply = short.answer(parse_question(ASKED), given)
    assert reply.prompt_tokens + reply.answer_tokens <= 1024
    assert reply.visual_tokens == plan.visual_tokens


def test_a_prompt_that_is_too_long_is_no_answer(files):
    short = load(files, n_ctx=512)
    with pytest.raises(EndpointError, match=r"the prompt is \d+ tokens, the model reads 512; give"):
        short.answer(parse_question(ASKED), given_of(9))


# Files that are none


def test_no_projector_was_named(files, tmp_path):
    with pytest.raises(ConfigError, match=r"reads text alone.*mmproj=.*mmproj-tiny.gguf"):
        load_gguf_answerer(files.model, {})
    alone = tmp_path / "alone.gguf"
    alone.symlink_to(files.model)
    with pytest.raises(ConfigError, match=r"mmproj=mmproj-model-f16.gguf.*comes with the model"):
        load_gguf_answerer(alone, {})


def other_width(folder: Path) -> Path:
    return write_tiny_gguf(folder, width=32).projector


def cut(path: Path, folder: Path, share: float) -> Path:
    data = path.read_bytes()
    short = folder / path.name
    short.write_bytes(data[: int(len(data) * share)])
    return short


def test_a_length_beyond_the_end_is_not_counted_to(files, tmp_path):
    """Else a damaged number keeps the reader busy for years."""
    content = files.projector.read_bytes()
    at = content.index(b"clip.vision.image_mean") + len("clip.vision.image_mean") + 8
    assert int.from_bytes(content[at : at + 8], "little") == 3
    path = tmp_path / "mmproj.gguf"
    path.write_bytes(content[:at] + (2**62).to_bytes(8, "little") + content[at + 8 :])
    with pytest.raises(WeightsError, match=r"mmproj\.gguf: is damaged or cut off"):
        load_gguf_answerer(files.model, {"mmproj": str(path)})


@pytest.mark.parametrize(("wrong", "message"), [
    (lambda files, tmp: {"model": tmp / "no.gguf"}, "no.gguf: cannot be read .*No such file"),
    (lambda files, tmp: {"model": tmp}, "cannot be read .*Is a directory"),
    (lambda files, tmp: {"projector": tmp / "no.gguf"}, "no.gguf: cannot be read .*No such file"),
    (lambda files, tmp: {"model": Path(__file__)}, "is no GGUF file"),
    (lambda files, tmp: {"projector": Path(__file__)}, "is no GGUF file"),
    (lambda files, tmp: {"model": files.projector}, "is a projector, not a model"),
    (lambda files, tmp: {"projector": files.model}, "is a model, no projector"),
    (lambda files, tmp: {"projector": other_width(tmp)}, "cannot load it with mmproj-tiny.gguf"),
    *((lambda files, tmp, share=share: {"model": cut(files.model, tmp, share)},
       "tiny.gguf: is damaged or cut off") for share in (0.01, 0.5, 0.9999)),
    *((lambda files, tmp, share=share: {"projector": cut(files.projector, tmp, share)},
       "mmproj-tiny.gguf: is damaged or cut off") for share in (0.01, 0.5, 0.9999)),
])  # fmt: skip
def test_wrong_files_are_one_line(files, tmp_path, capfd, wrong, message):
    with pytest.raises(WeightsError, match=message) as found:
        load(replace(files, **wrong(files, tmp_path)))
    assert "\n" not in str(found.value)
    assert capfd.readouterr() == ("", "")  # llama.cpp itself is silent


@pytest.mark.parametrize(("options", "message"), [
    ({"colour": 1}, "has no option 'colour'; it accepts .*mmproj"),
    ({"n_ctx": 10}, "option n_ctx"),
    ({"threads": 0}, "option threads"),
])  # fmt: skip
def test_options_that_there_are_not(files, options, message):
    with pytest.raises(ConfigError, match=message):
        load(files, **options)


def test_the_projector_may_be_below_the_home(files, monkeypatch):
    monkeypatch.setenv("HOME", str(files.projector.parent))
    reply = load(replace(files, projector=Path("~") / files.projector.name)).answer(
        parse_question(ASKED), given_of(generation=SHORT)
    )
    assert reply.text


def test_other_files_or_options_are_another_answerer(files, tmp_path):
    again = write_tiny_gguf(tmp_path)
    prints = {load(one, **options).fingerprint for one, options in
              ((files, {}), (again, {}), (files, {"n_ctx": 1024}))}  # fmt: skip
    assert len(prints) == 3
    assert load(files).fingerprint in prints


@pytest.mark.parametrize(("limit", "threads"), [("1", 1), ("1,2", 1), ("100000", None), ("", None)])
def test_threads_are_limited_as_those_of_other_libraries(monkeypatch, limit, threads):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    free = _cores()
    assert 1 <= free <= len(os.sched_getaffinity(0))
    monkeypatch.setenv("OMP_NUM_THREADS", limit)
    assert _cores() == (threads or free)


def test_without_its_package(files, monkeypatch):
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(MissingPackage, match=r"xllamacpp.*`pip install 'ntlbg-llm\[gguf\]'`"):
        load(files)


# Who is let in, and what is left


def test_the_server_is_for_this_process_alone(answerer):
    listening = [one for one in psutil.Process().net_connections() if one.status == "LISTEN"]
    assert {one.laddr.ip for one in listening} == {"127.0.0.1"}
    address = answerer.client.address
    request = answerer.writing.beside((), ASKED)
    for path in ("chat/completions", "chat/completions/input_tokens", "completions"):
        for headers in ({}, {"authorization": "Bearer 123"}):
            got = httpx2.post(f"{address}/{path}", json=request, headers=headers, trust_env=False)
            assert got.status_code == 401
    assert httpx2.get(address.removesuffix("/v1"), trust_env=False).status_code in (401, 404)


def test_nobody_else_knows_the_key(files):
    one, other = load(files), load(files)
    keys = [each.client.sender._client.headers["authorization"] for each in (one, other)]
    assert keys[0] != keys[1]
    assert len(keys[0]) > 40
    assert keys[0].removeprefix("Bearer ") not in repr(vars(one)) + repr(vars(one.client))


def test_the_server_ends_with_the_answerer(files):
    gc.collect()
    before = psutil.Process().num_threads()
    one = load(files)
    port = httpx2.URL(one.client.address).port
    assert one.answer(parse_question(ASKED), given_of(generation=SHORT)).text
    assert psutil.Process().num_threads() > before
    del one
    gc.collect()
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"http://127.0.0.1:{port}/health", trust_env=False)
    assert psutil.Process().num_threads() <= before


# As a user asks


@pytest.fixture
def words(files, colour_video, tmp_path_factory):
    """Of the command; frames by an encoder that needs nothing fetched."""
    folder = tmp_path_factory.mktemp("encoder")
    write_tiny_encoder("clip", folder)
    options = (f"mmproj={files.projector}", "threads=1")
    return [
        "ask", str(colour_video), ASKED, "--model", str(files.model), "--encoder", str(folder),
        "-k", "4", *(word for option in options for word in ("--model-option", option)),
    ]  # fmt: skip


def test_from_python(files, colour_video):
    answer = ntlbg.ask(
        colour_video, ASKED, options=OPTIONS, model=str(files.model), encoder=ColourEncoder(),
        model_options={"mmproj": files.projector, "threads": 1}, max_visual_tokens=300,
    )  # fmt: skip
    assert answer.text in OPTIONS
    assert sum(answer.option_scores) == pytest.approx(1)
    assert (answer.model, len(answer.evidence)) == ("tiny", 4)
    assert answer.usage["visual_tokens"] == 4 * PICTURE_TOKENS


@pytest.mark.slow
def test_the_command_says_nothing_but_the_answer_and_ends(words):
    done = subprocess.run(
        python("-m", "ntlbg.cli", *words, "--max-new-tokens", 6, "--json"), capture_output=True,
        text=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert f'"visual_tokens": {4 * PICTURE_TOKENS}' in done.stdout


# Whoever runs the tests in the background has interrupts ignored, and so have its children.
INTERRUPTED = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from ntlbg.cli import main
main()
"""


@pytest.mark.slow
def test_an_interrupted_command_ends(words):
    command = python("-c", INTERRUPTED, *words, "--max-new-tokens", 3500)
    with started(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        wait_for(lambda: _is_answering(process.pid), process)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode == 130
    assert b"Traceback" not in said
    assert b"terminate" not in said


def _is_answering(pid: int) -> bool:
    """Whether it is connected to its own server."""
    with suppress(psutil.NoSuchProcess):
        return any(
            one.status == "ESTABLISHED" for one in psutil.Process(pid).net_connections("tcp")
        )
    return False


def test_the_command_refuses_in_one_line(words):
    assert_one_error(CliRunner().invoke(app, [*words, "--model-option", "n_ctx=1"]))
    assert_one_error(CliRunner().invoke(app, [*words, "--endpoint", "http://127.0.0.1:1"]))
