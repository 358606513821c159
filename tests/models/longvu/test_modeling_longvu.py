"""LongVU as a Hugging Face model: batches, generation, precision, adapters, saving."""

import subprocess
import sys

import pytest
import torch
from huggingface_hub.errors import StrictDataclassError
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import (
    AutoConfig,
    AutoModelForImageTextToText,
    Dinov2Model,
    Qwen2ForCausalLM,
    SiglipVisionModel,
)

from golden_longvu import Case
from longvu_models import made_frames, tiny_config, tiny_longvu_processor, tiny_model
from ntlbg.models import LongVUConfig, LongVUForConditionalGeneration
from ntlbg.models.longvu.modeling_longvu import LORA_TARGETS

FRAMES = (3, 6, 4)
QUESTIONS = ["What is it?", "Is the ball red or is it blue?", "Why?"]
ROOMY = {"context_length": 300}


def inputs_of(*rows: int, answers=None, **options):
    """Inputs of some of the samples, in one batch."""
    videos = [made_frames(FRAMES[row], seed=row) for row in rows]
    questions = [QUESTIONS[row] for row in rows]
    return dict(tiny_longvu_processor(**options)(questions, videos, answer=answers))


@torch.no_grad()
@pytest.mark.parametrize("mode", ["faithful", "corrected"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_batch_gives_what_its_samples_give_alone(mode, side):
    """All short enough for one regime, where the published code agrees as well."""
    model = tiny_model(mode=mode, padding_side=side, **ROOMY)
    batch = model.prepare(**inputs_of(0, 1, 2, mode=mode))
    logits = model(**inputs_of(0, 1, 2, mode=mode)).logits
    for row in range(3):
        own = inputs_of(row, mode=mode)
        alone, shown = model.prepare(**own), batch.attention_mask[row]
        torch.testing.assert_close(batch.inputs_embeds[row][shown], alone.inputs_embeds[0])
        if side == "right":  # positions count from the left
            torch.testing.assert_close(logits[row][shown], model(**own).logits[0])


@pytest.mark.parametrize("mode", ["faithful", "corrected"])
def test_generation_in_a_batch_is_generation_alone(mode):
    model, processor = tiny_model(mode=mode, **ROOMY), tiny_longvu_processor(mode=mode)
    options = {"do_sample": False, "max_new_tokens": 8, "pad_token_id": 0}
    together = model.generate(**inputs_of(0, 1, 2, mode=mode), **options)
    for row in range(3):
        alone = model.generate(**inputs_of(row, mode=mode), **options)[0]
        assert processor.decode_answer(together[row]) == processor.decode_answer(alone)
        assert len(alone)


@torch.no_grad()
def test_generation_is_greedy():
    """Against a loop that reads the whole sequence again for every token."""
    model, inputs = tiny_model(), inputs_of(0)
    found = model.generate(**inputs, do_sample=False, max_new_tokens=6, pad_token_id=0)
    embeds = model.prepare(**inputs).inputs_embeds
    for token in found[0]:
        assert model(inputs_embeds=embeds).logits[0, -1].argmax() == token
        embeds = torch.cat([embeds, model.get_input_embeddings()(token.view(1, 1))], dim=1)


@torch.no_grad()
def test_a_fused_video_answers_any_number_of_questions():
    model, processor = tiny_model(), tiny_longvu_processor()
    frames = made_frames(6)
    fused = model.fuse(processor.frame_pixels(frames), processor.video_size(24, 40))
    for question in QUESTIONS:
        whole = model(**processor(question, frames)).logits
        text = processor(question, frames)
        again = model(text["input_ids"], text["attention_mask"], videos=[fused]).logits
        torch.testing.assert_close(again, whole)
        options = {"do_sample": False, "max_new_tokens": 4, "pad_token_id": 0}
        ids = model.generate(text["input_ids"], videos=[fused], **options)
        assert torch.equal(ids, model.generate(**processor(question, frames), **options))


@torch.no_grad()
def test_text_without_a_video():
    model, processor = tiny_model(), tiny_longvu_processor()
    inputs = processor("Why?")
    language_model = model.language_model
    torch.testing.assert_close(model(**inputs).logits, language_model(**inputs).logits)
    options = {"do_sample": False, "max_new_tokens": 4, "pad_token_id": 0}
    ids = model.generate(**inputs, **options)
    assert torch.equal(ids, language_model.generate(**inputs, **options))


@torch.no_grad()
def test_several_videos_in_one_row_come_in_order():
    model = tiny_model(mode="corrected", **ROOMY)
    processor = tiny_longvu_processor(mode="corrected")
    videos = [made_frames(2, seed=0), made_frames(3, seed=1)]
    fused = [
        model.fuse(processor.frame_pixels(video), processor.video_size(24, 40)) for video in videos
    ]
    ids = torch.tensor([[5, 6, -200, 7, -200, 8]])
    prepared = model.prepare(ids, videos=fused)
    first, second = (video.tokens for video in prepared.videos)
    text = model.get_input_embeddings()(torch.tensor([5, 6, 7, 8]))
    expected = torch.cat([text[:2], first, text[2:3], second, text[3:]])
    torch.testing.assert_close(prepared.inputs_embeds[0], expected)
    assert len(first) < len(second)


# ------------------------------------------------------------------------------- logits and loss


def test_logits_are_computed_where_they_are_needed():
    model, inputs = tiny_model(), inputs_of(0, 1, answers=["a dog", "no"])
    seen = []
    head = model.get_output_embeddings()
    head.register_forward_hook(lambda _, args, __: seen.append(args[0].shape))
    whole = model(**inputs)
    labelled = model(**inputs, logits_at_labels=True)
    targets = model.prepare(**inputs).labels[:, 1:]
    assert seen[1] == (int((targets != -100).sum()), 32)
    torch.testing.assert_close(labelled.loss, whole.loss)
    torch.testing.assert_close(labelled.logits, whole.logits[:, :-1][targets != -100])
    del inputs["labels"]
    torch.testing.assert_close(model(**inputs, logits_to_keep=2).logits, whole.logits[:, -2:])
    seen.clear()
    model.generate(**inputs, max_new_tokens=3, min_new_tokens=3, do_sample=False, pad_token_id=0)
    assert [shape[1] for shape in seen] == [1, 1, 1]


def test_loss_is_the_mean_over_labelled_tokens():
    model, inputs = tiny_model(), inputs_of(0, 1, answers=["a dog", "no"])
    whole = model(**inputs)
    targets = model.prepare(**inputs).labels[:, 1:].flatten()
    expected = torch.nn.functional.cross_entropy(whole.logits[:, :-1].flatten(0, 1), targets)
    torch.testing.assert_close(whole.loss, expected)
    count = int((targets != -100).sum())
    part = model(**inputs, num_items_in_batch=2 * count).loss
    torch.testing.assert_close(part, expected / 2)


def test_gradient_reaches_everything_but_the_towers():
    model = tiny_model(query_grid=2, **ROOMY)
    model(**inputs_of(0, 1, answers=["a dog", "no"])).loss.backward()
    for name, parameter in model.named_parameters():
        frozen = "_tower." in name
        assert (parameter.grad is None) == frozen, name
        assert frozen or parameter.grad.abs().max() > 0, name


def test_gradient_reaches_the_towers_when_they_are_trained():
    model = tiny_model(train_vision_towers=True)
    model(**inputs_of(0, answers=["a dog"])).loss.backward()
    for tower in (model.vision_model.siglip_tower, model.vision_model.dinov2_tower):
        assert tower.encoder.state_dict()
        grads = [p.grad for n, p in tower.named_parameters() if "post_layernorm" not in n]
        assert all(grad is not None and grad.abs().max() > 0 for grad in grads)


@pytest.mark.parametrize("train", [True, False])
def test_towers_are_as_frozen_after_loading_as_before(tmp_path, train):
    tiny_model(train_vision_towers=train).save_pretrained(tmp_path)
    again = LongVUForConditionalGeneration.from_pretrained(tmp_path)
    told, _ = LongVUForConditionalGeneration.from_pretrained(tmp_path, output_loading_info=True)
    for model in (again, told):
        for name, parameter in model.named_parameters():
            assert parameter.requires_grad == (train or "_tower." not in name), name


def test_gradient_checkpointing_changes_no_gradient():
    inputs = inputs_of(0, 1, answers=["a dog", "no"])
    gradients = []
    for checkpointing in (False, True):
        model = tiny_model().train()
        if checkpointing:
            model.activation_checkpointing_enable()
            layer = model.language_model.model.layers[0]
            assert layer.gradient_checkpointing
        model(**inputs, use_cache=False).loss.backward()
        gradients.append({n: p.grad for n, p in model.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, msg=name)


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")  # PEFT's
def test_lora_adapts_the_language_model_alone():
    model = get_peft_model(tiny_model(), LoraConfig(r=2, target_modules=LORA_TARGETS))
    adapted = {name for name, _ in model.named_modules() if name.endswith("lora_A.default")}
    assert len(adapted) == 2 * 7
    assert all("language_model" in name for name in adapted)
    inputs = inputs_of(0, answers=["a dog"])
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.02)
    losses = []
    for _ in range(6):
        loss = model(**inputs).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.9 * losses[0]
    options = {"do_sample": False, "max_new_tokens": 3, "pad_token_id": 0}
    del inputs["labels"]
    adapted = model.generate(**inputs, **options)
    assert torch.equal(model.merge_and_unload().generate(**inputs, **options), adapted)


# ------------------------------------------------------------------------------- saving


@pytest.mark.parametrize("tied", [False, True])
def test_roundtrip_through_the_auto_classes(tmp_path, tied):
    model = tiny_model(text={"tie_word_embeddings": tied})
    for parameter in model.parameters():  # nothing may survive only because it starts so
        torch.nn.init.normal_(parameter, std=0.05)
    model.save_pretrained(tmp_path)
    again = AutoModelForImageTextToText.from_pretrained(tmp_path).eval()
    assert type(again) is LongVUForConditionalGeneration
    assert type(AutoConfig.from_pretrained(tmp_path)) is LongVUConfig
    loaded = again.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in model.state_dict().items())
    inputs = inputs_of(0)
    torch.testing.assert_close(again(**inputs).logits, model(**inputs).logits)
    same = again.get_output_embeddings().weight is again.get_input_embeddings().weight
    assert same == tied


def test_bfloat16_from_a_checkpoint(tmp_path):
    model, inputs = tiny_model(), inputs_of(0, 1, answers=["a dog", "no"])
    model.save_pretrained(tmp_path)
    half = AutoModelForImageTextToText.from_pretrained(tmp_path, dtype=torch.bfloat16).eval()
    assert {tensor.dtype for tensor in half.state_dict().values()} == {torch.bfloat16}
    found, expected = half(**inputs), model(**inputs)
    assert found.logits.dtype == torch.bfloat16
    assert found.loss.dtype == torch.float32
    assert float(found.loss.detach()) == pytest.approx(float(expected.loss.detach()), rel=0.05)
    del inputs["labels"]
    half.generate(**inputs, do_sample=False, max_new_tokens=3, pad_token_id=0)


def test_parameters_missing_from_a_checkpoint_start_as_designed(tmp_path):
    """A plain language model with new vision: never memory that happened to be there."""
    model = tiny_model()
    model.save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    new = ("image_newline", "vision_model.aggregator.query")
    new += ("vision_model.aggregator.layers.0.towers.1.position",)
    kept = {name: value for name, value in weights.items() if name not in new}
    assert len(kept) == len(weights) - 3
    save_file(kept, tmp_path / "model.safetensors", metadata={"format": "pt"})
    torch.manual_seed(1)
    again = LongVUForConditionalGeneration.from_pretrained(tmp_path)
    for name in new[:2]:
        value = again.get_parameter(name).detach()
        assert not torch.equal(value, model.get_parameter(name))
        assert value.std() == pytest.approx(32**-0.5, rel=0.5)
    assert 0 < again.get_parameter(new[2]).abs().max() < 0.2


def test_configuration_survives_json(tmp_path):
    config = tiny_config(mode="corrected", drop_threshold=0.6, lowres_grid=1)
    config.save_pretrained(tmp_path)
    again = LongVUConfig.from_pretrained(tmp_path)
    assert again.to_dict() == config.to_dict()
    assert again.dinov2_config.use_swiglu_ffn


def published_7b() -> Case:
    return Case({"json": "state_dict/longvu_qwen2_7b_video.json"})


def test_defaults_are_the_published_model(tmp_path):
    LongVUConfig().save_pretrained(tmp_path)
    for config in (LongVUConfig(), LongVUConfig.from_pretrained(tmp_path)):
        text, published = config.text_config, published_7b()["llm"]
        assert text.model_type == "qwen2"
        assert text.rope_parameters["rope_theta"] == published.pop("rope_theta") == 1e6
        assert {name: getattr(text, name) for name in published} == published
        assert (config.siglip_config.hidden_size, config.siglip_config.image_size) == (1152, 384)
        tower = config.dinov2_config
        assert (tower.hidden_size, tower.num_hidden_layers, tower.image_size) == (1536, 40, 378)
        assert (config.feature_grid, config.query_grid, config.lowres_grid) == (24, 12, 8)


def test_parameters_of_the_defaults_are_the_published_ones():
    with torch.device("meta"):
        model = LongVUForConditionalGeneration(LongVUConfig())

    def count(name):
        return sum(p.numel() for n, p in model.named_parameters() if n.startswith(name))

    published = published_7b()["parameter_count_by_group"]
    aggregator = "vision_model.aggregator"
    assert count("language_model") == published["llm"]
    assert count("image_newline") == published["image_newline"]
    assert count("multi_modal_projector") == published["mm_projector"]
    parts = ("mm_projector_aux_0", "mm_projector_aux_1", "vision_query", "vision_sampler_0")
    assert count(aggregator) == sum(published[part] for part in parts)
    assert count(f"{aggregator}.projectors.0") == published["mm_projector_aux_0"]
    # the towers as their checkpoints have them, less what is not used: SigLIP's head (15.2 million)
    # and, of DINOv2, the mask and the positions beyond 27 x 27
    assert count("vision_model.siglip_tower") == 428_225_600 - 15_238_352
    assert count("vision_model.dinov2_tower") == 1_136_480_768 - 1536 * (37**2 - 27**2 + 1)


@pytest.mark.parametrize(
    "wrong", [{"query_grid": 3}, {"connector_heads": 5}, {"mode": "fast"}, {"padding_side": "up"}]
)
def test_impossible_configurations_are_refused(wrong):
    with pytest.raises((ValueError, StrictDataclassError), match=next(iter(wrong))):
        tiny_config(**wrong)


# ------------------------------------------------------------------------------- refusals, parts


def test_parts_are_those_of_transformers():
    model = tiny_model()
    assert type(model.vision_model.siglip_tower) is SiglipVisionModel
    assert type(model.vision_model.dinov2_tower) is Dinov2Model
    assert type(model.language_model) is Qwen2ForCausalLM


def test_wrong_inputs_are_explained():
    model, inputs = tiny_model(), inputs_of(0)
    with pytest.raises(ValueError, match="exactly one of input_ids and inputs_embeds"):
        model()
    with pytest.raises(ValueError, match="pixels for both towers"):
        model(**{**inputs, "pixel_values_videos_dinov2": None})
    with pytest.raises(ValueError, match=r"have \[2\] placeholders"):
        model(**{**inputs, "input_ids": torch.tensor([[3, -200, -200]]), "attention_mask": None})


@pytest.mark.slow
def test_works_without_torchvision():
    code = """
import sys
sys.modules["torchvision"] = None
from longvu_models import made_frames, tiny_longvu_processor, tiny_model
inputs = tiny_longvu_processor()("What?", made_frames(2))
print(tiny_model()(**inputs).logits.shape[-1])
"""
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd="tests", check=True
    )
    assert shown.stdout.strip() == "128"
