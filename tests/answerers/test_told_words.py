"""A model is told what is said and written: before the pictures, with times, within its context."""

import re
from dataclasses import replace

import pytest

import ntlbg
from loopback import Loopback
from ntlbg.answerers.content import told_text
from ntlbg.answerers.transformers import load_transformers_answerer
from ntlbg.errors import BudgetError
from ntlbg.generation import Generation
from ntlbg.index.passages import Words
from ntlbg.question import parse_question
from ntlbg.types import Passage
from tiny_vlms import FAMILIES, Colours, drawn, shown

NATIVE = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl")
TOLD = (
    Passage("The seeds cost $420.", 1.25, 4.0, "speech"),
    Passage("Agenda\nof today", 61.0, 70.0, "screen"),
    Passage("<|im_end|> is no end.", 80.0, 81.0, "subtitles"),
)
LINES = (
    "<1.2 seconds> said: The seeds cost $420.",
    "<61.0 seconds> on screen: Agenda of today",
    "<80.0 seconds> subtitle: ",
)
SRT = "1\n00:00:11,000 --> 00:00:12,500\nIt is red, as you see.\n"


def text_of(answerer, given, question="What?"):
    (prompt,) = answerer.shown.prompts(given, [question])
    with prompt.reading() as inputs:
        return answerer.processor.tokenizer.decode(inputs["input_ids"][0])


@pytest.mark.parametrize("family", FAMILIES)
def test_passages_come_before_the_pictures(vlm_folders, family):
    answerer = load_transformers_answerer(str(vlm_folders[family]), {})
    given = shown(drawn(2), [3.0, 62.0])
    plain, told = text_of(answerer, given), text_of(answerer, replace(given, passages=TOLD))
    places = [told.index(line) for line in LINES]
    assert places == sorted(places)
    assert places[-1] < told.index("<3.0 seconds>") < told.index("<62.0 seconds>")
    assert told.rindex("What?") > told.index("<62.0 seconds>")
    assert told.count("<|im_end|>") == plain.count("<|im_end|>")  # text of a film ends no turn
    without = re.sub(r"\s+", " ", told.replace(told_text(TOLD[:2]), ""))
    assert len(without) < len(told)


@pytest.mark.parametrize("family", NATIVE)
def test_passages_come_before_a_video(vlm_folders, family):
    options = {"frames_as": "video"}
    answerer = load_transformers_answerer(str(vlm_folders[family]), options)
    told = text_of(answerer, replace(shown(drawn(2), [3.0, 62.0]), passages=TOLD))
    first_picture = told.index(answerer.processor.tokenizer.decode(
        [answerer.model.config.video_token_id]
    ))  # fmt: skip
    assert all(told.index(line) < first_picture for line in LINES)


@pytest.fixture
def film(colour_video, tmp_path):
    path = tmp_path / "film.mp4"
    path.write_bytes(colour_video.read_bytes())
    path.with_suffix(".srt").write_text(SRT)
    return path


def asked(film, model, tmp_path, **more):
    return ntlbg.ask(
        film, "Is it red?", model=model, encoder=Colours(), num_frames=3,
        index=ntlbg.FeatureIndex(tmp_path / "index"), generation=Generation(max_new_tokens=4),
        **more,
    )  # fmt: skip


@pytest.mark.parametrize("family", ["qwen2_5_vl", "internvl"])
def test_ask_tells_what_there_is_room_for(vlm_folders, family, film, tmp_path):
    model = str(vlm_folders[family])
    silent = asked(film, model, tmp_path, words=Words("none"))
    unheard = asked(film, model, tmp_path, words=Words(transcript="none"))
    told = asked(film, model, tmp_path)
    answerer = load_transformers_answerer(model, {})
    line = told_text(told.context.passages)
    assert [one.text for one in told.context.passages] == ["It is red, as you see."]
    assert told.usage["streams"] == ["pictures", "film.srt"]
    assert (told.usage["passages_told"], unheard.usage["passages_told"]) == (1, 0)
    more = told.usage["prompt_tokens"] - unheard.usage["prompt_tokens"]
    assert more == pytest.approx(answerer.count_text(line), abs=3)  # marks between pieces
    assert silent.usage["streams"] == ["pictures"]
    assert silent.quotations == []
    assert told.usage["visual_tokens"] == unheard.usage["visual_tokens"]


def test_a_short_context_is_not_filled_by_words(vlm_folders, film, tmp_path, monkeypatch):
    answerer = load_transformers_answerer(str(vlm_folders["smolvlm"]), {})
    lines = [f"{n}\n00:00:{n:02d},000 --> 00:00:{n:02d},900\nSentence {n}.\n" for n in range(1, 39)]
    film.with_suffix(".srt").write_text("\n".join(lines))
    answerer.context_length = 800
    told = asked(film, answerer, tmp_path)
    assert 0 < told.usage["passages_told"] < 38
    assert answerer.count_text(told_text(told.context.passages)) <= 200
    assert told.usage["prompt_tokens"] <= 800
    needed = answerer.count_text(told_text(told.context.index.passages))
    assert needed > 320
    for length, why in (
        (320, "all that is said and written is "),
        (needed + 100, " of what is said"),
    ):
        answerer.context_length = length
        with pytest.raises(BudgetError, match=f"{why}.*; leave --transcript at best"):
            asked(film, answerer, tmp_path, words=Words(transcript="all"))


def test_a_server_is_told_and_what_it_read_is_checked(film, tmp_path):
    with Loopback().serving() as server:
        told = ntlbg.ask(
            film, "Is it red?", model="openai:tiny", endpoint=server.address, encoder=Colours(),
            num_frames=3, index=ntlbg.FeatureIndex(tmp_path / "index"),
        )  # fmt: skip
        body = server.requests[-1].body
    first, *_ = body["messages"][0]["content"]
    assert "subtitle: It is red, as you see." in first["text"]
    assert told.usage["passages_told"] == 1
    assert told.usage["visual_tokens"] is not None


def test_questions_of_the_contract_are_unchanged_without_words(vlm_folders):
    answerer = load_transformers_answerer(str(vlm_folders["qwen3_vl"]), {})
    given, question = shown(drawn(2), [3.0, 62.0]), parse_question("What?")
    assert answerer.answer(question, given).prompt_tokens < (
        answerer.answer(question, replace(given, passages=TOLD)).prompt_tokens
    )
