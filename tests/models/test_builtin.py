"""The shipped model, as the package delivers it."""

import numpy as np
import pytest
import torch
from peft import LoraConfig, inject_adapter_in_model
from safetensors.torch import load_file, save_file

from ntlbg.backends import load_backend
from ntlbg.data import read_samples
from ntlbg.encoders import ENCODERS
from ntlbg.errors import WeightsError
from ntlbg.evaluation.haystack import is_right
from ntlbg.haystack import make_videos
from ntlbg.haystack.augmentation import FRAME_SIZE
from ntlbg.haystack.pictures import load_style, object_names, paste
from ntlbg.models.builtin import (
    LORA_ALPHA,
    LORA_KEY,
    LORA_RANK,
    build_base,
    load_builtin,
    load_trained,
    load_vision_tower,
    shipped_weights,
    weights_fingerprint,
)
from ntlbg.pipeline import ask


@pytest.fixture(scope="module")
def builtin():
    return load_builtin()


def test_the_weights_are_small_enough_to_ship():
    assert shipped_weights().stat().st_size < 25e6


def test_every_shipped_tensor_has_a_place_and_changes_something(builtin):
    model, _ = builtin
    base, _ = build_base()
    trained, start = model.state_dict(), base.state_dict()
    for name in load_file(shipped_weights()):
        found = LORA_KEY.match(name)
        place = f"{found['layer']}.weight" if found else name
        assert not torch.equal(trained[place].float(), start[place].float()), place


def test_merged_factors_answer_as_unmerged_ones(builtin):
    """W + B A once, against peft's own two-branch forward."""
    model, processor = builtin
    apart, _ = build_base()
    inject_adapter_in_model(
        LoraConfig(r=LORA_RANK, lora_alpha=LORA_ALPHA, target_modules="all-linear"),
        apart.language_model,
    )
    factors = {
        name.replace(".weight", ".default.weight"): tensor
        for name, tensor in load_file(shipped_weights()).items()
        if LORA_KEY.match(name)
    }
    missing = apart.load_state_dict(factors, strict=False)
    assert not missing.unexpected_keys
    ids = torch.tensor(
        [processor.encode("Video frames:\n00:03 guitar\nQ: What appears first?\nA:")]
    )
    with torch.inference_mode():
        merged = model.language_model(ids).logits[0, -1].float()
        split = apart.eval().language_model(ids).logits[0, -1].float()
    assert merged.argmax() == split.argmax()
    assert torch.corrcoef(torch.stack([merged, split]))[0, 1] > 0.999


def test_foreign_and_missing_weights_are_refused(builtin, tmp_path):
    with pytest.raises(WeightsError, match="ntlbg train"):
        load_builtin(tmp_path / "none.safetensors")
    save_file({"language_model.unknown": torch.zeros(1)}, tmp_path / "odd.safetensors")
    with pytest.raises(WeightsError, match="do not belong"):
        load_trained(builtin[0], tmp_path / "odd.safetensors")


def test_the_encoder_alone_equals_the_models_tower(builtin):
    frames = np.random.default_rng(0).integers(0, 256, (2, *FRAME_SIZE, 3), np.uint8)
    alone = ENCODERS["builtin"]()
    within = load_backend("builtin").encoder
    assert alone.fingerprint == within.fingerprint == weights_fingerprint()
    np.testing.assert_allclose(
        alone.encode_frames(frames), within.encode_frames(frames), rtol=1e-3, atol=1e-4
    )
    assert load_vision_tower().training is False


def test_objects_are_named_and_plain_pictures_are_not(builtin):
    """Sixty objects of the vocabulary on a plain ground; chance is one in 382."""
    model, _ = builtin
    encoder, projector = load_backend("builtin").encoder, model.multi_modal_projector
    names, pictures = object_names()[::6][:60], load_style("noto")
    ground = np.full((*FRAME_SIZE, 3), 140, np.uint8)
    frames = [paste(ground, pictures[name][0], left=60, top=20, size=90) for name in names]
    words = projector.word_logits(torch.from_numpy(encoder.encode_frames(np.stack(frames))))
    named = [object_names()[i] if i < 381 else "" for i in words.argmax(-1).tolist()]
    assert np.mean([a == b for a, b in zip(named, names)]) > 0.85
    empty = torch.from_numpy(encoder.encode_frames(ground[None]))
    assert projector.word_logits(empty).argmax() == 381


def test_questions_about_a_made_video_are_answered_and_selection_matters(tmp_path):
    """Ten minutes the model never saw; the same budget of frames spread evenly finds little."""
    [path] = make_videos(tmp_path, minutes=10, seed=21, questions=16, size=(128, 224), fps=2)
    samples = list(read_samples(tmp_path / "questions.jsonl"))
    right = {}
    for selector in ("ntlbg", "uniform"):
        answers = [
            ask(path, s.question, options=s.options, num_frames=8, selector=selector).text
            for s in samples
        ]
        right[selector] = np.mean([is_right(s, a) for s, a in zip(samples, answers)])
    assert right["ntlbg"] >= 0.6
    assert right["ntlbg"] >= right["uniform"] + 0.25
