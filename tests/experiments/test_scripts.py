"""The scripts and experiments by their original flags, on a tiny configuration with real data."""

import json
import runpy
import shutil
import sys
import types
import zipfile
from pathlib import Path

import pytest
from PIL import Image
from safetensors.torch import load_file

from ntlbg.config import load_config, to_json
from ntlbg.errors import OutputError
from small_experiment import small_config, write_dataset

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(monkeypatch, capsys):
    """Run a script with flags; returns exit code, standard output and standard error."""

    def run_script(script: str, *flags: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", [script, *map(str, flags)])
        with pytest.raises(SystemExit) as left:
            runpy.run_path(str(ROOT / script), run_name="__main__")
        said = capsys.readouterr()
        return int(left.value.code or 0), said.out, said.err

    return run_script


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "small.json"
    path.write_text(to_json(small_config(tmp_path)))
    return path


def test_a_dry_run_checks_everything_and_writes_nothing(run, config, tmp_path):
    code, out, err = run("scripts/train_ntlbg.py", "--config", config, "--dry_run")
    assert code == 0, err
    assert "6 questions to train on" in out
    assert "train: small: 6 questions, 6 videos" in out
    assert "val: val: 6 questions, 6 videos" in out
    assert "4 steps of 2 questions" in out
    assert "stages train: representation " in out
    assert "nothing was trained" in out
    assert not (tmp_path / "run").exists()


def test_a_dry_run_tells_the_rest_as_well_where_something_is_missing(run, config, tmp_path):
    gone = ("--set", f"dataset_config.train_datasets.0.path={tmp_path}/gone")
    code, out, err = run("scripts/train_ntlbg.py", "--config", config, "--dry_run", *gone)
    assert code == 2
    assert f"train: small: {tmp_path}/gone not there" in out
    assert "a step takes about" in out
    assert "stages train: representation " in out
    *_, line = err.splitlines()
    assert line.startswith(f"error: training cannot start here. data: {tmp_path}/gone not there.")


def test_keys_are_set_on_the_command_line_of_training(run, config, tmp_path):
    flags = ("--set", "training_config.max_steps=1", "--set", f"output_dir={tmp_path}/elsewhere")
    code, _, err = run("scripts/train_ntlbg.py", "--config", config, *flags)
    assert code == 0, err
    used = load_config(tmp_path / "elsewhere" / "training_config.json")
    assert used.training_config.max_steps == 1
    code, _, err = run("scripts/train_ntlbg.py", "--config", config, "--set", "colour=1")
    assert (code, "with --set: colour: there is no such key" in err) == (2, True)


def test_training_in_debug_mode(run, config, tmp_path):
    code, out, err = run("scripts/train_ntlbg.py", "--config", config, "--debug")
    assert code == 0, err
    history = json.loads((tmp_path / "run-debug" / "history.json").read_text())
    assert max(entry["step"] for entry in history) == 3
    assert "run-debug" in out.splitlines()[-1]


@pytest.mark.parametrize("suffix", [".pt", pytest.param(".npy", marks=pytest.mark.thorough)])
def test_training_and_evaluating_by_the_original_flags(run, config, tmp_path, suffix):
    write_dataset(tmp_path / "other", 4, suffix)
    content = json.loads(config.read_text())
    content["dataset_config"]["train_datasets"][0]["path"] = str(tmp_path / "other")
    content["dataset_config"]["test_datasets"] += [
        {"name": "more", "path": str(tmp_path / "other")}
    ]
    wanted = {"benchmark_datasets": ["tes"], "target_performance": {"more": 0.9, "te": 0.5}}
    content["evaluation_config"] |= wanted
    config.write_text(json.dumps(content))
    code, out, err = run(
        "experiments/train_experiment.py", "--config", config, "--experiment-name", "one",
        "--output-dir", tmp_path, "--mode", "both", "--epochs", 2, "--batch-size", 1,
        "--learning-rate", 0.02, "--num-representatives", 16, "--ntlbg-weight", 0.5,
    )  # fmt: skip
    assert code == 0, err
    folder = tmp_path / "one"
    used = load_config(folder / "training_config.json")
    assert used.training_config.max_steps == 8
    assert used.video_config.num_representatives == 16
    assert used.loss_config.loss_weights.ntlbg == 0.5
    history = json.loads((folder / "history.json").read_text())
    assert {"loss", "task", "ntlbg", "align", "context"} <= set(history[0])
    assert {"training.png", "training.svg"} <= {path.name for path in folder.iterdir()}

    summary = json.loads((folder / "evaluation" / "summary.json").read_text())
    assert summary == json.loads(out[out.index('{\n  "model"') :])
    assert set(summary["metrics"]) == set(used.evaluation_config.metrics)
    targets = {name: found["target"] for name, found in summary["datasets"].items()}
    assert targets == {"test": 0.5}
    assert 10**8 < summary["memory"]["peak_resident_bytes"] < 10**11
    assert set(summary["memory"]) == {"peak_resident_bytes", "peak_gpu_bytes"}
    lines = (folder / "evaluation" / "answers.jsonl").read_text().splitlines()
    answers = [json.loads(line) for line in lines]
    assert len(answers) == summary["all"]["questions"] == 6
    right = [answer["answer"] == answer["truth"] for answer in answers]
    assert summary["metrics"]["accuracy"] == pytest.approx(sum(right) / 6)
    assert all(len(answer["times"]) == 16 for answer in answers)

    code, out, err = run(
        "experiments/evaluate_experiment.py", "--config", folder / "training_config.json",
        "--model-path", folder, "--output-dir", tmp_path, "--experiment-name", "again",
    )  # fmt: skip
    assert code == 0, err
    again = (tmp_path / "again" / "answers.jsonl").read_text().splitlines()
    assert [json.loads(line)["answer"] for line in again] == [a["answer"] for a in answers]


def test_training_goes_on_from_given_weights(run, config, tmp_path):
    flags = ["--config", config, "--output-dir", tmp_path, "--mode", "train"]
    run("experiments/train_experiment.py", *flags, "--experiment-name", "first")
    weights = tmp_path / "first" / "model.safetensors"
    code, _, err = run(
        "experiments/train_experiment.py", *flags, "--experiment-name", "second",
        "--model-path", weights,
    )  # fmt: skip
    assert code == 0, err
    before, after = load_file(weights), load_file(tmp_path / "second" / "model.safetensors")
    assert set(before) == set(after)
    assert any("lora_" in name for name in before)
    assert not any(name.endswith("q_proj.base_layer.weight") for name in before)


def test_checkpoints_of_other_settings_are_not_gone_on_with(run, config, tmp_path):
    script = "experiments/train_experiment.py"
    flags = ["--config", config, "--output-dir", tmp_path, "--mode", "train"]
    code, out, err = run(script, *flags, "--learning-rate", 1e-4)
    assert (code, "continuing" in out) == (0, False), err
    folder = tmp_path / "training"
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}

    code, _, err = run(script, *flags, "--learning-rate", 1e-5)
    assert code == 2
    assert f"{folder}: its checkpoints were made with training_config.learning_rate 0.0001" in err
    assert "now it is 1e-05; choose another folder, or start over with --no-resume" in err
    assert {path: path.read_bytes() for path in before} == before
    code, _, err = run(script, *flags, "--learning-rate", 1e-4, "--model-path", folder)
    assert (code, "weights None, now it is " in err) == (2, True)

    code, out, err = run(script, *flags, "--learning-rate", 1e-4)
    assert code == 0, err
    assert "continuing from checkpoint-4" in out
    code, out, err = run(script, *flags, "--learning-rate", 1e-5, "--no-resume")
    assert code == 0, err
    assert "continuing" not in out
    history = json.loads((folder / "history.json").read_text())
    assert [entry["step"] for entry in history if "loss" in entry] == [1, 2, 3, 4]
    assert history[0]["learning_rate"] <= 1e-5
    assert load_config(folder / "training_config.json").training_config.learning_rate == 1e-5


def test_the_training_script_starts_over_when_told(run, config, tmp_path):
    for flags, code in (([], 0), (["--dry_run"], 2), (["--no-resume"], 0)):
        seed = 0 if not flags else 1
        content = json.loads(config.read_text())
        content["training_config"]["seed"] = seed
        config.write_text(json.dumps(content))
        left, _, err = run("scripts/train_ntlbg.py", "--config", config, *flags)
        assert left == code, err
        assert ("made with training_config.seed 0, now it is 1" in err) == (code == 2)


@pytest.mark.parametrize(
    ("script", "flags", "message"),
    [
        ("scripts/train_ntlbg.py", ["--config", "nothing.json"], "nothing.json: no such file"),
        ("experiments/evaluate_experiment.py", ["--config", "{config}", "--model-path", "gone"],
         "gone: holds no model that training left"),
        ("experiments/train_experiment.py", ["--config", "{config}", "--batch-size", "0"],
         "training_config.batch_size: got 0"),
        ("scripts/longvideo_config_manager.py", ["--action", "validate", "--config", "gone.json"],
         "gone.json: no such file"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line_and_exit_2(script, flags, message, run, config):
    code, _, err = run(script, *(flag.format(config=config) for flag in flags))
    assert code == 2
    assert message in err
    assert "Traceback" not in err


TRAINING = ("training.json", "training_config.json", "history.json", "config.json",
            "model.safetensors", "tokenizer.json", "checkpoint-4")  # fmt: skip
TRAIN = "experiments/train_experiment.py"


@pytest.mark.parametrize(
    ("script", "flags", "names"),
    [
        ("scripts/train_ntlbg.py", [], TRAINING),
        ("scripts/train_ntlbg.py", ["--no-resume"], TRAINING),
        (TRAIN, ["--experiment-name", "run", "--mode", "train"], (*TRAINING, "training.png")),
        ("experiments/evaluate_experiment.py", ["--experiment-name", "run"],
         ("answers.jsonl", "summary.json")),
    ],
)  # fmt: skip
def test_files_of_others_are_left_as_they_are(script, flags, names, run, config, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    if script != "scripts/train_ntlbg.py":
        flags = [*flags, "--output-dir", tmp_path]
    for name in names:
        mine = folder / name
        if name == "checkpoint-4":
            mine.mkdir()
            mine /= "notes.txt"
        for content in ("my notes", '{"mine": 1}', '[{"mine": 1}]'):
            mine.write_text(content)
            code, _, err = run(script, "--config", config, *flags)
            assert code == 2, name
            assert str(mine) in err
            assert mine.read_text() == content
            assert [path.name for path in folder.iterdir()] == [name.split("/")[0]]
        shutil.rmtree(folder)
        folder.mkdir()


def test_a_configuration_is_not_replaced_by_that_of_its_training(run, config):
    folder = config.parent / "run"
    folder.mkdir()
    shutil.move(config, folder / "config.json")
    before = (folder / "config.json").read_bytes()
    code, _, err = run("scripts/train_ntlbg.py", "--config", folder / "config.json")
    assert code == 2
    assert "is an input of this command" in err
    assert (folder / "config.json").read_bytes() == before


def test_a_set_of_pictures_replaces_only_a_set_of_pictures(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "resvg_py", types.ModuleType("resvg_py"))
    write = runpy.run_path(str(ROOT / "scripts/build_pictures.py"))["write_pictures"]
    pictures = [("cat.0", Image.new("RGBA", (8, 8)))]
    for _ in range(2):
        write(tmp_path / "set.zip", pictures)
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("notes.txt", "mine")
    before = other.read_bytes()
    with pytest.raises(OutputError, match="something else than a set of pictures"):
        write(other, pictures)
    assert other.read_bytes() == before


MANAGER = "scripts/longvideo_config_manager.py"


def test_the_manager_generates_by_level_and_gpu(run, tmp_path):
    made = tmp_path / "made.json"
    code, _, _ = run(MANAGER, "--action", "generate", "--category", "very_long", "--gpu",
                     "V100_32GB", "--output", made)  # fmt: skip
    assert code == 0
    config = load_config(made)
    assert config.video_config.num_representatives == 1024
    assert config.hardware_config.gpu_type == "V100_32GB"
    _, out, _ = run(MANAGER, "--action", "generate", "--category", "very_long", "--gpu",
                    "V100_32GB", "--output", "-")  # fmt: skip
    assert out == made.read_text()


def test_the_manager_s_quick_start_writes_a_file_and_takes_keys(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = run(MANAGER, "--action", "generate", "--category", "long", "--gpu", "A100_40GB",
                       "--set", "training_config.seed=3", "--set", "model_name=mine")  # fmt: skip
    assert (code, out) == (0, "wrote configs/longvideo_long.json\n")
    made = load_config("configs/longvideo_long.json")
    assert (made.training_config.seed, made.model_name) == (3, "mine")
    code, out, _ = run(MANAGER, "--action", "optimize", "--config", "configs/longvideo_long.json",
                       "--gpu", "V100_32GB")  # fmt: skip
    assert (code, out) == (0, "wrote configs/optimized_longvideo_long.json\n")
    gpu = load_config("configs/optimized_longvideo_long.json").hardware_config.gpu_type
    assert gpu == "V100_32GB"
    code, out, _ = run(MANAGER, "--action", "validate", "--config", "configs/longvideo_long.json",
                       "--set", "training_config.bf16=false")  # fmt: skip
    assert "note: training_config.bf16 is false: hardware_config.mixed_precision is no" in out


@pytest.mark.parametrize("experiment", ["ablation_studies", "sota_comparison"])
def test_every_generated_experiment_is_different_and_trains(experiment, run, config, tmp_path):
    folder = tmp_path / experiment
    code, _, err = run(MANAGER, "--action", "generate", "--experiment", experiment,
                       "--config", config, "--output", folder)  # fmt: skip
    assert code == 0, err
    files = sorted(folder.iterdir())
    assert len(files) >= 3
    assert len({file.read_text() for file in files}) == len(files)
    for file in files:
        code, out, err = run("scripts/train_ntlbg.py", "--config", file, "--dry_run")
        assert code == 0, (file.name, err)
        assert "nothing was trained" in out


def test_the_manager_validates_analyzes_and_optimizes(run, config, tmp_path):
    code, out, _ = run(MANAGER, "--action", "validate", "--config", config)
    assert code == 0
    assert out.splitlines()[0] == f"{config}: valid"
    code, out, _ = run(MANAGER, "--action", "analyze", "--config", config)
    assert "small: 6 questions, 6 videos of 40 to 40 s" in out
    assert "level: moderate_long" in out
    better = tmp_path / "better.json"
    code, _, err = run(MANAGER, "--action", "optimize", "--config",
                       ROOT / "configs" / "very_long.json", "--gpu", "V100_32GB",
                       "--output", better)  # fmt: skip
    assert code == 0
    assert "mixed_precision: bf16 -> fp16, V100_32GB computes in float16" in err
    assert load_config(better).hardware_config.gpu_type == "V100_32GB"
