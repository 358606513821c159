"""Folders, what was fetched before, and the hub last: whom is asked for what, and what is said."""

import json
import os
import shutil
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub import constants

from fake_hub import COMMITS, fake_hub, reach
from ntlbg.errors import ConfigError, WeightsError
from ntlbg.hub import (
    fetched_folder,
    find_model,
    model_type,
    read_at_once,
    wanted_files,
    weight_files,
)
from ntlbg.models.pretrained_parts import check_settings

FILES = {
    "config.json": '{"model_type": "clip"}',
    "preprocessor_config.json": "{}",
    "tokenizer.json": '{"model": 1}',
    "model.safetensors": "weights",
    "pytorch_model.bin": "the same again",
    "README.md": "about it",
    "training_args.bin": "of no use",
}
READ = {"config.json", "preprocessor_config.json", "tokenizer.json", "model.safetensors"}


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_text(content)
    return folder


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def hub(source, cache, monkeypatch):
    models = {"org/tiny": source, "org/gated": "GatedRepo"}
    with fake_hub(models) as hub:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        reach(hub, monkeypatch)
        yield hub


@pytest.fixture
def no_network(monkeypatch):
    def refused(*_):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)


def check(folder):
    """As an encoder would: settings and weights."""
    model_type(folder)
    weight_files(folder)


def kept(cache, files, commit=COMMITS["main"], revision="main"):
    """What an earlier fetch left: links to blobs, and what a revision means."""
    model = cache / "models--org--tiny"
    folder = model / "snapshots" / commit
    for part in (folder, model / "blobs", model / "refs"):
        part.mkdir(parents=True, exist_ok=True)
    for name in files:
        (model / "blobs" / f"{commit}-{name}").write_text(FILES[name])
        (folder / name).symlink_to(os.path.relpath(model / "blobs" / f"{commit}-{name}", folder))
    (model / "refs" / revision).write_text(commit)
    return folder


def test_a_folder_is_itself(source, no_network):
    assert find_model(str(source), check) == source


def test_a_folder_is_checked(source, no_network):
    (source / "config.json").unlink()
    with pytest.raises(ConfigError, match=r"it has no config.json"):
        find_model(str(source), check)


def test_a_folder_goes_over_a_name_of_the_hub(source, tmp_path, monkeypatch, no_network):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(source, tmp_path / "org" / "tiny")
    assert find_model("org/tiny", check) == Path("org/tiny")


def test_what_was_fetched_before_needs_no_network(cache, monkeypatch, no_network):
    folder = kept(cache, READ)
    assert find_model("org/tiny", check) == folder  # HF_HUB_OFFLINE is set for all tests
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    assert find_model("org/tiny", check) == folder
    assert find_model(f"org/tiny@{COMMITS['main']}", check) == folder
    older = kept(cache, READ, COMMITS["v2"], "v2")
    assert find_model("org/tiny@v2", check) == older


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("org/tiny", WeightsError, "no weights in this folder"),
        ("org/tiny@v2", ConfigError, "not among the models fetched before; HF_HUB_OFFLINE is set"),
        ("org/other", ConfigError, "org/other: no such folder, and not among the models fetched"),
    ],
)
def test_offline_it_says_what_is_missing(cache, no_network, name, error, message):
    kept(cache, READ - {"model.safetensors"})
    with pytest.raises(error, match=message):
        find_model(name, check)


@pytest.mark.parametrize("name", ["tiny", "./models/tiny", "/models/tiny", "a/b/c", "a/b@", "~/b"])
def test_what_is_no_name_of_the_hub_is_not_asked_for(cache, no_network, name):
    with pytest.raises(ConfigError, match="no such folder"):
        find_model(name, check)


def test_what_is_here_is_found_without_a_network(source, cache, no_network, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    assert fetched_folder(str(source)) == source
    assert fetched_folder("org/tiny") is None
    folder = kept(cache, READ)
    assert fetched_folder("org/tiny") == fetched_folder(f"org/tiny@{COMMITS['main']}") == folder
    for name in ("gpt-5", "qwen2.5vl:7b", "org/a--b", "/nowhere/at/all"):
        assert fetched_folder(name) is None


@pytest.mark.parametrize(("config", "length"), [
    ({"text_config": {"max_position_embeddings": 8192}, "max_position_embeddings": 1}, 8192),
    ({"max_position_embeddings": 32768}, 32768),
    ({"text_config": {}}, None),
    ({"max_position_embeddings": "many"}, None),
    ([1], None),
    (None, None),
])  # fmt: skip
def test_what_a_model_reads_at_once(tmp_path, config, length):
    if config is not None:
        (tmp_path / "config.json").write_text(json.dumps(config))
    assert read_at_once(tmp_path) == length


def test_a_file_is_no_model(source, no_network, monkeypatch):
    monkeypatch.chdir(source.parent)
    with pytest.raises(ConfigError, match="give the folder of a model"):
        find_model("source/model.safetensors", check)


def test_what_the_hub_could_not_hold_is_not_asked_for(cache, no_network):
    with pytest.raises(ConfigError, match="not a name of the hub"):
        find_model("org/a--b", check)


def test_only_what_is_read_is_fetched_and_only_once(hub, cache, capfd):
    folder = find_model("org/tiny", check)
    assert {path.name for path in folder.iterdir()} == READ
    assert all((folder / name).read_text() == FILES[name] for name in READ)
    assert cache in folder.parents
    assert sorted(hub.fetched()) == sorted(READ)
    hub.asked.clear()
    assert find_model("org/tiny", check) == folder
    assert hub.asked == []
    assert capfd.readouterr() == ("", "")


def test_half_a_fetch_is_finished(hub, cache):
    folder = kept(cache, READ - {"model.safetensors"})
    assert find_model("org/tiny", check) == folder
    assert hub.fetched() == ["model.safetensors"]
    assert (folder / "model.safetensors").read_text() == FILES["model.safetensors"]


def test_a_revision_is_fetched_by_its_name(hub):
    folder = find_model("org/tiny@v2", check)
    assert folder.name == COMMITS["v2"]
    assert find_model(f"org/tiny@{COMMITS['v2']}", check) == folder


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("org/none", "no such folder, and no such model on the hub, or a private one"),
        ("org/gated", "accept their terms on its page"),
        ("org/tiny@v9", "has no such revision"),
    ],
)
def test_what_the_hub_refuses_is_said(hub, name, message):
    with pytest.raises(ConfigError, match=message) as found:
        find_model(name, check)
    assert "\n" not in str(found.value)


def test_a_hub_that_is_not_there_is_said(hub, cache, monkeypatch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # nobody listens
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
        reach(SimpleNamespace(address=address), monkeypatch)
        with pytest.raises(WeightsError, match="cannot be fetched from the hub") as found:
            find_model("org/tiny", check)
    assert "\n" not in str(found.value)


def test_a_model_on_the_hub_without_weights_is_said(hub, source):
    for name in ("model.safetensors", "pytorch_model.bin"):
        (source / name).unlink()
    with pytest.raises(WeightsError, match="no weights in this folder"):
        find_model("org/tiny", check)


@pytest.mark.parametrize(
    ("there", "wanted"),
    [
        (FILES, READ),
        (["config.json", "pytorch_model.bin", "tf_model.h5"], ["config.json", "pytorch_model.bin"]),
        (
            ["model-00001-of-00002.safetensors", "model.safetensors.index.json", "onnx/model.onnx"],
            ["model-00001-of-00002.safetensors", "model.safetensors.index.json"],
        ),
        (["open_clip_model.safetensors", "unet/model.safetensors"], []),
    ],
)
def test_weights_are_wanted_once_and_in_the_better_format(there, wanted):
    assert sorted(wanted_files(there)) == sorted(wanted)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"model_type": []}', "model_type: got \\[\\], a name is expected"),
        (
            '{"model_type": "a", "model_type": "b"}',
            "config.json:1: model_type: this key is there twice",
        ),
        ("[" * 100_000, "more than 100 brackets"),
        ('{"model_type": 1e400}', "is too large a number"),
        (None, "config.json: is not a regular file"),
    ],
)
def test_hostile_settings_are_told(content, told, tmp_path):
    if content is None:
        os.mkfifo(tmp_path / "config.json")
    else:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(ConfigError, match=told):
        model_type(tmp_path)
    assert read_at_once(tmp_path) is None


@pytest.mark.parametrize("key", ["hidden_size", "vocab_size", "num_hidden_layers", "depth"])
@pytest.mark.parametrize("value", [-1, 10**12])
def test_sizes_of_no_weights_are_told_before_anything_is_made(key, value, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "clip", "text": {key: value}}))
    (tmp_path / "model.safetensors").write_bytes(bytes(1000))
    with pytest.raises(ConfigError, match=rf"config\.json: text\.{key}: got {value}; its weights"):
        check_settings(tmp_path)
