"""Variants of the training are configurations; a tiny run of all of them."""

import json

import pytest
import torch
from safetensors.torch import load_file

from ntlbg.errors import ConfigError, WeightsError
from ntlbg.train.stages import loss_weights
from ntlbg_lab.training import ablation as module
from ntlbg_lab.training.ablation import VARIANTS, train_variants, variant_settings
from ntlbg_lab.training.objectives import AnswerObjective
from ntlbg_lab.training.settings import BuiltinTraining
from tiny_models import VOCABULARY, batch_of, sample, tiny_model


@pytest.mark.parametrize("steps", [3, 7, 200])
@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_trains_as_many_steps(name, steps):
    settings = variant_settings(name, steps)
    assert sum(stage.steps for stage in settings.stages) == steps
    assert len(settings.stages) == (1 if name == "one-stage" else 3)
    assert BuiltinTraining.model_validate_json(settings.model_dump_json()) == settings


def test_variants_differ_in_nothing_but_their_loss():
    full = variant_settings("three-stages", 30)
    for name, term in (("no-L_NTLBG", "ntlbg"), ("no-L_align", "align"),
                       ("no-L_context", "context")):  # fmt: skip
        other = variant_settings(name, 30)
        assert [getattr(stage, "without", None) for stage in other.stages] == [None, [term], [term]]
        for stage in other.stages[1:]:
            stage.without = []
        assert other.model_copy(update={"name": full.name}) == full


@pytest.mark.parametrize("wrong", [("no-L_task", 30), ("three-stages", 2)])
def test_other_variants_are_refused(wrong):
    with pytest.raises(ConfigError, match="choose from three-stages"):
        variant_settings(*wrong)


@pytest.mark.parametrize("left_out", ["ntlbg", "align", "context", "evidence"])
def test_a_loss_that_is_left_out_is_shown_and_not_added(left_out):
    """The loss is the full one minus the term with its weight."""
    batch = batch_of(sample(), sample("Where?", indices=(2, 5, 9)))
    size = batch["attention_mask"].shape[1]
    real = batch["attention_mask"].bool()
    batch["attention_mask"] = (
        torch.tril(torch.ones(size, size, dtype=torch.bool)) & real[:, None, :, None]
        & real[:, None, None, :]
    ) | torch.eye(size, dtype=torch.bool) & real[:, None, :, None]  # fmt: skip
    batch["evidence"] = torch.zeros(2, 1, batch["video_features"].shape[1])
    found = {}
    for without in ((), (left_out,)):
        torch.manual_seed(0)
        objective = AnswerObjective(tiny_model(**VOCABULARY), without)
        found[without] = objective(progress=0.5, **batch)
    whole, part = found[()], found[(left_out,)]
    term = whole["terms"][left_out]
    assert part["terms"][left_out] == pytest.approx(term)
    assert float(term) != 0
    missing = float((whole["loss"] - part["loss"]).detach())
    weight = {**loss_weights(0.5), "evidence": 1.0}[left_out]
    assert missing == pytest.approx(weight * float(term), rel=1e-3, abs=1e-5)


class FakeRecipe:
    """Remembers whose drawings it uses."""

    def __init__(self, settings):
        self.settings, self.shared = settings, None

    def share(self, other):
        self.shared = other.settings.name


class FakeTraining:
    """Writes which settings it was given."""

    def __init__(self, broken=None):
        self.trained, self.broken = [], broken

    def __call__(self, recipe, output, *, say):
        self.trained.append((recipe.settings.name, recipe.shared))
        if recipe.settings.name == self.broken:
            raise KeyboardInterrupt
        for stage in recipe.settings.stages:
            path = output / f"{stage.name}.safetensors"
            if not path.exists():
                path.write_text(recipe.settings.name)
        (output / "model.safetensors").write_text("weights")


def test_a_killed_run_goes_on_with_the_variant_it_was_at(tmp_path, monkeypatch):
    train = FakeTraining(broken="no-L_align")
    monkeypatch.setattr(module, "BuiltinRecipe", FakeRecipe)
    monkeypatch.setattr(module, "train", train)
    with pytest.raises(KeyboardInterrupt):
        train_variants(tmp_path, steps=9)
    train.broken = None
    found = train_variants(tmp_path, steps=9)
    assert list(found) == list(VARIANTS)
    assert train.trained == [
        ("three-stages", None), ("no-L_NTLBG", "three-stages"), ("no-L_align", "no-L_NTLBG"),
        ("no-L_align", None), ("no-L_context", "no-L_align"), ("one-stage", "no-L_context"),
    ]  # fmt: skip
    selection = {path.parent.name: path.read_text() for path in tmp_path.glob("*/selection.*")}
    assert set(selection.values()) == {"three-stages"}  # trained once
    assert set(selection) == set(VARIANTS) - {"one-stage"}
    with pytest.raises(ConfigError, match="trained with other settings"):
        train_variants(tmp_path, steps=10)
    with pytest.raises(WeightsError, match="no trained weights to take"):
        train_variants(tmp_path, steps=9, tower=tmp_path / "none.safetensors")


@pytest.mark.thorough
@pytest.mark.slow
def test_all_variants_in_miniature(tmp_path):
    """Same tower to start with; what is trained differs, and each has its settings beside it."""
    found = train_variants(tmp_path, steps=3, tiny=True)
    weights = {name: load_file(path) for name, (_, path) in found.items()}
    tower = load_file(module.shipped_weights())
    name = next(key for key in tower if key.startswith("vision_tower.tail."))
    for own in weights.values():
        assert torch.allclose(own[name].float(), tower[name].float(), atol=1e-2)
    settings = json.loads((tmp_path / "no-L_align" / "settings.json").read_text())
    assert settings["stages"][1]["without"] == ["align"]
    again = train_variants(tmp_path, steps=3, tiny=True)
    assert again == found
