"""The evidence that selection learns from, against plain loops."""

import math

import pytest
import torch

from ntlbg_lab.training.objectives import evidence_loss, evidence_recall


def test_evidence_loss_is_weighted_cross_entropy_over_real_frames():
    """Evidence, sure or not, counts three times."""
    generator = torch.Generator().manual_seed(0)
    scores = 3 * torch.randn(2, 3, 7, generator=generator)
    evidence = torch.tensor([0, 0, 0.6, 1])[torch.randint(4, (2, 3, 7), generator=generator)]
    mask = torch.tensor([[1] * 7, [1] * 4 + [0] * 3])
    total = weights = 0.0
    for video in range(2):
        for question in range(3):
            for frame in range(7 if video == 0 else 4):
                chance = 1 / (1 + math.exp(-scores[video, question, frame]))
                worth = float(evidence[video, question, frame])
                weight = 3 if worth > 0 else 1
                entropy = worth * math.log(chance) + (1 - worth) * math.log(1 - chance)
                total, weights = total - weight * entropy, weights + weight
    assert evidence_loss(scores, evidence, mask).item() == pytest.approx(total / weights, rel=1e-5)


def test_scores_of_any_size_give_a_bounded_loss():
    """Frames that pad a batch have the lowest float as their score."""
    lowest = torch.finfo(torch.float32).min
    scores = torch.tensor([[[lowest, 2.0, 1e30]]], requires_grad=True)
    loss = evidence_loss(scores, torch.tensor([[[1.0, 1.0, 0.0]]]), torch.ones(1, 3))
    assert loss < 40
    loss.backward()
    assert scores.grad[0, 0, 1] < 0
    padded = evidence_loss(scores.detach(), torch.zeros(1, 1, 3), torch.tensor([[0, 1, 0]]))
    torch.testing.assert_close(padded, torch.tensor(2.0).exp().log1p())


def test_recall_cannot_ask_for_more_than_the_budget():
    scores = torch.tensor([[[5.0, 4.0, 3.0, 2.0, 1.0], [1.0, 2.0, 3.0, 4.0, 5.0]]])
    evidence = torch.tensor([[[1.0, 1, 1, 0, 0], [0, 0, 0, 0, 0]]])
    # the second question has no evidence at all and counts for nothing
    assert evidence_recall(scores, evidence, budget=2) == 1
    assert evidence_recall(-scores, evidence, budget=3) == pytest.approx(1 / 3)
