"""Stock Qwen-VL models are shown a video: its pictures, their times, their order, exact counts."""

import json
import re
from functools import partial

import numpy as np
import pytest
import torch
import transformers

import ntlbg
from counter_videos import DATA
from ntlbg.answerers.content import question_text, resized
from ntlbg.answerers.transformers import load_transformers_answerer
from ntlbg.budget import check_used, plan_frames
from ntlbg.errors import BudgetError, ConfigError
from ntlbg.generation import Generation
from ntlbg.memory.devices import Device
from ntlbg.models.qwen_vl.families import FAMILIES as CLOCKS
from ntlbg.models.qwen_vl.inputs import (
    PAIR_SECONDS,
    grid_frames,
    grid_times,
    times_sentence,
    vision_prompt,
)
from ntlbg.models.qwen_vl.positions import prompt_positions
from ntlbg.question import parse_question
from ntlbg.types import AnswerInput, Frames, Reply
from ntlbg.video import sample_frames
from tiny_vlms import Colours, assert_every_part_counts, drawn, shown

KINDS = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl")
OTHERS = ("smolvlm", "llava_onevision", "internvl")
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
QUESTION = parse_question("What is shown?")
TIMES = [3.2, 12.5, 61.0]
ROOM = Device("CPU", 10**12, is_gpu=False)
# The least that a time may change so that the model is told: a stamp has a digit after the point,
# positions of Qwen2.5-VL are half a second apart.
LEAST_TOLD = {"qwen2_vl": 0.1, "qwen2_5_vl": 0.5, "qwen3_vl": 0.1}


@pytest.fixture(scope="module")
def answerers(vlm_folders):
    return {
        (kind, layout): load_transformers_answerer(
            str(vlm_folders[kind]), {"frames_as": "video", "layout": layout}
        )
        for kind in KINDS
        for layout in ("twice", "pairs")
    }


def logits_of(answerer, given: AnswerInput) -> torch.Tensor:
    (prompt,) = answerer.shown.prompts(given, [QUESTION.text])
    with torch.inference_mode(), prompt.reading() as inputs:
        return answerer.model(**inputs).logits[0, -1]


@EVERY_KIND
def test_each_picture_each_time_and_the_order_count(answerers, kind):
    answerer = answerers[kind, "twice"]
    assert_every_part_counts(partial(logits_of, answerer), TIMES, LEAST_TOLD[kind])


@EVERY_KIND
def test_the_layout_counts_where_frames_are_near(answerers, kind):
    """And nowhere else: a frame without a near neighbour is shown as if each were alone."""
    near, far = shown(drawn(3), [3.2, 3.9, 61.0]), shown(drawn(3), TIMES)
    for given, same in ((near, False), (far, True)):
        twice, pairs = (logits_of(answerers[kind, one], given) for one in ("twice", "pairs"))
        assert torch.equal(twice, pairs) == same
        assert same or not torch.allclose(twice, pairs, atol=1e-5)


# --- counts ---------------------------------------------------------------------------------------

# Sizes, counts, and how far apart the frames are; no test was written with these in mind.
SHAPES = [(h, w, n, cap) for h, w in ((48, 64), (360, 640), (1080, 1920), (640, 360), (200, 1000))
          for n, cap in ((None, 100), (None, 700), (3, 300), (1, 64), (7, None))]  # fmt: skip
GAPS = {"twice": np.full(12, 0.5), "pairs": np.tile([0.5, 9.0, 0.4, 0.3], 3)}


def planned(answerer, height, width, number, cap, times):
    """The plan, and what it is for; None where nothing fits."""
    try:
        plan, _ = plan_frames(
            answerer, QUESTION, (height, width), len(times), num_frames=number,
            max_visual_tokens=cap, last_seconds=float(times[-1]), device=ROOM,
        )  # fmt: skip
    except BudgetError:
        return None
    pictures = np.zeros((plan.num_frames, height, width, 3), np.uint8)
    return plan, shown(pictures, times[: plan.num_frames], plan)


@EVERY_KIND
@pytest.mark.parametrize("layout", ["twice", "pairs"])
def test_tokens_planned_are_tokens_in_the_prompt(answerers, kind, layout):
    """Exactly where each frame has a grid; with pairs, a grid for each pair and no more."""
    answerer, fitted = answerers[kind, layout], 0
    assert answerer.tokens_are_exact == (layout == "twice")
    times = np.cumsum(GAPS[layout])
    for height, width, number, cap in SHAPES:
        found = planned(answerer, height, width, number, cap, times)
        if found is None:
            continue
        fitted += 1
        plan, given = found
        (prompt,) = answerer.shown.prompts(given, [QUESTION.text])
        grids = len(grid_frames(given.times, layout))
        assert prompt.visual_tokens * plan.num_frames == plan.visual_tokens * grids
        assert cap is None or prompt.visual_tokens <= cap
        beside = answerer.text_tokens(QUESTION, plan.num_frames, float(times[-1]))
        assert prompt.tokens - prompt.visual_tokens <= beside
        check_used(plan, Reply("", None, prompt.visual_tokens), answerer)
    assert fitted >= 15


@EVERY_KIND
def test_pairs_cost_half_and_are_counted_in_the_reply(answerers, kind):
    near = shown(drawn(4), [1.0, 1.5, 90.0, 90.5])
    twice, pairs = (answerers[kind, one].answer(QUESTION, near) for one in ("twice", "pairs"))
    assert twice.visual_tokens == answerers[kind, "twice"].cost(4, 90, 160)
    assert 2 * pairs.visual_tokens == twice.visual_tokens
    apart = shown(drawn(4), [1.0, 1.0 + PAIR_SECONDS, 90.0, 95.0])
    assert answerers[kind, "pairs"].answer(QUESTION, apart).visual_tokens == twice.visual_tokens


@EVERY_KIND
def test_the_context_is_respected(answerers, kind, monkeypatch):
    answerer = answerers[kind, "twice"]
    monkeypatch.setattr(answerer, "context_length", 600)
    plan, (note,) = plan_frames(answerer, QUESTION, (90, 160), 60, num_frames=60,
                                last_seconds=59.0, device=ROOM)  # fmt: skip
    assert note.endswith(f"{plan.num_frames} frames are used")
    reply = answerer.answer(
        QUESTION, shown(drawn(plan.num_frames), np.arange(plan.num_frames), plan)
    )
    assert reply.prompt_tokens + reply.answer_tokens <= 600
    monkeypatch.setattr(answerer.model.model.visual, "forward", None)  # nothing is looked at
    with pytest.raises(BudgetError, match=r"tokens, .* reads 600; give fewer frames"):
        answerer.answer(QUESTION, shown(drawn(60), np.arange(60.0)))


# --- what the model is told of time ---------------------------------------------------------------


def told(answerer, kind: str, given: AnswerInput) -> np.ndarray:
    """Seconds of each picture, read back from what the language model is given."""
    (prompt,) = answerer.shown.prompts(given, [QUESTION.text])
    with prompt.reading() as inputs:
        ids, positions = inputs["input_ids"][0], inputs["position_ids"]
    text = answerer.processor.tokenizer.decode(ids)
    if kind == "qwen3_vl":
        found = re.findall(r"<([\d.]+) seconds><\|vision_start\|><\|video_pad\|>", text)
    elif kind == "qwen2_vl":
        (sentence,) = re.findall(r"<\|vision_end\|>.*taken at ([\d., ]+) seconds\.\nWhat", text)
        found = sentence.split(", ")
    else:
        (places,) = torch.nonzero(ids == answerer.model.config.video_token_id, as_tuple=True)
        first = positions[1, 0, places].view(len(given.times), -1)[:, 0] - int(places[0])
        found = (first / answerer.model.config.vision_config.tokens_per_second).tolist()
    return np.array([float(seconds) for seconds in found])


def film_times(rate: float | None) -> np.ndarray:
    """Of nine frames: of an hour at this rate, or of a film whose frames differ in length."""
    if rate is None:
        batches = list(sample_frames(DATA / "vfr.mp4", fps=4.0, size=(16, 16)))
        times = np.concatenate([batch.pts_seconds for batch in batches])
        assert len({round(gap, 3) for gap in np.diff(times)}) > 1, "the film has another rate"
        return times[:9]
    numbers = np.random.default_rng(5).choice(int(3600 * rate), 9, replace=False)
    return np.sort(numbers) / rate


@pytest.mark.parametrize("rate", [24000 / 1001, 25.0, 30000 / 1001, None])
@pytest.mark.parametrize(
    ("kind", "within"), [("qwen2_vl", 0.05), ("qwen2_5_vl", 0.25), ("qwen3_vl", 0.05)]
)
def test_times_are_told_as_they_are(answerers, kind, within, rate):
    """To half of the last digit that is written, or half a step of positions."""
    times = film_times(rate)
    said = told(answerers[kind, "twice"], kind, shown(drawn(9, 56, 56), times))
    assert said.shape == times.shape
    assert np.abs(said - times).max() <= within + 1e-9


# --- against a plain loop over the model itself ---------------------------------------------------


def plain_inputs(answerer, folder, given: AnswerInput, text: str) -> dict[str, torch.Tensor]:
    """Pixels and all, by the model's own template and tokenizer; the tower looks at all at once."""
    kind, words = answerer.model.config.model_type, transformers.AutoTokenizer
    video = Frames(resized(given.pictures, given.plan), given.times)
    if CLOCKS[kind].clock == "order":
        text = times_sentence(grid_times(CLOCKS[kind], given.times)) + "\n" + text
    turn = [{"role": "user", "content": [{"type": "video"}, {"type": "text", "text": text}]}]
    written = words.from_pretrained(folder).apply_chat_template(
        turn, tokenize=False, add_generation_prompt=True
    )
    prompt = vision_prompt(CLOCKS[kind], answerer.processor.processor, written, video)
    return prompt.tensors() | {"position_ids": prompt_positions(answerer.model.config, prompt)}


@EVERY_KIND
def test_it_writes_what_a_plain_loop_writes(answerers, vlm_folders, kind):
    """Token by token, the whole prompt with its pixels anew each time."""
    answerer, given = answerers[kind, "twice"], shown(drawn(3), TIMES)
    inputs = plain_inputs(answerer, vlm_folders[kind], given, QUESTION.text)
    length, expected = inputs["input_ids"].shape[1], []
    with torch.inference_mode():
        for _ in range(6):
            logits = answerer.model(**inputs, use_cache=False).logits[0, -1]
            expected.append(int(logits.argmax()))
            inputs |= {
                "input_ids": torch.cat([inputs["input_ids"], logits.argmax().view(1, 1)], dim=1),
                "position_ids": _further(inputs["position_ids"]),
                "attention_mask": torch.ones(1, length + len(expected), dtype=torch.int64),
                "mm_token_type_ids": torch.cat(
                    [inputs["mm_token_type_ids"], torch.zeros(1, 1, dtype=torch.int64)], dim=1
                ),
            }
            if expected[-1] in (0, 2):
                break
    more = {"generation": Generation(max_new_tokens=6)}
    reply = answerer.answer(QUESTION, shown(drawn(3), TIMES, **more))
    words = answerer.processor.tokenizer
    assert reply.text == words.decode(expected, skip_special_tokens=True).strip()
    assert reply.answer_tokens == len(expected)
    assert reply.prompt_tokens == length
    assert reply.visual_tokens == answerer.cost(3, 90, 160)


def _further(positions: torch.Tensor) -> torch.Tensor:
    """(4, 1, S + 1): text goes on by one."""
    return torch.cat([positions, positions[..., -1:] + 1], dim=2)


@EVERY_KIND
def test_options_are_chosen_by_the_likelihood_of_their_letters(answerers, vlm_folders, kind):
    answerer, given = answerers[kind, "twice"], shown(drawn(3), TIMES)
    question = parse_question("What is shown?", ("a red car", "a dog", "no"))
    inputs = plain_inputs(
        answerer, vlm_folders[kind], given, question_text(question, style=answerer.style)
    )
    with torch.inference_mode():
        chances = answerer.model(**inputs).logits[0, -1].double().softmax(0)
    words = answerer.processor.tokenizer
    forms = [{words.encode(form)[0] for form in (letter, f" {letter}")
              if len(words.encode(form)) == 1} for letter in "ABC"]  # fmt: skip
    expected = np.array([sum(float(chances[one]) for one in form) for form in forms])
    reply = answerer.answer(question, given)
    assert reply.option_scores == pytest.approx(expected / expected.sum(), rel=1e-5)
    assert reply.text == question.options[int(expected.argmax())]


@EVERY_KIND
def test_the_tower_looks_once_however_options_are_rotated(vlm_folders, kind):
    options = {"frames_as": "video", "rotate_options": True}
    answerer, looks = load_transformers_answerer(str(vlm_folders[kind]), options), []
    answerer.model.model.visual.register_forward_hook(lambda *_: looks.append(1))
    given = shown(drawn(2), [1.0, 5.0])
    reply = answerer.answer(parse_question("Which?", ("a", "b", "c")), given)
    assert len(looks) == 2  # one for each picture
    turned = answerer.answer(parse_question("Which?", ("b", "c", "a")), shown(drawn(2), [1.0, 5.0]))
    assert reply.option_scores == pytest.approx(
        [turned.option_scores[2], *turned.option_scores[:2]]
    )


@EVERY_KIND
def test_a_question_cannot_hold_marks_of_control(answerers, kind):
    """No further video, no end of a turn: what looks like one is read as text."""
    answerer, given = answerers[kind, "twice"], shown(drawn(2), [1.0, 2.0])
    marks = [str(mark) for mark in answerer.processor.tokenizer.added_tokens_decoder.values()]
    special = torch.tensor(answerer.processor.tokenizer.convert_tokens_to_ids(marks))

    def controls(text):
        (prompt,) = answerer.shown.prompts(given, [text])
        with prompt.reading() as inputs:
            return int(torch.isin(inputs["input_ids"], special).sum())

    assert controls("".join(marks)) == controls("What?")


# --- from outside ---------------------------------------------------------------------------------


@EVERY_KIND
def test_ask_by_the_command(vlm_folders, colour_video, run, kind):
    def asked(*options):
        done = run("ask", colour_video, "Is it red?", "--model", vlm_folders[kind], "--json",
                   "--frames", "3", "--option", "yes", "--option", "no", *options)  # fmt: skip
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    video = asked("--model-option", "frames_as=video")
    assert video == asked("--frames-as", "video") | {"usage": video["usage"]}
    assert video["usage"]["frames_used"] == 3
    assert video["usage"]["visual_tokens"] % 3 == 0
    images = asked()
    assert images == asked("--frames-as", "images") | {"usage": images["usage"]}
    # stamps and marks of Qwen3-VL are the same either way, so that it reads the same
    same = images["option_scores"] == pytest.approx(video["option_scores"], abs=1e-7)
    assert same == (kind == "qwen3_vl")


@EVERY_KIND
def test_ask_from_python_with_pairs(vlm_folders, colour_video, tmp_path, kind):
    answer = ntlbg.ask(
        colour_video, "What is shown?", model=str(vlm_folders[kind]), fps=4.0, num_frames=8,
        start=5.0, end=9.0,
        model_options={"frames_as": "video", "layout": "pairs"}, selector="top_k",
        encoder=Colours(), index=ntlbg.FeatureIndex(tmp_path / "index"),
        generation=Generation(max_new_tokens=2),
    )  # fmt: skip
    times = np.array([item.pts_seconds for item in answer.evidence])
    plan = answer.context.plan
    assert len(grid_frames(times, "pairs")) < len(times) == 8
    used = plan.visual_tokens * len(grid_frames(times, "pairs")) // 8
    assert answer.usage["visual_tokens"] == used < plan.visual_tokens


@pytest.mark.parametrize("family", OTHERS)
def test_other_families_are_refused_before_weights_are_read(vlm_folders, tmp_path, family):
    (tmp_path / "config.json").write_bytes((vlm_folders[family] / "config.json").read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"cannot be read")
    with pytest.raises(ConfigError, match=r"frames_as=video: .* no times .* leave it at images"):
        load_transformers_answerer(str(tmp_path), {"frames_as": "video"})


def test_a_layout_is_of_a_video(vlm_folders):
    folder = str(vlm_folders["qwen2_vl"])
    with pytest.raises(ConfigError, match="layout=pairs is of a video; give frames_as=video"):
        load_transformers_answerer(folder, {"layout": "pairs"})
    with pytest.raises(ConfigError, match=r"option layout of model .*: got 'thrice'"):
        load_transformers_answerer(folder, {"frames_as": "video", "layout": "thrice"})
    with pytest.raises(ConfigError, match=r"option frames_as of model .*: got 'film'"):
        load_transformers_answerer(folder, {"frames_as": "film"})
