"""Servers that are not ours answer, are believed only where they read what was sent."""

import math
import re
from dataclasses import replace

import openai
import pytest
from typer.testing import CliRunner

import ntlbg
from commands import assert_one_error
from fakes import ColourEncoder
from idefics3_folder import PICTURE_TOKENS as IDEFICS_TOKENS
from idefics3_folder import SIDE, write_idefics3
from ntlbg.answerers import load_answerer
from ntlbg.budget import check_used, plan_frames
from ntlbg.cli import app
from ntlbg.errors import EndpointError
from ntlbg.generation import Generation
from ntlbg.question import parse_question
from real_servers import ALIAS, KEY, llama_server, transformers_server
from tiny_encoders import write_tiny_encoder
from tiny_gguf import PICTURE_TOKENS, write_sized_projector
from tiny_vlms import drawn, shown

ASKED, OPTIONS = "Which colour is it?", ["red", "blue", "grey"]
SHORT = Generation(max_new_tokens=6)


@pytest.fixture(autouse=True)
def nothing_of_the_user(monkeypatch, tmp_path):
    monkeypatch.setenv("NTLBG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("NTLBG_ENDPOINT", raising=False)


def given_of(number, plan=None, **more):
    """Pictures of one part of the tiny Idefics3."""
    return shown(drawn(number, SIDE, SIDE), [3.0 * place for place in range(number)], plan, **more)


def plan_of(answerer, number, **more):
    question = parse_question(ASKED)
    return plan_frames(answerer, question, (SIDE, SIDE), 300, num_frames=number,
                       last_seconds=900.0, **more)  # fmt: skip


# llama.cpp


@pytest.fixture(scope="module")
def llama(tiny_gguf):
    with llama_server(tiny_gguf) as address:
        yield address


@pytest.fixture
def ask_llama(llama, colour_video):
    def ask(**how):
        how = {"endpoint": llama, "encoder": ColourEncoder(), "num_frames": 4} | how
        return ntlbg.ask(colour_video, ASKED, model=f"openai:{ALIAS}", **how)

    return ask


def test_llama_answers_and_reads_what_was_planned(ask_llama, llama):
    answer = ask_llama(generation=SHORT)
    assert (answer.model, answer.notes) == (ALIAS, [])
    assert answer.text
    usage = answer.usage
    assert usage["visual_tokens"] == 4 * PICTURE_TOKENS
    assert (usage["answer_tokens"], usage["finish_reason"]) == (6, "length")
    # by another client, of the same frames without their pictures
    times = " ".join(f"<{item.pts_seconds:.1f} seconds>" for item in answer.evidence)
    with openai.OpenAI(base_url=llama, api_key=KEY) as client:
        message = {"role": "user", "content": f"{times} {ASKED}"}
        beside = client.chat.completions.create(model=ALIAS, messages=[message], max_tokens=1)
    assert usage["prompt_tokens"] == usage["visual_tokens"] + beside.usage.prompt_tokens


def test_llama_is_read_along(ask_llama):
    pieces = []
    answer = ask_llama(generation=Generation(max_new_tokens=10), on_text=pieces.append)
    assert len(pieces) > 3
    assert "".join(pieces).strip() == answer.text
    assert answer.usage["answer_tokens"] == 10


def test_llama_keeps_the_cap(ask_llama):
    answer = ask_llama(num_frames=None, max_visual_tokens=200, generation=SHORT)
    assert answer.usage["visual_tokens"] == 3 * PICTURE_TOKENS
    assert len(answer.evidence) == 3


@pytest.mark.parametrize("rotate", [False, True])
def test_llama_tells_the_chances_of_letters(ask_llama, rotate):
    answer = ask_llama(options=OPTIONS, model_options={"logprobs": True, "rotate_options": rotate})
    assert sum(answer.option_scores) == pytest.approx(1)
    assert answer.text == OPTIONS[answer.option_scores.index(max(answer.option_scores))]
    assert math.prod(answer.option_scores) > 0


@pytest.mark.parametrize("key", [None, "sk-not-the-right-one"])
def test_llama_refuses_a_wrong_key(ask_llama, monkeypatch, key):
    if key:
        monkeypatch.setenv("OPENAI_API_KEY", key)
    else:
        monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(EndpointError, match=r"no access \(status 401.*into OPENAI_API_KEY") as why:
        ask_llama()
    assert "sk-" not in str(why.value)


def test_llama_plans_by_its_context(tiny_gguf):
    with llama_server(tiny_gguf, context=1024) as address:
        answerer = load_answerer(f"openai:{ALIAS}", endpoint=address)
        assert answerer.context_length == 1024
        plan, notes = plan_of(answerer, 30)
        assert plan.num_frames < 30
        assert any("reads 1024" in note for note in notes)
        question = parse_question(ASKED)
        reply = answerer.answer(question, given_of(plan.num_frames, plan, generation=SHORT))
        check_used(plan, reply, answerer)
        with pytest.raises(EndpointError, match=r"the prompt is \d+ tokens, the model reads 1024"):
            answerer.answer(question, given_of(20))
        # its pictures take as much in every size
        shrinking = load_answerer(f"openai:{ALIAS}", endpoint=address, options={"shrink": True})
        with pytest.raises(EndpointError, match=r"the prompt is \d+ tokens, the model reads 1024"):
            shrinking.answer(question, given_of(20))


def test_llama_is_shown_smaller_pictures_where_that_is_wanted(tiny_gguf, tmp_path):
    """By a server whose model takes the more tokens, the larger a picture is."""
    files = replace(tiny_gguf, projector=write_sized_projector(tmp_path / "sized.gguf"))
    question = parse_question(ASKED)
    given = shown(drawn(4, 360, 640), [3.0, 6.0, 9.0, 12.0], generation=SHORT)
    with llama_server(files, context=1024) as address:
        plain, shrinking = (
            load_answerer(f"openai:{ALIAS}", endpoint=address, options={"shrink": wanted})
            for wanted in (False, True)
        )
        with pytest.raises(EndpointError, match=r"the prompt is \d+ tokens, the .* --shrink"):
            plain.answer(question, given)
        reply = shrinking.answer(question, given)
        [note] = reply.notes
        width, height = map(int, re.search(r"(\d+)x(\d+) pixels", note).groups())
        assert reply.visual_tokens == plain.cost(4, height, width)
        sizes = plain.picture_sizes(360, 640)
        larger = sizes[sizes.index((height, width)) - 1]
        beside = reply.prompt_tokens - reply.visual_tokens
        assert reply.prompt_tokens <= 1024 < plain.cost(4, *larger) + beside
        # a plan makes it unnecessary
        plan, notes = plan_frames(plain, question, (360, 640), 30, num_frames=4)
        assert sizes.index((plan.height, plan.width)) > 1
        assert plain.answer(question, replace(given, plan=plan)).visual_tokens == plan.visual_tokens
        assert notes == []


def test_llama_takes_no_video_of_frames(ask_llama):
    with pytest.raises(EndpointError, match=r"status 400.*frames_as=video is for servers of vLLM"):
        ask_llama(model_options={"frames_as": "video"})


@pytest.fixture
def words(colour_video, tmp_path_factory):
    """Of the command; frames by an encoder that needs nothing fetched."""
    folder = tmp_path_factory.mktemp("encoder")
    write_tiny_encoder("clip", folder)
    return ["ask", str(colour_video), ASKED, "--model", f"openai:{ALIAS}", "--encoder",
            str(folder), "-k", "4", "--max-new-tokens", "6"]  # fmt: skip


def test_the_command_asks_llama(words, llama, monkeypatch):
    by_option = CliRunner().invoke(app, [*words, "--endpoint", llama, "--json"])
    assert by_option.exit_code == 0, by_option.output
    assert f'"visual_tokens": {4 * PICTURE_TOKENS}' in by_option.stdout
    monkeypatch.setenv("NTLBG_ENDPOINT", llama.removesuffix("/v1"))
    by_variable = CliRunner().invoke(app, words)
    assert by_variable.exit_code == 0, by_variable.output
    assert KEY not in by_option.output + by_variable.output


def test_the_command_says_in_one_line_what_is_wrong(words, llama, monkeypatch):
    for address, said in (
        (None, "NTLBG_ENDPOINT"),
        ("http://127.0.0.1:9", "no server answers there"),
        ("localhost:8000", "is no address of a server"),
        (f"{llama}/nothing", "nothing is served there"),
    ):
        given = [] if address is None else ["--endpoint", address]
        done = CliRunner().invoke(app, [*words, *given])
        assert_one_error(done)
        assert said in done.stderr
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-the-right-one")
    done = CliRunner().invoke(app, [*words, "--endpoint", llama])
    assert_one_error(done)
    assert "OPENAI_API_KEY" in done.stderr
    assert "sk-" not in done.stderr


# transformers serve: it says nothing of its context, and answers prompts beyond it with nonsense

READS = 1024


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serve") / "idefics3"
    write_idefics3(folder, READS)
    return folder


@pytest.fixture(scope="module")
def served(folder):
    with transformers_server(folder, folder.parent) as address:
        yield address


@pytest.fixture
def answerer(served, folder):
    return load_answerer(f"openai:{folder}", endpoint=served)


@pytest.mark.slow
def test_transformers_serve_answers_and_reads_what_was_planned(answerer):
    plan, notes = plan_of(answerer, 4)
    assert notes == []
    per_picture = plan.visual_tokens // 4
    assert plan.visual_tokens == 4 * per_picture
    assert per_picture > IDEFICS_TOKENS  # of each picture twice, with marks between
    pieces = []
    given = given_of(4, plan, generation=SHORT, on_text=pieces.append)
    reply = answerer.answer(parse_question(ASKED), given)
    check_used(plan, reply, answerer, plan.visual_tokens)
    assert reply.visual_tokens == plan.visual_tokens
    assert (bool(reply.text), pieces) == (True, [])  # it counts nothing before it writes
    assert 0 < reply.answer_tokens <= 6


@pytest.mark.slow
def test_transformers_serve_chooses_or_says_that_it_does_not(answerer):
    question = parse_question(ASKED, OPTIONS)
    reply = answerer.answer(question, given_of(3))
    assert reply.option_scores is None
    assert (reply.text in OPTIONS) != any("named none" in note for note in reply.notes)


@pytest.mark.slow
def test_transformers_serve_gives_no_answer_to_what_is_too_long(answerer, served, folder):
    assert answerer.context_length == READS  # as the folder says, which is here
    plan, notes = plan_of(answerer, 60)
    assert any(f"reads {READS}" in note for note in notes)
    reply = answerer.answer(parse_question(ASKED), given_of(plan.num_frames, plan))
    assert reply.prompt_tokens + 256 <= READS
    with pytest.raises(EndpointError, match=rf"was sent \d+ tokens.* reads {READS}, so that its"):
        answerer.answer(parse_question(ASKED), given_of(30, generation=SHORT))
    # the server itself sees nothing wrong
    more = load_answerer(f"openai:{folder}", endpoint=served, options={"context_length": 10**6})
    assert more.answer(parse_question(ASKED), given_of(30, generation=SHORT)).prompt_tokens > READS


@pytest.mark.slow
def test_transformers_serve_has_one_model(served):
    other = load_answerer("openai:nobody/none", endpoint=served)
    with pytest.raises(EndpointError, match="the model asked for is 'nobody/none'"):
        other.cost(1, SIDE, SIDE)
