"""The shipped model, as the package delivers it."""

import hashlib
import io

import numpy as np
import pytest
import torch
from peft import LoraConfig, inject_adapter_in_model
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM
from transformers.utils import logging

from ntlbg.answerers import load_answerer
from ntlbg.answerers.builtin import load_builtin_answerer
from ntlbg.answerers.ntlbg import NtlbgAnswerer
from ntlbg.data import read_samples
from ntlbg.encoders import ENCODERS
from ntlbg.encoders.builtin import BuiltinEncoder
from ntlbg.errors import WeightsError
from ntlbg.judging import is_right
from ntlbg.models.builtin.base_language_model import language_model_folder
from ntlbg.models.builtin.enrolment import EnrolledObject, save_object
from ntlbg.models.builtin.loading import (
    LORA_RANK,
    add_settings,
    build_base,
    load_builtin,
    load_tower_weights,
    load_trained,
    load_vision_tower,
    read_settings,
    shipped_weights,
    trained_vision_config,
    weights_fingerprint,
)
from ntlbg.models.builtin.vision_tower import NUM_BLOCKS
from ntlbg.models.lora import LORA_KEY
from ntlbg.pipeline import ask
from ntlbg.retrievers.ntlbg import NtlbgRetriever
from ntlbg_lab.haystack import make_videos
from ntlbg_lab.haystack.augmentation import FRAME_SIZE
from ntlbg_lab.haystack.pictures import load_style, object_names, paste
from roles import chosen, given, reply_of

LAYER = "language_model.model.layers.0.self_attn.q_proj"


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
    settings = LoraConfig(r=LORA_RANK, lora_alpha=2 * LORA_RANK, target_modules="all-linear")
    inject_adapter_in_model(settings, apart.language_model)
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


def test_the_base_is_the_published_language_model():
    """Built without memory and filled from the file, against transformers' own loading."""
    logging.disable_progress_bar()
    published = AutoModelForCausalLM.from_pretrained(language_model_folder(), dtype=torch.bfloat16)
    logging.enable_progress_bar()
    base, _ = build_base(torch.bfloat16)
    ours = base.language_model.state_dict()
    assert ours.keys() == published.state_dict().keys()
    assert all(torch.equal(ours[name], value) for name, value in published.state_dict().items())
    frequencies = base.language_model.model.rotary_emb.inv_freq
    assert torch.equal(frequencies, published.model.rotary_emb.inv_freq)
    assert frequencies.dtype == torch.float32
    assert base.get_output_embeddings().weight is base.get_input_embeddings().weight
    for name, tensor in [*base.named_parameters(), *base.named_buffers()]:
        assert not tensor.is_meta
        assert tensor.isfinite().all(), name
    assert base.multi_modal_projector.word_embeddings.any(1).all()
    assert base.dtype == base.config.text_config.dtype == torch.bfloat16


def test_loading_leaves_the_file_of_weights_alone():
    """Weights are used where they lie in the file; those that change are not its any more."""
    path = language_model_folder() / "model.safetensors"
    before = hashlib.sha256(path.read_bytes()).digest()
    model, _ = load_builtin()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert hashlib.sha256(path.read_bytes()).digest() == before
    stored, (again, _) = load_file(path), load_builtin()
    embeddings = again.get_input_embeddings().weight
    assert torch.equal(embeddings, stored["model.embed_tokens.weight"])


@pytest.mark.thorough
@pytest.mark.slow
def test_float32_answers_as_bfloat16_does():
    """A minute with six objects; machines without bfloat16 instructions get the same answers."""
    names, pictures = object_names()[5::60][:6], load_style("noto")
    frames = np.full((60, *FRAME_SIZE, 3), 140, np.uint8)
    for number, name in enumerate(names):
        shown = paste(frames[0], pictures[name][0], left=60, top=20, size=90)
        frames[10 * number + 4 : 10 * number + 7] = shown
    times = np.arange(60, dtype=np.float64)
    questions = [f"When does the {name} appear?" for name in names]
    questions += [f"Does a {name} appear?" for name in names] + ["What appears first?"]
    said, seen = {}, {}
    for dtype in (torch.bfloat16, torch.float32):
        model, processor = load_builtin(dtype=dtype)
        assert model.language_model.dtype == model.vision_tower.stem.weight.dtype == dtype
        encoder = BuiltinEncoder(model.vision_tower, "none")
        answerer = NtlbgAnswerer(NtlbgRetriever(model, processor, encoder), fingerprint="none")
        seen[dtype] = features = encoder.encode_frames(frames)
        said[dtype] = []
        for question in questions:
            selection = chosen(answerer.retriever, features, times, question, "ntlbg", 8)
            video = given(features, times, selection)
            said[dtype].append(reply_of(answerer, question, video).text)
    assert (seen[torch.bfloat16] * seen[torch.float32]).sum(1).min() > 0.97
    assert np.mean([a == b for a, b in zip(*said.values())]) > 0.8


def test_other_numbers_have_another_fingerprint():
    half, single = (weights_fingerprint(dtype=dtype) for dtype in (torch.bfloat16, torch.float32))
    assert half != single
    assert weights_fingerprint() in (half, single)


def test_foreign_and_missing_weights_are_refused(builtin, tmp_path):
    with pytest.raises(WeightsError, match="ntlbg train"):
        load_builtin(tmp_path / "none.safetensors")
    save_file({"language_model.unknown": torch.zeros(1)}, tmp_path / "odd.safetensors")
    with pytest.raises(WeightsError, match="do not belong"):
        load_trained(builtin[0], tmp_path / "odd.safetensors")


@pytest.mark.parametrize("content", [b"", b"# A text, not weights\n" * 9])
def test_files_that_are_no_weights_are_named(builtin, tmp_path, content):
    path = tmp_path / "README.md"
    path.write_bytes(content)
    for read in (
        load_builtin,
        load_vision_tower,
        trained_vision_config,
        read_settings,
        lambda path: load_trained(builtin[0], path),
        lambda path: load_tower_weights(builtin[0].vision_tower, path),
    ):
        with pytest.raises(WeightsError, match=r"README\.md: damaged, or no safetensors file"):
            read(path)
    save_file({"rich_points.weight": torch.zeros(1)}, path, metadata={"settings": "{"})
    with pytest.raises(WeightsError, match=r"README\.md: damaged"):
        read_settings(path)
    with pytest.raises(WeightsError, match=r"missing: damaged.*No such file"):
        read_settings(tmp_path / "missing")


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"vision_tower.head.position": torch.zeros(1)}, "of another model .*size mismatch"),
        ({f"{LAYER}.lora_A.weight": torch.zeros(16, 576)}, "of another model"),
        (
            {f"{LAYER}.lora_{side}.weight": torch.zeros(3, 3) for side in "AB"},
            "of another model",
        ),
        ({"language_model.x.lora_A.weight": torch.zeros(1)}, "do not belong.*lora_A"),
    ],
)
def test_weights_of_another_model_are_refused(builtin, tmp_path, tensors, message):
    save_file(tensors, tmp_path / "odd.safetensors")
    with pytest.raises(WeightsError, match=rf"(?s)odd\.safetensors: .*{message}"):
        load_trained(builtin[0], tmp_path / "odd.safetensors")


def test_a_cache_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NTLBG_CACHE", str(tmp_path / "file"))
    with pytest.raises(WeightsError, match="set NTLBG_CACHE to a folder that can be written"):
        language_model_folder()


def test_the_encoder_alone_equals_the_models_tower(builtin):
    frames = np.random.default_rng(0).integers(0, 256, (2, *FRAME_SIZE, 3), np.uint8)
    alone = ENCODERS["builtin"]()
    [within] = load_answerer("builtin").encoders
    assert alone.weights == within.weights
    assert alone.weights.startswith(weights_fingerprint())
    assert alone.fingerprint == within.fingerprint
    np.testing.assert_allclose(
        alone.encode_frames(frames), within.encode_frames(frames), rtol=1e-3, atol=1e-4
    )
    assert load_vision_tower().training is False


def test_settings_are_kept_with_weights(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(shipped_weights().read_bytes())
    before, tensors = weights_fingerprint(path), load_file(path)
    add_settings(path, calibration={"relevance": [1.5, -2.0]})
    assert read_settings(path) == read_settings(shipped_weights()) | {
        "calibration": {"relevance": [1.5, -2.0]}
    }
    assert weights_fingerprint(path) != before
    assert all(torch.equal(tensors[name], tensor) for name, tensor in load_file(path).items())
    assert load_builtin_answerer(path).retriever.calibration.relevance == [1.5, -2.0]


def test_what_was_enrolled_is_known_but_not_where_the_model_is_measured(tmp_path, monkeypatch):
    monkeypatch.setenv("NTLBG_DATA", str(tmp_path))
    encoder = ENCODERS["builtin"]()
    prototypes = np.eye(1, encoder.feature_size, dtype=np.float32)
    picture = io.BytesIO()
    Image.new("RGBA", (8, 8)).save(picture, "PNG")
    save_object(EnrolledObject("zorblat", prototypes, encoder.weights, (picture.getvalue(),)))
    for pristine, names in ((False, ["zorblat"]), (True, [])):
        answerer = load_builtin_answerer(pristine=pristine)
        assert [thing.name for thing in answerer.retriever.vocabulary.enrolled] == names


def test_a_file_of_weights_says_how_many_blocks_were_tuned(tmp_path):
    for tuned in (5, 8):
        names = [f"vision_tower.tail.{block}.project.bias" for block in range(tuned)]
        tensors = dict.fromkeys([*names, "vision_tower.head.position"], torch.zeros(1))
        save_file({name: one.clone() for name, one in tensors.items()}, tmp_path / "some")
        assert trained_vision_config(tmp_path / "some").num_frozen_blocks == NUM_BLOCKS - tuned
    save_file({"rich_points.weight": torch.zeros(1)}, tmp_path / "none")
    with pytest.raises(WeightsError, match="holds no vision tower"):
        trained_vision_config(tmp_path / "none")
    shipped = trained_vision_config(shipped_weights())
    assert len(load_vision_tower().trunk) == shipped.num_frozen_blocks


def test_objects_are_named_and_plain_pictures_are_not(builtin):
    """Sixty objects of the vocabulary on a plain ground; chance is one in 382."""
    model, _ = builtin
    [encoder], projector = load_answerer("builtin").encoders, model.multi_modal_projector
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
