"""A vision-language model behind NTLBG's parts: without rich points it is the stock model."""

import json

import pytest
import torch
from transformers import AutoConfig, AutoModelForImageTextToText

from ntlbg.config import Config, changed
from ntlbg.errors import ConfigError
from ntlbg.models import NtlbgVLForConditionalGeneration
from ntlbg.models.lora import is_adapter
from ntlbg.models.ntlbg.bases import BASES, base_of
from ntlbg.models.ntlbg.building import build_reader, reader_settings
from ntlbg.models.ntlbg.checkpoints import load_reader, save_reader, trained_names
from ntlbg.question import parse_question
from ntlbg.train.stages import STAGES, set_stage
from ntlbg_vl_models import KINDS, built, vl_config
from tiny_vlms import drawn, make_vlm, shown

EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
QUESTION = parse_question("what is shown?")
TIMES = [1.0, 3.5, 60.0]
OFF = {"model_config.rich_point_config.enable": False}


@pytest.fixture(scope="module")
def answerers(tmp_path_factory):
    return {kind: built(vl_config(tmp_path_factory.mktemp(kind), kind)) for kind in KINDS}


def given(answerer, pictures=None):
    """Three pictures, with features as the base model's tower makes them."""
    pictures = drawn(len(TIMES), 112, 112) if pictures is None else pictures
    [encoder] = answerer.retriever.encoders
    made = shown(pictures, TIMES)
    made.index.features[encoder.name] = encoder.encode_frames(drawn(len(TIMES), 112, 112))
    return made


def read(answerer, made, model=None):
    (prompt,) = answerer.prompts(QUESTION, made, [QUESTION.text])
    with torch.inference_mode(), prompt.reading() as inputs:
        return (model or answerer.model)(**inputs).logits, inputs


@EVERY_KIND
def test_switched_off_it_is_the_stock_model_to_the_bit(kind, tmp_path):
    answerer = built(vl_config(tmp_path, kind, **OFF))
    stock = AutoModelForImageTextToText.from_pretrained(tmp_path / "base").eval()
    made = given(answerer)
    found, inputs = read(answerer, made)
    expected, _ = read(answerer, made, stock)
    assert torch.equal(found, expected)
    assert not (inputs["input_ids"] == answerer.model.config.video_token_id).any()
    (prompt,) = answerer.prompts(QUESTION, made, [QUESTION.text])
    how = {"max_new_tokens": 6, "do_sample": False}
    with torch.inference_mode(), prompt.reading() as inputs:
        assert torch.equal(answerer.model.generate(**inputs, **how),
                           stock.generate(**inputs, **how))  # fmt: skip


@EVERY_KIND
def test_points_stand_before_the_times_of_their_frames(answerers, kind):
    answerer = answerers[kind]
    tokenizer = answerer.processor.tokenizer
    _, inputs = read(answerer, given(answerer))
    text = tokenizer.decode(inputs["input_ids"][0])
    point = answerer.retriever.processor.video_token
    assert text.count(point) == len(TIMES)
    for seconds in ("1.0", "3.5", "60.0"):
        assert f"{point}<{seconds} seconds>" in text.replace("> ", ">")


@EVERY_KIND
def test_each_point_counts(answerers, kind):
    """Whatever a point is made of changes the answer, and nothing else does."""
    answerer = answerers[kind]
    made = given(answerer)
    before, inputs = read(answerer, made)
    again, _ = read(answerer, made)
    assert torch.equal(before, again)
    features = inputs["video_features"].clone()
    for frame in range(len(TIMES)):
        other = features.clone()
        other[0, frame] = -other[0, frame]
        with torch.inference_mode():
            (prompt,) = answerer.prompts(QUESTION, made, [QUESTION.text])
            with prompt.reading() as fresh:
                changed_ = answerer.model(**fresh | {"video_features": other}).logits
        assert not torch.allclose(before, changed_, atol=1e-6)


@EVERY_KIND
def test_what_is_written_goes_on_from_points_and_is_none(answerers, kind):
    """The first token is the likeliest of ``forward``; the token of points is never written."""
    answerer = answerers[kind]
    made = given(answerer)
    logits, _ = read(answerer, made)
    (prompt,) = answerer.prompts(QUESTION, made, [QUESTION.text])
    point = answerer.model.config.video_token_id
    with torch.inference_mode(), prompt.reading() as inputs:
        length = inputs["input_ids"].shape[1]
        written = answerer.model.generate(**inputs, max_new_tokens=5, do_sample=False)[0, length:]
    allowed = logits[0, -1].clone()
    allowed[point] = -torch.inf
    assert written[0] == allowed.argmax()
    assert point not in written


@EVERY_KIND
def test_a_point_is_not_written_where_it_is_likeliest(kind, tmp_path):
    answerer = built(vl_config(tmp_path, kind))
    model, point = answerer.model, answerer.model.config.video_token_id
    (prompt,) = answerer.prompts(QUESTION, made := given(answerer), [QUESTION.text])
    with torch.inference_mode(), prompt.reading() as inputs:
        last = model(**inputs, output_hidden_states=True).hidden_states[-1][0, -1]
        model.get_output_embeddings().weight[point] = 1000 * last
        assert model(**inputs).logits[0, -1].argmax() == point
    (prompt,) = answerer.prompts(QUESTION, made, [QUESTION.text])
    with torch.inference_mode(), prompt.reading() as inputs:
        written = model.generate(**inputs, max_new_tokens=3, do_sample=False)
    assert point not in written[0, prompt.tokens :]


def test_a_prompt_without_a_place_for_each_point_is_refused(answerers):
    answerer = answerers["qwen2_vl"]
    _, inputs = read(answerer, given(answerer))
    ids = inputs["input_ids"].clone()
    ids[ids == answerer.model.config.video_token_id] = 5
    ids[0, 0] = answerer.model.config.video_token_id
    with pytest.raises(ValueError, match="one video token per chosen frame"):
        answerer.model(**inputs | {"input_ids": ids})


@EVERY_KIND
def test_nothing_of_the_base_trains_unless_the_stage_says_so(kind, tmp_path):
    model, _ = build_reader(vl_config(tmp_path, kind), None, torch.float32, sees=True)
    base = dict(model.language_model.named_parameters())
    first, second, third = (set(set_stage(model, stage)) for stage in STAGES)
    assert not any(name.startswith("language_model.") for name in first)
    assert all(is_adapter(name) for name in second - first)
    connectors = {
        f"language_model.{name}." for name in base_of(model.config.text_config).connectors
    }
    assert third - second
    assert all(name.startswith(tuple(connectors)) for name in third - second)
    adapted = [name for name in base if is_adapter(name)]
    assert adapted
    assert not any("visual" in name or "vision" in name or "connector" in name for name in adapted)


@pytest.mark.parametrize("rank", [0, 2])
@EVERY_KIND
def test_what_is_saved_is_what_was_trained_and_comes_back(kind, rank, tmp_path):
    config = vl_config(tmp_path, kind, **{"model_config.lora_rank": rank})
    model, processor = build_reader(config, None, torch.float32, sees=True)
    set_stage(model, "full")
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.01 * torch.randn_like(parameter))
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    buffers = {name for name, _ in model.named_buffers()}
    assert set(trained_names(model)) - buffers == trained
    folder = save_reader(model, processor, tmp_path / "saved")
    assert json.loads((folder / "config.json").read_text())["model_type"] == "ntlbg_vl"
    again, its = load_reader(folder, torch.float32)
    assert isinstance(again, NtlbgVLForConditionalGeneration)
    assert its.video_token == processor.video_token
    ids = torch.tensor([processor.encode("what is shown?")])
    with torch.inference_mode():
        expected = model.eval()(input_ids=ids).logits
        assert torch.allclose(again(input_ids=ids).logits, expected, atol=1e-5)
    whole = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)
    assert type(whole) is NtlbgVLForConditionalGeneration


@EVERY_KIND
def test_gradient_reaches_all_parts(answerers, kind):
    model = answerers[kind].model.train()
    set_stage(model, "representation")
    try:
        (prompt,) = answerers[kind].prompts(QUESTION, given(answerers[kind]), [QUESTION.text])
        with prompt.reading() as inputs:
            model(**inputs, use_cache=False).logits.float().square().mean().backward()
        for part in (model.ntlbg_attention, model.rich_points, model.multi_modal_projector):
            gradients = [p.grad for p in part.parameters() if p.grad is not None]
            assert any(gradient.abs().sum() > 0 for gradient in gradients)
        assert all(p.grad is None for p in model.language_model.parameters())
    finally:
        model.eval().requires_grad_(True)
        model.zero_grad(set_to_none=True)


def test_points_begin_where_words_are(answerers):
    """In mean and spread, so that they do not drown what stands beside them."""
    for answerer in answerers.values():
        model = answerer.model
        words = model.get_input_embeddings().weight.float()
        points = torch.randn(2000, model.config.rich_point_size)
        with torch.inference_mode():
            tokens = model.multi_modal_projector(points, points)
        assert tokens.std(0).mean() == pytest.approx(words.std(0).mean().item(), rel=0.1)
        apart = (tokens.mean(0) - words.mean(0)).detach()
        assert apart.abs().max() < 0.3 * words.std()  # of 512 probes, and 2,000 others


def test_other_models_are_refused(tmp_path):
    make_vlm("internvl", tmp_path)
    config = AutoConfig.from_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="type internvl; give one of type qwen2_vl"):
        base_of(config)


# Sizes of Qwen2-VL-7B-Instruct: text as in its config.json, the rest as the class has.
SEVEN_B = {
    "text_config": {
        "vocab_size": 152064, "hidden_size": 3584, "intermediate_size": 18944,
        "num_hidden_layers": 28, "num_attention_heads": 28, "num_key_value_heads": 4,
        "max_position_embeddings": 32768, "tie_word_embeddings": False,
    },
    "vision_config": {"hidden_size": 3584},
    "tie_word_embeddings": False,
}  # fmt: skip


@pytest.mark.parametrize("kind", BASES)
def test_names_and_shapes_are_those_of_the_real_class(kind):
    """On the meta device, where seven billion parameters take no memory."""
    real = AutoConfig.for_model(kind, **(SEVEN_B if kind == "qwen2_vl" else {}))
    settings = reader_settings(changed(Config(), {}), real, None)
    with torch.device("meta"):
        stock = AutoModelForImageTextToText.from_config(real)
        behind = NtlbgVLForConditionalGeneration(settings)
    expected = {
        f"language_model.{name}": tensor.shape for name, tensor in stock.state_dict().items()
    }
    found = {name: tensor.shape for name, tensor in behind.state_dict().items()}
    assert expected.items() <= found.items()
    own = {name.split(".")[0] for name in found.keys() - expected.keys()}
    assert own == {"ntlbg_attention", "rich_points", "multi_modal_projector"}
    if kind == "qwen2_vl":
        assert sum(tensor.numel() for tensor in stock.parameters()) == 8_291_375_616
