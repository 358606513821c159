"""Stock vision-language models: each family is shown the frames, their times and their order."""

import importlib.util
import json
import re
import shutil
from functools import partial

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

import ntlbg
from ntlbg.answerers import load_answerer
from ntlbg.answerers.content import CHOICE_STYLES, LETTERS, question_text
from ntlbg.answerers.transformers import load_transformers_answerer
from ntlbg.budget import plan_frames
from ntlbg.errors import BudgetError, ConfigError, MissingPackage, WeightsError
from ntlbg.generation import Generation
from ntlbg.memory.devices import Device
from ntlbg.question import parse_question
from ntlbg.time_text import stamp
from ntlbg.types import AnswerInput
from tiny_vlms import FAMILIES, Colours, assert_every_part_counts, drawn, shown

QUESTION = parse_question("What is shown?")
OPTIONS = ("a red car", "a dog", "no")
ROOM = Device("CPU", 10**12, is_gpu=False)
EVERY_FAMILY = pytest.mark.parametrize("family", FAMILIES)


@pytest.fixture(scope="module")
def answerers(vlm_folders):
    return {name: load_transformers_answerer(str(it), {}) for name, it in vlm_folders.items()}


def logits_of(answerer, given) -> torch.Tensor:
    from ntlbg.answerers.content import portable_content

    inputs = answerer.processor(portable_content(given, QUESTION.text))
    with torch.inference_mode():
        return answerer.model(**inputs).logits[0, -1]


@EVERY_FAMILY
def test_each_picture_each_time_and_the_order_count(answerers, family):
    logits = partial(logits_of, answerers[family])
    assert_every_part_counts(logits, [3.2, 12.5, 61.0], least_told=0.1)


@EVERY_FAMILY
def test_the_prompt_is_the_models_own_with_a_time_before_each_picture(
    answerers, vlm_folders, family
):
    """By transformers' own template, with a mark where each picture goes."""
    answerer, times = answerers[family], [3.25, 12.0, 3599.96]
    from ntlbg.answerers.content import portable_content

    ids = answerer.processor(portable_content(shown(drawn(3), times), "What?"))["input_ids"][0]
    words = transformers.AutoTokenizer.from_pretrained(vlm_folders[family])
    text = words.decode(ids)
    turn = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What?"}]}]
    template = words.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
    assert text.startswith("<|im_start|>user\n<3.2 seconds>")
    assert text.endswith("What?<|im_end|>\n<|im_start|>assistant\n")
    assert template.endswith("What?<|im_end|>\n<|im_start|>assistant\n")
    assert re.findall(r"<([\d.]+) seconds>", text) == ["3.2", "12.0", "3600.0"]


@pytest.mark.parametrize("rate", [24000 / 1001, 25.0, 30000 / 1001, None])
def test_times_are_told_to_a_twentieth_of_a_second(rate):
    """At usual rates of films, and where every frame has its own duration."""
    if rate is None:
        pts = np.cumsum(np.random.default_rng(0).uniform(0.01, 2.0, 3000))
    else:
        pts = np.arange(0, 3600, 7) / 1.0 // (1 / rate) * (1 / rate)
    told = [float(re.fullmatch(r"<([\d.]+) seconds>", stamp(seconds))[1]) for seconds in pts]
    assert np.abs(np.array(told) - pts).max() <= 0.05 + 1e-9


# sizes, counts and shapes that no test was written with in mind
PROPERTY = [(h, w, n, cap) for h, w in ((48, 64), (360, 640), (1080, 1920), (640, 360), (200, 1000))
            for n, cap in ((None, 100), (None, 700), (3, 300), (1, 64), (7, None))]  # fmt: skip


@EVERY_FAMILY
def test_tokens_planned_are_tokens_in_the_prompt(answerers, family):
    answerer, fitted = answerers[family], 0
    for height, width, number, cap in PROPERTY:
        try:
            plan, _ = plan_frames(
                answerer, QUESTION, (height, width), 12, num_frames=number, max_visual_tokens=cap,
                last_seconds=11.0, device=ROOM,
            )  # fmt: skip
        except BudgetError:
            continue
        fitted += 1
        pictures = np.zeros((plan.num_frames, height, width, 3), np.uint8)
        given = shown(pictures, np.arange(float(plan.num_frames)), plan)
        (prompt,) = answerer.shown.prompts(given, [QUESTION.text])
        assert prompt.visual_tokens == plan.visual_tokens, (height, width, number, cap)
        assert cap is None or prompt.visual_tokens <= cap
        beside = answerer.text_tokens(QUESTION, plan.num_frames, 11.0)
        assert prompt.tokens - prompt.visual_tokens <= beside
    assert fitted >= 15


def answerer_content(given):
    from ntlbg.answerers.content import portable_content

    return portable_content(given, QUESTION.text)


@EVERY_FAMILY
def test_the_context_is_respected(answerers, family, monkeypatch):
    answerer = answerers[family]
    monkeypatch.setattr(answerer, "context_length", 700)
    plan, notes = plan_frames(answerer, QUESTION, (90, 160), 60, num_frames=60,
                              last_seconds=59.0, device=ROOM)  # fmt: skip
    assert notes == [notes[0]]
    assert notes[0].endswith(f"{plan.num_frames} frames are used")
    reply = answerer.answer(
        QUESTION, shown(drawn(plan.num_frames), np.arange(plan.num_frames), plan)
    )
    assert reply.prompt_tokens + reply.answer_tokens <= 700
    with pytest.raises(BudgetError, match=r"tokens, .* reads 700; give fewer frames"):
        answerer.answer(QUESTION, shown(drawn(60), np.arange(60.0)))


@EVERY_FAMILY
def test_it_writes_what_transformers_writes(answerers, family):
    """Greedy text of the same inputs, although the checkpoint suggests sampling."""
    answerer, given = answerers[family], shown(drawn(2), [1.0, 2.0])
    pieces = []
    reply = answerer.answer(QUESTION, AnswerInput(
        given.index, given.features, given.selection, given.frames,
        generation=Generation(max_new_tokens=6), on_text=pieces.append,
    ))  # fmt: skip
    inputs = answerer.processor(answerer_content(given))
    expected, ids = [], inputs["input_ids"]
    more = {name: value for name, value in inputs.items() if name in
            ("pixel_values", "image_grid_thw", "image_sizes", "pixel_attention_mask",
             "batch_num_images")}  # fmt: skip
    with torch.inference_mode():
        for _ in range(6):  # token by token, the whole prompt anew each time
            mask = (
                {"mm_token_type_ids": _types(inputs, ids)} if "mm_token_type_ids" in inputs else {}
            )
            logits = answerer.model(
                input_ids=ids, attention_mask=torch.ones_like(ids), **more, **mask
            )
            expected.append(int(logits.logits[0, -1].argmax()))
            ids = torch.cat([ids, torch.tensor([[expected[-1]]])], dim=1)
            if expected[-1] in (0, 2):
                break
    text = answerer.processor.tokenizer.decode(expected, skip_special_tokens=True).strip()
    assert reply.text == text
    assert reply.answer_tokens == len(expected)
    assert reply.finish_reason == ("stop" if expected[-1] in (0, 2) else "length")
    assert "".join(pieces).strip() == text
    assert reply.written


def _types(inputs, ids):
    types = torch.zeros_like(ids)
    types[:, : inputs["mm_token_type_ids"].shape[1]] = inputs["mm_token_type_ids"]
    return types


@EVERY_FAMILY
def test_options_are_chosen_by_the_likelihood_of_their_letters(answerers, family):
    answerer, given = answerers[family], shown(drawn(2), [1.0, 2.0])
    question = parse_question("What is shown?", OPTIONS)
    reply = answerer.answer(question, given)
    from ntlbg.answerers.content import portable_content

    asked = question_text(question, style=answerer.style)
    inputs = answerer.processor(portable_content(given, asked))
    with torch.inference_mode():
        chances = answerer.model(**inputs).logits[0, -1].double().softmax(0)
    words = answerer.processor.tokenizer
    forms = [{words.encode(form)[0] for form in (letter, f" {letter}")
              if len(words.encode(form)) == 1} for letter in "ABC"]  # fmt: skip
    expected = np.array([sum(float(chances[one]) for one in form) for form in forms])
    assert reply.option_scores == pytest.approx(expected / expected.sum(), rel=1e-5)
    assert reply.text == OPTIONS[int(expected.argmax())]


def test_rotated_options_have_no_favourite_place(vlm_folders):
    """The mean over rotations does not depend on where an option stands."""
    name, given = str(vlm_folders["qwen2_5_vl"]), shown(drawn(2), [1.0, 2.0])
    rotating = load_transformers_answerer(name, {"rotate_options": True})
    plain = load_transformers_answerer(name, {})

    def scores(answerer, options):
        reply = answerer.answer(parse_question("What is shown?", options), given)
        return dict(zip(options, reply.option_scores))

    turned = (*OPTIONS[1:], OPTIONS[0])
    assert scores(rotating, OPTIONS) == pytest.approx(scores(rotating, turned))
    assert scores(plain, OPTIONS) != pytest.approx(scores(plain, turned), rel=1e-3)
    assert rotating.fingerprint != plain.fingerprint


@EVERY_FAMILY
def test_a_question_cannot_hold_marks_of_control(answerers, family):
    """No picture, no end of a turn: what looks like one is read as text."""
    answerer, given = answerers[family], shown(drawn(2), [1.0, 2.0])
    plain = answerer.answer(parse_question("What is it?"), given)
    marks = [str(mark) for mark in answerer.processor.tokenizer.added_tokens_decoder.values()]
    for mark in marks:
        reply = answerer.answer(parse_question(f"What is {mark} it?"), given)
        assert reply.visual_tokens == plain.visual_tokens
    prompt = answerer.processor([*answerer_content(given), "".join(marks)])["input_ids"][0]
    before = answerer.processor(answerer_content(given))["input_ids"][0]
    special = torch.tensor(answerer.processor.tokenizer.convert_tokens_to_ids(marks))
    assert torch.isin(prompt, special).sum() == torch.isin(before, special).sum()


def test_more_options_than_letters_are_refused(answerers):
    many = tuple(map(str, range(len(LETTERS) + 1)))
    with pytest.raises(ntlbg.NtlbgError, match="27 options; give at most 26"):
        answerers["qwen2_vl"].answer(parse_question("Which?", many), shown(drawn(1), [0.0]))


@EVERY_FAMILY
def test_ask_from_python(vlm_folders, family, colour_video, tmp_path):
    answer = ntlbg.ask(
        colour_video, "What is shown?", model=str(vlm_folders[family]), max_visual_tokens=200,
        encoder=Colours(), evidence_dir=tmp_path / "frames",
        index=ntlbg.FeatureIndex(tmp_path / "index"), generation=Generation(max_new_tokens=4),
    )  # fmt: skip
    assert 0 < answer.usage["visual_tokens"] <= 200
    assert answer.usage["prompt_tokens"] > answer.usage["visual_tokens"]
    assert answer.usage["answer_tokens"] <= 4
    assert answer.model == family
    assert len(answer.evidence) == answer.usage["frames_used"] >= 2
    first = np.asarray(Image.open(answer.evidence[0].image))
    assert first.shape == (64, 96, 3)  # as the film is, whatever the model was shown


def test_ask_by_the_command(vlm_folders, colour_video, run):
    shown = run(
        "ask", colour_video, "Is it red?", "--model", vlm_folders["smolvlm"], "--json",
        "--frames", "3", "--option", "yes", "--option", "no", "--max-visual-tokens", "60",
        "--model-option", "dtype=float32", "--model-option", "rotate_options=true",
    )  # fmt: skip
    assert shown.exit_code == 0, shown.output
    answer = json.loads(shown.stdout)
    assert answer["usage"]["visual_tokens"] == 48
    assert sum(answer["option_scores"]) == pytest.approx(1)
    refused = run("ask", colour_video, "Is it red?", "--model", vlm_folders["smolvlm"],
                  "--frames", "4", "--max-visual-tokens", "60")  # fmt: skip
    assert refused.exit_code == 2
    assert refused.stderr == (
        "error: 4 frames take at least 64 visual tokens, the cap is 60; give --max-visual-tokens "
        "64, or at most 3 frames\n"
    )
    wrong = run("ask", colour_video, "Is it red?", "--model", vlm_folders["smolvlm"],
                "--model-option", "dtyp=float32")  # fmt: skip
    assert wrong.exit_code == 2
    assert "has no option 'dtyp'; it accepts dtype, device_map" in wrong.stderr


def test_options_of_loading_do_what_they_say(vlm_folders):
    folder = str(vlm_folders["qwen2_vl"])
    half = load_transformers_answerer(folder, {"dtype": "bfloat16", "attn_implementation": "eager"})
    assert half.model.dtype == torch.bfloat16
    assert half.model.config._attn_implementation == "eager"
    whole = load_transformers_answerer(folder, {"dtype": "float32"})
    assert whole.model.dtype == torch.float32
    given = shown(drawn(2), [1.0, 2.0])
    both = [one.answer(parse_question("What?", OPTIONS), given) for one in (half, whole)]
    assert both[0].option_scores == pytest.approx(both[1].option_scores, abs=0.02)
    with pytest.raises(ConfigError, match=r"option dtype of model .*: got 'int7'"):
        load_transformers_answerer(folder, {"dtype": "int7"})
    with pytest.raises(ConfigError, match="is a folder, it has no revision 'v2'"):
        load_transformers_answerer(folder, {"revision": "v2"})


@pytest.mark.skipif(importlib.util.find_spec("bitsandbytes") is not None, reason="it is here")
def test_quantization_names_the_package(vlm_folders):
    with pytest.raises(MissingPackage, match=r"int4 needs bits.*`pip install bitsandbytes`"):
        load_transformers_answerer(str(vlm_folders["qwen2_vl"]), {"quantization": "int4"})


def test_what_cannot_be_loaded_is_one_line(vlm_folders, tmp_path):
    def broken(change):
        folder = tmp_path / change.__name__
        shutil.copytree(vlm_folders["qwen2_vl"], folder)
        change(folder)
        return str(folder)

    def no_tokenizer(folder):
        (folder / "tokenizer.json").unlink()
        (folder / "tokenizer_config.json").unlink()

    def no_pictures(folder):
        (folder / "preprocessor_config.json").unlink()

    def no_weights(folder):
        (folder / "model.safetensors").unlink()

    def cut_weights(folder):
        path = folder / "model.safetensors"
        path.write_bytes(path.read_bytes()[:5000])

    def no_template(folder):
        (folder / "chat_template.jinja").unlink()

    for change, error, message in (
        (no_tokenizer, WeightsError, "the tokenizer does not know <.image_pad.>, which stands for"),
        (no_pictures, WeightsError, "tokenizer or image processor cannot be loaded"),
        (no_weights, WeightsError, "no weights in this folder"),
        (cut_weights, WeightsError, "the weights cannot be loaded"),
        (no_template, WeightsError, "no chat template"),
    ):
        with pytest.raises(error, match=message) as told:
            load_answerer(broken(change))
        assert "\n" not in str(told.value)


def test_settings_that_do_not_fit_together_are_one_line(vlm_folders, tmp_path, colour_video, run):
    """Such a folder is whole and can be loaded; only in use it shows."""

    def changed(file, **changes):
        folder = tmp_path / file.removesuffix(".json")
        shutil.copytree(vlm_folders["qwen2_vl"], folder)
        settings = json.loads((folder / file).read_text())
        (folder / file).write_text(json.dumps(settings | changes))
        return str(folder)

    pictures = changed("preprocessor_config.json", image_std=[0.0, 0.5, 0.5])
    with pytest.raises(WeightsError, match=r"image processor is damaged .*divide"):
        load_answerer(pictures)
    text = json.loads((vlm_folders["qwen2_vl"] / "config.json").read_text())["text_config"]
    text["rope_parameters"]["mrope_section"] = "two"
    model = changed("config.json", text_config=text)
    done = run("ask", colour_video, "Is it red?", "--model", model, "-k", 2)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "cannot be run as its files say" in done.stderr or "config.json" in done.stderr
    assert sum(line.startswith("error: ") for line in done.stderr.splitlines()) == 1


def test_a_model_of_the_hub_that_is_not_in_the_cache_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="nobody/none: no such folder, and not among the models"):
        load_answerer("nobody/none")


@EVERY_FAMILY
@pytest.mark.parametrize("size", [(180, 720), (100, 900), (1920, 1080), (720, 180), (360, 640)])
def test_the_least_that_an_error_names_is_the_least(answerers, family, size):
    """Over all sizes that there are: processors scale up what is very small or narrow."""
    answerer = answerers[family]
    for number in (1, 5):
        least = min(answerer.cost(number, *one) for one in answerer.picture_sizes(*size))
        with pytest.raises(BudgetError, match=f"at least {least} visual tokens"):
            plan_frames(answerer, QUESTION, size, 60, num_frames=number,
                        max_visual_tokens=least - 1, device=ROOM)  # fmt: skip
        plan, _ = plan_frames(answerer, QUESTION, size, 60, num_frames=number,
                              max_visual_tokens=least, device=ROOM)  # fmt: skip
        assert plan.visual_tokens == least


def test_options_are_asked_for_in_the_words_of_each_family():
    question = parse_question("What is shown?", ("a car", "a dog"))
    assert question_text(question) == (
        "What is shown?\nA. a car\nB. a dog\n"
        "Answer with the option's letter from the given choices directly."
    )
    assert question_text(question, [1, 0], CHOICE_STYLES["qwen3_vl"]) == (
        "Question: What is shown?\nOptions:\nA. a dog\nB. a car\n"
        "Please select the correct answer from the options above."
    )
    assert question_text(question, style=CHOICE_STYLES["smolvlm"]).endswith(
        "\nChoices:\nA. a car\nB. a dog\nAnswer with the letter."
    )
