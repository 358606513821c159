"""Parts left out one at a time, on a random model of two layers."""

import csv
import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from fakes import ColourAnswerer
from ntlbg import answerers
from ntlbg.answerers.ntlbg import NtlbgAnswerer
from ntlbg.cli import app
from ntlbg.data import Sample
from ntlbg.encoders import Encoder
from ntlbg.errors import ConfigError
from ntlbg.models.ntlbg.rich_points import encode_seconds
from ntlbg.question import parse_question
from ntlbg.retrievers.ntlbg import NtlbgRetriever
from ntlbg.system import load_system
from ntlbg_lab.compare import ablation as module
from ntlbg_lab.compare.ablation import (
    VARIANTS,
    AblatedVideo,
    ablate,
    point_columns,
    zeroed_points,
)
from ntlbg_lab.compare.ablation_rows import (
    ABLATION,
    ablation_numbers,
    ablation_rows,
    ablation_tables,
)
from ntlbg_lab.evaluate.answering import Outcome
from ntlbg_lab.statistics import paired_p
from ntlbg_lab.tables import as_latex, as_markdown
from roles import index_of
from tiny_models import HIDDEN, VOCABULARY, tiny_inputs, tiny_model, tiny_processor

SMALL = {"videos": 2, "minutes": 1, "questions": 4, "frames": [4]}
QUESTION = "Which object appears right after the guitar?"


class Corners(Encoder):
    """A frame's colours in eight places."""

    name, feature_size, image_size, fingerprint = "corners", HIDDEN, (32, 48), "corners-1"

    def encode_frames(self, frames):
        small = frames[:, ::16, ::12, :].reshape(len(frames), -1).astype(np.float32)[:, :HIDDEN]
        small = np.pad(small, ((0, 0), (0, HIDDEN - small.shape[1])), constant_values=30)
        return small / np.linalg.norm(small, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def answerer():
    model = tiny_model(**VOCABULARY)
    torch.nn.init.normal_(model.multi_modal_projector.output.weight, std=0.5)
    retriever = NtlbgRetriever(model, tiny_processor(), Corners())
    return NtlbgAnswerer(retriever, name="tiny", fingerprint="tiny-1")


@pytest.fixture(scope="module")
def system(answerer):
    return load_system(answerer)


@pytest.fixture(scope="module")
def seen():
    """Features (60, 32) and times (60,)."""
    features = np.random.default_rng(1).normal(size=(60, HIDDEN)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    return index_of(features, np.arange(60.0))


def test_rows_files_and_differences(answerer, tmp_path):
    said = []
    parts = ablate(tmp_path, model=answerer, progress=said.append, **SMALL)
    (rows,) = parts.values()
    assert [row.variant for row in rows] == list(VARIANTS)
    assert rows[0].difference is None
    lines = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    assert len(lines) == 2 * 4 * len(VARIANTS)
    right = {}
    for line in lines:
        right.setdefault((line["selector"], line["video"]), []).append(line["right"])
    for row in rows[1:]:
        by_video = [np.mean(right[row.variant, v]) - np.mean(right["full", v]) for v in range(2)]
        assert row.difference == pytest.approx(np.mean(by_video), abs=1e-4)
    assert {path.name for path in tmp_path.iterdir()} == {
        "answers.jsonl", "videos.jsonl", "ablation.json", "ablation.md", "ablation.csv",
        "ablation.tex",
    }  # fmt: skip
    assert len(said) == 2
    again = ablate(tmp_path, model=answerer, progress=said.append, **SMALL)
    assert again == parts
    assert len(said) == 2  # nothing was left to do


def test_variants_that_read_alike_are_read_once(system, seen, monkeypatch):
    calls, answer = [], system.answerer.answer
    monkeypatch.setattr(
        system.answerer, "answer", lambda *a, **k: calls.append(1) or answer(*a, **k)
    )
    video = AblatedVideo(system, seen)
    sample = _sample("When does the guitar appear?")  # no order to heed
    for name in ("full", "no-events", "full"):
        video.answer_without(sample, VARIANTS[name], 6)
    assert len(calls) == 1
    video.answer_without(sample, VARIANTS["no-time"], 6)
    video.answer_without(sample, VARIANTS["no-doubt"], 6)
    assert len(calls) == 3


def _sample(question):
    return Sample(video="v", question=question, answer="guitar", answer_type="after")


def test_a_part_that_is_left_out_changes_the_choice(system, seen):
    """Each variant of the choice differs from the full model; those of the reading do not."""
    video = AblatedVideo(system, seen)
    samples = [_sample(QUESTION), _sample("When does the guitar appear?")]
    chosen = {
        name: [video.answer_without(s, variant, 12)[0].indices.tolist() for s in samples]
        for name, variant in VARIANTS.items()
    }
    for name in ("no-grounding", "half-coverage", "default-shares", "no-events"):
        assert chosen[name] != chosen["full"], name
    for name in ("no-context", "no-weight", "no-time", "no-rich-points", "no-doubt"):
        assert chosen[name] == chosen["full"], name


def test_a_variant_takes_the_scores_for_similarities(system, seen):
    video = AblatedVideo(system, seen)
    asked = seen, parse_question(QUESTION)
    before = video.retriever.relevance(*asked)
    video.retriever.variant = VARIANTS["default-shares"]
    found = video.retriever.relevance(*asked)
    assert [one.unit for one in before] == ["log_odds"]
    assert [one.unit for one in found] == ["similarity"]
    np.testing.assert_array_equal(found[0].values, before[0].values)


def test_columns_are_those_of_the_model():
    """Against what the model itself puts there."""
    model = tiny_model()
    inputs = tiny_inputs(answer=None)
    visual = {k: v for k, v in inputs.items() if k not in ("input_ids", "attention_mask")}
    with torch.no_grad():
        found = model.represent(**visual)
    points, columns = found["representative_points"][0], point_columns(model.config)
    features = visual["video_features"][0][[1, 7, 12]]
    assert torch.allclose(points[:, columns["r"]], features, atol=1e-6)
    assert torch.equal(points[:, columns["c"]], found["context"][0])
    assert torch.allclose(points[:, columns["w"]][:, 1], torch.full((3,), 1 / 3))
    times = encode_seconds(torch.tensor([1.0, 7.0, 12.0]), model.config.time_frequencies)
    assert torch.allclose(points[:, columns["t"]], times.float(), atol=1e-6)
    assert columns["t"].stop == points.shape[1] == model.config.rich_point_size


@pytest.mark.parametrize("part", ["c", "w", "t"])
def test_zeros_reach_the_projector_and_only_meanwhile(system, part):
    model = system.answerer.model
    projector, columns = model.multi_modal_projector, point_columns(model.config)
    points = torch.rand(1, 3, model.config.rich_point_size)
    features = torch.rand(1, 3, HIDDEN)
    by_hand = points.clone()
    by_hand[..., columns[part]] = 0
    before = projector(points, features)
    with zeroed_points(system, (part,)):
        inside = projector(points, features)
    assert torch.equal(inside, projector(by_hand, features))
    assert not torch.equal(inside, before)
    assert torch.equal(projector(points, features), before)


def outcome(variant, video, place, right):
    return Outcome("w", "c", "k", video, variant, 8, place, "first", False, "q", "a", "a", right,
                   None, right, 0.1, False)  # fmt: skip


def test_differences_are_tested_over_videos():
    draw = np.random.default_rng(3)
    right = {"full": draw.random((9, 6)) < 0.8, "worse": draw.random((9, 6)) < 0.3}
    right["same"] = right["full"]
    found = [
        outcome(name, v, q, bool(answers[v, q]))
        for name, answers in right.items()
        for v in range(9)
        for q in range(6)
    ]
    rows = ablation_rows(found, {"full": "", "worse": "no heart", "same": "none"}, "full")
    worse = (right["worse"].mean(1) - right["full"].mean(1))[:, None]
    assert rows[1].p == pytest.approx(float(paired_p(worse)[0]), abs=1e-4)
    assert rows[1].difference == pytest.approx(worse.mean(), abs=1e-4)
    assert rows[1].p_holm >= rows[1].p
    assert rows[1].difference_high < 0
    assert (rows[2].difference, rows[2].p) == (0.0, 1.0)
    assert rows[0].evidence_seen == rows[0].right
    parts = {"Parts": rows}
    assert "| 8 | worse | no heart | 54 |" in as_markdown(ablation_tables(parts))
    assert as_latex(ablation_tables(parts)).count(r"\\") == 4
    table = list(csv.DictReader(ABLATION.as_csv(ablation_numbers(parts)).splitlines()))
    assert [row["variant"] for row in table] == ["full", "worse", "same"]
    assert float(table[1]["difference"]) == rows[1].difference


def test_trained_variants_are_compared_with_the_first(tmp_path, monkeypatch):
    def load(path, *, pristine):
        assert pristine  # what somebody taught it is not measured
        model = ColourAnswerer()
        model.fingerprint = path.stem
        return model

    monkeypatch.setattr(module, "load_builtin_answerer", load)
    trained = {name: (f"without {name}", tmp_path / name) for name in ("whole", "part")}
    parts = ablate(tmp_path / "out", variants=(), trained=trained, **SMALL)
    (rows,) = parts.values()
    assert [(row.variant, row.difference) for row in rows] == [("whole", None), ("part", 0.0)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"variants": ["no-brain"]}, r"no variants \['no-brain'\]; there are full"),
        ({"frames": []}, r"frames \[\].*positive"),
        ({"videos": 0}, "videos 0"),
        ({"split": "exam"}, "split 'exam'"),
    ],
)
def test_what_cannot_be_left_out_is_refused_before_any_work(tmp_path, options, message):
    with pytest.raises(ConfigError, match=message):
        ablate(tmp_path / "out", model=ColourAnswerer(), **options)
    assert not (tmp_path / "out").exists()


def test_a_model_without_rich_points_says_so(tmp_path):
    with pytest.raises(ConfigError, match="'colours' has no rich points"):
        ablate(tmp_path, variants=["no-time"], model=ColourAnswerer(), **SMALL)


def test_the_command(tmp_path, monkeypatch):
    monkeypatch.setitem(answerers.ANSWERERS, "builtin", lambda choice: ColourAnswerer())
    monkeypatch.setattr(answerers, "_loaded", answerers._loaded.__wrapped__)
    options = ["--suite", "ablation", "--videos", "2", "--minutes", "1", "--questions", "4",
               "-k", "3", "--variant", "no-events"]  # fmt: skip
    done = CliRunner().invoke(app, ["compare", str(tmp_path), *options])
    assert done.exit_code == 0, done.output
    assert "| 3 | no-events | no odds of an event |" in done.stdout
    for wrong, message in (
        (["--selector", "top_k"], "has no selectors"), (["--tiny"], "tower and tiny without"),
    ):  # fmt: skip
        refused = CliRunner().invoke(app, ["compare", str(tmp_path), *options, *wrong])
        assert refused.exit_code == 2
        assert message in refused.stderr
