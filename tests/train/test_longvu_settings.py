"""Settings of LongVU's training: the shipped files, and complaints about wrong ones."""

import json
from pathlib import Path

import pytest
import torch

from ntlbg.config.load import read_content, settings_in
from ntlbg.errors import ConfigError
from ntlbg.models import LongVUConfig
from ntlbg.train.longvu_settings import LongVUTraining
from ntlbg.train.recipes import longvu

CONFIGS = Path(__file__).parents[2] / "configs"
# As published: grids, and what the Trainer is told.
GEOMETRY = {
    "image": {"query_grid": 24, "highres": False, "context_length": 8192},
    "video": {"query_grid": 12, "lowres_grid": 8, "highres": True, "context_length": 8192},
}
SCHEDULE = {
    "lr_scheduler_type": "cosine",
    "warmup_steps": 0.03,  # below 1: a share of all steps
    "weight_decay": 0.0,
}
RATES = {"image": 1e-5, "video": 5e-6}


def load_longvu_settings(path):
    return settings_in(read_content(path), LongVUTraining, str(path))


@pytest.mark.parametrize("stage", ["image", "video"])
def test_the_shipped_files_are_the_published_recipe(stage):
    settings = load_longvu_settings(CONFIGS / f"longvu_{stage}.json")
    geometry = settings.geometry.model_dump()
    assert GEOMETRY[stage].items() <= geometry.items()
    assert LongVUConfig(**geometry).context_length == 8192
    arguments = longvu._arguments(settings, Path("out"), 1000, divided=False).to_dict()
    expected = SCHEDULE | {"learning_rate": RATES[stage], "bf16": torch.cuda.is_available()}
    assert expected.items() <= arguments.items()
    assert arguments["max_steps"] == -(-1000 // settings.total_batch_size)  # of an epoch
    assert settings.bf16
    sizes = {"image": (4, 256), "video": (1, 64)}
    assert (settings.batch_size, settings.total_batch_size) == sizes[stage]
    assert (settings.stage, settings.method, settings.data.fps) == (stage, "full", 1.0)
    assert settings.epochs == 1.0
    for block in (settings, settings.data, settings.geometry, settings.full, settings.lora):
        assert all(field.description for field in type(block).model_fields.values())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "qlora"}, r"method: got 'qlora'; input should be 'full' or 'lora' \(train"),
        ({"epochs": -1.0}, r"epochs: got -1.0; input should be greater than 0 \(times every"),
        ({"lora": {"learning_rate": 1e-4, "rank": 0}}, r"lora.rank: got 0; .* \(of the adapters"),
        ({"data": {"questions": []}}, r"data.questions: got \[\]; .*at least 1 item"),
        ({"full": {"rate": 1.0}}, r"full.learning_rate: this key must be given \(of everything"),
        ({"full": {"learning_rate": 1.0, "rate": 1}}, "full.rate: .*keys here are learning_rate$"),
        (
            {"colour": 1},
            "colour: there is no such key; the keys here are recipe, model_type",
        ),
        ({"batch_size": 3}, r"total_batch_size \(64\) must be a multiple of batch_size \(3\)"),
        ({"geometry": {"query_grid": "12"}}, "geometry.query_grid: got '12'; .*valid integer"),
    ],
)
def test_wrong_settings_name_key_value_and_what_is_allowed(tmp_path, changes, message):
    content = json.loads((CONFIGS / "longvu_video.json").read_text())
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(content | changes))
    with pytest.raises(ConfigError, match=rf"wrong\.json: .*{message}"):
        load_longvu_settings(path)


def test_processes_share_the_batch():
    settings = load_longvu_settings(CONFIGS / "longvu_image.json")
    assert [longvu.accumulation(settings, count) for count in (1, 8, 64)] == [64, 8, 1]
    for count in (3, 128):
        with pytest.raises(ConfigError, match="total_batch_size: got 256;"):
            longvu.accumulation(settings, count)
