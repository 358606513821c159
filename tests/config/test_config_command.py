"""``ntlbg config`` and ``ntlbg plan`` on the command line."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ntlbg.cli import app
from ntlbg.config import json_schema, load_config, to_json
from small_experiment import small_config


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "small.json"
    path.write_text(to_json(small_config(tmp_path)))
    return str(path)


def run(*command: str, code: int = 0):
    done = CliRunner().invoke(app, list(command))
    assert done.exit_code == code, done.output
    return done


def test_generate_prints_a_file_that_validate_accepts(tmp_path):
    made = tmp_path / "made.json"
    made.write_text(run("config", "generate", "--category", "moderate_long").stdout)
    assert load_config(made).video_config.num_representatives == 256
    assert run("config", "validate", "--config", str(made)).stdout.startswith(f"{made}: valid")


def test_generate_takes_overrides(config):
    out = run("config", "generate", "--category", "long", "--set", "training_config.seed=5").stdout
    assert json.loads(out)["training_config"]["seed"] == 5
    out = run("config", "generate", "--config", config, "--gpu", "L4",
              "--set", "training_config.seed=6").stdout  # fmt: skip
    made = json.loads(out)
    assert (made["model_name"], made["training_config"]["seed"]) == ("small", 6)
    assert made["hardware_config"]["gpu_type"] == "L4"


def test_overrides_win_over_level_file_and_gpu(config):
    mine = ("--set", "model_name=mine", "--set", "training_config.batch_size=3")
    out = run("config", "generate", "--config", config, "--category", "very_long", *mine).stdout
    made = json.loads(out)
    assert (made["model_name"], made["training_config"]["batch_size"]) == ("mine", 3)
    assert made["video_config"]["max_frames"] == 8192
    out = run("config", "generate", "--config", config, "--gpu", "L4",
              "--set", "hardware_config.gpu_type=H200").stdout  # fmt: skip
    assert json.loads(out)["hardware_config"]["gpu_type"] == "H200"
    wrong = run("config", "generate", "--config", config, "--set", "colour=1", code=2)
    assert f"{config} with --set: colour: there is no such key" in wrong.stderr


def test_validate_compares_every_size_of_the_base_model(config):
    content = json.loads(Path(config).read_text())["model_config"]
    flags, sizes = ["--set", "model_config.base_model=builtin"], {
        "ntlbg_hidden_size": 576, "ntlbg_intermediate_size": 1536, "ntlbg_num_attention_heads": 9,
        "ntlbg_num_key_value_heads": 3,
    }  # fmt: skip
    out = run("config", "validate", "--config", config, *flags).stdout
    for key, size in sizes.items():
        assert f"note: model_config.{key} is {content[key]}, but builtin has {size}" in out
        flags += ["--set", f"model_config.{key}={size}"]
    assert "but builtin has" not in run("config", "validate", "--config", config, *flags).stdout


def test_validate_and_plan_tell_that_nothing_is_shared_out(config):
    told = "note: memory_optimization: training does not carry out zero_stage 2"
    for command in (("config", "validate"), ("plan",)):
        assert told in run(*command, "--config", config).stdout
    (note,) = json.loads(run("plan", "--config", config, "--json").stdout)["notes"]
    assert note == told.removeprefix("note: ") + note.partition("zero_stage 2")[2]
    off = ("--set", "hardware_config.memory_optimization.zero_stage=0")
    assert "note: " not in run("plan", "--config", config, *off).stdout


def test_validate_tells_what_does_not_fit(config):
    big = ("--set", "model_config.base_model=Qwen/Qwen2-VL-7B-Instruct", "--gpu", "L4")
    out = run("config", "validate", "--config", config, *big).stdout
    assert "note: a training step needs 3" in out  # 15.2 GB in float32 is 30.5
    assert "see ntlbg config optimize" in out


def test_optimize_says_that_nothing_was_needed(config, tmp_path):
    done = run("config", "optimize", "--config", config, "--gpu", "present")
    assert "it fits as it is" in done.stderr
    assert json.loads(done.stdout) == json.loads(Path(config).read_text())


def test_analyze_as_json(config):
    found = json.loads(run("config", "analyze", "--config", config, "--json").stdout)
    assert found["level"] == "moderate_long"
    assert found["datasets"][0]["answer_types"] == {"which": 6}
    assert found["memory"]["peak"] > 0


def test_schema_is_printed():
    assert json.loads(run("config", "schema").stdout) == json_schema()


def test_plan_as_json_and_as_text(config):
    found = json.loads(run("plan", "--config", config, "--gpu", "A100_40GB", "--json").stdout)
    assert set(found["plans"]) == {"answer", "train"}
    assert found["plans"]["train"]["largest"]["batch"] > 2
    text = run("plan", "--config", config, "--gpu", "A100_40GB").stdout
    assert "KV cache" in text
    assert "most that fits" in text


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("config", "generate", "--experiment", "x"), "no experiment 'x'; there are: ablation_st"),
        (("config", "generate", "--category", "x"), "no category 'x'"),
        (("plan", "--config", "gone.json"), "gone.json: cannot be read"),
        (("plan", "--gpu", "x", "--config", "{config}"), "no GPU 'x'"),
    ],
)
def test_mistakes(command, message, config):
    done = run(*(part.format(config=config) for part in command), code=2)
    assert message in done.stderr


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("video_config.frames", 3, "video_config.frames: there is no such key; the keys here are"),
        ("training_config.batch_size", "two", "training_config.batch_size: got 'two'; input sho"),
        ("training_config.learning_rate", -1, "training_config.learning_rate: got -1; input sho"),
        ("hardware_config.gpu_type", "T4", "gpu_type: got 'T4'; input should be 'V100_32GB', "),
        ("hardware_config.mixed_precision", "bf16", "mixed_precision is 'bf16', but training_co"),
        ("video_config.num_representatives", 7, "num_representatives is 7, but max_frames 64"),
        ("video_config.frame_resolution", [224, -1], "frame_resolution.1: got -1; input should"),
        ("video_config.frame_selector", "best", "frame_selector: got 'best'; there are: ntlbg,"),
        ("model_config.feature_encoder", "eyes", "feature_encoder: got 'eyes'; there are: buil"),
        ("model_config.base_model", "{tmp}/no", "model_config.base_model: '{tmp}/no': its conf"),
        ("dataset_config.train_datasets.0.weight", 0, "train_datasets.0.weight: got 0; input sh"),
        ("evaluation_config.metrics", ["speed"], "metrics.0: got 'speed'; input should be 'acc"),
        ("schema_version", 2, "schema_version: got 2; input should be 1"),
        ("video_config", 3, "video_config: got 3; input should be an object"),
    ],
)
def test_a_wrong_file_is_told_by_path_value_and_what_is_allowed(
    key, value, message, config, tmp_path
):
    content = json.loads(Path(config).read_text())
    *blocks, last = key.split(".")
    block = content
    for name in blocks:
        block = block[int(name) if isinstance(block, list) else name]
    block[last] = value.format(tmp=tmp_path) if isinstance(value, str) else value
    Path(config).write_text(json.dumps(content))
    done = run("config", "validate", "--config", config, code=2)
    assert message.format(tmp=tmp_path) in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "not JSON"), ('{"a": 1,', "not JSON"), ("[1]", "got [1]; input should be an object")],
)
def test_a_file_that_is_no_configuration(text, message, tmp_path):
    path = tmp_path / "wrong.json"
    path.write_text(text)
    assert f"{path}: {message}" in run("config", "validate", "--config", str(path), code=2).stderr


def test_folders_of_the_package_s_own_models_are_planned(config, tmp_path):
    from longvu_models import tiny_config as longvu_config
    from tiny_models import tiny_config

    for name, made in (("ntlbg", tiny_config()), ("longvu", longvu_config())):
        made.save_pretrained(tmp_path / name)
    base = f"--set=model_config.base_model={tmp_path}"
    found = json.loads(run("plan", "--config", config, f"{base}/ntlbg", "--json").stdout)
    assert set(found["plans"]) == {"answer", "train"}
    found = json.loads(run("plan", "--config", config, f"{base}/longvu", "--json").stdout)
    assert found["plans"]["answer from pixels"]["tokens"] == 128
    for action in ("validate", "analyze", "optimize"):
        done = run("config", action, "--config", config, f"{base}/longvu", code=2)
        assert "is a LongVU model, which reads frames in its own way" in done.stderr
