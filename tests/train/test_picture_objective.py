"""Training a vision-language model behind NTLBG's parts, on films."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText

import ntlbg
from fakes import ColourEncoder
from ntlbg.data import Sample
from ntlbg.encoders import ENCODERS
from ntlbg.errors import DataError, NotReadyError
from ntlbg.feature_loader import FeatureLoader, load_datasets
from ntlbg.index.store import FeatureIndex
from ntlbg.models.layers import IGNORED_LABEL
from ntlbg.question import parse_question
from ntlbg.system import load_system
from ntlbg.train.picture_objective import PictureObjective, frames_for, with_answer
from ntlbg.train.run import run
from ntlbg.train.stages import set_stage
from ntlbg_lab import questions
from ntlbg_vl_models import COLOURS, KINDS, QUESTION, built, vl_config, write_films

EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
OFF = {"model_config.rich_point_config.enable": False}


def objective_of(folder, kind="qwen2_vl", **changes):
    """With the questions about four films."""
    config = vl_config(folder, kind, **changes)
    if not (folder / "data").is_dir():
        write_films(folder / "data")
    answerer, index = built(config), FeatureIndex(folder / "index")
    [encoder] = answerer.retriever.encoders
    reader = FeatureLoader(config, index, encoder)
    [items] = load_datasets(config.dataset_config.train_datasets)
    return PictureObjective(answerer, config, index), [reader.read(item) for item in items]


@EVERY_KIND
def test_without_points_the_loss_is_that_of_the_stock_model(kind, tmp_path):
    """As transformers computes it from labels, of the whole sequence."""
    objective, items = objective_of(tmp_path, kind, **OFF)
    stock = AutoModelForImageTextToText.from_pretrained(tmp_path / "base").eval()
    objective.eval()
    with torch.no_grad():
        found = objective(items[:1])
    question = parse_question(QUESTION)
    given = frames_for(objective.answerer, items[0], question, "ntlbg")
    (prompt,) = objective.answerer.prompts(question, given, [QUESTION])
    with torch.no_grad(), prompt.reading() as inputs:
        batch = with_answer(inputs, objective.answer_ids(items[0]))
        labels = batch.pop("labels")
        logits = stock(**batch).logits
    told = labels != IGNORED_LABEL
    expected = F.cross_entropy(logits[0, :-1][told[0, 1:]], labels[told])
    assert set(found["terms"]) == {"task"}
    assert found["loss"].item() == pytest.approx(expected.item(), rel=1e-5)


@EVERY_KIND
def test_an_answer_after_the_prompt_is_what_was_read_as_one(kind, tmp_path):
    """Positions, masks and kinds of tokens go on: token by token it is the same."""
    objective, items = objective_of(tmp_path, kind)
    question = parse_question(QUESTION)
    given, model = (
        frames_for(objective.answerer, items[0], question, "ntlbg"),
        objective.model.eval(),
    )
    (prompt,) = objective.answerer.prompts(question, given, [QUESTION])
    answer = objective.answer_ids(items[0])
    with torch.inference_mode(), prompt.reading() as inputs:
        batch = with_answer(inputs, answer)
        labels = batch.pop("labels")
        whole = model(**batch)
    assert labels[0].tolist() == [IGNORED_LABEL] * prompt.tokens + answer
    assert batch["input_ids"][0, prompt.tokens :].tolist() == answer
    (prompt,) = objective.answerer.prompts(question, given, [QUESTION])
    with torch.inference_mode(), prompt.reading() as inputs:
        written = model.generate(
            **inputs, max_new_tokens=len(answer), do_sample=False, eos_token_id=-1,
            output_logits=True, return_dict_in_generate=True,
            logits_processor=[lambda ids, scores: _forced(scores, answer, ids, prompt.tokens)],
        )  # fmt: skip
    steps = torch.stack([one[0] for one in written.logits])
    start = prompt.tokens - 1
    assert torch.allclose(whole.logits[0, start : start + len(answer)], steps, atol=1e-4)


def _forced(scores, answer, ids, start):
    scores[:] = -torch.inf
    scores[:, answer[ids.shape[1] - start]] = 0
    return scores


def test_several_questions_are_their_mean(tmp_path):
    objective, items = objective_of(tmp_path)
    objective.eval()
    with torch.no_grad():
        alone = [objective([item])["terms"]["task"] for item in items[:3]]
        together = objective(items[:3])["terms"]["task"]
    assert together.item() == pytest.approx(torch.stack(alone).mean().item(), rel=1e-5)


def test_an_option_is_answered_by_its_letter(tmp_path):
    objective, items = objective_of(tmp_path)
    sample = Sample(video="red.mp4", question="which?", answer="blue", options=["red", "blue"])
    tokenizer = objective.answerer.processor.tokenizer
    ids = objective.answer_ids(replace(items[0], sample=sample))
    assert tokenizer.decode(ids[:-1]) == "B"
    assert ids[-1] == tokenizer.eos_token_id
    with torch.no_grad():
        assert torch.isfinite(objective([replace(items[0], sample=sample)])["loss"])


@pytest.mark.parametrize("kind", ["qwen2_vl", "smolvlm"])
def test_what_was_kept_changes_no_number(kind, tmp_path):
    kept, items = objective_of(tmp_path, kind)
    fresh, _ = objective_of(tmp_path, kind, **{"training_config.cache_features": False})
    losses = []
    for objective in (fresh, kept, kept):
        objective.eval()
        with torch.no_grad():
            losses.append(objective(items)["loss"].item())
    assert losses[0] == losses[1] == losses[2]
    files = list((tmp_path / "index" / "kept").rglob("*.safetensors"))
    assert files  # pictures, and of Qwen-VL what the tower saw


@EVERY_KIND
def test_the_connector_learns_in_the_last_stage_alone(kind, tmp_path):
    objective, items = objective_of(tmp_path, kind)
    for stage, learns in (("joint", False), ("full", True)):
        names = set_stage(objective.model, stage)
        objective.pixels = learns
        objective.zero_grad(set_to_none=True)
        objective(items[:1])["loss"].backward()
        towers = [
            parameter.grad is not None and parameter.grad.abs().sum() > 0
            for name, parameter in objective.model.named_parameters()
            if name.startswith(objective.model.tower_names)
        ]
        assert any(towers) == learns
        assert any(name.startswith(objective.model.tower_names) for name in names) == learns


@pytest.mark.parametrize("kind", ["qwen2_vl", "qwen3_vl", "smolvlm"])
def test_in_half_precision_what_trains_is_in_float32(kind, tmp_path):
    """And its losses are those of float32, but for rounding."""
    config, losses = vl_config(tmp_path, kind), []
    write_films(tmp_path / "data")
    for dtype in (torch.float32, torch.bfloat16):
        answerer, index = built(config, dtype=dtype), FeatureIndex(tmp_path / str(dtype))
        reader = FeatureLoader(config, index, answerer.retriever.encoders[0])
        [items] = load_datasets(config.dataset_config.train_datasets)
        objective = PictureObjective(answerer, config, index)
        names, objective.pixels = set_stage(objective.model, "full"), True
        losses.append(objective([reader.read(items[0])])["loss"])
        losses[-1].backward()
        parameters = dict(objective.model.named_parameters())
        assert {parameters[name].dtype for name in names} == {torch.float32}
        gradients = [parameters[name].grad for name in names]
        assert all(one is None or one.isfinite().all() for one in gradients)
    assert losses[1].item() == pytest.approx(losses[0].item(), rel=0.05)


def test_features_without_pictures_are_refused(tmp_path):
    objective, items = objective_of(tmp_path)
    with pytest.raises(DataError, match="only features of it"):
        objective([replace(items[0], film=None, size=None)])


def test_sets_of_features_alone_are_told_before_anything_is_loaded(tmp_path):
    config = vl_config(tmp_path)
    write_films(tmp_path / "data")
    (tmp_path / "data" / "red.mp4").unlink()
    np.save(tmp_path / "data" / "red.npy", np.zeros((8, 32), np.float32))
    with pytest.raises(NotReadyError, match="toy: there are only features of some videos"):
        run(config, say=lambda line: None)


@pytest.mark.parametrize("kind", ["qwen2_vl", "smolvlm"])
def test_a_run_is_evaluated_before_and_after(kind, tmp_path, monkeypatch):
    monkeypatch.setenv("NTLBG_INDEX", str(tmp_path / "index"))
    write_films(tmp_path / "data")
    tested = [{"name": "toy", "path": str(tmp_path / "data" / "questions.jsonl")}]
    config = vl_config(tmp_path, kind, **{"dataset_config.test_datasets": tested})
    result = run(config, say=lambda line: None)
    for model in (None, result.folder):
        summary = questions.evaluate_questions(config, tmp_path / "found", model=model)
        assert summary["all"]["questions"] == 4
    with pytest.raises(DataError, match="there are no test questions"):
        questions.evaluate_questions(vl_config(tmp_path, kind), tmp_path / "found")


def test_features_of_another_encoder_choose_the_frames(tmp_path, monkeypatch):
    """Of any in the menu: the base model's own tower then only reads what was chosen."""
    monkeypatch.setenv("NTLBG_INDEX", str(tmp_path / "index"))
    monkeypatch.setitem(ENCODERS, "dinov2", ColourEncoder)
    monkeypatch.setattr(ColourEncoder, "name", "dinov2")
    write_films(tmp_path / "data")
    config = vl_config(tmp_path, **{"model_config.feature_encoder": "dinov2"})
    result = run(config, say=lambda line: None)
    system = load_system(str(result.folder))
    assert [encoder.name for encoder in system.encoders] == ["dinov2"]
    assert system.answerer.model.config.feature_size == ColourEncoder.feature_size
    answer = ntlbg.ask(tmp_path / "data" / "red.mp4", QUESTION, model=system)
    assert answer.usage["frames_used"] == 4


def test_a_stopped_run_goes_on_as_if_it_had_not_been_stopped(tmp_path, monkeypatch):
    monkeypatch.setenv("NTLBG_INDEX", str(tmp_path / "index"))
    write_films(tmp_path / "data")
    config = vl_config(tmp_path, **{"training_config.save_steps": 2})
    whole, said = run(config, say=lambda line: None), []
    expected = load_file(whole.folder / "model.safetensors")
    shutil.rmtree(whole.folder / "checkpoint-4")
    for name in ("model.safetensors", "history.json"):
        (whole.folder / name).unlink()
    again = run(config, say=said.append)
    assert "continuing from checkpoint-2" in said
    for ours, theirs in zip(again.history, whole.history, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5)
    found = load_file(again.folder / "model.safetensors")
    assert found.keys() == expected.keys()
    assert all(torch.allclose(found[name], expected[name], atol=1e-6) for name in expected)


LEARN = {"model_config.lora_rank": 0, "training_config.gradient_accumulation_steps": 4}


# with NTLBG's parts a third of the steps trains them alone, which a random base has no use for
@pytest.mark.slow
@pytest.mark.parametrize(("changes", "steps"), [({}, 200), (OFF, 90)], ids=["points", "none"])
def test_a_toy_set_is_learned_by_heart(tmp_path, monkeypatch, changes, steps):
    """From the command's own entry to its answers about each film."""
    monkeypatch.setenv("NTLBG_INDEX", str(tmp_path / "index"))
    changes = LEARN | changes | {"training_config.max_steps": steps}
    config = vl_config(tmp_path, **changes)
    write_films(tmp_path / "data")
    result = run(config, say=lambda line: None)
    assert result.history[-1]["loss"] < 0.5 * result.history[0]["loss"]
    answers = {
        name: ntlbg.ask(tmp_path / "data" / f"{name}.mp4", QUESTION, model=str(result.folder)).text
        for name in COLOURS
    }
    assert answers == {name: name for name in COLOURS}
