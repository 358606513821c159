"""Training in two processes over gloo learns what one process learns, and goes on in any number."""

import glob
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from typer.testing import CliRunner

from counter_videos import write_video
from longvu_models import made_frames, tiny_longvu_processor, tiny_model
from ntlbg.cli import app
from ntlbg.config import to_json
from ntlbg.errors import ConfigError
from ntlbg.memory import Device
from ntlbg.models.builtin.vision_tower import BuiltinVisionConfig
from ntlbg.train import checks
from ntlbg.train import run as training
from ntlbg_vl_models import vl_config, write_films
from processes import finish, finished, python, started, wait_for
from small_experiment import small_config, write_dataset

pytestmark = [
    pytest.mark.slow,
    # PEFT asks transformers for something under its old name
    pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning"),
]
TORCHRUN = python("-m", "torch.distributed.run", "--nproc-per-node", 2, "--rdzv-backend", "c10d",
                  "--rdzv-endpoint", "127.0.0.1:0")  # fmt: skip
COMMAND = ("-m", "ntlbg.cli", "train")
CONFIGS = Path(__file__).parents[2] / "configs"
STEPS = 6
# Added to the scores of all frames alike, which a softmax takes no notice of: their gradient is
# rounding, and AdamW makes whole steps of it.
WITHOUT_GRADIENT = "ntlbg_attention.bias."
# name: (recipe, method), trained in one process and in two, as the name says
RUNS = {
    "ntlbg-lora": ("ntlbg", "lora"),
    "ntlbg-full": ("ntlbg", "full"),
    "longvu-lora": ("longvu", "lora"),
    "longvu-full": ("longvu", "full"),
    "pictures-lora": ("pictures", "lora"),
}

WHOLE = ("ntlbg-lora", "longvu-lora", "pictures-lora")  # also with a whole model in each process
GOING_ON = ("ntlbg-full", "longvu-lora")  # also from one process to two, and back


def ntlbg_file(
    folder: Path, name: str, method: str = "lora", processes: int = 1, **changes
) -> Path:
    """Four questions an update, in however many processes."""
    keys = {
        "output_dir": str(folder / name),
        "hardware_config.num_gpus": None,
        "model_config.lora_rank": 2 if method == "lora" else 0,
        "training_config.batch_size": 2,
        "training_config.gradient_accumulation_steps": 2 // processes,
        "training_config.max_steps": STEPS,
        "training_config.max_grad_norm": 0.5,  # always clipped
        **changes,
    }
    path = folder / f"{name}.json"
    path.write_text(to_json(small_config(folder, **keys)))
    return path


def longvu_file(folder: Path, name: str, method: str = "lora", **changes) -> Path:
    """Stills and films in turn; four questions an update, in however many processes."""
    if not (folder / "longvu").is_dir():
        model = tiny_model(context_length=500, text={"initializer_range": 0.1})
        model.save_pretrained(folder / "longvu")
        tiny_longvu_processor().save_pretrained(folder / "longvu")
        write_pictures(folder)
    content = {
        "recipe": "longvu",
        "stage": "video",
        "model": str(folder / "longvu"),
        "output_dir": str(folder / name),
        "data": {"questions": [str(folder / "longvu.jsonl")]},
        "geometry": {"query_grid": 2, "lowres_grid": 1, "highres": True, "context_length": 500,
                     "dino_threshold": 0.83, "drop_threshold": 0.8},
        "method": method,
        "full": {"learning_rate": 3e-3},
        "lora": {"learning_rate": 1e-2, "rank": 4, "alpha": 8},
        "batch_size": 2,
        "total_batch_size": 4,
        "max_steps": STEPS,
        "save_steps": 2,
        "logging_steps": 1,
        "max_grad_norm": 0.5,
        **changes,
    }  # fmt: skip
    path = folder / f"{name}.json"
    path.write_text(json.dumps(content))
    return path


def pictures_file(folder: Path, name: str, processes: int = 1) -> Path:
    """Of a vision-language model, whose own tower looks at the films."""
    if not (folder / "pictures" / "data").is_dir():
        write_films(folder / "pictures" / "data")
    changes = {
        "output_dir": str(folder / name),
        "hardware_config.num_gpus": None,
        "training_config.batch_size": 2,
        "training_config.gradient_accumulation_steps": 2 // processes,
        "training_config.max_steps": STEPS,
        "training_config.max_grad_norm": 0.5,
    }
    path = folder / f"{name}.json"
    path.write_text(to_json(vl_config(folder / "pictures", **changes)))
    return path


def write_pictures(folder: Path) -> None:
    records = []
    for number, size in enumerate(((54, 96), (96, 54), (40, 96))):
        write_video(folder / f"v{number}.mp4", count=8, fps=4, size=size)
        Image.fromarray(made_frames(1, seed=number)[0]).save(folder / f"p{number}.png")
        names = (f"v{number}.mp4", f"p{number}.png")
        question = f"Which {number}?"
        records += [{"video": name, "question": question, "answer": name} for name in names]
    (folder / "longvu.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))


def file_of(folder: Path, run: str, name: str, processes: int = 1) -> Path:
    recipe, method = RUNS[run]
    if recipe == "pictures":
        return pictures_file(folder, name, processes)
    if recipe == "longvu":
        return longvu_file(folder, name, method)
    return ntlbg_file(folder, name, method, processes)


def trained(*arguments: object) -> str:
    """What the command says, in this process."""
    done = CliRunner().invoke(app, ["train", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done.output


def one_step_back(folder: Path) -> None:
    """As if the run had been killed after step 4."""
    shutil.rmtree(folder / f"checkpoint-{STEPS}")
    for name in ("model.safetensors", "history.json"):
        (folder / name).unlink()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Every run: in one process, in two, and from one to two; see ``ended`` for what they said."""
    folder = tmp_path_factory.mktemp("runs")
    jobs = {}
    for run in RUNS:
        trained(file_of(folder, run, f"{run}-1"))
        path = file_of(folder, run, f"{run}-fsdp", processes=2)
        jobs[f"{run}-fsdp"] = ["train", str(path), "--fsdp"]
    for run in GOING_ON:
        shutil.copytree(folder / f"{run}-1", folder / f"{run}-1-to-2")
        one_step_back(folder / f"{run}-1-to-2")
        path = file_of(folder, run, f"{run}-1-to-2", processes=2)
        jobs[f"{run}-1-to-2"] = ["train", str(path), "--fsdp"]
    for run in WHOLE:
        path = file_of(folder, run, f"{run}-ddp", processes=2)
        jobs[f"{run}-ddp"] = ["train", str(path)]
    trained(longer_file(folder, "never-killed"))
    longer_file(folder, "killed-alone")
    two = longer_file(folder, "killed", processes=2)
    killed([*TORCHRUN, *map(str, COMMAND), two, "--fsdp"], folder / "killed", last_child)
    jobs["killed"] = ["train", str(two), "--fsdp"]
    films_file(folder, "films-1")
    trained(folder / "films-1.json")
    jobs["films-fsdp"] = ["train", str(films_file(folder, "films-fsdp", processes=2)), "--fsdp"]
    jobs["unread"] = ["train", str(some_unread(folder)), "--fsdp"]
    jobs["nothing"] = ["train", str(all_unread(folder)), "--fsdp"]  # last: it ends the talk
    (folder / "jobs.json").write_text(json.dumps(jobs))
    script = Path(__file__).with_name("command_runs.py")
    # where the helpers of tests are
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    code, said = finished([*TORCHRUN, script, folder / "jobs.json"], env=surroundings)
    assert code == 0, said
    return folder


def films_file(folder: Path, name: str, processes: int = 1) -> Path:
    """Films, which the tower looks at again in the last stage, and features without films."""
    if not (folder / "films").is_dir():
        (folder / "films" / "features").mkdir(parents=True)
        size, records = BuiltinVisionConfig().feature_size, []
        for number in range(4):
            features = np.random.default_rng(number).normal(size=(20, size)) / size**0.5
            if number % 2:
                path = folder / "films" / "features" / f"f{number}.npy"
                np.save(path, features.astype(np.float32))
            else:
                write_video(folder / "films" / f"f{number}.mp4", count=24, fps=4)
            records.append({"video": f"f{number}.mp4", "question": "Which?", "answer": "red"})
        lines = "".join(json.dumps(one) + "\n" for one in records)
        (folder / "films" / "questions.jsonl").write_text(lines)
    changes = {
        "training_config.batch_size": 1,
        "training_config.gradient_accumulation_steps": 4 // processes,
        "training_config.learning_rate": 1e-4,  # of such features a larger one makes a mess
        "dataset_config.val_datasets": [],
        **sets(folder / "films"),
    }
    return ntlbg_file(folder, name, processes=processes, **changes)


def longer_file(folder: Path, name: str, processes: int = 1) -> Path:
    """A run that can be killed after its second checkpoint."""
    return ntlbg_file(folder, name, processes=processes, **{"training_config.max_steps": 9})


def killed(command: list, output: Path, victim: Callable[[int], psutil.Process]) -> None:
    """Start a command, and kill a process of it after its second checkpoint."""
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with started(command, **streams) as process:
        # of glob, since the folder may be made and taken back while it is looked into
        states = f"{output}/checkpoint-*/trainer_state.json"
        wait_for(lambda: len(glob.glob(states)) > 1, process)
        victim(process.pid).send_signal(signal.SIGKILL)
        finish(process)
        assert process.returncode
    assert not (output / "model.safetensors").exists()


def last_child(pid: int) -> psutil.Process:
    return psutil.Process(pid).children()[-1]


def some_unread(folder: Path) -> Path:
    """Of six videos, two are damaged."""
    write_dataset(folder / "damaged")
    for number in (0, 3):
        (folder / "damaged" / "features" / f"v{number}.safetensors").write_bytes(b"nothing")
    return ntlbg_file(folder, "unread", processes=2, **sets(folder / "damaged"))


def all_unread(folder: Path) -> Path:
    """Their features are there when it begins, and are gone when they are to be read."""
    write_dataset(folder / "gone")
    for path in sorted((folder / "gone" / "features").iterdir()):
        np.save(path.with_suffix(".npy"), np.ones((3, 2, 1)))
        path.unlink()
    return ntlbg_file(folder, "nothing", processes=2, **sets(folder / "gone"))


def sets(path: Path) -> dict:
    entry = {"name": "small", "path": str(path), "weight": 1.0}
    return {"dataset_config.train_datasets": [entry]}


def ended(folder: Path, name: str) -> list[dict]:
    """How the processes ended a run: exit code, what they said, the last error."""
    return [json.loads((folder / f"ended-{rank}.json").read_text())[name] for rank in (0, 1)]


def history(folder: Path) -> list[dict]:
    return json.loads((folder / "history.json").read_text())


def assert_same_history(found: Path, expected: Path) -> None:
    ours, theirs = history(found), history(expected)
    assert [entry["step"] for entry in ours] == [entry["step"] for entry in theirs]
    for our, their in zip(ours, theirs, strict=True):
        assert our.keys() == their.keys()
        for name, value in their.items():
            # what is minimised to 1e-5; its terms are means of few numbers, and round more
            near = 1e-5 if name in ("loss", "task", "eval_task") else 2e-4
            assert our[name] == pytest.approx(value, rel=near, abs=near), name


def assert_same_model(found: Path, expected: Path) -> None:
    """The same files, and the same tensors in them."""
    names = [{path.name for path in where.iterdir()} for where in (found, expected)]
    assert names[0] == names[1]
    ours, theirs = (load_file(where / "model.safetensors") for where in (found, expected))
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        assert ours[name].dtype == tensor.dtype, name
        if name.startswith(WITHOUT_GRADIENT):
            continue
        torch.testing.assert_close(ours[name], tensor, rtol=1e-3, atol=1e-4, msg=name)


@pytest.mark.parametrize("run", RUNS)
def test_a_divided_model_learns_what_a_whole_one_learns(folder, run):
    assert len(history(folder / f"{run}-1")) >= STEPS
    assert_same_history(folder / f"{run}-fsdp", folder / f"{run}-1")
    assert_same_model(folder / f"{run}-fsdp", folder / f"{run}-1")


def test_a_tower_that_one_process_needs_and_the_other_does_not_is_trained_alike(folder):
    assert_same_history(folder / "films-fsdp", folder / "films-1")
    assert_same_model(folder / "films-fsdp", folder / "films-1")
    trained_tower = load_file(folder / "films-fsdp" / "model.safetensors")
    assert any(name.startswith("vision_tower.head") for name in trained_tower)


def test_frozen_weights_are_divided_too_and_precision_is_kept(folder):
    parts = [json.loads((folder / f"parts-{rank}.json").read_text()) for rank in (0, 1)]
    assert sum(part["own"] for part in parts) == parts[0]["whole"]
    assert max(part["own"] for part in parts) < 0.6 * parts[0]["whole"]
    frozen = "language_model.model.layers.0."
    for name, dtype in parts[0]["dtypes"].items():
        # what trains does so in float32, as do NTLBG's parts
        assert dtype == ("torch.bfloat16" if name.startswith(frozen) else "torch.float32"), name
    assert parts[0]["same"]
    before, after = (load_file(folder / f"{when}.safetensors") for when in ("before", "after"))
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        assert after[name].dtype == tensor.dtype, name
    assert torch.equal(before[f"{frozen}mlp.up_proj.weight"], after[f"{frozen}mlp.up_proj.weight"])
    trained = "language_model.model.layers.1.mlp.up_proj.weight"
    assert not torch.equal(before[trained], after[trained])


@pytest.mark.parametrize("run", WHOLE)
def test_whole_models_in_two_processes_learn_the_same(folder, run):
    assert_same_history(folder / f"{run}-ddp", folder / f"{run}-1")
    assert_same_model(folder / f"{run}-ddp", folder / f"{run}-1")


@pytest.mark.parametrize("run", GOING_ON)
def test_a_run_of_one_process_goes_on_in_two(folder, run):
    said = ended(folder, f"{run}-1-to-2")[0]["said"]
    assert f"continuing from checkpoint-{STEPS - 2}" in said
    assert_same_history(folder / f"{run}-1-to-2", folder / f"{run}-1")


@pytest.mark.parametrize("run", GOING_ON)
def test_a_run_of_two_processes_goes_on_in_one(folder, run, tmp_path):
    shutil.copytree(folder / f"{run}-fsdp", tmp_path / "run")
    one_step_back(tmp_path / "run")
    said = trained(folder / f"{run}-1.json", "--output", tmp_path / "run")
    assert f"continuing from checkpoint-{STEPS - 2}" in said
    assert_same_history(tmp_path / "run", folder / f"{run}-1")


def test_the_first_process_alone_speaks(folder):
    for name in ("ntlbg-lora-fsdp", "longvu-full-fsdp"):
        first, second = ended(folder, name)
        assert "wrote" in first["said"]
        assert second["said"] == ""


def test_steps_count_the_questions_of_all_processes(monkeypatch, tmp_path):
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    said = trained(ntlbg_file(tmp_path, "two", processes=2), "--dry-run")
    assert f"{STEPS} steps of 4 questions (2 at once, 1 times, 2 processes)" in said
    assert "changed ddp_find_unused_parameters: False -> True" in said
    assert "changed ddp" not in trained(tmp_path / "two.json", "--dry-run", "--fsdp")
    with pytest.raises(ConfigError, match="this recipe trains in one process, and there are 2"):
        training.run(CONFIGS / "builtin.json", dry_run=True)
    fp16 = ["hardware_config.mixed_precision=fp16"]
    monkeypatch.setattr(checks, "find_device", lambda name: Device("a card", 10**11))
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    with pytest.raises(ConfigError, match=r"float16 wants a loss .* set training_config\.bf16"):
        training.run(tmp_path / "two.json", overrides=fp16, fsdp=True, dry_run=True)


def test_each_process_tells_what_it_holds(folder, tmp_path):
    for name, part in (("fsdp", "a part of the model, of 2"), ("ddp", "all of the model")):
        said = ended(folder, f"ntlbg-lora-{name}")[0]["said"]
        assert f"2 processes, each with {part}: " in said
    path = folder / "ntlbg-lora-fsdp.json"
    said = trained(path, "--fsdp", "--dry-run", "--output", tmp_path / "none")
    assert "1 process, each with a part of the model, of 1: " in said


def test_one_process_alone_cannot_divide_a_model(folder):
    for name in ("ntlbg-lora-fsdp", "longvu-lora-fsdp"):
        done = CliRunner().invoke(app, ["train", str(folder / f"{name}.json"), "--fsdp"])
        assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1), done.output
        assert "among processes, and this is one alone" in done.stderr


def test_an_update_sees_as_many_questions_as_before(folder, tmp_path):
    shutil.copytree(folder / "ntlbg-lora-1", tmp_path / "run")
    fewer = ["--set", "training_config.gradient_accumulation_steps=1"]
    command = ["train", str(folder / "ntlbg-lora-1.json"), "--output", str(tmp_path / "run")]
    done = CliRunner().invoke(app, [*command, *fewer])
    assert done.exit_code == 2
    assert "made with questions_per_update 4, now it is 2" in done.stderr


def test_videos_that_cannot_be_read_are_named_once_and_counted(folder):
    first, second = ended(folder, "unread")
    assert first["code"] == second["code"] == 0
    for number in (0, 3):
        lines = [line for line in first["said"].splitlines() if f"v{number}.safetensors" in line]
        assert len(lines) == 1
        assert lines[0].startswith("skipped ")
    assert "2 videos could not be read, and were skipped" in first["said"]
    assert history(folder / "unread")[-1]["unread_videos"] == 2


def test_where_nothing_can_be_read_all_processes_say_so(folder):
    for end in ended(folder, "nothing"):
        assert end["code"] == 2
        assert "features must be (frames, size)" in end["error"][0]


def test_a_killed_run_goes_on_as_if_it_had_not_been(folder):
    """A process alone, and one of two."""
    alone = folder / "killed-alone.json"
    killed(python(*COMMAND, alone), folder / "killed-alone", psutil.Process)
    assert "continuing from" in trained(alone)
    assert "continuing from" in ended(folder, "killed")[0]["said"]
    for name in ("killed-alone", "killed"):
        assert_same_history(folder / name, folder / "never-killed")
