"""Which checkpoints a run may go on from."""

import json

import pytest
import torch

from ntlbg.config import Config, changed
from ntlbg.errors import ConfigError
from ntlbg.train.checkpoints import check_same_run, checkpoints, last_complete
from ntlbg.train.recipes.ntlbg import NtlbgRecipe

FREE = NtlbgRecipe.free


def leave(folder, number, *, complete=True):
    (folder / f"checkpoint-{number}").mkdir()
    if complete:
        (folder / f"checkpoint-{number}" / "trainer_state.json").write_text("{}")


def test_the_last_complete_one_comes_first(tmp_path):
    for number in (9, 100, 20):
        leave(tmp_path, number)
    leave(tmp_path, 200, complete=False)
    (tmp_path / "checkpoint-best").mkdir()
    numbers = [path.name for path in checkpoints(tmp_path, complete=True)]
    assert numbers == ["checkpoint-100", "checkpoint-20", "checkpoint-9"]
    assert [path.name for path in checkpoints(tmp_path)] == ["checkpoint-200", *numbers]


def test_one_that_was_cut_off_is_not_gone_on_from(tmp_path):
    for number in (1, 2):
        leave(tmp_path, number)
        torch.save({"step": number}, tmp_path / f"checkpoint-{number}" / "optimizer.pt")
    assert last_complete(tmp_path).name == "checkpoint-2"
    file = tmp_path / "checkpoint-2" / "optimizer.pt"
    file.write_bytes(file.read_bytes()[:200])
    assert last_complete(tmp_path).name == "checkpoint-1"


def asked(**changes) -> dict:
    keys = {key.replace("__", "."): value for key, value in changes.items()}
    return changed(Config(), keys).model_dump(by_alias=True, mode="json")


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({"training_config__max_steps": 20000, "training_config__warmup_steps": 1}, True),
        ({"hardware_config__num_gpus": 1, "model_name": "other"}, True),
        ({"dataset_config__test_datasets": []}, True),
        ({"training_config__batch_size": 2}, False),
        ({"model_config__lora_rank": 8}, False),
        ({"loss_config__loss_weights__task": 0.5}, False),
        ({"dataset_config__train_datasets__0__path": "elsewhere"}, False),
    ],
)
def test_settings_that_decide_what_is_learned_must_be_the_same(changes, same, tmp_path):
    file = tmp_path / "training.json"
    file.write_text(json.dumps(asked()))
    now = asked(**changes)
    check_same_run(file, now, FREE)  # there is nothing to go on from
    leave(tmp_path, 1, complete=False)
    check_same_run(file, now, FREE)
    leave(tmp_path, 2)
    if same:
        check_same_run(file, now, FREE)
        return
    with pytest.raises(ConfigError, match=r"its checkpoints were made with .*; choose another fo"):
        check_same_run(file, now, FREE)


@pytest.mark.parametrize("content", [None, "{torn"])
def test_checkpoints_of_unknown_settings_are_refused(content, tmp_path):
    leave(tmp_path, 2)
    if content is not None:
        (tmp_path / "training.json").write_text(content)
    with pytest.raises(ConfigError, match=r"not the training\.json they were made with .* --no-r"):
        check_same_run(tmp_path / "training.json", asked(), FREE)


def test_every_free_key_exists():
    for key in FREE:
        block = asked()
        for name in key.split("."):
            block = block[name]
