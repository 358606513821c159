"""Stock models read fewer tokens of the same frames: exact counts, and nothing else changes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import ntlbg
from ntlbg.answerers.content import NUM_FRAMES
from ntlbg.answerers.transformers import load_transformers_answerer
from ntlbg.budget import check_used, plan_frames
from ntlbg.errors import BudgetError, ConfigError
from ntlbg.generation import Generation
from ntlbg.index.store import FeatureIndex
from ntlbg.memory.devices import Device
from ntlbg.question import parse_question
from ntlbg.types import Plan, Reply
from tiny_vlms import Colours, drawn, shown

KINDS = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl")
WAYS = {"images": {}, "twice": {"frames_as": "video"},
        "pairs": {"frames_as": "video", "layout": "pairs"}}  # fmt: skip
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
EVERY_WAY = pytest.mark.parametrize("way", WAYS)
EVERY_NAME = pytest.mark.parametrize("name", ["longvu", "vidcom2"])
QUESTION = parse_question("What is shown?")
ROOM = Device("CPU", 10**12, is_gpu=False)
TIMES = [1.0, 1.5, 9.0, 20.0, 20.4, 60.0, 61.5, 99.0]


@pytest.fixture(scope="module")
def load(vlm_folders):
    def loaded(kind, way="images", **options):
        return load_transformers_answerer(str(vlm_folders[kind]), WAYS[way] | options)

    return loaded


def given(relevance=None):
    """Eight pictures, and how much each matters."""
    made = shown(drawn(8), TIMES, Plan(8, 112, 168, 0))
    scores = np.arange(8.0) if relevance is None else np.asarray(relevance)
    return replace(made, selection=replace(made.selection, scores=scores))


def read(answerer, made=None):
    """Logits of the first written token, tokens of the prompt, and of those the visual ones."""
    (prompt,) = answerer.shown.prompts(made or given(), [QUESTION.text])
    with torch.inference_mode(), prompt.reading() as inputs:
        assert inputs["input_ids"].shape[1] == prompt.tokens
        seen = inputs["mm_encoder_outputs"].values()
        assert sum(len(one.pooler_output[0]) for one in seen) == prompt.visual_tokens
        return answerer.model(**inputs).logits[0, -1], prompt.tokens, prompt.visual_tokens


@EVERY_KIND
@EVERY_WAY
@EVERY_NAME
def test_all_tokens_are_the_stock_model_to_the_bit(load, kind, way, name):
    stock, all_of_it = load(kind, way), load(kind, way, compress=name, keep_tokens=1.0)
    (logits, *counts), (other, *others) = read(stock), read(all_of_it)
    assert torch.equal(logits, other)
    assert counts == others


@EVERY_KIND
@EVERY_WAY
@EVERY_NAME
def test_a_share_is_read_and_changes_what_is_read(load, kind, way, name):
    """Were nothing left out, the answer would be that of the stock model."""
    (whole, tokens, visual), (part, fewer, left) = (
        read(load(kind, way, **options)) for options in ({}, {"compress": name})
    )
    assert left == -(-visual // 4)
    assert tokens - fewer == visual - left
    assert not torch.allclose(whole, part, atol=1e-5)
    assert part.isfinite().all()


@EVERY_KIND
def test_relevance_guides_longvu_and_not_vidcom2(load, kind):
    relevance = [9.0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 9.0]
    for name, same in (("longvu", False), ("vidcom2", True)):
        answerer = load(kind, compress=name, keep_tokens=0.4)
        one, other = (read(answerer, given(scores))[0] for scores in relevance)
        assert torch.equal(one, other) == same


@EVERY_KIND
@EVERY_WAY
def test_what_is_planned_is_read(load, kind, way):
    answerer = load(kind, way, compress="longvu", keep_tokens=0.3)
    times = np.cumsum(np.tile([0.5, 9.0, 0.4, 0.3], 3))
    for (height, width), number, cap in (
        ((360, 640), None, 100), ((360, 640), 7, None), ((200, 1000), 3, 90), ((48, 64), None, 64),
    ):  # fmt: skip
        plan, _ = plan_frames(
            answerer, QUESTION, (height, width), len(times), num_frames=number,
            max_visual_tokens=cap, last_seconds=float(times[-1]), device=ROOM,
        )  # fmt: skip
        pictures = np.zeros((plan.num_frames, height, width, 3), np.uint8)
        (prompt,) = answerer.shown.prompts(
            shown(pictures, times[: plan.num_frames], plan), [QUESTION.text]
        )
        check_used(plan, Reply("", None, prompt.visual_tokens), answerer, cap)
        if way != "pairs":
            assert prompt.visual_tokens == plan.visual_tokens


@EVERY_KIND
@pytest.mark.parametrize("way", ["images", "twice"])
def test_decoding_goes_on_as_if_all_was_read_again(load, kind, way):
    """Each written token is what one pass over the prompt and the tokens before it would write."""
    answerer = load(kind, way, compress="longvu")
    (prompt,) = answerer.shown.prompts(given(), [QUESTION.text])
    with torch.inference_mode(), prompt.reading() as inputs:
        written = answerer.model.generate(**inputs, max_new_tokens=5, do_sample=False)
        ids, start = written[:, : prompt.tokens], inputs["position_ids"]
        assert torch.equal(ids, inputs["input_ids"])
        number = written.shape[1] - prompt.tokens
        ahead = start[1:].max() + 1 + torch.arange(number)
        text = start[0].max() + 1 + torch.arange(number)
        more = torch.stack([text, ahead, ahead, ahead])[:, None]
        logits = answerer.model(
            input_ids=written, attention_mask=torch.ones_like(written),
            position_ids=torch.cat([start, more], dim=-1),
            mm_encoder_outputs=inputs["mm_encoder_outputs"],
        ).logits  # fmt: skip
    again = logits[0, prompt.tokens - 1 : -1].argmax(-1)
    assert torch.equal(again, written[0, prompt.tokens :])


def test_more_frames_for_as_many_tokens(load):
    usual, quarter = (load("qwen2_5_vl", **options) for options in ({}, {"compress": "vidcom2"}))
    assert quarter.habits.num_frames == 4 * NUM_FRAMES == 4 * usual.habits.num_frames


@EVERY_KIND
def test_a_film_is_asked_so(colour_video, tmp_path, load, kind):
    answers = [
        ntlbg.ask(
            colour_video, "What is shown?", model=load(kind, **options), encoder=Colours(),
            index=FeatureIndex(tmp_path), fps=4.0, num_frames=6, selector="uniform",
            max_visual_tokens=60, generation=Generation(max_new_tokens=4),
        )
        for options in ({}, {"compress": "longvu", "keep_tokens": 0.5})
    ]  # fmt: skip
    assert all(answer.usage["visual_tokens"] <= 60 for answer in answers)
    plans = [answer.context.plan for answer in answers]
    # what is saved goes into larger pictures, where the film has them
    assert plans[0].height < plans[1].height or plans[0].visual_tokens > plans[1].visual_tokens
    left = answers[1].usage["visual_tokens"]
    told = f"{left} of {2 * left} visual tokens are read, compressed by longvu"
    assert told in answers[1].notes
    assert not any("compressed" in note for note in answers[0].notes)


def test_errors_are_told_before_weights_are_loaded(vlm_folders):
    for kind, options, said in (
        ("smolvlm", {"compress": "longvu"}, "cannot be left out without changing it"),
        ("qwen2_vl", {"keep_tokens": 0.5}, "a share of what compress leaves"),
        ("qwen2_vl", {"compress": "zip"}, "option compress of model"),
        ("qwen2_vl", {"compress": "longvu", "keep_tokens": 0}, "option keep_tokens of model"),
    ):
        with pytest.raises(ConfigError, match=said):
            load_transformers_answerer(str(vlm_folders[kind]), options)


def test_a_cap_below_a_token_each_is_refused(load):
    answerer = load("qwen2_vl", compress="longvu")
    with pytest.raises(BudgetError):
        plan_frames(
            answerer, QUESTION, (360, 640), 8, num_frames=8, max_visual_tokens=7, device=ROOM
        )
