"""From a folder to an encoder: what its fingerprint depends on, and what is said when it fails."""

import json
import os
import shutil
import time

import numpy as np
import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file

from fake_hub import fake_hub, reach
from ntlbg import hashes
from ntlbg.encoders import load_encoder
from ntlbg.encoders.loading import load_pretrained_encoder
from ntlbg.errors import ConfigError, WeightsError
from tiny_encoders import write_tiny_encoder


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    return {family: write_tiny_encoder(family, root / family) for family in ("clip", "dinov2")}


@pytest.fixture
def folder(written, tmp_path):
    return shutil.copytree(written["clip"], tmp_path / "models" / "mine")


def change(path, **settings):
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))


def change_weights(folder, change):
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def fingerprint(folder, **how):
    return load_pretrained_encoder(str(folder), device="cpu", **how).fingerprint


# The fingerprint


def one_weight(folder):
    change_weights(folder, lambda tensors: tensors["visual_projection.weight"][0, 0].add_(0.001))


CHANGES = {
    "weights": one_weight,
    "configuration": lambda folder: change(folder / "config.json", projection_dim=24, extra=1),
    "colours": lambda folder: change(folder / "preprocessor_config.json", image_mean=[0.1] * 3),
    "tokenizer": lambda folder: change(folder / "tokenizer_config.json", model_max_length=9),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_what_changes_vectors_changes_the_fingerprint(folder, kind):
    before = fingerprint(folder)
    CHANGES[kind](folder)
    assert fingerprint(folder) != before


def test_place_time_and_other_files_do_not(folder, tmp_path):
    before = fingerprint(folder)
    os.utime(folder / "model.safetensors", (1e9, 1e9))
    (folder / "README.md").write_text("about it")
    (folder / "trainer_state.json").write_text("{}")
    assert fingerprint(folder) == before
    moved = shutil.copytree(folder, tmp_path / "elsewhere")
    assert fingerprint(moved, name="other") == before


def test_the_numbers_it_computes_with_do(folder):
    kinds = {fingerprint(folder, dtype=dtype) for dtype in (torch.float32, torch.bfloat16)}
    assert len(kinds) == 2
    assert fingerprint(folder, dtype=torch.float32) == fingerprint(folder)  # on a processor


def test_weights_are_read_for_their_hash_once(folder, monkeypatch):
    weights = folder / "model.safetensors"
    hour_ago = time.time() - 3600
    os.utime(weights, (hour_ago, hour_ago))
    monkeypatch.setattr(hashes, "SETTLED_SECONDS", -1.0)  # its entry was made just now
    read, real = [], hashes.hashlib.file_digest

    def counted(file, *how):
        read.append(file.name)
        return real(file, *how)

    monkeypatch.setattr(hashes.hashlib, "file_digest", counted)
    first = fingerprint(folder)
    assert [os.path.basename(name) for name in read].count("model.safetensors") == 1
    read.clear()
    assert fingerprint(folder) == first
    assert read == []


def test_weights_that_changed_are_loaded_again(folder):
    frames = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), np.uint8)
    before = load_encoder(str(folder))
    assert load_encoder(str(folder)) is before  # seconds, for a large model
    one_weight(folder)
    after = load_encoder(str(folder))
    assert not np.array_equal(before.encode_frames(frames), after.encode_frames(frames))


# Names


def test_a_folder_is_called_as_it_was_given(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    assert load_encoder(str(folder)).name == str(folder)
    assert load_encoder("mine").name == "mine"


def test_a_model_of_the_hub_is_the_one_in_the_folder(folder, tmp_path, monkeypatch, capfd):
    """The same features, wherever it came from; and it is fetched without a word."""
    for name, value in {"HF_HUB_CACHE": str(tmp_path / "cache"), "HF_HUB_OFFLINE": False}.items():
        monkeypatch.setattr(constants, name, value)
    with fake_hub({"org/tiny": folder}) as hub:
        reach(hub, monkeypatch)
        fetched = load_encoder("org/tiny@v2")
        hub.asked.clear()
        assert load_encoder("org/tiny@v2") is fetched
        assert hub.asked == []
    assert fetched.name == "org/tiny@v2"
    assert fetched.fingerprint == load_encoder(str(folder)).fingerprint
    assert capfd.readouterr() == ("", "")


def test_weights_in_parts_and_pickled_weights_are_the_same_model(folder, tmp_path):
    expected = load_encoder(str(folder)).encode_text(["a red ball"])
    tensors = load_file(folder / "model.safetensors")
    pickled = shutil.copytree(folder, tmp_path / "pickled")
    (pickled / "model.safetensors").unlink()
    torch.save(tensors, pickled / "pytorch_model.bin")
    parted = shutil.copytree(folder, tmp_path / "parted")
    (parted / "model.safetensors").unlink()
    names, parts = sorted(tensors), [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    places = {name: parts[number % 2] for number, name in enumerate(names)}
    for part in parts:
        kept = {name: tensors[name] for name in names if places[name] == part}
        save_file(kept, parted / part, metadata={"format": "pt"})
    index = {"metadata": {}, "weight_map": places}
    (parted / "model.safetensors.index.json").write_text(json.dumps(index))
    for other in (pickled, parted):
        found = load_encoder(str(other))
        np.testing.assert_allclose(found.encode_text(["a red ball"]), expected, rtol=1e-4)
    (parted / parts[1]).unlink()
    with pytest.raises(WeightsError, match="1 of 2 parts of the weights are missing, model-00002"):
        load_encoder(str(parted))


# What cannot be loaded


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-1000])


def without(*names):
    return lambda folder: [(folder / name).unlink() for name in names]


def lacking(folder):
    change_weights(folder, lambda tensors: tensors.pop("visual_projection.weight"))


def misshapen(folder):
    def transposed(tensors):
        tensors["visual_projection.weight"] = tensors["visual_projection.weight"].T.contiguous()

    change_weights(folder, transposed)


def garbled(name):
    return lambda folder: (folder / name).write_bytes(b"\x00\xff" * 500)


BROKEN = {
    "no config": (without("config.json"), ConfigError, "it has no config.json"),
    "not JSON": (garbled("config.json"), ConfigError, "config.json is damaged"),
    "a list": (
        lambda folder: (folder / "config.json").write_text("[]"), ConfigError, "of something else",
    ),
    "another kind": (
        lambda folder: change(folder / "config.json", model_type="bert"), ConfigError,
        "a model of type 'bert' is no encoder that is known here; known are clip, metaclip_2, sig",
    ),
    "wrong settings": (
        lambda folder: change(folder / "config.json", vision_config=7), ConfigError,
        "config.json cannot be used",
    ),
    "no preprocessing": (
        without("preprocessor_config.json"), ConfigError, "says not how it wants its pictures",
    ),
    "damaged preprocessing": (
        garbled("preprocessor_config.json"), ConfigError, "preprocessor_config.json:1: not JSON",
    ),
    "other pictures": (
        lambda folder: change(
            folder / "preprocessor_config.json", crop_size={"height": 48, "width": 48}
        ),
        ConfigError, "makes pictures of 48 x 48, and the model in config.json reads 32 x 32",
    ),
    "no tokenizer": (without("tokenizer.json"), ConfigError, "says not a vocabulary"),
    "damaged tokenizer": (garbled("tokenizer.json"), ConfigError, "its tokenizer cannot be read"),
    "another tokenizer": (
        lambda folder: change(folder / "config.json", text_config={"vocab_size": 9}), ConfigError,
        "the tokenizer has 518 tokens, and the model in config.json knows 9",
    ),
    "no weights": (without("model.safetensors"), WeightsError, "no weights in this folder"),
    "half a download": (
        lambda folder: cut_off(folder / "model.safetensors"), WeightsError, "cannot be read",
    ),
    "a pointer": (
        lambda folder: (folder / "model.safetensors").write_text("version https://git-lfs"),
        WeightsError, "cannot be read",
    ),
    "empty": (
        lambda folder: (folder / "model.safetensors").write_bytes(b""), WeightsError,
        "cannot be read",
    ),
    "a tensor less": (lacking, WeightsError, "1 tensors are not in its weights, such as visual_pr"),
    "other shapes": (misshapen, WeightsError, "its weights cannot be read"),
    "a damaged index": (
        lambda folder: (folder / "model.safetensors").rename(
            folder / "model.safetensors.index.json"
        ),
        WeightsError, "names no parts",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_what_cannot_be_loaded_is_said_in_a_line(folder, kind, capfd):
    break_it, error, message = BROKEN[kind]
    break_it(folder)
    with pytest.raises(error, match=message) as found:
        load_encoder(str(folder))
    assert str(found.value).startswith(str(folder))
    assert len(str(found.value)) < 500
    assert "\n" not in str(found.value)
    assert capfd.readouterr() == ("", "")


def test_a_damaged_pickle_is_said_in_a_line(folder):
    (folder / "model.safetensors").unlink()
    for content in (b"", b"\x80\x02garbage", b"PK\x03\x04" + b"\x00" * 50):
        (folder / "pytorch_model.bin").write_bytes(content)
        with pytest.raises(WeightsError, match="its weights cannot be read"):
            load_encoder(str(folder))


def test_nothing_is_printed_while_a_model_is_loaded(written, tmp_path, capfd):
    for family, folder in written.items():
        copied = shutil.copytree(folder, tmp_path / family)
        (copied / "README.md").write_text("another place, so that it is loaded anew")
        load_encoder(str(copied))
    assert capfd.readouterr() == ("", "")
