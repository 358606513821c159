"""A published index of weights, as transformers itself writes one, and damaged ones."""

import json

import pytest
from transformers import AutoConfig, AutoModelForImageTextToText
from typer.testing import CliRunner

from ntlbg.cli import app
from ntlbg.errors import ConfigError
from ntlbg.models.ntlbg.published_index import check_index
from ntlbg_vl_models import KINDS, vl_config
from tiny_vlms import make_vlm

EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


def published(folder, kind):
    """Its index, in several files as large models come; named as published, not as loaded."""
    make_vlm(kind, folder / "whole")
    model = AutoModelForImageTextToText.from_pretrained(folder / "whole")
    model.save_pretrained(folder / "parts", max_shard_size="100KB")
    return folder / "parts" / "model.safetensors.index.json", model


@EVERY_KIND
def test_every_published_name_is_one_of_the_class(kind, tmp_path):
    index, model = published(tmp_path, kind)
    found = check_index(index, model.config)
    assert found.fits
    assert found.names == len(json.loads(index.read_text())["weight_map"])


def test_the_names_of_the_first_release_are_known(tmp_path):
    """Qwen2-VL was published with ``visual.*`` and ``model.*``, before transformers moved both."""
    index, model = published(tmp_path, "qwen2_vl")
    content = json.loads(index.read_text())
    names = content["weight_map"]
    assert any(name.startswith("visual.") for name in names)
    assert any(name.startswith("model.layers.0.") for name in names)
    first = next(iter(names))
    for changed, missing, strangers in (
        ({name: place for name, place in names.items() if name != first}, 1, 0),
        (names | {"visual.blocks.99.norm1.weight": "a"}, 0, 1),
    ):
        index.write_text(json.dumps(content | {"weight_map": changed}))
        found = check_index(index, model.config)
        assert (len(found.missing), len(found.strangers)) == (missing, strangers)
        assert not found.fits


@pytest.mark.parametrize("content", ["{}", "[]", '{"weight_map": {}}', "{", '{"weight_map": [1]}'])
def test_what_is_no_index(content, tmp_path):
    make_vlm("smolvlm", tmp_path / "base")
    (tmp_path / "index.json").write_text(content)
    with pytest.raises(ConfigError, match=r"index\.json"):
        check_index(tmp_path / "index.json", AutoConfig.from_pretrained(tmp_path / "base"))


def test_the_command_tells_what_fits_and_what_does_not(tmp_path):
    vl_config(tmp_path)  # makes the base
    index, _ = published(tmp_path, "qwen2_vl")
    keys = [f"model_config.base_model={tmp_path / 'base'}", "model_config.lora_rank=2"]
    flags = [word for key in keys for word in ("--set", key)]
    command = ["config", "validate", *flags, "--check-index", str(index)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "weights are those of" in done.stdout
    content = json.loads(index.read_text())
    content["weight_map"].pop(next(iter(content["weight_map"])))
    index.write_text(json.dumps(content))
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 2
    assert "lacks 1, such as " in done.stderr
