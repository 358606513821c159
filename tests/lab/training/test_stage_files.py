"""A stage is taken for finished, or gone on with, only if it was trained with these settings."""

import json

import pytest
import torch

from ntlbg.errors import ConfigError
from ntlbg.train.checkpoints import check_same_run
from ntlbg_lab.training.recipe import BuiltinRecipe
from ntlbg_lab.training.settings import BuiltinTraining
from ntlbg_lab.training.stage_files import (
    SETTINGS_FILE,
    checkpoint_folder,
    finished_file,
    fixed_settings,
    forget,
    read_stage,
    save_stage,
)

VISION = {"kind": "vision", "name": "vision", "steps": 9, "batch_size": 4, "negatives": 0.5,
          "head_rate": 1e-3, "tail_rate": 1e-4}  # fmt: skip
JOINT = {"kind": "joint", "name": "joint", "steps": 5, "batch_size": 1, "learning_rate": 1e-3,
         "num_frames": [4], "num_questions": 2}  # fmt: skip
RUN = {"backgrounds": {"shots": 8, "frames": 2}, "bank": {"repeats": 1, "empty": 8}}


def settings(vision=(), joint=(), **more):
    stages = [VISION | dict(vision), JOINT | dict(joint)]
    return BuiltinTraining.model_validate(RUN | {"stages": stages} | more)


def fixed(place, **given):
    found = settings(**given)
    return fixed_settings(found, found.stages[place])


OF_ALL = ({"seed": 1}, {"backgrounds": {"shots": 9, "frames": 2}}, {"vision": {"head_rate": 1e-2}},
          {"vision": {"steps": 10}})  # fmt: skip
OF_THE_LATTER = ({"joint": {"steps": 6}}, {"joint": {"without": ["ntlbg"]}},
                 {"bank": {"repeats": 2, "empty": 8}})  # fmt: skip
OF_NONE = ({"save_steps": 7}, {"nothing_bias": 2.0}, {"output_dir": "elsewhere"})


@pytest.mark.parametrize("place", [0, 1])
def test_only_what_a_stage_depends_on_counts(place, tmp_path):
    tensors = {"a": torch.arange(3.0)}
    save_stage(tmp_path / "stage", tensors, fixed(place))
    refused = OF_ALL + OF_THE_LATTER * place
    for change in refused:
        with pytest.raises(ConfigError, match=r"was made with .*, now it is .*--no-resume"):
            read_stage(tmp_path / "stage", fixed(place, **change))
    for change in OF_NONE + OF_THE_LATTER * (1 - place):
        found = read_stage(tmp_path / "stage", fixed(place, **change))
        assert torch.equal(found["a"], tensors["a"])


def test_kept_frames_are_the_same_in_another_folder(tmp_path):
    def kept(folder, seed):
        return {"kept_frames": {"folder": folder, "frames": 8, "seed": seed}}

    save_stage(tmp_path / "stage", {"a": torch.ones(1)}, fixed(0, **kept("one", 0)))
    read_stage(tmp_path / "stage", fixed(0, **kept("two", 0)))
    with pytest.raises(ConfigError, match=r"kept_frames\.seed 0, now it is 1"):
        read_stage(tmp_path / "stage", fixed(0, **kept("one", 1)))
    with pytest.raises(ConfigError, match="kept_frames"):
        read_stage(tmp_path / "stage", fixed(0))


def test_a_file_that_does_not_say_how_it_was_made_is_refused(tmp_path):
    from safetensors.torch import save_file

    save_file({"a": torch.ones(1)}, tmp_path / "stage")
    with pytest.raises(ConfigError, match="was made with"):
        read_stage(tmp_path / "stage", fixed(0))


def test_checkpoints_of_a_shorter_stage_are_gone_on_with(tmp_path):
    def check(**given):
        check_same_run(tmp_path / SETTINGS_FILE, fixed(0, **given), BuiltinRecipe.free)

    check(seed=3)  # there is nothing to go on from
    (tmp_path / "checkpoint-9").mkdir()
    (tmp_path / "checkpoint-9" / "trainer_state.json").write_text("{}")
    (tmp_path / SETTINGS_FILE).write_text(json.dumps(fixed(0)))
    check()
    check(vision={"steps": 90})
    with pytest.raises(ConfigError, match=r"stage\.head_rate 0\.001, now it is 0\.01"):
        check(vision={"head_rate": 1e-2})
    with pytest.raises(ConfigError, match="seed 0, now it is 3"):
        check(seed=3)


def test_forgetting_removes_what_these_stages_left_and_no_more(tmp_path):
    for name in ("vision", "joint"):
        finished_file(tmp_path, name).write_bytes(b"")
        (checkpoint_folder(tmp_path, name) / "checkpoint-1").mkdir(parents=True)
    forget(tmp_path, ["joint", "never"])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "vision.checkpoints", "vision.safetensors",
    ]  # fmt: skip
