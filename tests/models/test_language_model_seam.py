"""Generation, adapters, precision and memory saving: what the language model brings along."""

import pytest
import torch
from peft import LoraConfig, get_peft_model

from tiny_models import (
    LANGUAGE_MODELS,
    VOCABULARY,
    batch_of,
    sample,
    task_loss,
    tiny_inputs,
    tiny_model,
)

PROJECTORS = {"mlp": {}, "vocabulary": VOCABULARY}


@pytest.fixture(params=PROJECTORS)
def model(request):
    return tiny_model(**PROJECTORS[request.param])


@pytest.mark.parametrize("language_model", LANGUAGE_MODELS)
def test_generate_equals_a_loop_of_argmax_without_cache(language_model):
    model, inputs = tiny_model(language_model), tiny_inputs(answer=None)
    looks = []
    model.ntlbg_attention.register_forward_hook(lambda *args: looks.append(1))
    ids = model.generate(**inputs, max_new_tokens=12, do_sample=False)
    assert len(looks) == 1  # the video is read once, before the first token

    manual = dict(inputs)
    for _ in range(12):
        following = model(**manual).logits[:, -1].argmax(-1, keepdim=True)
        manual["input_ids"] = torch.cat([manual["input_ids"], following], dim=1)
        manual["attention_mask"] = torch.ones_like(manual["input_ids"])
        if following.item() == model.config.text_config.eos_token_id:
            break
    assert ids.tolist() == manual["input_ids"].tolist()


def test_generate_reads_the_frames():
    model, inputs = tiny_model(), tiny_inputs(answer=None)
    other = {**inputs, "video_features": -inputs["video_features"]}
    greedy = {"max_new_tokens": 12, "do_sample": False}
    assert model.generate(**inputs, **greedy).tolist() != model.generate(**other, **greedy).tolist()


def test_generate_without_cache_batch_and_beams():
    model = tiny_model()
    inputs = batch_of(sample(answer=""), sample("And now?", 12, (0, 5), answer=""))
    inputs = {name: value for name, value in inputs.items() if name != "labels"}
    cut = inputs["input_ids"].shape[1]
    greedy = {"max_new_tokens": 6, "do_sample": False}
    with_cache = model.generate(**inputs, **greedy)
    assert with_cache[:, cut:].tolist() == (
        model.generate(**inputs, **greedy, use_cache=False)[:, cut:].tolist()
    )
    assert model.generate(**inputs, **greedy, num_beams=2).shape[0] == 2


def test_gradient_checkpointing_changes_neither_loss_nor_gradient():
    inputs = tiny_inputs()
    plain, saving = tiny_model().train(), tiny_model().train()
    saving.activation_checkpointing_enable()
    results = []
    for model in (plain, saving):
        loss = model(**inputs, use_cache=False).loss
        loss.backward()
        results.append((loss.detach(), model.ntlbg_attention.basis.grad))
    torch.testing.assert_close(results[0], results[1])


def test_bfloat16_language_model_with_float32_heads(model):
    model.language_model.to(torch.bfloat16)
    out = model(**tiny_inputs(), logits_at_labels=True)
    assert out.logits.dtype == torch.bfloat16
    assert out.loss.dtype == out.visual_tokens.dtype == torch.float32
    out.loss.backward()
    assert model.ntlbg_attention.basis.grad.dtype == torch.float32
    assert model.ntlbg_attention.basis.grad.isfinite().all()
    generated = model.generate(**tiny_inputs(answer=None), max_new_tokens=3, do_sample=False)
    assert generated.shape[1] > 0


# peft asks transformers in a way that is going out of use
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
@pytest.mark.parametrize("whole", [True, False], ids=["whole model", "language model"])
def test_lora_trains_only_adapters(whole):
    model, inputs = tiny_model(), tiny_inputs()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    lora = LoraConfig(r=2, target_modules=r".*(q_proj|v_proj|down_proj)")
    if whole:
        trained = get_peft_model(model, lora)
    else:
        model.requires_grad_(False)
        model.language_model = get_peft_model(model.language_model, lora)
        trained = model
    names = [name for name, p in trained.named_parameters() if p.requires_grad]
    assert names
    assert all("lora_" in name and "language_model" in name for name in names)

    first = task_loss(trained, inputs)
    optimiser = torch.optim.SGD([p for p in trained.parameters() if p.requires_grad], lr=1.0)
    for _ in range(3):
        loss = trained(**inputs, logits_at_labels=True).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert task_loss(trained, inputs) < first
    after = trained.state_dict()
    for name, value in before.items():
        same = [key for key in after if _plain(key) == name]
        assert len(same) == 1
        assert torch.equal(after[same[0]], value), name
    prompt = {name: value for name, value in inputs.items() if name != "labels"}
    assert trained.generate(**prompt, max_new_tokens=2, do_sample=False).shape[0] == 1


def _plain(key: str) -> str:
    """A parameter's name without what peft puts around it."""
    return key.replace("base_model.model.", "").replace(".base_layer", "")
