import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

from ntlbg.models import NtlbgConfig, NtlbgForConditionalGeneration, NtlbgProcessor
from tiny_models import (
    LANGUAGE_MODELS,
    VOCABULARY,
    tiny_config,
    tiny_inputs,
    tiny_model,
    tiny_processor,
)


@pytest.mark.parametrize("language_model", LANGUAGE_MODELS)
@pytest.mark.parametrize("changes", [{}, VOCABULARY], ids=["mlp", "vocabulary"])
def test_roundtrip_through_the_auto_classes(tmp_path, language_model, changes):
    model, inputs = tiny_model(language_model, **changes), tiny_inputs()
    for parameter in model.parameters():  # nothing may survive only because it starts so
        torch.nn.init.normal_(parameter, std=0.05)
    model.save_pretrained(tmp_path)
    tiny_processor().save_pretrained(tmp_path)

    again = AutoModelForImageTextToText.from_pretrained(tmp_path)
    assert type(again) is NtlbgForConditionalGeneration
    assert type(AutoConfig.from_pretrained(tmp_path)) is NtlbgConfig
    loaded = again.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in model.state_dict().items())
    # loaded weights lie elsewhere in memory, and so may take another path through the BLAS
    torch.testing.assert_close(again.eval()(**inputs).logits, model(**inputs).logits)

    processor = AutoProcessor.from_pretrained(tmp_path)
    assert type(processor) is NtlbgProcessor
    assert processor.query_ids("Is it?") == tiny_processor().query_ids("Is it?")
    assert processor.prefix_ids([3.0]) == tiny_processor().prefix_ids([3.0])


def test_a_bfloat16_language_model_stays_so_and_the_heads_stay_float32(tmp_path):
    config = tiny_config(**VOCABULARY)
    config.text_config.dtype = torch.bfloat16
    model, inputs = NtlbgForConditionalGeneration(config).eval(), tiny_inputs()
    model.save_pretrained(tmp_path)
    again = AutoModelForImageTextToText.from_pretrained(tmp_path).eval()
    for name, value in again.state_dict().items():
        wanted = torch.bfloat16 if name.startswith("language_model") else torch.float32
        assert value.dtype == wanted, name
    torch.testing.assert_close(again(**inputs).logits, model(**inputs).logits)


def test_weights_missing_from_a_checkpoint_start_as_designed(tmp_path):
    model = tiny_model(**VOCABULARY)
    model.save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    dropped = ("ntlbg_attention.bias.bias", "multi_modal_projector.output.weight")
    dropped += ("rich_points.lstm.weight_ih_l0",)
    kept = {name: value for name, value in weights.items() if name not in dropped}
    save_file(kept, tmp_path / "model.safetensors", metadata={"format": "pt"})
    again = NtlbgForConditionalGeneration.from_pretrained(tmp_path)
    torch.testing.assert_close(again.ntlbg_attention.bias.bias, model.ntlbg_attention.bias.bias)
    assert not again.multi_modal_projector.output.weight.any()
    assert 0 < again.rich_points.lstm.weight_ih_l0.abs().max() < 1
    torch.testing.assert_close(again.ntlbg_attention.basis, model.ntlbg_attention.basis)


def test_configuration_survives_json(tmp_path):
    config = tiny_config(**VOCABULARY, context_seconds=4.0, nothing_bias=-1.5)
    config.save_pretrained(tmp_path)
    again = NtlbgConfig.from_pretrained(tmp_path)
    assert again.to_dict() == config.to_dict()
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == "ntlbg"
    assert again.text_config.model_type == "llama"
    assert again.vision_config is None


def test_rich_point_size_is_what_the_parts_add_up_to():
    assert tiny_config().rich_point_size == 32 + 8 + 2 + 6


@pytest.mark.parametrize("vocabulary", [None, [], [[1], []]])
def test_a_vocabulary_projector_needs_words(vocabulary):
    with pytest.raises(ValueError, match="token ids per word"):
        tiny_config(projector="vocabulary", vocabulary=vocabulary)


def test_words_are_read_from_the_language_model():
    model = tiny_model(**VOCABULARY)
    table = model.get_input_embeddings().weight.detach()
    projector = model.multi_modal_projector
    torch.testing.assert_close(projector.word_embeddings[2], table[[13, 14, 15]].mean(0))
    torch.testing.assert_close(projector.embedding_mean, table.mean(0))
    torch.testing.assert_close(
        projector.embedding_norm, (table - table.mean(0)).norm(dim=-1).mean()
    )
    torch.testing.assert_close(model.ntlbg_attention.pooling.embedding_mean, table.mean(0))

    with torch.no_grad():
        model.get_input_embeddings().weight[12] = 7.0
    assert not (projector.word_embeddings[1] == 7).any()
    model.initialize_from_language_model()
    assert (projector.word_embeddings[1] == 7).all()
