"""The whole training run in miniature, on the real base model."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from safetensors.torch import load_file

from ntlbg.errors import ConfigError
from ntlbg.training.settings import load_settings

EPISODES = {"steps": 2, "batch_size": 1, "learning_rate": 1e-3, "num_frames": [4],
            "num_questions": 2}  # fmt: skip
TINY = {
    "save_steps": 2,
    "backgrounds": {"shots": 8, "frames": 2},
    "bank": {"repeats": 1, "empty": 8},
    "vision": {"steps": 60, "batch_size": 4, "negatives": 0.5, "head_rate": 1e-3,
               "tail_rate": 1e-4, "smoothing": 0.0},
    "selection": EPISODES,
    "joint": EPISODES,
    "full": EPISODES | {"vision_rate": 1e-5},
}  # fmt: skip


def start(config, output, *more):
    command = [sys.executable, "-m", "ntlbg.cli", "train", "--config", str(config),
               "--output", str(output), *more]  # fmt: skip
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "tiny.json"
    path.write_text(json.dumps(TINY))
    return path


def test_a_killed_run_continues_and_finishes(config, tmp_path):
    output = tmp_path / "run"
    first = start(config, output)
    deadline = time.monotonic() + 240
    while not list(output.glob("vision.checkpoints/checkpoint-*/trainer_state.json")):
        assert first.poll() is None, first.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert not (output / "vision.safetensors").exists()

    # a quick end: the rest of the run need not be long
    small = json.loads(config.read_text())
    done = max(int(path.name.split("-")[1]) for path in output.glob("vision.checkpoints/check*"))
    small["vision"]["steps"] = done + 2
    config.write_text(json.dumps(small))
    second = start(config, output)
    said, _ = second.communicate(timeout=300)
    assert second.returncode == 0, said
    assert "vision: continuing from checkpoint-" in said
    log = json.loads((output / "joint.log.json").read_text())
    assert {"task", "ntlbg", "align", "context", "evidence"} <= set(log[-1])

    trained = load_file(output / "model.safetensors")
    parts = {name.split(".")[0] for name in trained}
    assert parts == {"vision_tower", "ntlbg_attention", "rich_points", "multi_modal_projector",
                     "language_model"}  # fmt: skip
    assert all("lora_" in name for name in trained if name.startswith("language_model"))

    third = start(config, output)
    said, _ = third.communicate(timeout=120)
    assert third.returncode == 0, said
    assert said.count("finished before") == 4


def test_settings_errors_name_the_key_the_value_and_what_is_allowed(config):
    broken = TINY | {"vision": TINY["vision"] | {"negatives": 2}}
    config.write_text(json.dumps(broken))
    with pytest.raises(ConfigError, match=r"vision\.negatives.*less than or equal to 1.*got 2"):
        load_settings(config)
    config.write_text(json.dumps(TINY | {"colour": "red"}))
    with pytest.raises(ConfigError, match="colour"):
        load_settings(config)
    config.write_text("{")
    with pytest.raises(ConfigError):
        load_settings(config)


def test_the_shipped_configuration_is_valid(request):
    settings = load_settings(request.config.rootpath / "configs" / "builtin.json")
    assert settings.vision.steps > 100
