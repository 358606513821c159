"""OpenAI's own client asks about films: whole, in pieces, by options, about a picture, in turn."""

import base64
import io
import json

import httpx2
import openai
import pytest
from agents import films
from PIL import Image
from programs import RED, client, film, picture, question, said, serving, text, user

import ntlbg
from fakes import COLOURS, ColourAnswerer, ColourEncoder
from ntlbg.errors import EndpointError
from ntlbg.index.store import FeatureIndex
from ntlbg.serve.completions.asked import SYSTEM_NOTE
from ntlbg.serve.films import Films
from ntlbg.serve.parts import Parts
from ntlbg.serve.roots import Roots
from tiny_vlms import make_vlm

OWN = ("evidence", "quotations", "found", "option_scores")
WITH_USAGE = {"stream": True, "stream_options": {"include_usage": True}}


@pytest.fixture
def index(tmp_path):
    return tmp_path / "index"


@pytest.fixture
def asking(folder, index):
    """The client of a server that knows three colours."""
    with client(folder, index) as asking:
        yield asking


def answer_to(asking, *messages, **more):
    """The whole answer."""
    return asking.chat.completions.create(**question(*messages, **more))


def own(**wishes):
    """As the client is given fields that it does not know."""
    return {"extra_body": {"ntlbg": wishes}}


def coloured(name, kind="PNG", size=(80, 60)):
    """A data URL of a picture of one colour."""
    file = io.BytesIO()
    Image.new("RGB", size, COLOURS[name]).save(file, kind)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"


def direct(video, index, words=RED, **asked):
    """The product's own answer, without a server."""
    return ntlbg.ask(video, words, model=ColourAnswerer(), index=FeatureIndex(index), **asked)


def test_an_answer_is_that_of_the_product_with_its_evidence(asking, folder, tmp_path):
    answered = answer_to(
        asking, **own(num_frames=4, max_visual_tokens=4, start_seconds=2, end_seconds=30)
    )
    expected = direct(folder / "film.mp4", tmp_path / "another", num_frames=4, start=2, end=30,
                      max_visual_tokens=4)  # fmt: skip
    record = expected.to_dict()
    assert answered.choices[0].message.content == expected.text == "red"
    assert answered.choices[0].finish_reason == "stop"
    assert {name: answered.ntlbg[name] for name in OWN} == {name: record[name] for name in OWN}
    assert answered.ntlbg["notes"][: len(expected.notes)] == list(dict.fromkeys(expected.notes))
    assert answered.ntlbg["usage"]["frames_used"] == record["usage"]["frames_used"]
    assert answered.ntlbg["unit"] == "similarity"
    assert answered.usage.prompt_tokens_details.visual_tokens == len(expected.evidence)


def test_quotations_are_those_of_the_product(asking, folder, tmp_path):
    words = "How much was paid for seeds?"
    answered = answer_to(asking, user(film("talks/talk.mp4"), text(words)))
    expected = direct(folder / "talks" / "talk.mp4", tmp_path / "another", words).to_dict()
    assert answered.ntlbg["quotations"] == expected["quotations"]
    assert any("four hundred" in one["text"] for one in answered.ntlbg["quotations"])
    without = answer_to(asking, user(film("talks/talk.mp4"), text(words)), **own(subtitles="none"))
    assert without.ntlbg["quotations"] == []
    other = answer_to(asking, user(film(), text(words)), **own(subtitles="talks/talk.srt"))
    assert other.ntlbg["quotations"] == expected["quotations"]


def test_options_are_chosen_among(asking):
    chosen = answer_to(asking, **own(options=["blue", "red", "green"]), temperature=0)
    assert chosen.choices[0].message.content == "red"
    assert chosen.ntlbg["option_scores"] == pytest.approx([0.05, 0.9, 0.05])
    chunks = [*answer_to(asking, **own(options=["blue", "red"]), stream=True)]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "red"
    with pytest.raises(openai.BadRequestError, match="temperature would do nothing"):
        answer_to(asking, **own(options=["blue", "red"]), temperature=0.5)


def test_a_stream_has_the_parts_that_clients_expect(asking):
    whole = answer_to(asking)
    first, *pieces, last, usage = answer_to(asking, **WITH_USAGE)
    assert (first.choices[0].delta.role, first.choices[0].delta.content) == ("assistant", "")
    assert [piece.choices[0].delta.content for piece in pieces] == ["red"]
    assert [chunk.choices[0].finish_reason for chunk in (first, *pieces)] == [None, None]
    assert (last.choices[0].finish_reason, last.choices[0].delta.content) == ("stop", None)
    assert {name: last.ntlbg[name] for name in OWN} == {name: whole.ntlbg[name] for name in OWN}
    assert (usage.choices, usage.usage) == ([], whole.usage)
    chunks = [first, *pieces, last, usage]
    assert len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}) == 1
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert all(chunk.usage is None for chunk in chunks[:-1])
    *_, last = answer_to(asking, stream=True)
    assert (last.choices[0].finish_reason, last.usage) == ("stop", None)


def test_a_stream_says_how_far_the_film_is_read_and_ends_with_a_word(folder, index):
    with serving(films(folder, index)) as address:
        for is_read in (False, True):
            answered = httpx2.post(f"{address}/chat/completions", json=question(stream=True))
            *blocks, end = answered.text.split("\n\n")
            assert end == ""
            assert blocks[-1] == "data: [DONE]"
            assert answered.headers["content-type"].startswith("text/event-stream")
            comments = [block for block in blocks if block.startswith(":")]
            assert comments == ([] if is_read else [": reading film.mp4 80 %",
                                                    ": reading film.mp4 100 %"])  # fmt: skip
            data = [block[6:] for block in blocks[:-1] if not block.startswith(":")]
            assert len(blocks) == len(comments) + len(data) + 1
            assert json.loads(data[0])["choices"][0]["delta"]["role"] == "assistant"


@pytest.mark.slow
def test_a_model_that_writes_is_read_piece_by_piece(folder, index, tmp_path):
    """A small random one: its words mean nothing, and each comes when it is written."""
    model = make_vlm("qwen2_5_vl", tmp_path / "tiny-vl")
    parts = Parts(str(model), encoder=ColourEncoder())
    asked = Films(Roots([folder]), parts, FeatureIndex(index))
    expected = ntlbg.ask(folder / "film.mp4", RED, model=parts.system, index=FeatureIndex(index),
                         num_frames=2, generation=ntlbg.Generation(max_new_tokens=48))  # fmt: skip
    wishes = {"max_tokens": 48, **own(num_frames=2)}
    with serving(asked) as address, openai.OpenAI(base_url=address, api_key="any") as asking:
        assert [one.id for one in asking.models.list()] == ["ntlbg", "tiny-vl"]
        whole = answer_to(asking, **wishes)
        *chunks, usage = answer_to(asking, **wishes, **WITH_USAGE)
        drawn = [answer_to(asking, **wishes, temperature=1.5, seed=seed) for seed in (1, 1, 2)]
    assert whole.choices[0].message.content == expected.text
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks]
    assert sum(map(bool, pieces)) > 3
    assert "".join(pieces).strip() == expected.text.strip()
    assert chunks[-1].choices[0].finish_reason == expected.usage["finish_reason"]
    assert usage.usage == whole.usage
    assert whole.usage.prompt_tokens == expected.usage["prompt_tokens"]
    assert whole.usage.completion_tokens == expected.usage["answer_tokens"]
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
    first, again, other = (one.choices[0].message.content for one in drawn)
    assert first == again != other


def test_tokens_that_nobody_counted_are_said_to_be_unknown(asking):
    answered = answer_to(asking)
    assert (answered.usage.prompt_tokens, answered.usage.total_tokens) == (0, 0)
    assert any("were not counted" in note for note in answered.ntlbg["notes"])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_is_asked_about_and_leaves_nothing(asking, index, kind):
    for name in ("red", "blue"):
        answered = answer_to(asking, user(text(f"Is it {name}?"), picture(coloured(name, kind))))
        assert answered.choices[0].message.content == name
        assert len(answered.ntlbg["evidence"]) == 1
    other = answer_to(asking, user(picture(coloured("red", kind)), text("Is it blue?")))
    assert other.choices[0].message.content == "no"
    assert [path for path in index.rglob("*") if path.is_file()] == []


def test_the_last_picture_is_asked_about(asking):
    begun = [user(picture(coloured("red")), text(RED)), said("red")]
    follow = answer_to(asking, *begun, user(text("Is it blue?")))
    moved = answer_to(asking, *begun, user(picture(coloured("blue")), text("Is it blue?")))
    assert follow.choices[0].message.content == "no"
    assert moved.choices[0].message.content == "blue"
    noted = [
        any("another picture" in note for note in one.ntlbg["notes"]) for one in (follow, moved)
    ]
    assert noted == [False, True]


def test_a_conversation_stays_with_its_film_until_another_is_shown(asking, folder):
    begun = [user(film("talks/talk.mp4"), text(RED)), said("red")]
    follow = answer_to(asking, *begun, {"role": "user", "content": "Is it blue?"})
    assert follow.choices[0].message.content == "blue"
    assert follow.ntlbg["usage"]["passages"] == 3  # of that film
    assert any("reads no earlier questions" in note for note in follow.ntlbg["notes"])
    moved = answer_to(asking, *begun, user(film(), text("Is it blue?")))
    assert moved.ntlbg["usage"]["passages"] == 0
    assert any("another film" in note for note in moved.ntlbg["notes"])
    assert not any("reads no earlier" in note for note in moved.ntlbg["notes"])
    system = {"role": "system", "content": "Be brief."}
    assert answer_to(asking, system, user(film(), text(RED))).ntlbg["notes"][0] == SYSTEM_NOTE


def test_a_film_can_be_named_in_many_ways(asking, folder):
    (folder / "ein schöner film.mp4").symlink_to("film.mp4")
    path = str(folder / "film.mp4")
    names = ["film.mp4", "./talks/../film.mp4", path, f"file://{path}", f"file://localhost{path}",
             f"file://{folder}/ein%20sch%C3%B6ner%20film.mp4"]  # fmt: skip
    for name in names:
        assert answer_to(asking, user(film(name), text(RED))).choices[0].message.content == "red"
    plain = {"role": "user", "content": RED}
    assert answer_to(asking, plain, **own(video="film.mp4")).choices[0].message.content == "red"


def test_models_are_listed_and_others_are_not_found(asking):
    assert [one.id for one in asking.models.list()] == ["ntlbg", "colours"]
    assert asking.models.retrieve("colours").id == "colours"
    assert answer_to(asking, model="colours").model == "colours"
    with pytest.raises(openai.NotFoundError, match="there are: ntlbg, colours"):
        asking.models.retrieve("gpt-4o")
    with pytest.raises(openai.NotFoundError, match="there are: ntlbg, colours") as missing:
        answer_to(asking, model="gpt-4o")
    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")


def test_text_alone_is_told_which_films_there_are(asking):
    with pytest.raises(openai.BadRequestError, match=r"film\.mp4, talks/talk\.mp4") as refused:
        answer_to(asking, {"role": "user", "content": RED})
    assert refused.value.code == "no_video"


def test_errors_of_the_product_have_a_status_before_a_stream_begins(asking, folder):
    (folder / "cut.mp4").write_bytes((folder / "film.mp4").read_bytes()[:2000])
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError, match=r"cut\.mp4"):
            answer_to(asking, user(film("cut.mp4"), text(RED)), stream=stream)
        with pytest.raises(openai.NotFoundError, match="is a folder"):
            answer_to(asking, user(film("talks"), text(RED)), stream=stream)
        with pytest.raises(openai.BadRequestError, match="least"):
            answer_to(asking, **own(num_frames=4, max_visual_tokens=1), stream=stream)


class Failing(ColourAnswerer):
    """Writes a piece, or none, and then fails."""

    def __init__(self, error, *pieces):
        super().__init__()
        self.error, self.pieces = error, pieces

    def answer(self, question, given):
        for piece in self.pieces:
            given.on_text(piece)
        raise self.error


def test_an_error_in_a_stream_is_told_in_it(folder, index):
    error = EndpointError("http://localhost:1/v1: the connection broke; start it again")
    with client(folder, index, Failing(error)) as asking:
        for stream in (False, True):
            answer_to_fails(asking, openai.InternalServerError, "start it again", stream=stream)
    with client(folder, index, Failing(error, "It ")) as asking:
        answer_to_fails(asking, openai.InternalServerError, "start it again")
        chunks = iter(answer_to(asking, stream=True))
        assert [next(chunks).choices[0].delta.content for _ in range(2)] == ["", "It "]
        with pytest.raises(openai.APIError, match="start it again") as broken:
            next(chunks)
        assert broken.value.type == "server_error"


def answer_to_fails(asking, kind, words, **more):
    with pytest.raises(kind, match=words) as failed:
        [*answer_to(asking, **more)]
    assert failed.value.status_code >= 500
    assert failed.value.response.headers["x-should-retry"] == "false"


def test_what_nobody_foresaw_is_in_the_log_and_not_told(folder, index, caplog):
    with client(folder, index, Failing(ZeroDivisionError("a secret of ours"))) as asking:
        for stream in (False, True):
            answer_to_fails(asking, openai.InternalServerError, "its log says why", stream=stream)
    assert caplog.text.count("a secret of ours") == 2
    with (
        client(folder, index, Failing(ZeroDivisionError("a secret of ours"), "It ")) as asking,
        pytest.raises(openai.APIError) as failed,
    ):
        [*answer_to(asking, stream=True)]
    assert "secret" not in str(failed.value)
    assert "Traceback" not in str(failed.value.body)


@pytest.mark.parametrize(
    ("error", "words"),
    [(OSError(28, "No space left on device"), "No space left"), (MemoryError(), "enough memory")],
)
def test_what_the_machine_has_not_is_told(folder, index, error, words):
    with client(folder, index, Failing(error)) as asking:
        answer_to_fails(asking, openai.InternalServerError, words)
