"""Training on questions: what a step changes, and that it learns."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ntlbg.analysis import analyze_dataset
from ntlbg.answerers.ntlbg import NtlbgAnswerer
from ntlbg.config import changed, config_for_level
from ntlbg.errors import DataError
from ntlbg.feature_loader import FeatureLoader, load_datasets
from ntlbg.models.ntlbg.building import build_reader
from ntlbg.train import checks, question_trainer
from ntlbg.train.question_objective import QuestionObjective
from ntlbg.train.run import run
from ntlbg.train.stages import set_stage
from ntlbg_lab import questions
from small_experiment import small_config
from tiny_models import HIDDEN


def objective_of(config):
    reader, (items,) = FeatureLoader(config), load_datasets(config.dataset_config.train_datasets)
    model, processor = build_reader(config, reader.feature_size(items), torch.float32)
    return QuestionObjective(model, processor, config), [reader.read(item) for item in items]


def test_gradient_reaches_every_part_that_trains(tmp_path):
    objective, items = objective_of(small_config(tmp_path))
    set_stage(objective.model, "full")
    objective.train()(items, progress=0.5)["loss"].backward()
    for part in ("ntlbg_attention", "rich_points", "multi_modal_projector", "language_model"):
        gradients = [
            parameter.grad
            for name, parameter in objective.model.named_parameters()
            if name.startswith(part) and parameter.requires_grad
        ]
        assert any(grad is not None and grad.abs().sum() > 0 for grad in gradients), part


def test_statistics_are_in_full_precision_whatever_is_around_them(tmp_path):
    """As the Trainer computes on a GPU: only the language model is rounded."""
    objective, items = objective_of(small_config(tmp_path))
    objective.eval()
    with torch.no_grad():
        expected = objective(items)["terms"]
        with torch.autocast("cpu", torch.bfloat16):
            found = objective(items)["terms"]
    assert found["task"] != expected["task"]
    others = expected.keys() - {"task"}
    assert {name: found[name] for name in others} == {name: expected[name] for name in others}


def test_training_evaluation_and_analysis_choose_as_many_frames_of_a_video(tmp_path):
    """The level long on ten minutes at one frame a second: an eighth of 600, a multiple of 8."""
    small = small_config(tmp_path)
    draw = np.random.default_rng(0)
    features = draw.normal(size=(600, HIDDEN)).astype(np.float32)
    np.save(tmp_path / "train" / "features" / "ten.npy", features)
    with (tmp_path / "train" / "questions.jsonl").open("a") as file:
        file.write('{"video_id": "ten.mp4", "question": "Which colour?", "answer": "red"}\n')
    level = config_for_level("long", base=small)
    config = changed(level, {"hardware_config.mixed_precision": "no"})
    objective, items = objective_of(config)
    expected = [8] * 6 + [72]
    assert [len(objective.choose(item).indices) for item in items] == expected
    answerer = NtlbgAnswerer(objective.retriever, fingerprint="none")
    records = [questions.answer_question(answerer, item, config, "train") for item in items]
    assert [len(record.times) for record in records] == expected
    assert analyze_dataset(config.dataset_config.train_datasets[0], config).chosen.tolist() == (
        expected
    )


@pytest.mark.parametrize(
    ("key", "value", "term"),
    [
        ("loss_config.contour_weight", 5.0, "ntlbg"),
        ("video_config.frame_selector", "uniform", "task"),
    ],
)
def test_a_changed_key_changes_the_loss(key, value, term, tmp_path):
    torch.manual_seed(0)
    plain, items = objective_of(small_config(tmp_path))
    torch.manual_seed(0)
    other, _ = objective_of(small_config(tmp_path, **{key: value}))
    before = plain.eval()(items)["terms"][term]
    assert abs(float(other.eval()(items)["terms"][term] - before)) > 1e-6


def test_loss_falls_and_a_stopped_run_goes_on(tmp_path):
    keys = {
        "training_config.max_steps": 30,
        "training_config.save_steps": 15,
        "training_config.eval_steps": 30,
        "training_config.batch_size": 6,
        "model_config.lora_rank": 0,
    }
    config = small_config(tmp_path, **keys)
    half = changed(config, {"training_config.max_steps": 15})
    first = run(half, say=lambda line: None).history
    whole = run(config, say=lambda line: None).history
    assert first[0]["step"] == 1
    steps = [entry["step"] for entry in whole if "loss" in entry]
    assert steps == list(range(1, 31))  # the first half is not trained again
    tasks = [entry["task"] for entry in whole if "task" in entry]
    assert sum(tasks[-5:]) / 5 < 0.6 * tasks[0]
    assert [entry["step"] for entry in whole if "eval_task" in entry] == [30]


def test_a_run_shorter_than_its_logging_leaves_losses(tmp_path):
    keys = {"max_steps": 3, "eval_steps": 10, "logging_steps": 2}
    config = small_config(tmp_path, **{f"training_config.{key}": keys[key] for key in keys})
    run(config, say=lambda line: None)
    history = json.loads((Path(config.output_dir) / "history.json").read_text())
    assert [entry["step"] for entry in history] == [2, 3]
    assert all({"loss", "task"} <= set(entry) for entry in history)


def test_a_step_reads_every_pass_and_takes_a_gradient_of_limited_length(tmp_path, monkeypatch):
    read, lengths = [], []
    forward = QuestionObjective.forward

    def counted(self, items, **options):
        read.append(len(items))
        return forward(self, items, **options)

    class Watched(torch.optim.SGD):
        def step(self, *args, **options):
            grads = [p.grad for group in self.param_groups for p in group["params"]]
            norms = [grad.norm() for grad in grads if grad is not None]
            lengths.append(float(torch.stack(norms).norm()))
            return super().step(*args, **options)

    monkeypatch.setattr(QuestionObjective, "forward", counted)
    monkeypatch.setitem(question_trainer.OPTIMIZERS, "SGD", Watched)
    keys = {
        "max_steps": 2,
        "eval_steps": 10,
        "gradient_accumulation_steps": 3,
        "max_grad_norm": 1e-3,
        "optimizer": "SGD",
    }
    config = small_config(tmp_path, **{f"training_config.{key}": keys[key] for key in keys})
    run(config, say=lambda line: None)
    assert read == [2] * 3 * 2
    assert lengths == pytest.approx([1e-3] * 2, rel=1e-3)


def test_what_does_not_fit_is_made_smaller_and_told(tmp_path, monkeypatch):
    from ntlbg.memory.devices import Device

    said = []
    device = Device("little", 60 * 10**6, is_gpu=False)
    monkeypatch.setattr(checks, "find_device", lambda name: device)
    config = small_config(tmp_path, **{"training_config.batch_size": 64})
    run(config, dry_run=True, say=said.append)
    assert any(line.startswith("changed training_config.batch_size: 64 -> ") for line in said)


def test_without_a_gpu_numbers_are_float32_and_it_is_told(tmp_path):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    keys = {"training_config.bf16": True, "hardware_config.mixed_precision": "bf16"}
    said = []
    run(small_config(tmp_path, **keys), dry_run=True, say=said.append)
    assert "there is no GPU here: computing in float32" in said


def test_a_finished_run_that_is_started_again_trains_nothing(tmp_path):
    config = small_config(tmp_path)
    done = run(config, say=lambda line: None)
    weights = done.folder / "model.safetensors"
    before, history = weights.read_bytes(), done.history
    again = run(config, say=lambda line: None)
    assert weights.read_bytes() == before
    assert [entry["step"] for entry in again.history] == [entry["step"] for entry in history]
    further = changed(config, {"training_config.max_steps": 6})
    assert run(further, say=lambda line: None).history[-1]["step"] == 6
    assert weights.read_bytes() != before


def test_features_of_two_sizes_are_told_apart(tmp_path):
    config = small_config(tmp_path)
    reader, (items,) = FeatureLoader(config), load_datasets(config.dataset_config.train_datasets)
    reader.read(items[0])
    np.save(tmp_path / "odd.npy", np.zeros((5, 20), np.float32))
    odd = replace(items[1], source=tmp_path / "odd.npy")
    with pytest.raises(DataError, match=r"odd\.npy: features of size 20, those of other videos"):
        reader.read(odd)
