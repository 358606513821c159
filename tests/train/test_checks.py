"""What is missing for training on data sets: all of it at once, before anything heavy is loaded."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ntlbg.config import Config, changed, load_config
from ntlbg.errors import NotReadyError
from ntlbg.memory import Device
from ntlbg.train import checks
from ntlbg.train.base_weights import missing_weights
from ntlbg.train.checks import check, found_sets, stages_line
from ntlbg.train.recipes import load_recipe
from small_experiment import small_config, write_dataset

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "configs" / "longvideo_config.json"
HINT = "configs/quickstart.json trains here on a laptop"


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Its memory in bytes, no GPU, and nothing in the caches of models."""

    def have(total_bytes: int = 10**11) -> None:
        device = Device("CPU", total_bytes, is_gpu=False)
        monkeypatch.setattr(checks, "find_device", lambda name: device)

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("NTLBG_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    have()
    return have


def test_the_shipped_file_is_told_all_that_is_missing_in_one_line(machine):
    machine(10**10)
    said = []
    with pytest.raises(NotReadyError) as error:
        check(load_config(SHIPPED), said.append, given=SHIPPED)
    line = str(error.value)
    assert "\n" not in line
    assert "data: data/longvideo_bench, data/video_mme, data/mlvu not there." in line
    assert "memory: Qwen/Qwen2-VL-7B-Instruct cannot be trained on CPU: with 8 frames it" in line
    assert "weights: Qwen/Qwen2-VL-7B-Instruct is not on this machine" in line
    assert line.endswith(HINT)
    assert said == []


def test_only_what_is_missing_is_told(machine, tmp_path):
    config, said = small_config(tmp_path), []
    ready = check(config, said.append)
    assert [len(items) for items in ready.sets] == [6]
    assert ready.config == config
    assert [line.split(" about ")[0] for line in said] == ["a step takes"]

    keys = {"dataset_config.train_datasets.0.path": "gone"}
    with pytest.raises(NotReadyError, match=rf"^training .* here\. data: gone not there\. {HINT}"):
        check(changed(config, keys), said.append)
    machine(10**5)
    with pytest.raises(NotReadyError, match=r"start here\. memory: [^.]*/base cannot be trained"):
        check(config, said.append)
    with pytest.raises(NotReadyError) as error:
        check(config, said.append, given="configs/quickstart.json")
    assert "quickstart" not in str(error.value)


def test_weights_alone_may_still_be_fetched(machine, tmp_path):
    keys = {"model_config.base_model": "Qwen/Qwen2.5-3B-Instruct"}
    config, said = small_config(tmp_path, **keys), []
    check(config, said.append)
    assert said[-1].startswith("weights: Qwen/Qwen2.5-3B-Instruct is not on this machine")
    with pytest.raises(NotReadyError, match=r"here\. weights: Qwen/Qwen2\.5-3B-Instruct is not on"):
        check(config, said.append, tell_all=True)


def test_a_base_model_that_is_nowhere_is_told_with_the_data(machine, tmp_path):
    keys = {"model_config.base_model": str(tmp_path / "no"),
            "dataset_config.train_datasets.0.path": "gone"}  # fmt: skip
    with pytest.raises(NotReadyError, match=r"gone not there\. weights: model_config\.base_m"):
        check(small_config(tmp_path, **keys), str)


def test_all_is_told_of_data_memory_steps_and_stages(machine, tmp_path):
    write_dataset(tmp_path / "other", 4)
    (tmp_path / "other" / "features" / "v1.safetensors").unlink()
    sets = [
        {"name": "small", "path": "train", "weight": 0.5},
        {"name": "other", "path": "other", "weight": 0.5},
    ]
    keys = {
        "dataset_config.train_datasets": sets,
        "dataset_config.test_datasets.0.path": "gone",
        "training_config.gradient_accumulation_steps": 3,
    }
    said, config = [], small_config(tmp_path, **keys)
    half = changed(config, {"training_config.bf16": True})
    assert check(half, said.append, tell_all=True).config == config
    sets, (format_line, memory, steps, hours, stages) = said[:4], said[4:]
    assert sets == [
        "train: small: 6 questions, 6 videos",
        "train: other: 3 questions, 3 videos; 1 videos are missing, such as v1.mp4",
        "val: val: 6 questions, 6 videos",
        "test: test: gone not there; training does without",
    ]
    assert format_line == "there is no GPU here: computing in float32"
    assert memory.startswith("a step takes about ")
    assert hours.startswith("an update computes ")
    # 4 steps of 6 questions, and 9 there are
    assert steps == (
        "4 steps of 6 questions (2 at once, 3 times, 1 GPU or CPU): each question 2.67 times"
    )
    assert stages.startswith("stages train: representation ")


def test_gpus_are_counted_and_keep_the_number_format(machine, monkeypatch, tmp_path):
    machine()
    monkeypatch.setattr(checks, "find_device", lambda name: Device("a card", 10**11))
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    keys = {"training_config.bf16": True, "hardware_config.num_gpus": None}
    config, said = changed(small_config(tmp_path), keys), []
    ready = check(config, said.append, tell_all=True)
    assert ready.config == changed(config, {"hardware_config.num_gpus": 2})
    assert "4 steps of 4 questions (2 at once, 1 times, 2 GPUs): each question 2.67 times" in said
    wanted = changed(config, {"hardware_config.num_gpus": 4})
    with pytest.raises(NotReadyError, match=r"num_gpus is 4, and .* here, 2 GPUs; write null, or"):
        check(wanted, said.append)


def test_a_validation_set_without_a_video_is_needed_once_it_is_there(machine, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "questions.jsonl").write_text(
        '{"video": "v", "question": "?", "answer": "a"}\n'
    )
    keys = {"dataset_config.val_datasets.0.path": "empty"}
    with pytest.raises(NotReadyError, match="data: empty: none of its videos is there"):
        check(small_config(tmp_path, **keys), str)
    keys = {"dataset_config.val_datasets.0.path": "gone"}
    check(small_config(tmp_path, **keys), str)


def test_stages_that_train_the_same_are_told(machine, tmp_path, colour_video):
    config = small_config(tmp_path)
    same = "joint and full train the same, since all data are features without pixels"
    assert same in stages_line(config, found_sets(config))
    (tmp_path / "train" / "v9.mp4").symlink_to(colour_video)
    with (tmp_path / "train" / "questions.jsonl").open("a") as file:
        file.write('{"video": "v9.mp4", "question": "?", "answer": "a"}\n')
    line = stages_line(config, found_sets(config))
    assert "those and the vision tower's last blocks" in line
    assert same not in line
    whole = "those and what joins vision tower and language model"
    assert whole in stages_line(Config(), found_sets(Config()))


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        ({"model.safetensors": ""}, None),
        ({"pytorch_model.bin": ""}, None),
        ({}, "there are no whole weights"),
        ({"model.safetensors.index.json": '{"weight_map": {"a": "1.safetensors"}}'}, "no whole"),
        ({"model.safetensors.index.json": '{"weight_map": {"a": "1.safetensors"}}',
          "1.safetensors": ""}, None),
        ({"model.safetensors.index.json": "torn", "1.safetensors": ""}, "no whole"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", ["folder", "cache"])
def test_weights_of_a_base_model(place, files, missing, machine, tmp_path):
    folder, name = tmp_path / "mine", str(tmp_path / "mine")
    if place == "cache":  # as huggingface_hub lays it out
        repository, name = tmp_path / "hub" / "models--some--one", "some/one"
        folder = repository / "snapshots" / "abc"
        (repository / "refs").mkdir(parents=True)
        (repository / "refs" / "main").write_text("abc")
    folder.mkdir(parents=True)
    for file, text in {"config.json": "{}", **files}.items():
        (folder / file).write_text(text)
    found = missing_weights(changed(Config(), {"model_config.base_model": name}), False)
    assert (found is None) == (missing is None)
    assert missing is None or missing in found


def test_parts_of_the_built_in_model_are_weights_too(machine, tmp_path):
    config = changed(
        Config(), {"model_config.base_model": "builtin", "model_config.feature_encoder": "builtin"}
    )
    assert missing_weights(config, False) == "language_model of the built-in model; run ntlbg fetch"
    assert missing_weights(config, True).startswith("language_model, vision_backbone, class_syn")
    assert "some/one is not on this machine" in missing_weights(
        changed(Config(), {"model_config.base_model": "some/one"}), False
    )


def test_a_debug_run_is_a_few_steps_with_few_frames():
    small = load_recipe(Config(), debug=True).settings
    assert small.output_dir.endswith("-debug")
    assert small.training_config.max_steps == 3
    video = small.video_config
    assert video.max_frames == 64
    assert max(video.representatives_for(frames) for frames in range(1, 65)) == 16


def test_the_training_script_fails_before_it_loads_what_trains(tmp_path):
    code = (
        "import runpy, sys\n"
        f"sys.argv = ['train_ntlbg.py', '--config', {str(SHIPPED)!r}]\n"
        f"try: runpy.run_path({str(ROOT / 'scripts' / 'train_ntlbg.py')!r}, run_name='__main__')\n"
        "except SystemExit as end: print(end.code, *sorted(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path,
        env=os.environ | {"HF_HUB_CACHE": str(tmp_path)},
    )  # fmt: skip
    status, *modules = done.stdout.split()
    assert (status, len(done.stderr.splitlines())) == ("2", 1)
    assert done.stderr.startswith("error: training cannot start here. data: data/longvideo_bench,")
    assert HINT in done.stderr
    assert not {"transformers.trainer", "peft", "ntlbg.train.longvideo"} & set(modules)
