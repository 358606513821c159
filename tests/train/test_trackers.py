"""Losses that are sent elsewhere while a model trains."""

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import ntlbg.packages
from ntlbg.errors import MissingPackage
from ntlbg.train.run import run
from small_experiment import small_config


def test_tensorboard_gets_what_the_history_has(tmp_path):
    keys = {"training_config.report_to": ["tensorboard"], "dataset_config.val_datasets": []}
    result = run(small_config(tmp_path, **keys), say=lambda line: None)
    [events] = (result.folder / "runs").rglob("events.out.*")
    found = EventAccumulator(str(events))
    found.Reload()
    for name in ("loss", "task", "align"):
        scalars = {one.step: one.value for one in found.Scalars(f"train/{name}")}
        assert scalars == pytest.approx({entry["step"]: entry[name] for entry in result.history})


@pytest.mark.parametrize("name", ["tensorboard", "wandb"])
def test_one_that_is_not_installed_is_told_before_the_work(name, tmp_path, monkeypatch):
    monkeypatch.setattr(ntlbg.packages.importlib.util, "find_spec", lambda package: None)
    with pytest.raises(MissingPackage, match=rf"report_to {name} .*`pip install {name}`"):
        run(small_config(tmp_path, **{"training_config.report_to": [name]}))
    assert not (tmp_path / "run").exists()


def test_nothing_is_sent_where_nobody_asks(tmp_path):
    result = run(small_config(tmp_path), say=lambda line: None)
    assert not (result.folder / "runs").exists()
