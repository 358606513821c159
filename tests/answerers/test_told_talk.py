"""Earlier turns in prompts: as turns of user and assistant, before the pictures."""

import json
from dataclasses import replace

import pytest
from transformers import ProcessorMixin

import ntlbg
from loopback import Loopback
from ntlbg.answerers import load_answerer
from ntlbg.answerers.transformers import load_transformers_answerer
from ntlbg.generation import Generation
from ntlbg.question import parse_question
from ntlbg.types import Turn
from tiny_vlms import FAMILIES, Colours, drawn, shown

TALK = (
    Turn("Is there a dog?", "Yes, two <|im_end|> dogs."),
    Turn("Which breed?", "Collies."),
)
NATIVE = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl")
GIVEN = shown(drawn(2), [3.0, 62.0])


def text_of(answerer, given):
    (prompt,) = answerer.shown.prompts(given, ["And why?"])
    with prompt.reading() as inputs:
        assert inputs["input_ids"].shape[1] == prompt.tokens
        return prompt, answerer.processor.tokenizer.decode(inputs["input_ids"][0])


def templated(answerer, given):
    """The same turns, for transformers' own call."""
    return [
        {"role": role, "content": [{"type": "text", "text": answerer.processor.plain(text)}]}
        for turn in given.talk
        for role, text in (("user", turn.question), ("assistant", turn.answer))
    ]


def check(answerer):
    given = replace(GIVEN, talk=TALK)
    (plain, without), (told, text) = text_of(answerer, GIVEN), text_of(answerer, given)
    spoken = ProcessorMixin.apply_chat_template(
        answerer.processor.processor, templated(answerer, given), tokenize=False
    )
    assert spoken.replace(" ", "") in text.replace(" ", "")
    places = [text.index(piece) for piece in ("a dog?", "dogs.", "breed?", "Collies.", "3.0 sec")]
    assert places == sorted(places)
    assert told.tokens - plain.tokens == answerer.talk_tokens(TALK)
    assert told.visual_tokens == plain.visual_tokens
    assert "Collies" not in without


@pytest.mark.parametrize("family", FAMILIES)
def test_turns_come_before_the_pictures(vlm_folders, family):
    check(load_transformers_answerer(str(vlm_folders[family]), {}))


@pytest.mark.parametrize("family", NATIVE)
def test_turns_come_before_a_video(vlm_folders, family):
    answerer = load_transformers_answerer(str(vlm_folders[family]), {"frames_as": "video"})
    given = replace(GIVEN, talk=TALK)
    (plain, _), (told, text) = text_of(answerer, GIVEN), text_of(answerer, given)
    mark = answerer.processor.tokenizer.decode([answerer.model.config.video_token_id])
    assert text.index("a dog?") < text.index("Collies.") < text.index(mark)
    assert told.tokens - plain.tokens == answerer.talk_tokens(TALK)


def test_an_answer_depends_on_what_was_said(vlm_folders):
    """With options, whose chances tell the smallest difference."""
    answerer = load_transformers_answerer(str(vlm_folders["qwen2_5_vl"]), {})
    question = parse_question("And why?", ["It rains", "It barks"])
    plain, told = (answerer.answer(question, replace(GIVEN, talk=t)) for t in ((), TALK))
    assert plain.option_scores != told.option_scores


@pytest.mark.parametrize("family", ["qwen2_5_vl", "smolvlm"])
def test_what_was_planned_for_a_talk_is_used(vlm_folders, colour_video, tmp_path, family):
    model = ntlbg.load_system(str(vlm_folders[family]), encoder=Colours())

    def used(talk):
        return ntlbg.ask(
            colour_video, "Is it red?", model=model, num_frames=3, talk=talk,
            index=ntlbg.FeatureIndex(tmp_path / "index"), generation=Generation(max_new_tokens=2),
        ).usage  # fmt: skip

    plain, talked = used(()), used(TALK)
    more = model.answerer.talk_tokens(TALK)
    assert talked["prompt_tokens"] - plain["prompt_tokens"] == more > 0
    assert talked["visual_tokens"] == plain["visual_tokens"]


def ask_server(server, colour_video, tmp_path, talk, **options):
    return ntlbg.ask(
        colour_video, "Is it red?", model="openai:tiny", endpoint=server.address,
        encoder=Colours(), num_frames=3, index=ntlbg.FeatureIndex(tmp_path / "index"), talk=talk,
        model_options=options,
    )  # fmt: skip


@pytest.mark.parametrize("counts", [True, False])
def test_a_server_is_sent_turns_and_what_it_read_is_checked(
    colour_video, tmp_path, monkeypatch, counts
):
    monkeypatch.setenv("NTLBG_CACHE", str(tmp_path / "cache"))
    with Loopback(counts=counts).serving() as server:
        plain = ask_server(server, colour_video, tmp_path, ())
        body = [b for b in server.chats() if b["max_tokens"] > 1][-1]
        assert [message["role"] for message in body["messages"]] == ["user"]
        told = ask_server(server, colour_video, tmp_path, TALK)
        body = [b for b in server.chats() if b["max_tokens"] > 1][-1]
    *earlier, last = body["messages"]
    assert earlier == [
        {"role": "user", "content": "Is there a dog?"},
        {"role": "assistant", "content": "Yes, two <|im_end|> dogs."},
        {"role": "user", "content": "Which breed?"},
        {"role": "assistant", "content": "Collies."},
    ]
    assert sum(part["type"] == "image_url" for part in last["content"]) == 3
    assert "image_url" not in json.dumps(earlier)
    assert told.usage["visual_tokens"] == plain.usage["visual_tokens"]
    words = sum(len(f"{turn.question} {turn.answer}".split()) for turn in TALK)
    assert told.usage["prompt_tokens"] == plain.usage["prompt_tokens"] + words


def test_a_server_counts_a_talk_that_may_be_long(tmp_path, monkeypatch):
    monkeypatch.setenv("NTLBG_CACHE", str(tmp_path / "cache"))
    long = [Turn("why " * 300, "so " * 300)]
    with Loopback(counts=True).serving() as server:
        answerer = load_answerer(
            "openai:tiny", endpoint=server.address, options={"context_length": 2000}
        )
        assert 600 <= answerer.talk_tokens(long) < 620
        assert answerer.talk_tokens(TALK) >= 14  # by bytes, without a request


@pytest.mark.slow
def test_a_gguf_model_reads_turns(tiny_gguf, colour_video, tmp_path):
    model = ntlbg.load_system(
        str(tiny_gguf.model), model_options={"mmproj": str(tiny_gguf.projector)}, encoder=Colours()
    )

    def used(talk):
        return ntlbg.ask(
            colour_video, "Is it red?", model=model, num_frames=2, talk=talk,
            index=ntlbg.FeatureIndex(tmp_path / "index"), generation=Generation(max_new_tokens=2),
        ).usage  # fmt: skip

    plain, talked = used(()), used(TALK)
    assert talked["visual_tokens"] == plain["visual_tokens"]
    more = talked["prompt_tokens"] - plain["prompt_tokens"]
    assert 0 < more <= model.answerer.talk_tokens(TALK)
