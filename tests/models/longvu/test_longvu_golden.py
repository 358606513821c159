"""The whole model against reference values of the published code."""

import pytest
import torch

from golden_longvu import Case, cases, close
from longvu_models import enlarge, golden_inputs, golden_model
from ntlbg.models.longvu.vision import dinov2_features, siglip_features


@pytest.mark.parametrize("entry", cases("towers"))
def test_towers(entry):
    case, model = Case(entry), golden_model("qwen")
    tensors = case.tensors
    siglip = enlarge(tensors["pixels_siglip_small"], "siglip")
    dinov2 = enlarge(tensors["pixels_dino_small"], "dino")
    with torch.no_grad():
        last = model.vision_model.dinov2_tower(dinov2[:1]).last_hidden_state[0, ::9]
        blocks = siglip_features(model.vision_model.siglip_tower, siglip[:1], 27)[0, ::9]
        siglip = siglip_features(model.vision_model.siglip_tower, siglip, 24)
        dinov2 = dinov2_features(model.vision_model.dinov2_tower, dinov2, 24)
    close(last, tensors["dino_last_hidden_state_frame0_every9"])
    close(blocks, tensors["siglip_last_block_27x27_frame0_every9"])
    for name, features in (("siglip", siglip), ("dino", dinov2)):
        close(features[0], tensors[f"{name}_features_frame0"], name)
        close(features[1, ::8], tensors[f"{name}_features_frame1_every8"], name)


@pytest.fixture(params=cases("e2e"))
def case(request):
    return Case(request.param)


@torch.no_grad()
def test_end_to_end(case):
    model, inputs, tensors = (
        golden_model(case["family"], **case["config_overrides"]),
        golden_inputs(case),
        case.tensors,
    )
    ids, mask = inputs["input_ids"], inputs.get("attention_mask")
    pixels = {n: t for n, t in inputs.items() if n.startswith(("pixel", "num_", "image"))}
    videos = model._fuse_all(ids, torch.ones_like(ids).bool() if mask is None else mask, **pixels)
    _check_frames(videos, tensors)
    close(videos[0].tokens[0], tensors["fused_tokens_frame0"], "fused")

    prepared = model.prepare(ids, mask, inputs.get("labels"), videos=videos)
    assert prepared.inputs_embeds.shape[1] == case["sequence_length"]
    if "inputs_embeds" in tensors:
        close(prepared.inputs_embeds, tensors["inputs_embeds"], "embeddings")
    else:
        close(prepared.inputs_embeds[:, ::4], tensors["inputs_embeds_every4"], "embeddings")
    chosen = [video for video in prepared.videos if video.relevance is not None]
    for number, video in enumerate(chosen):
        close(video.relevance, tensors[f"frame_score_{number}"], "relevance")
        if f"highres_frames_{number}" in tensors:
            frames = tensors[f"highres_frames_{number}"]
            assert video.highres_frames.tolist() == frames.tolist()
    assert len(chosen) == sum(name.startswith("frame_score") for name in tensors)

    output = model(**inputs)
    shown = prepared.attention_mask
    if mask is not None:
        assert torch.equal(shown, tensors["attention_mask_out"])
    if "labels" in inputs:
        assert torch.equal(prepared.labels, tensors["labels_out"])
        close(output.loss, tensors["loss"], "loss")
    _check_logits(output.logits, shown, tensors)


def _check_frames(videos, tensors):
    for number, video in enumerate(videos):
        if f"kept_indices_{number}" in tensors:
            assert video.frame_indices.tolist() == tensors[f"kept_indices_{number}"].tolist()
        expected = tensors.get(f"window_similarity_{number}")
        if expected is not None:
            close(video.window_similarity, expected, "window similarity")


def _check_logits(logits, shown, tensors):
    length = logits.shape[1]
    every32 = torch.arange(0, length, 32)
    last4 = torch.arange(length - 4, length)
    for name, at in (("logits_every32", every32), ("logits_last4", last4)):
        real = shown[:, at]
        close(logits[:, at][real], tensors[name][real], name)
    assert torch.equal(logits.argmax(-1)[shown], tensors["logits_argmax"][shown])


@torch.no_grad()
def test_greedy_continuation(case):
    if "generated_ids" not in case.tensors:
        pytest.skip("no generated ids in this case")
    model = golden_model(case["family"], **case["config_overrides"])
    expected = case.tensors["generated_ids"]
    ids = model.generate(
        **golden_inputs(case), max_new_tokens=expected.shape[1], do_sample=False, pad_token_id=0
    )
    assert torch.equal(ids, expected)
