"""``ntlbg config`` and ``ntlbg plan`` on the command line."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ntlbg.cli import app
from ntlbg.config import LEVELS, json_schema, load_config, to_json
from small_experiment import small_config

CONFIGS = Path(__file__).parents[2] / "configs"


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
    out = run("config", "generate", "--category", "moderate_long", "--output", "-").stdout
    made.write_text(out)
    assert load_config(made).video_config.num_representatives == 256
    assert run("config", "validate", "--config", str(made)).stdout.startswith(f"{made}: valid")


def test_generate_takes_overrides(config):
    out = run("config", "generate", "--category", "long", "--output", "-",
              "--set", "training_config.seed=5").stdout  # fmt: skip
    assert json.loads(out)["training_config"]["seed"] == 5
    out = run("config", "generate", "--config", config, "--gpu", "L4", "--output", "-",
              "--set", "training_config.seed=6").stdout  # fmt: skip
    made = json.loads(out)
    assert (made["model_name"], made["training_config"]["seed"]) == ("small", 6)
    assert made["hardware_config"]["gpu_type"] == "L4"


def test_overrides_win_over_level_file_and_gpu(config):
    mine = ("--set", "model_name=mine", "--set", "training_config.batch_size=3", "--output", "-")
    out = run("config", "generate", "--config", config, "--category", "very_long", *mine).stdout
    made = json.loads(out)
    assert (made["model_name"], made["training_config"]["batch_size"]) == ("mine", 3)
    assert made["video_config"]["max_frames"] == 8192
    out = run("config", "generate", "--config", config, "--gpu", "L4", "--output", "-",
              "--set", "hardware_config.gpu_type=H200").stdout  # fmt: skip
    assert json.loads(out)["hardware_config"]["gpu_type"] == "H200"
    wrong = run("config", "generate", "--config", config, "--set", "colour=1", code=2)
    assert f"{config} with --set: colour: there is no such key" in wrong.stderr


def test_sizes_that_the_base_model_has_not_are_refused(config):
    base = ("--config", config, "--set", "model_config.base_model=builtin")
    sizes = {"hidden_size": 576, "intermediate_size": 1536, "num_attention_heads": 9,
             "num_key_value_heads": 3, "max_position_embeddings": 8192}  # fmt: skip
    flags = [f"--set=model_config.ntlbg_{key}={size}" for key, size in sizes.items()]
    run("config", "validate", *base, *flags)
    wrong = "--set=model_config.ntlbg_hidden_size=4096"  # as the original's file has it
    for command in (("config", "validate"), ("plan",), ("config", "optimize", "--output", "-")):
        told = run(*command, *base, *flags, wrong, code=2).stderr
        assert "model_config.ntlbg_hidden_size is 4096, but builtin has 576; write that, o" in told


def test_hints_are_told_by_validate(config):
    keys = ("video_config.frame_resolution=[448,448]", "model_config.base_model=smollm2",
            "model_config.feature_encoder=builtin")  # fmt: skip
    flags = [word for key in keys for word in ("--set", key)]
    out = run("config", "validate", "--config", config, *flags).stdout
    assert "note: video_config.frame_resolution changes nothing of base_model smollm2" in out


def test_validate_tells_what_does_not_fit(config):
    big = ("--set", "model_config.base_model=Qwen/Qwen2-VL-7B-Instruct", "--gpu", "L4")
    out = run("config", "validate", "--config", config, *big).stdout
    assert "note: a training step needs 3" in out  # 15.2 GB in float32 is 30.5
    assert "see ntlbg config optimize" in out


def test_optimize_says_that_nothing_was_needed(config, tmp_path):
    done = run("config", "optimize", "--config", config, "--gpu", "present", "--output", "-")
    assert "it fits as it is" in done.stderr
    assert json.loads(done.stdout) == json.loads(Path(config).read_text())


@pytest.mark.parametrize(
    ("command", "made"),
    [
        (("generate",), "longvideo_long"),
        (("generate", "--category", "long", "--gpu", "A100_40GB"), "longvideo_long"),
        (("generate", "--category", "very_long"), "longvideo_very_long"),
        (("generate", "--category", "long", "--config", "{config}"), "longvideo_long"),
        (("generate", "--config", "{config}", "--gpu", "L4"), "generated_small"),
        (("optimize", "--config", "{config}", "--gpu", "L4"), "optimized_small"),
    ],
)
def test_a_file_is_written_into_configs_and_told(command, made, config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = [part.format(config=config) for part in command]
    before = Path(config).read_bytes()
    path = Path("configs") / f"{made}.json"
    for _ in range(2):  # what ntlbg wrote it replaces
        assert run("config", *flags).stdout == f"wrote {path}\n"
    assert [found.name for found in Path("configs").iterdir()] == [path.name]
    printed = run("config", *flags, "--output", "-").stdout
    assert path.read_text() == printed
    assert load_config(path).model_name
    assert Path(config).read_bytes() == before

    for others in ("notes", '{"model_name": "mine"}', f"// mine\n{printed}"):
        path.write_text(others)
        assert str(path) in run("config", *flags, code=2).stderr
        assert path.read_text() == others


def test_no_shipped_file_has_the_name_of_a_generated_one():
    shipped = {path.name for path in (Path(__file__).parents[2] / "configs").glob("*.json")}
    assert "longvideo_config.json" in shipped
    assert not shipped & {f"longvideo_{category}.json" for category in LEVELS}
    assert not [name for name in shipped if name.startswith(("generated_", "optimized_"))]


def test_an_experiment_cannot_be_printed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run("config", "generate", "--experiment", "ablation_studies", "--output", "-", code=2)
    assert "ablation_studies is several files; name a folder" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_keys_that_follow_another_one_are_told(config):
    bf16 = ("--config", config, "--set", "training_config.bf16=true")
    told = "note: training_config.bf16 is true: hardware_config.mixed_precision is bf16"
    assert told in run("config", "validate", *bf16).stdout.splitlines()
    for command in ("config optimize --output -", "config generate --output -", "plan --json",
                    "config analyze --json"):  # fmt: skip
        done = run(*command.split(), *bf16)
        assert told in done.stderr.splitlines()
        json.loads(done.stdout)


def test_analyze_as_json(config):
    gone = "dataset_config.val_datasets.0.path=nowhere"
    done = run("config", "analyze", "--config", config, "--set", gone, "--json")
    found = json.loads(done.stdout)
    assert found["level"] == "moderate_long"
    assert found["datasets"][0]["answer_types"] == {"which": 6}
    assert [report["there"] for report in found["datasets"]] == [True, False, True]
    assert found["memory"]["smallest_cards"] == ["RTX_4090", "L4"]
    planned = json.loads(run("plan", "--config", config, "--json").stdout)
    assert found["memory"]["plans"] == planned["plans"]


def test_analyze_tells_data_sets_parts_of_memory_and_the_smallest_card(config):
    gone = ("--set", "dataset_config.val_datasets.0.path=nowhere")
    out = run("config", "analyze", "--config", config, *gone).stdout
    assert "\n2 of 3 data sets are there; missing: nowhere\n" in out
    assert run("plan", "--config", config).stdout in out
    assert "smallest card for training: RTX_4090 or L4" in out
    seven = ("--set", "model_config.base_model=Qwen/Qwen2-VL-7B-Instruct")
    out = run("config", "analyze", "--config", config, *seven).stdout
    assert "smallest card for training: A100_40GB" in out  # 15.2 GB in float32 are 30.5
    all_weights = (*seven, "--set", "model_config.lora_rank=0")
    out = run("config", "analyze", "--config", config, *all_weights).stdout
    assert "smallest card for training: H200" in out
    batch = (*all_weights, "--set", "training_config.batch_size=1000")
    out = run("config", "analyze", "--config", config, *batch).stdout
    assert "no card of the menu is large enough for training; see ntlbg config opt" in out


def test_nothing_to_analyze_is_an_error(config):
    keys = [f"dataset_config.{part}_datasets.0.path=nowhere" for part in ("train", "val", "test")]
    gone = [word for key in keys for word in ("--set", key)]
    done = run("config", "analyze", "--config", config, *gone, code=2)
    assert "0 of 3 data sets are there" in done.stdout
    assert "error: none of its data sets is there" in done.stderr
    json.loads(run("config", "analyze", "--config", config, *gone, "--json", code=2).stdout)


@pytest.mark.parametrize("command", [("plan", "--json"), ("config", "validate")])
def test_the_defaults_are_there_outside_the_repository(command, tmp_path, monkeypatch):
    named = run(*command, "--config", str(CONFIGS / "longvideo_config.json")).stdout
    monkeypatch.chdir(tmp_path)
    done = run(*command)
    assert done.stdout.split("\n")[1:] == named.split("\n")[1:]
    assert "the defaults of the package, which are the same, are read" in done.stderr


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("description=NaN", "--set description: NaN is no number in JSON"),
        ('metadata={"a": 1, "a": 2}', "--set metadata: a: this key is there twice"),
        ("video_config.fps=1e400", "--set video_config.fps: 1e400 is too large a number"),
        ("description=" + "[" * 100_000, "--set description: more than 100 brackets"),
        ("video_config.max_frames=" + "9" * 5000, "is too large a number (5000 characters)"),
        ("dataset_config.test_datasets.\u00b2=1", "its list has"),
        ("dataset_config.test_datasets.99999999999999999999.name=a", "holds no keys"),
    ],
)
def test_hostile_keys_are_told(override, message, config):
    done = run("plan", "--config", config, "--set", override, code=2)
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


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
        (("config", "generate", "--experiment", "efficiency_analysis"), "--suite efficiency or th"),
        (("config", "generate", "--category", "x"), "no category 'x'"),
        (("plan", "--config", "gone.json"), "gone.json: no such file"),
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
        ("training_config.bf16", True, "bf16 is true, hardware_config.mixed_precision is no: the"),
        ("video_config.num_representatives", 0, "num_representatives: got 0; input should be gre"),
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
    [
        ("", "1: not JSON"),
        ('{"a": 1,', "1: not JSON"),
        ("[1]", " got [1]; input should be an object"),
    ],
)
def test_a_file_that_is_no_configuration(text, message, tmp_path):
    path = tmp_path / "wrong.json"
    path.write_text(text)
    assert f"{path}:{message}" in run("config", "validate", "--config", str(path), code=2).stderr


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


def test_another_configuration_is_not_replaced_in_silence(tmp_path):
    path = tmp_path / "made.json"
    flags = ("config", "generate", "--category", "long", "--output", str(path))
    assert run(*flags).stdout == f"wrote {path}\n"
    assert run(*flags).stdout == f"wrote {path}\n"
    other = run(*flags, "--set", "training_config.seed=5").stdout
    assert other == f"wrote {path}, in the place of another configuration\n"
