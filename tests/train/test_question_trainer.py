"""Parts of a training run on data sets: what is drawn, how fast is learned, what is validated."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from ntlbg.feature_loader import FeatureLoader
from ntlbg.train.question_trainer import (
    MixedQuestions,
    _optimizers,
    _Stages,
    _Validation,
    validation_questions,
)
from ntlbg.train.recipes.ntlbg import with_epochs
from small_experiment import small_config
from tiny_models import tiny_model


def test_data_sets_are_drawn_by_their_weight_and_read_at_their_length():
    entries = [SimpleNamespace(weight=0.2, max_length=7), SimpleNamespace(weight=0.8, max_length=9)]
    config = SimpleNamespace(
        dataset_config=SimpleNamespace(train_datasets=entries),
        training_config=SimpleNamespace(seed=3),
    )
    reader = SimpleNamespace(read=lambda item, length: (item, length))
    sets = [[f"a{n}" for n in range(40)], ["b0", "b1"]]

    def draws() -> list:
        questions = MixedQuestions(config, reader, sets)
        return [questions[questions.draw(number)] for number in range(4000)]

    drawn = draws()
    assert {(item[0], length) for item, length in drawn} == {("a", 7), ("b", 9)}
    assert len(set(drawn)) == 42
    assert sum(item[0] == "a" for item, _ in drawn) / 4000 == pytest.approx(0.2, abs=0.03)
    assert drawn == draws()


def test_learning_rate_rises_over_the_warm_up_and_weights_decay():
    keys = {"learning_rate": 0.4, "warmup_steps": 4, "max_steps": 12, "lr_scheduler": "linear",
            "optimizer": "SGD", "weight_decay": 0.25}  # fmt: skip
    settings = SimpleNamespace(**keys)
    objective = nn.Module()
    objective.model = tiny_model()
    optimizer, schedule = _optimizers(SimpleNamespace(training_config=settings), objective)
    (group,) = optimizer.param_groups
    assert group["weight_decay"] == 0.25
    rates = []
    for _ in range(13):
        rates.append(group["lr"])
        optimizer.step()
        schedule.step()
    assert rates == pytest.approx([0, 0.1, 0.2, 0.3, *(0.05 * n for n in range(8, -1, -1))])


@pytest.mark.parametrize("has_parts", [True, False])
def test_each_stage_takes_a_third_of_the_steps(has_parts):
    """Without NTLBG's parts the first of them has nothing to train, and does as the second."""
    objective = SimpleNamespace(model=tiny_model(), pixels=None, has_parts=has_parts)
    trained = []
    stages = _Stages(objective)
    for step in range(9):
        stages.on_step_begin(None, SimpleNamespace(global_step=step, max_steps=9), None)
        trained.append((stages.current, objective.pixels))
    first = "representation" if has_parts else "joint"
    third = [(first, False), ("joint", False), ("full", True)]
    assert trained == [stage for stage in third for _ in range(3)]
    assert all(parameter.requires_grad for parameter in objective.model.parameters())


def test_validation_sets_are_read_at_their_length(tmp_path):
    config = small_config(tmp_path, **{"dataset_config.val_datasets.0.max_length": 10})
    read = validation_questions(config, FeatureLoader(config))
    assert [len(question.features) for question in read] == [10] * 6


def test_validation_is_the_mean_loss_without_dropout_and_training_goes_on():
    seen = []

    class Objective(nn.Module):
        def forward(self, items):
            seen.append(self.training or torch.is_grad_enabled())
            return {"terms": {"task": torch.tensor(items[0])}}

    objective = Objective().train()
    validation = _Validation(objective, [1.0, 2.0, 6.0], every=5)
    state = SimpleNamespace(global_step=4, log_history=[])
    validation.on_step_end(None, state, None)
    assert state.log_history == []
    state.global_step = 5
    validation.on_step_end(None, state, None)
    assert state.log_history == [{"eval_task": 3.0, "step": 5}]
    assert seen == [False] * 3
    assert objective.training


@pytest.mark.parametrize(("epochs", "steps", "warmup"), [(10, 10, 1), (0.1, 1, 0), (100, 100, 5)])
def test_epochs_count_questions(epochs, steps, warmup, tmp_path):
    """Six questions, two videos a step and three steps an update."""
    keys = {"gradient_accumulation_steps": 3, "warmup_steps": 5, "max_steps": 1000}
    config = small_config(tmp_path, **{f"training_config.{key}": keys[key] for key in keys})
    settings = with_epochs(config, epochs).training_config
    assert (settings.max_steps, settings.warmup_steps) == (steps, warmup)
