"""A model of a server: what is sent, what it costs, and that no cut prompt is answered."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

import loopback
import ntlbg
from commands import assert_one_error
from fakes import ColourEncoder
from ntlbg.answerers import load_answerer
from ntlbg.answerers.chat.answerer import LONGEST_SIDES
from ntlbg.budget import plan_frames
from ntlbg.cli import app
from ntlbg.errors import BudgetError, ConfigError, EndpointError
from ntlbg.generation import Generation
from ntlbg.question import parse_question
from ntlbg.selectors import select_frames
from ntlbg.types import AnswerInput, Frames, VideoIndex

HEIGHT, WIDTH = 360, 640
OPTIONS = ["red", "blue", "grey"]
ASKED = "Which colour is it?"


@pytest.fixture(autouse=True)
def nothing_of_the_user(monkeypatch, tmp_path):
    monkeypatch.setenv("NTLBG_CACHE", str(tmp_path / "cache"))
    for name in ("OPENAI_API_KEY", "NTLBG_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server():
    with loopback.Loopback().serving() as running:
        yield running


@pytest.fixture
def ask(server, colour_video):
    """Of the film with a red and a blue moment, pictures of 96 x 64."""

    def asked(question=ASKED, **how):
        options = {"backoff": 0.001, **how.pop("model_options", {})}
        how = {"num_frames": 4, "encoder": ColourEncoder(), "endpoint": server.address} | how
        return ntlbg.ask(colour_video, question, model="openai:tiny", model_options=options, **how)

    return asked


def answerer_of(server, **options):
    return load_answerer("openai:tiny", endpoint=server.address, options=options)


def given_of(number=4, plan=None) -> AnswerInput:
    """Frames of thirty seconds, of 640 x 360 pixels."""
    draw = np.random.default_rng(0)
    features = draw.normal(size=(30, 4)).astype(np.float32)
    chosen = select_frames("uniform", features, number, pts_seconds=np.arange(30.0))
    given = AnswerInput(VideoIndex(np.arange(30.0), {}), features, chosen, plan=plan)
    pictures = draw.integers(0, 256, (number, HEIGHT, WIDTH, 3), np.uint8)
    return replace(given, frames=Frames(pictures, given.times))


def tokens_of(height: int, width: int) -> int:
    """Of one picture, as the server counts."""
    return -(-height // loopback.STEP) * -(-width // loopback.STEP)


def shown(server) -> tuple[str, list[tuple[int, int]]]:
    """Text and pictures of the last question that was answered."""
    bodies = [body for body in server.chats() if body.get("max_tokens") != 1]
    return loopback.read_prompt(bodies[-1])


# Answers


def test_a_question_is_answered(server, ask):
    answer = ask()
    assert (answer.text, answer.model, answer.notes) == ("a red wall", "tiny", [])
    text, sizes = shown(server)
    times = " ".join(f"<{item.pts_seconds:.1f} seconds>" for item in answer.evidence)
    assert text == f"{times} {ASKED}"
    assert sizes == [(96, 64)] * 4
    usage = answer.usage
    assert usage["visual_tokens"] == 4 * tokens_of(64, 96)
    assert usage["prompt_tokens"] == usage["visual_tokens"] + len(text.split()) + 5
    assert (usage["answer_tokens"], usage["finish_reason"]) == (3, "stop")
    body = server.chats()[-2]
    assert (body["temperature"], body["max_tokens"]) == (0, 256)
    assert not {"seed", "top_p"} & body.keys()


def test_what_is_asked_of_the_text(server, ask):
    ask(generation=Generation(temperature=0.5, top_p=0.9, max_new_tokens=7, seed=3))
    body = server.chats()[-2]
    assert (body["temperature"], body["top_p"]) == (0.5, 0.9)
    assert (body["max_tokens"], body["seed"]) == (7, 3)


def test_an_answer_is_read_along_where_it_was_counted_before(server, ask):
    server.counts, pieces = True, []
    assert ask(on_text=pieces.append).text == "a red wall"
    assert pieces == ["a ", "red ", "wall"]


def test_else_it_is_read_when_it_was_checked(server, ask):
    pieces = []
    assert ask(on_text=pieces.append).text == "a red wall"
    assert pieces == ["a red wall"]
    assert not any(body["stream"] for body in server.chats())


@pytest.mark.parametrize("counts", [False, True])
def test_what_does_not_count_is_not_read(server, ask, counts):
    """Cut by a server, beyond a cap, or beyond what the model reads."""
    server.counts, pieces = counts, []
    ask()
    usual = server.reads
    server.reads = lambda tokens: min(tokens, 40)
    with pytest.raises(EndpointError, match="saw less than was sent"):
        ask(on_text=pieces.append)
    if counts:  # as it said before; a server that lies is found out when it has written
        assert pieces.pop(0) == "a "
        pieces.clear()
    server.reads = lambda tokens: usual(tokens) + (1 if tokens > 50 else 0)
    if not counts:
        with pytest.raises(BudgetError, match="read 49 visual tokens"):
            ask(on_text=pieces.append, max_visual_tokens=48)
    server.reads = usual
    with pytest.raises(EndpointError, match="reads 50, so that its answer does not count"):
        answerer_of(server, context_length=50).answer(
            parse_question(ASKED), replace(given_of(1), on_text=pieces.append)
        )
    assert pieces == []


BREAKS = [
    loopback.streamed('data: {"choices": [{"delta": {"content": "a"}}]}'),
    loopback.streamed('data: {"choices": [{"delta": {"content": "a"}}]}', 'data: {"choi'),
    loopback.streamed('data: {"choices": [{"delta": {"content": "a"}}]}',
                      'data: {"error": {"message": "out of memory"}}'),
]  # fmt: skip


@pytest.mark.parametrize("fault", BREAKS)
def test_an_answer_that_breaks_is_not_read(server, ask, fault):
    """Not even where a stream comes that nobody asked for."""
    ask()
    pieces = []
    server.faults[:] = [fault] * 4
    with pytest.raises(EndpointError, match=r"cut off|no answer|out of memory"):
        ask(on_text=pieces.append)
    assert pieces == []


@pytest.mark.parametrize("counts", [False, True])
def test_a_stream_that_does_not_say_what_was_read(server, ask, counts):
    server.counts, server.streams_usage, pieces = counts, False, []
    answer = ask(on_text=pieces.append, max_visual_tokens=48)
    assert (answer.usage["visual_tokens"], "".join(pieces)) == (48, "a red wall")
    assert any("as it counted them before" in note for note in answer.notes) == counts


def test_a_cap_that_is_not_checked_is_an_error(server, ask):
    """By a server that counts until it answers."""
    ask()
    silent = {"choices": [{"message": {"content": "red"}, "finish_reason": "stop"}]}
    pieces = []
    server.faults[:] = [lambda handler: handler.reply(200, silent)]
    with pytest.raises(BudgetError, match="--max-visual-tokens 48 could not be checked"):
        ask(max_visual_tokens=48, on_text=pieces.append)
    assert pieces == []
    server.faults[:] = [lambda handler: handler.reply(200, silent)]
    answer = ask()
    assert (answer.text, answer.usage["visual_tokens"]) == ("red", None)
    assert any("does not say how many tokens" in note for note in answer.notes)


def test_a_failure_that_passes_is_not_seen(server, ask):
    ask()
    server.faults[:] = [loopback.status(429), loopback.drop, loopback.cut]
    assert ask().text == "a red wall"


@pytest.mark.parametrize(("reason", "words"), [
    ("length", "give|let it write more with --max-new-tokens"),
    ("content_filter", "'content_filter'"),
])  # fmt: skip
def test_an_empty_answer_says_why(server, reason, words):
    answerer, question = answerer_of(server), parse_question(ASKED)
    plan, _ = plan_frames(answerer, question, (HEIGHT, WIDTH), 30, num_frames=4)
    empty = {"choices": [{"message": {"content": None}, "finish_reason": reason}]}
    server.faults[:] = [lambda handler: handler.reply(200, empty)]
    reply = answerer.answer(question, given_of(plan=plan))
    assert (reply.text, reply.finish_reason) == ("", reason)
    assert any(words.split("|")[-1] in note for note in reply.notes)


# Options


@pytest.mark.parametrize("answer", ["B", "(B)", "B. blue", "The answer is B.", "It is blue."])
def test_of_options_the_one_that_is_named(server, ask, answer):
    server.answer = lambda text: answer
    found = ask(options=OPTIONS)
    assert (found.text, found.option_scores, found.notes) == ("blue", None, [])
    text, _ = shown(server)
    assert text.endswith(
        "Which colour is it?\nA. red\nB. blue\nC. grey\n"
        "Answer with the option's letter from the given choices directly."
    )


def test_what_names_none_is_not_guessed(server, ask):
    server.answer = lambda text: "A or B"
    found = ask(options=OPTIONS)
    assert (found.text, found.option_scores) == ("A or B", None)
    assert any("named none of the options" in note for note in found.notes)


def test_a_model_that_likes_a_letter_gains_nothing_by_it(server, ask):
    """Each order of the options is asked for; what is said of most is the answer."""
    server.answer = lambda text: "A"
    found = ask(options=OPTIONS, model_options={"rotate_options": True})
    assert any("1 of 3 orders" in note for note in found.notes)

    def by_content(text):
        lines = text.split("\n")[1:-1]
        [letter] = [line[0] for line in lines if line.endswith("grey")]
        return letter if letter != "A" else "?"

    server.answer = by_content
    found = ask(options=OPTIONS, model_options={"rotate_options": True})
    assert found.text == "grey"
    assert any("2 of 3 orders" in note for note in found.notes)


def test_chances_of_options_where_the_server_has_them(server, ask):
    server.first_token = [("B", np.log(0.6)), ("A", np.log(0.2)), ("It", np.log(0.2))]
    found = ask(options=OPTIONS, model_options={"logprobs": True})
    assert found.text == "blue"
    assert found.option_scores == pytest.approx([0.25, 0.75, 0])
    rotated = ask(options=OPTIONS, model_options={"logprobs": True, "rotate_options": True})
    # each option stands once at each letter
    assert rotated.option_scores == pytest.approx([1 / 3] * 3)


def test_without_letters_among_the_likeliest_the_text_is_read(server, ask):
    server.first_token, server.answer = [("It", -0.1)], lambda text: "It is grey."
    found = ask(options=OPTIONS, model_options={"logprobs": True})
    assert (found.text, found.option_scores) == ("grey", None)


# The budget


@pytest.mark.parametrize("cap", [48, 100, 300, 1000, 1103, 1104, 5000])
@pytest.mark.parametrize("counts", [False, True])
def test_pictures_are_as_large_as_the_cap_allows(server, counts, cap):
    server.counts = counts
    answerer, question = answerer_of(server), parse_question(ASKED)
    plan, notes = plan_frames(
        answerer, question, (HEIGHT, WIDTH), 30, num_frames=4, max_visual_tokens=cap
    )
    sides = [WIDTH, *(side for side in LONGEST_SIDES if side < WIDTH)]
    sizes = [(round(HEIGHT * side / WIDTH), side) for side in sides]
    fitting = [size for size in sizes if 4 * tokens_of(*size) <= cap]
    assert (plan.height, plan.width) == fitting[0]
    assert plan.visual_tokens == 4 * tokens_of(*fitting[0])
    reply = answerer.answer(question, given_of(plan=plan))
    assert reply.visual_tokens == plan.visual_tokens
    assert shown(server)[1] == [(plan.width, plan.height)] * 4
    assert (reply.notes, notes) == ((), [])


def test_a_cap_that_no_size_fits(server):
    answerer, question = answerer_of(server), parse_question(ASKED)
    least = 4 * tokens_of(63, 112)
    with pytest.raises(BudgetError, match=f"at least {least} visual tokens"):
        plan_frames(answerer, question, (HEIGHT, WIDTH), 30, num_frames=4,
                    max_visual_tokens=least - 1)  # fmt: skip


def test_few_requests(server):
    """Five sizes at most are tried, and none for the next question."""
    answerer, question = answerer_of(server), parse_question(ASKED)
    size = {"num_frames": 4, "max_visual_tokens": 200}
    plan_frames(answerer, question, (HEIGHT, WIDTH), 30, **size)
    assert len(server.chats()) <= 1 + 5
    before = len(server.chats())
    again = answerer_of(server, shrink=True)  # as in another run: nothing but what is kept
    plan, _ = plan_frames(again, question, (HEIGHT, WIDTH), 30, **size)
    assert len(server.chats()) == before
    again.answer(question, given_of(plan=plan))
    assert len(server.chats()) == before + 2


def test_a_prompt_that_was_cut_in_silence_is_an_error(server, ask):
    ask()
    server.reads = lambda tokens: min(tokens, 40)
    with pytest.raises(EndpointError, match=r"read \d+ tokens of pictures, 48 were planned.*less"):
        ask()


def test_pictures_that_take_more_than_before_are_an_error_once(server, ask, monkeypatch):
    ask()
    usual = server.prompt_tokens

    def more(body):
        return usual(body) + 50 * len(loopback.read_prompt(body)[1])

    monkeypatch.setattr(server, "prompt_tokens", more)
    with pytest.raises(EndpointError, match=r"read 248 tokens of pictures, 48 were planned.*anew"):
        ask()
    assert ask().usage["visual_tokens"] == 248


@pytest.mark.parametrize("more", [-6, -1, 1, 6])
def test_half_a_picture_more_or_less_is_no_error(server, more):
    """A template may write a little more beside pictures; but never beyond a cap."""
    answerer, question = answerer_of(server), parse_question(ASKED)
    plan, _ = plan_frames(answerer, question, (64, 96), 30, num_frames=4)
    assert plan.visual_tokens == 4 * 12
    server.reads = lambda tokens: tokens + (more if tokens > 48 else 0)
    reply = answerer.answer(question, given_of(plan=plan))
    assert reply.visual_tokens == 48 + more
    ntlbg.budget.check_used(plan, reply, answerer)
    if more > 0:
        with pytest.raises(BudgetError, match=f"read {48 + more} visual tokens, 48 were planned"):
            ntlbg.budget.check_used(plan, reply, answerer, 48)


@pytest.mark.parametrize("more", [-7, 7, -48, 300])
def test_more_than_half_a_picture_is(server, more):
    answerer, question = answerer_of(server), parse_question(ASKED)
    plan, _ = plan_frames(answerer, question, (64, 96), 30, num_frames=4)
    server.reads = lambda tokens: tokens + (more if tokens > 48 else 0)
    with pytest.raises(EndpointError, match="48 were planned"):
        answerer.answer(question, given_of(plan=plan))


def test_a_server_that_counts_nothing(server, ask):
    server.usage = False
    answer = ask()
    assert (answer.text, answer.usage["visual_tokens"]) == ("a red wall", None)
    assert any("does not say how many tokens" in note for note in answer.notes)
    with pytest.raises(BudgetError, match="--max-visual-tokens 500 cannot be kept"):
        ask(max_visual_tokens=500)
    assert answerer_of(server).picture_sizes(720, 1280) == [(252, 448)]


# A server that is started anew


def nonsense(tokens):
    return 10**6 * tokens


ODD = {
    "blind": {"reads": lambda tokens: 9},
    "below nothing": {"reads": lambda tokens: -5},
    "too much": {"reads": nonsense},
    "nothing": {"usage": False},
}


@pytest.mark.parametrize("in_process", [False, True])
@pytest.mark.parametrize("how", ODD.values(), ids=ODD)
def test_what_an_odd_server_counted_is_forgotten(server, ask, how, in_process):
    """It may be well when it is asked next; nothing has to be removed by hand."""
    well = {"usage": server.usage, "reads": server.reads}
    answerer, question = answerer_of(server), parse_question(ASKED)
    vars(server).update(how)
    with pytest.raises((EndpointError, BudgetError)):
        plan_frames(answerer, question, (64, 96), 30, num_frames=4, max_visual_tokens=100)
    vars(server).update(well)
    again = answerer if in_process else answerer_of(server)
    plan, _ = plan_frames(again, question, (64, 96), 30, num_frames=4, max_visual_tokens=100)
    assert plan.visual_tokens == 48
    assert again.answer(question, given_of(plan=plan)).visual_tokens == 48


def test_counts_that_were_too_high_are_no_reason_to_refuse_an_answer(server, ask):
    well = server.reads
    server.reads = lambda tokens: 3 * tokens
    ask()
    server.reads = well
    answer = ask()
    assert answer.usage["visual_tokens"] == 48
    assert any("pictures take 48 tokens, 144 were planned" in note for note in answer.notes)
    assert ask().notes == []


def test_a_server_that_counts_from_now_on(server):
    """Of which nobody knew it when the frames were planned."""
    server.usage = False
    answerer, question = answerer_of(server), parse_question(ASKED)
    plan, _ = plan_frames(answerer, question, (64, 96), 30, num_frames=4)
    server.usage = True
    assert "does not say" in answerer.answer(question, given_of(plan=plan)).notes[0]
    plan, _ = plan_frames(answerer, question, (64, 96), 30, num_frames=4)
    assert answerer.answer(question, given_of(plan=plan)).visual_tokens == 48


# A context that is too short


def test_what_a_model_reads_limits_the_frames(server):
    server.listed = {"data": [{"id": "tiny", "max_model_len": 700}]}
    answerer, question = answerer_of(server), parse_question(ASKED)
    plan, notes = plan_frames(answerer, question, (HEIGHT, WIDTH), 30)
    assert plan.num_frames < 30
    assert any("tiny reads 700" in note for note in notes)
    server.context_length = 700
    reply = answerer.answer(question, given_of(plan.num_frames, plan))
    assert reply.prompt_tokens + 256 <= 700
    assert answerer_of(server, context_length=9000).context_length == 9000


@pytest.mark.parametrize("tells", [True, False])
def test_a_prompt_that_is_too_long(server, tells, monkeypatch):
    answerer, question = answerer_of(server), parse_question(ASKED)
    plan, _ = plan_frames(answerer, question, (HEIGHT, WIDTH), 30, num_frames=4)
    server.context_length = 200
    if not tells:
        error = {"error": {"message": "it exceeds the context window", "code": 400}}
        monkeypatch.setattr(loopback, "overflow", lambda tokens, length: error)
    with pytest.raises(EndpointError, match="give fewer frames or --max-visual-tokens"):
        answerer.answer(question, given_of(plan=plan))
    shrinking = answerer_of(server, shrink=True)
    before = len(server.chats())
    reply = shrinking.answer(question, given_of(plan=plan))
    assert reply.text == "a red wall"
    [note] = reply.notes
    _, [size, *_] = shown(server)
    assert f"pictures are shown in {size[0]}x{size[1]} pixels" in note
    assert reply.visual_tokens == 4 * tokens_of(size[1], size[0])
    # the largest of the sizes that the server reads
    larger = min(side for side in LONGEST_SIDES if side > size[0])
    assert reply.prompt_tokens <= 200
    text = reply.prompt_tokens - reply.visual_tokens
    assert text + 4 * tokens_of(round(HEIGHT * larger / WIDTH), larger) > 200
    answers = [body for body in server.chats()[before:] if body["max_tokens"] != 1]
    assert (len(answers) == 2) == tells


def test_no_size_is_small_enough(server):
    answerer, question = answerer_of(server, shrink=True), parse_question(ASKED)
    plan, _ = plan_frames(answerer, question, (HEIGHT, WIDTH), 30, num_frames=4)
    server.context_length = 60
    with pytest.raises(EndpointError, match="the model reads 60"):
        answerer.answer(question, given_of(plan=plan))


def test_a_long_question_is_counted_where_it_matters(server):
    """Else its bytes are an upper bound that takes no request."""
    answerer = answerer_of(server, context_length=500)
    short, long = "Is it red?", "is it red or blue " * 20
    for text, exact in ((short, False), (long, True)):
        question = parse_question(text)
        true = len(text.split()) + 5 + 256 + 3 * 2
        tokens = answerer.text_tokens(question, 3, 20.0)
        assert tokens == true if exact else true <= tokens <= true + len(text) + 5


def test_a_folder_of_the_model_says_what_it_reads(server, tmp_path):
    """Where the server does not: that of transformers answers longer prompts with nonsense."""
    config = {"model_type": "idefics3", "text_config": {"max_position_embeddings": 150}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    name, question = f"openai:{tmp_path}", parse_question(ASKED)
    answerer = load_answerer(name, endpoint=server.address)
    assert answerer.context_length == 150
    with pytest.raises(EndpointError, match=r"was sent \d+ tokens, .* reads 150, so that its"):
        answerer.answer(question, given_of(1))
    server.listed = {"data": [{"id": str(tmp_path), "max_model_len": 9000}]}
    answerer = load_answerer(name, endpoint=server.address)
    assert answerer.context_length == 9000
    assert answerer.answer(question, given_of(1)).text == "a red wall"


# As vLLM takes a video


def test_a_video_in_one_piece(server, ask):
    answer = ask(model_options={"frames_as": "video"})
    body = server.chats()[-2]
    assert loopback.read_prompt(body) == (ASKED, [(96, 64)] * 4)
    told = body["media_io_kwargs"]["video"]
    assert told["duration"] == answer.usage["video_seconds"]
    times = [item.pts_seconds for item in answer.evidence]
    np.testing.assert_allclose(np.array(told["frames_indices"][::2]) / told["fps"], times)
    assert answer.usage["visual_tokens"] == 4 * 12


# Loading


def test_no_server_is_said_before_the_video_is_read(ask):
    with pytest.raises(EndpointError, match="no server answers there"):
        ask(endpoint="http://127.0.0.1:9/v1")


def test_no_address(colour_video):
    with pytest.raises(ConfigError, match="NTLBG_ENDPOINT"):
        ntlbg.ask(colour_video, ASKED, model="openai:tiny")


def test_the_key_of_the_environment(server, ask, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-123456789")
    answer = ask()
    assert {request.headers["authorization"] for request in server.requests} == {
        "Bearer sk-123456789"
    }
    assert "sk-123456789" not in repr(answer) + repr(vars(answerer_of(server)))


def test_a_key_in_an_answer_is_not_shown(server, ask, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-123456789")
    server.answer = lambda text: "it is Bearer sk-123456789, is it"
    pieces = []
    for server.counts in (False, True):
        assert ask(on_text=pieces.append).text == "it is Bearer ***, is it"
    assert "".join(pieces) == 2 * "it is Bearer ***, is it"


def test_what_the_environment_says_now(server, monkeypatch):
    """Another key, or another server, is taken at once."""
    for key in ("sk-123456789", "sk-987654321"):
        monkeypatch.setenv("OPENAI_API_KEY", key)
        answerer_of(server).cost(1, 64, 64)
        assert server.requests[-1].headers["authorization"] == f"Bearer {key}"
    with loopback.Loopback().serving() as other:
        for one in (server, other):
            monkeypatch.setenv("NTLBG_ENDPOINT", one.address)
            assert load_answerer("openai:tiny").client.address == one.address


def test_a_model_without_eyes(server):
    only = {"id": "tiny", "architecture": {"input_modalities": ["text"]}}
    server.listed = {"data": [only]}
    with pytest.raises(ConfigError, match="'tiny' reads text, no pictures"):
        answerer_of(server)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"colour": 1}, "has no option 'colour'; it accepts rotate_options, logprobs, shrink"),
        ({"frames_as": "gif"}, "option frames_as .* got 'gif'"),
        ({"jpeg_quality": 0}, "option jpeg_quality"),
        ({"timeout": 0}, "option timeout"),
    ],
)
def test_options_that_there_are_not(server, options, message):
    with pytest.raises(ConfigError, match=message):
        answerer_of(server, **options)


def test_other_options_are_another_answerer(server):
    prints = {answerer_of(server, **options).fingerprint for options in
              ({}, {"detail": "low"}, {"rotate_options": True})}  # fmt: skip
    assert len(prints) == 3


@pytest.mark.slow
def test_the_command_asks_a_server(server, colour_video, monkeypatch, pytestconfig):
    monkeypatch.delenv("NTLBG_CACHE")  # the parts of the encoder
    monkeypatch.setenv("NTLBG_ENDPOINT", server.address)
    monkeypatch.setattr("ntlbg.answerers.openai.cache_root", lambda: pytestconfig.cache.mkdir("x"))
    command = ["ask", str(colour_video), ASKED, "--model", "openai:tiny", "-k", "2"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "a red wall" in done.stdout
    server.faults[:] = [loopback.status(400, {"error": {"message": "no\nmemory"}})]
    assert_one_error(CliRunner().invoke(app, command))
    server.counts = True
    server.faults[:] = BREAKS[2:]
    done = CliRunner().invoke(app, command)
    assert (done.exit_code, done.stdout) == (2, "a\n")
    assert done.output.startswith("a\nerror: ")
