"""The answer alone can teach which frames to choose, and only through the code vectors.

Every video shows all eight concepts, one frame each, among noise. The question names one of them
in a language of its own (another vector of another size); the answer is written on the frame of
that concept. Nothing but the answer is supervised.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from transformers import LlamaConfig

from ntlbg.models import NTLBGAttention, NtlbgConfig, RichRepresentativePoints

FEATURES, WORDS, FRAMES, PICKS, CONCEPTS, ANSWERS, BATCH = 32, 24, 48, 8, 8, 4, 64
# Four of the eight picks go to the best scores. Someone who finds concepts but not the one asked
# for has the right one among four of eight half of the time, and rarely among the random four.
BLIND_TO_THE_QUESTION = 0.5 + 0.5 * 4 / 44


class World:
    """Concepts, their names, answers, and videos made of them."""

    def __init__(self, seed):
        self.generator = torch.Generator().manual_seed(seed)
        self.concepts = F.normalize(self.draw(CONCEPTS, FEATURES), dim=-1)
        self.answers = F.normalize(self.draw(ANSWERS, FEATURES), dim=-1)
        self.names = self.draw(CONCEPTS, WORDS)

    def draw(self, *shape):
        return torch.randn(*shape, generator=self.generator)

    def videos(self):
        """features (B, T, D), question (B, 1, 1, Dq), frame of the answer (B,), answer (B,)."""
        features = 0.6 * F.normalize(self.draw(BATCH, FRAMES, FEATURES), dim=-1)
        features += 0.3 * F.normalize(self.draw(BATCH, 1, FEATURES), dim=-1)
        where = self.draw(BATCH, FRAMES).argsort(1)[:, :CONCEPTS]
        written = torch.randint(ANSWERS, (BATCH, CONCEPTS), generator=self.generator)
        shown = self.concepts + 0.7 * self.answers[written]
        features.scatter_add_(1, where.unsqueeze(-1).expand(-1, -1, FEATURES), shown)
        asked = torch.randint(CONCEPTS, (BATCH,), generator=self.generator)
        row = torch.arange(BATCH)
        question = self.names[asked][:, None, None]
        return F.normalize(features, dim=-1), question, where[row, asked], written[row, asked]

    def pick(self, scores, explore):
        """Half of the picks by score (with Gumbel noise to explore), half at random."""
        uniform = torch.rand(scores.shape, generator=self.generator)
        noise = -torch.log(-torch.log(uniform)) if explore else 0
        best = (scores + noise).topk(PICKS // 2, dim=1).indices
        others = torch.rand(scores.shape, generator=self.generator).scatter(1, best, -1)
        others = others.topk(PICKS - PICKS // 2, dim=1).indices
        return torch.cat([best, others], dim=1).sort(dim=1).values


class Reader(nn.Module):
    """Looks at the chosen frames with the question, then reads the answer."""

    def __init__(self):
        super().__init__()
        self.key = nn.Linear(WORDS, FEATURES)
        self.answer = nn.Linear(FEATURES, ANSWERS)

    def forward(self, question, frames):
        weights = (frames @ self.key(question[:, 0, 0]).unsqueeze(-1)).softmax(1)
        return self.answer((weights * frames).sum(1))


class Toy(nn.Module):
    def __init__(self, seed, detach):
        super().__init__()
        torch.manual_seed(seed)
        config = NtlbgConfig(
            text_config=LlamaConfig(hidden_size=WORDS, num_attention_heads=4, vocab_size=8),
            feature_size=FEATURES,
            covariance_rank=4,
            attention_hidden_size=16,
            context_size=4,
        )
        self.attention = NTLBGAttention(config)
        self.rich_points = RichRepresentativePoints(config)
        self.reader = Reader()
        self.world, self.detach = World(seed), detach

    def forward(self, explore):
        """Answer loss and recall of the frame with the answer, on fresh videos."""
        features, question, where, answer = self.world.videos()
        scores = self.attention(features, question).scores[:, 0]
        indices = self.world.pick(scores.detach(), explore)
        relevance = scores.softmax(-1)
        frames = self.rich_points(
            features,
            torch.ones(BATCH, FRAMES, dtype=torch.bool),
            torch.arange(FRAMES).double().expand(BATCH, -1),
            indices,
            relevance,
            0.5 / FRAMES + 0.5 * relevance,
        ).features
        frames = frames.detach() if self.detach else frames
        recall = (indices == where.unsqueeze(1)).any(1).float().mean()
        return F.cross_entropy(self.reader(question, frames), answer), recall.item()

    @torch.no_grad()
    def recall(self):
        return sum(self(explore=False)[1] for _ in range(10)) / 10


def recall_before_and_after(detach, steps=250):
    toy = Toy(seed=1, detach=detach)
    before = toy.recall()
    trained = [*toy.attention.parameters(), *toy.reader.parameters()]
    optimiser = torch.optim.Adam(trained, lr=5e-3)
    for _ in range(steps):
        loss, _ = toy(explore=True)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return before, toy.recall()


def test_answers_teach_the_selector_through_the_code_vectors():
    before, after = recall_before_and_after(detach=False)
    assert before < 0.25  # chance is 8 picks of 48
    assert after > BLIND_TO_THE_QUESTION + 0.1


def test_without_that_path_the_selector_learns_nothing():
    before, after = recall_before_and_after(detach=True)
    assert after == pytest.approx(before, abs=0.05)
