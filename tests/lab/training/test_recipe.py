"""The whole training run in miniature, on the real base model."""

import json
import signal
import subprocess
import sys

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from ntlbg.config.load import read_content, settings_in
from ntlbg.errors import ConfigError, NtlbgError
from ntlbg.train.run import train
from ntlbg_lab.training import naming, recipe
from ntlbg_lab.training.recipe import BuiltinRecipe
from ntlbg_lab.training.settings import BuiltinTraining
from processes import finish, finished, python, started, wait_for

EPISODES = {"steps": 2, "batch_size": 1, "learning_rate": 1e-3, "num_frames": [4],
            "num_questions": 2}  # fmt: skip
VISION = {"kind": "vision", "name": "vision", "steps": 60, "batch_size": 4, "negatives": 0.5,
          "head_rate": 1e-3, "tail_rate": 1e-4}  # fmt: skip
FULL = {"kind": "full", "name": "full", "vision_rate": 1e-2, "restore": ["vision_tower"]}
TINY = {
    "save_steps": 2,
    "nothing_bias": 1.5,
    "backgrounds": {"shots": 8, "frames": 2},
    "bank": {"repeats": 1, "empty": 8, "names": 24},
    "stages": [
        VISION,
        {"kind": "selection", "name": "selection", **EPISODES},
        {"kind": "joint", "name": "joint", **EPISODES},
        {**FULL, **EPISODES},
    ],
}


def load_trained_settings(path):
    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["settings"])


def command(config, output, *more):
    return python("-m", "ntlbg.cli", "train", "--config", config, "--output", output, *more)


def load_settings(path):
    return settings_in(read_content(path), BuiltinTraining, str(path))


def quiet(line):
    pass


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"photos": "no such folder"}, "no .jpg or .png pictures"), ({"walks": 3}, "vizdoom")],
)
def test_missing_pictures_are_told_before_the_model_is_loaded(tmp_path, monkeypatch, changes, said):
    monkeypatch.setitem(sys.modules, "vizdoom", None)
    monkeypatch.setattr(recipe, "build_base", lambda **_: pytest.fail("the work began"))
    path = tmp_path / "tiny.json"
    path.write_text(json.dumps(TINY | {"backgrounds": TINY["backgrounds"] | changes}))
    with pytest.raises(NtlbgError, match=said):
        train(BuiltinRecipe(load_settings(path)), tmp_path / "out", say=quiet)
    assert not (tmp_path / "out").exists()


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "tiny.json"
    path.write_text(json.dumps(TINY))
    return path


def test_a_killed_run_continues_and_finishes(config, tmp_path):
    output = tmp_path / "run"
    with started(command(config, output), stdout=subprocess.DEVNULL) as first:
        saved = "vision.checkpoints/checkpoint-*/trainer_state.json"
        wait_for(lambda: list(output.glob(saved)), first)
        first.send_signal(signal.SIGKILL)
        finish(first)
    assert not (output / "vision.safetensors").exists()

    # a quick end: the rest of the run need not be long
    small = json.loads(config.read_text())
    done = max(int(path.name.split("-")[1]) for path in output.glob("vision.checkpoints/check*"))
    small["stages"][0]["steps"] = done + 2
    config.write_text(json.dumps(small))
    code, said = finished(command(config, output))
    assert code == 0, said
    assert "vision: continuing from checkpoint-" in said
    log = json.loads((output / "joint.log.json").read_text())
    assert {"task", "ntlbg", "align", "context", "evidence"} <= set(log[-1])

    trained = load_file(output / "model.safetensors")
    parts = {name.split(".")[0] for name in trained}
    assert parts == {"vision_tower", "ntlbg_attention", "rich_points", "multi_modal_projector",
                     "language_model"}  # fmt: skip
    assert all("lora_" in name for name in trained if name.startswith("language_model"))
    assert load_trained_settings(output / "model.safetensors") == {"nothing_bias": 1.5}

    # what the last stage was told to put back is as it was, what it trained is not
    before, after = load_file(output / "joint.safetensors"), load_file(output / "full.safetensors")
    tower = load_file(output / "vision.safetensors")
    assert all(torch.equal(tower[name], after[name]) for name in tower)
    assert not all(torch.equal(before[name], after[name]) for name in before)

    # a stage that saves only what it trains goes on from its checkpoint as well
    small["stages"][2]["steps"] = EPISODES["steps"] + 1
    config.write_text(json.dumps(small))
    (output / "joint.safetensors").unlink()
    code, said = finished(command(config, output, "--stage", "joint"))
    assert code == 0, said
    assert said.count("finished before") == 2
    assert f"joint: continuing from checkpoint-{EPISODES['steps']}" in said


def test_settings_errors_name_the_key_the_value_and_what_is_allowed(config):
    broken = TINY | {"stages": [VISION | {"negatives": 2}]}
    config.write_text(json.dumps(broken))
    with pytest.raises(ConfigError, match=r"0\.vision\.negatives: got 2; .* \(share of f"):
        load_settings(config)
    config.write_text(json.dumps(TINY | {"stages": [VISION, VISION]}))
    with pytest.raises(ConfigError, match="one name"):
        load_settings(config)
    for some, kept in (([0, 5], None), ([0, 5], 4), ([3, 3], 4)):
        stages = {"stages": [VISION | {"frames": some}]}
        stages |= {"kept_frames": kept and {"folder": "frames", "frames": kept}}
        config.write_text(json.dumps(TINY | stages))
        with pytest.raises(ConfigError, match=f"of {kept or 0} kept frames"):
            load_settings(config)
    config.write_text(json.dumps(TINY | {"colour": "red"}))
    with pytest.raises(ConfigError, match="colour: there is no such key; the keys here are recipe"):
        load_settings(config)
    joint = {"kind": "joint", "name": "joint", **EPISODES, "negatives": 1}
    config.write_text(json.dumps(TINY | {"stages": [joint]}))
    with pytest.raises(ConfigError, match=r"joint\.negatives: .* keys here are name, steps,"):
        load_settings(config)
    config.write_text("{")
    with pytest.raises(ConfigError):
        load_settings(config)


def test_the_shipped_configuration_is_valid(request):
    settings = load_settings(request.config.rootpath / "configs" / "builtin.json")
    kinds = [stage.kind for stage in settings.stages]
    assert kinds == ["vision", "vision", "selection", "joint"]
    assert settings.stages[0].steps > 100


def test_a_dry_run_says_that_all_is_well_and_leaves_nothing(config, tmp_path):
    code, said = finished(command(config, tmp_path / "run", "--dry-run", "--seed", "5"))
    assert (code, "nothing was trained" in said) == (0, True)
    assert not (tmp_path / "run").exists()


def test_a_vision_stage_sees_kept_frames(tmp_path, monkeypatch):
    monkeypatch.setattr(naming, "SHARD", 24)
    kept = {"folder": str(tmp_path / "frames"), "frames": 24, "negatives": 0.5}
    stage = VISION | {"steps": 9, "batch_size": 1, "frames": [6, 24]}
    parts = []

    class Spy(naming.KeptFrames):
        def __init__(self, shards, negatives, seed, frames):
            parts.append((negatives, frames))
            super().__init__(shards, negatives, seed, frames)

    monkeypatch.setattr(recipe, "KeptFrames", Spy)
    settings = BuiltinTraining.model_validate(TINY | {"kept_frames": kept, "stages": [stage]})
    training = BuiltinRecipe(settings)
    training.build(quiet, dry_run=False)
    before = [weight.detach().clone() for weight in training.model.vision_tower.tail.parameters()]
    training.train(tmp_path / "run", resume=False, say=quiet)
    assert [file.name for file in (tmp_path / "frames").glob("*.safetensors")] == [
        "00000.safetensors"
    ]
    after = training.model.vision_tower.tail.parameters()
    assert not all(map(torch.equal, before, after))
    assert parts == [(stage["negatives"], (6, 24))]
    log = json.loads((tmp_path / "run" / "vision.log.json").read_text())
    assert [entry["step"] for entry in log] == [2, 4, 6, 8, 9]  # the last step, too


def test_a_blended_stage_goes_a_share_of_the_way(tmp_path, monkeypatch):
    settings = BuiltinTraining.model_validate(
        TINY | {"stages": [VISION | {"blend": 0.25}], "output_dir": tmp_path}
    )
    training = BuiltinRecipe(settings)
    training.build(quiet, dry_run=False)
    tower = training.model.vision_tower
    before = {name: weight.detach().clone() for name, weight in tower.named_parameters()}

    def learn(stage, output, say):
        with torch.no_grad():
            for weight in tower.tail.parameters():
                weight.add_(1.0)
        tower.tail.requires_grad_(True)
        return tower, []

    monkeypatch.setattr(training, "learn", learn)
    training.train(tmp_path, resume=False, say=quiet)
    for name, weight in tower.named_parameters():
        moved = 0.25 if name.startswith("tail.") else 0.0
        assert torch.allclose(weight.float(), before[name].float() + moved, atol=1e-6), name
    saved = load_file(tmp_path / "vision.safetensors")
    name = next(name for name in saved if ".tail." in name)
    expected = before[name.removeprefix("vision_tower.")] + 0.25
    assert torch.allclose(saved[name], expected, atol=1e-6)


def test_what_is_finished_is_trained_again_only_when_starting_over(tmp_path, monkeypatch):
    trained = []
    second = VISION | {"name": "again", "head_rate": 2e-3}
    settings = BuiltinTraining.model_validate(TINY | {"stages": [VISION, second]})

    def learn(run, stage, output, say):
        trained.append(stage.name)
        return run.model.vision_tower.requires_grad_(True), []

    def go(resume, only=None, **changes):
        trained.clear()
        changed = settings.model_copy(update=changes)
        train(BuiltinRecipe(changed, only), tmp_path, resume=resume, say=quiet)
        return list(trained)

    monkeypatch.setattr(BuiltinRecipe, "learn", learn)
    assert go(True) == ["vision", "again"]
    assert go(True) == []
    with pytest.raises(ConfigError, match="seed 0, now it is 1"):
        go(True, seed=1)
    assert go(False, "again") == ["again"]
    assert go(False, "vision") == ["vision"]
    assert not (tmp_path / "again.safetensors").exists()  # it came after another "vision"
    assert go(True) == ["again"]
    assert go(False, seed=1) == ["vision", "again"]
