import itertools

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ntlbg.models.builtin.vocabulary import object_names
from ntlbg.train.stages import set_stage
from ntlbg_lab.haystack.augmentation import FrameRenderer
from ntlbg_lab.training.objectives import (
    AnswerObjective,
    SelectionObjective,
    SyntheticVideoCollator,
    answered_right,
    block_mask,
    evidence_recall,
)
from ntlbg_lab.training.settings import SyntheticVideoOptions
from ntlbg_lab.training.synthetic_videos import FeatureBank, SyntheticVideos, make_synthetic_video
from tiny_models import HIDDEN, tiny_model, tiny_processor

NAMES = object_names()[:12]


@pytest.fixture(scope="module")
def bank():
    """A direction for every name, and one for nothing."""
    generator = torch.Generator().manual_seed(0)
    directions = F.normalize(torch.randn(len(NAMES) + 1, HIDDEN, generator=generator), dim=-1)
    noise = 0.05 * torch.randn(len(NAMES), 3, HIDDEN, generator=generator)
    needles = F.normalize(directions[:-1, None] + noise, dim=-1).flatten(0, 1)
    groups = {name: [np.arange(3 * n, 3 * n + 3)] for n, name in enumerate(NAMES)}
    return FeatureBank(needles, groups, directions[-1:].repeat(5, 1))


def episodes(bank, number, **options):
    return list(
        itertools.islice(SyntheticVideos(bank, SyntheticVideoOptions(**options), seed=1), number)
    )


def test_episodes_follow_from_their_seed(bank):
    first, second = episodes(bank, 3), episodes(bank, 3)
    for a, b in zip(first, second):
        assert torch.equal(a.features, b.features)
        assert a.questions == b.questions
    assert not torch.equal(first[0].features[:4], first[1].features[:4])


def test_the_budget_is_chosen_and_the_needles_are_in_it(bank):
    skipped = 0
    for episode in episodes(bank, 40, num_frames=(8,), doubtful=0.0):
        assert len(episode.indices) == 8
        assert (episode.indices.diff() > 0).all()
        assert (episode.pts_seconds.diff() > 0).all()
        empty = (episode.features - bank.empty[0]).norm(dim=-1) < 1e-6
        planted = set((~empty).nonzero().flatten().tolist())
        missed = sorted(planted - set(episode.indices.tolist()))
        # only inside an appearance, between two chosen frames
        assert all({place - 1, place + 1} <= set(episode.indices.tolist()) for place in missed)
        skipped += len(missed)
    assert skipped > 5


def test_some_episodes_are_clips_of_which_every_second_is_chosen(bank):
    clips = 0
    for episode in episodes(bank, 100, num_frames=(8,), doubtful=0.0):
        times = episode.pts_seconds[episode.indices]
        if times.tolist() == list(range(8)):
            clips += 1
            assert len(episode.features) == 8
            nearest = (episode.features @ bank.needles.T).argmax(-1) // 3
            empty = (episode.features - bank.empty[0]).norm(dim=-1) < 1e-6
            # objects are a second apart, so that they can be told from one another
            for left in range(7):
                if not (empty[left] or empty[left + 1]):
                    assert nearest[left] == nearest[left + 1]
    assert 8 < clips < 35


def test_the_same_object_again_is_counted_even_if_nothing_lies_between(bank):
    """Chosen frames of two appearances in a row differ only in their times."""
    again = 0
    for episode in episodes(bank, 200, num_frames=(8,), doubtful=0.0):
        chosen = episode.features[episode.indices]
        nearest = (chosen @ bank.needles.T).argmax(-1) // 3
        times = episode.pts_seconds[episode.indices]
        empty = (chosen - bank.empty[0]).norm(dim=-1) < 1e-6
        for question in episode.questions:
            if question.answer_type != "count":
                continue
            [name] = [n for n in NAMES if f" {n}" in question.question][-1:]
            mine = times[~empty & (nearest == NAMES.index(name))]
            # frames of one appearance are at most two seconds apart, one may have been missed
            runs = int((mine.diff() > 2).sum()) + 1 if len(mine) else 0
            assert runs <= int(question.answer) <= len(mine)
            if runs > 1:
                between = (times > mine[0]) & (times < mine[-1])
                again += int(int(between.sum()) == len(mine) - 2)
    assert again > 3


def test_every_answer_can_be_read_off_the_chosen_frames(bank):
    for episode in episodes(bank, 40, num_frames=(12,), doubtful=0.0):
        chosen = episode.features[episode.indices]
        nearest = (chosen @ bank.needles.T).argmax(-1) // 3
        empty = (chosen - bank.empty[0]).norm(dim=-1) < 1e-6
        seen = [NAMES[n] for n, nothing in zip(nearest, empty) if not nothing]
        for question in episode.questions:
            if question.answer_type == "first":
                assert question.answer == seen[0]
            if question.answer_type == "last":
                assert question.answer == seen[-1]


def test_evidence_marks_the_frames_of_the_named_object(bank):
    for episode in episodes(bank, 40, doubtful=0.0):
        nearest = (episode.features @ bank.needles.T).argmax(-1) // 3
        empty = (episode.features - bank.empty[0]).norm(dim=-1) < 1e-6
        for question, worth in zip(episode.questions, episode.evidence):
            assert (worth[empty] == 0).all()
            if question.answer_type in ("first", "last", "which"):
                assert (worth[~empty] == 1).all()
            if question.answer_type in ("count", "when"):
                [name] = [n for n in NAMES if f" {n}" in question.question][-1:]
                assert torch.equal(worth == 1, ~empty & (nearest == NAMES.index(name)))


def test_doubtful_frames_differ_from_empty_ones(bank):
    def strange(episode):
        return ((episode.features - bank.empty[0]).norm(dim=-1) > 1e-6).float().mean()

    plain = np.mean([strange(e) for e in episodes(bank, 20, doubtful=0.0)])
    doubted = np.mean([strange(e) for e in episodes(bank, 20, doubtful=0.9)])
    assert doubted > plain + 0.3


def test_a_renderer_gives_pixels_for_every_chosen_frame(bank):
    backgrounds = np.zeros((2, 128, 224, 3), np.uint8)
    renderer = FrameRenderer(backgrounds, styles=("noto",))
    rng = np.random.default_rng(0)
    episode = make_synthetic_video(bank, rng, SyntheticVideoOptions(num_frames=(8,)), renderer)
    assert episode.frames.shape == (8, 128, 224, 3)


def test_block_mask_is_causal_and_keeps_questions_apart():
    mask = block_mask(torch.tensor([[0, 0, 1, 1, 2, -1]]))[0, 0]
    expected = [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 0, 0],
        [1, 1, 0, 0, 1, 0],
        [0, 0, 0, 0, 0, 1],
    ]
    assert mask.int().tolist() == expected


def test_packed_questions_are_answered_as_if_asked_alone(bank):
    """Logits of every answer equal those of a sequence that holds only that question."""
    model, processor = tiny_model(feature_size=HIDDEN), tiny_processor()
    [episode] = episodes(bank, 1, num_frames=(4,), num_questions=3)
    batch = SyntheticVideoCollator(processor)([episode])
    batch.pop("evidence")
    with torch.no_grad():
        packed = model(**batch, logits_at_labels=True).logits
        start = 0
        for sample in episode.questions:
            prompt = processor.prefix_ids(episode.pts_seconds[episode.indices].tolist())
            prompt = prompt + processor.question_ids(sample.question)
            answer = processor.answer_ids(sample.answer)
            alone = model(
                **{
                    name: batch[name]
                    for name in ("video_features", "pts_seconds", "indices", "query_input_ids",
                                 "query_attention_mask")
                },
                input_ids=torch.tensor([prompt + answer]),
            ).logits[0, len(prompt) - 1 : -1]  # fmt: skip
            torch.testing.assert_close(
                packed[start : start + len(answer)], alone, rtol=1e-3, atol=1e-4
            )
            start += len(answer)
    assert start == len(packed)


def test_padding_a_batch_changes_no_answer(bank):
    model, processor = tiny_model(feature_size=HIDDEN), tiny_processor()
    pair = episodes(bank, 2, num_frames=(4, 8), num_questions=3)
    collator = SyntheticVideoCollator(processor)
    with torch.no_grad():
        whole = collator(pair)
        whole.pop("evidence")
        together = model(**whole, logits_at_labels=True).logits
        parts = []
        for episode in pair:
            batch = collator([episode])
            batch.pop("evidence")
            parts.append(model(**batch, logits_at_labels=True).logits)
    torch.testing.assert_close(together, torch.cat(parts), rtol=1e-3, atol=1e-4)


def test_right_answers_are_whole_answers():
    labels = torch.tensor([[-100, -100, 3, 4, -100, -100, 5, 1]])
    logits = torch.zeros(4, 8)
    logits[[0, 1, 2], [3, 4, 5]] = 1  # the last token of the second answer is wrong
    assert answered_right(logits, labels) == 0.5
    logits[3, 1] = 1
    assert answered_right(logits, labels) == 1


def test_recall_counts_only_sure_evidence():
    scores = torch.tensor([[[5.0, 4.0, 3.0, 2.0]]])
    evidence = torch.tensor([[[0.6, 1.0, 0.0, 1.0]]])
    assert evidence_recall(scores, evidence, budget=2) == 0.5
    assert evidence_recall(scores, evidence, budget=4) == 1


def test_selection_learns_from_evidence(bank):
    torch.manual_seed(0)
    model, collator = tiny_model(feature_size=HIDDEN), SyntheticVideoCollator(tiny_processor())
    objective = SelectionObjective(model)
    optimizer = torch.optim.Adam(objective.parameters(), 3e-3)
    losses = []
    drawn = episodes(bank, 120, doubtful=0.0)
    for pair in (drawn[start : start + 4] for start in range(0, 120, 4)):
        output = objective(**collator(pair))
        optimizer.zero_grad()
        output["loss"].backward()
        optimizer.step()
        losses.append(float(output["loss"].detach()))
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:3])


def test_the_answer_objective_reports_every_term_and_trains_what_it_should(bank):
    model, collator = tiny_model(feature_size=HIDDEN), SyntheticVideoCollator(tiny_processor())
    set_stage(model, "joint")
    objective = AnswerObjective(model.train())
    output = objective(**collator(episodes(bank, 2, num_frames=(4,))), progress=0.5)
    assert {"task", "ntlbg", "align", "context", "evidence", "right"} <= set(output["terms"])
    output["loss"].backward()
    touched = {name.split(".")[0] for name, p in model.named_parameters() if p.grad is not None}
    parts = {"ntlbg_attention", "rich_points", "multi_modal_projector"}
    assert touched == parts | {"language_model"}
    assert objective.reference.count > 0
    set_stage(model, "representation")
    kept = objective.state_dict()
    assert not any("language_model" in name for name in kept)
    assert any(name.startswith("reference.") for name in kept)


def test_progress_changes_the_weights_of_the_terms(bank):
    model, collator = tiny_model(feature_size=HIDDEN), SyntheticVideoCollator(tiny_processor())
    batch = collator(episodes(bank, 2, num_frames=(4,)))
    objective = AnswerObjective(model)
    start, end = (float(objective(**dict(batch), progress=p)["loss"].detach()) for p in (0.0, 1.0))
    assert abs(start - end) > 1e-3


def test_further_types_of_questions_are_asked_when_wanted(bank):
    types = ("order", "both", "absent", "count")
    asked = [q for e in episodes(bank, 20, question_types=types) for q in e.questions]
    kinds = {question.answer_type for question in asked}
    assert {"order", "both", "absent"} <= kinds
    plain = [q.answer_type for e in episodes(bank, 20) for q in e.questions]
    assert not {"order", "both", "absent"} & set(plain)


def test_both_named_objects_are_evidence(bank):
    for episode in episodes(bank, 20, question_types=("order",), num_frames=(16,)):
        for question, evidence in zip(episode.questions, episode.evidence):
            if question.answer_type == "order":
                times = episode.pts_seconds[evidence == 1]
                for start, end in question.evidence:
                    assert ((times >= start) & (times < end)).any()
