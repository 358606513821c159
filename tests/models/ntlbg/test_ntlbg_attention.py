import pytest
import torch
import torch.nn.functional as F
from torch.distributions import LowRankMultivariateNormal

from ntlbg.models import NTLBGAttention
from ntlbg.models.ntlbg import attention as ntlbg_attention
from tiny_models import HIDDEN, tiny_config


@pytest.fixture
def attention():
    torch.manual_seed(0)
    module = NTLBGAttention(tiny_config())
    module.pooling.embedding_mean.normal_(std=0.1)
    return module


@pytest.fixture
def trained(attention):
    """Anything but the starting point: every parameter moved."""
    for parameter in attention.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return attention


def inputs(batch=2, frames=9, questions=3, tokens=5, seed=1):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(batch, frames, HIDDEN, generator=generator)
    queries = torch.randn(batch, questions, tokens, HIDDEN, generator=generator)
    return F.normalize(features, dim=-1), queries


def test_shapes(attention):
    out = attention(*inputs())
    assert out.mean.shape == out.diagonal.shape == (2, 3, HIDDEN)
    assert out.factor.shape == (2, 3, HIDDEN, 4)
    assert out.distances.shape == out.scores.shape == (2, 3, 9)
    assert out.token_weights.shape == (2, 3, 5)


def test_starts_as_ten_times_the_cosine(attention):
    features, queries = inputs()
    query, _, _ = attention.pooling(queries.flatten(0, 1), torch.ones(6, 5))
    cosine = torch.einsum("btd,bqd->bqt", features, query.view(2, 3, HIDDEN))
    torch.testing.assert_close(attention(features, queries).scores, 10 * cosine, rtol=0, atol=0.7)


def test_score_is_the_log_ratio_of_the_densities(trained):
    features, queries = inputs()
    out = trained(features, queries)
    relevant = LowRankMultivariateNormal(out.mean, out.factor, out.diagonal)
    background = LowRankMultivariateNormal(*(x[0, 0] for x in trained._background()))
    for frame in range(features.shape[1]):
        x = features[:, frame].unsqueeze(1)
        expected = relevant.log_prob(x) - background.log_prob(x) + out.bias
        torch.testing.assert_close(out.scores[..., frame], expected, rtol=1e-3, atol=1e-3)


def test_covariance_is_positive_definite_wherever_training_goes(attention):
    for seed in range(20):
        torch.manual_seed(seed)
        for parameter in attention.parameters():
            torch.nn.init.normal_(parameter, std=4.0)
        out = attention.distribution(inputs(seed=seed)[1], None)
        factor, diagonal = out.factor.double(), out.diagonal.double()
        sigma = factor @ factor.mT + torch.diag_embed(diagonal)
        assert torch.linalg.eigvalsh(sigma).min() > 0
        assert out.diagonal.min() >= 1e-5


def test_a_question_widens_all_variances_by_the_root_of_their_number(attention):
    """So that the log-determinant moves like one weight."""
    queries = inputs()[1]
    before = attention.distribution(queries, None).diagonal
    torch.nn.init.ones_(attention.spread.bias)
    after = attention.distribution(queries, None).diagonal
    moved = (after / before).log().sum(-1)
    torch.testing.assert_close(moved, torch.full((2, 3), HIDDEN**0.5), rtol=1e-3, atol=0)


def test_no_parameter_grows_with_the_square_of_the_feature_size():
    def count(size):
        config = tiny_config(feature_size=size)
        # the map from text to features is a property of the text model, not of the covariance
        return sum(
            p.numel() for n, p in NTLBGAttention(config).named_parameters() if "to_feat" not in n
        )

    assert count(1024) - count(512) == 2 * (count(512) - count(256))


def test_padding_tokens_change_nothing(trained):
    features, queries = inputs(tokens=5)
    padded = torch.cat([queries, 100 * torch.ones(2, 3, 4, HIDDEN)], dim=2)
    mask = torch.tensor([1] * 5 + [0] * 4).expand(2, 3, 9)
    short, long = trained(features, queries), trained(features, padded, mask)
    torch.testing.assert_close(long.scores, short.scores)
    assert long.token_weights[..., 5:].abs().max() == 0


def test_a_question_without_tokens_is_finite(trained):
    features, queries = inputs()
    mask = torch.ones(2, 3, 5)
    mask[0, 2] = 0
    out = trained(features, queries, mask)
    assert out.scores.isfinite().all()


def test_masked_frames_never_win_and_change_nothing(trained):
    features, queries = inputs()
    mask = torch.ones(2, 9)
    mask[:, 4] = 0
    out = trained(features, queries, None, mask)
    other = features.clone()
    other[:, 4] = 50.0
    assert (out.scores[..., 4] == torch.finfo(torch.float32).min).all()
    torch.testing.assert_close(trained(other, queries, None, mask).scores, out.scores)


def test_batch_equals_single(trained):
    features, queries = inputs()
    together = trained(features, queries).scores
    for row in range(2):
        alone = trained(features[row : row + 1], queries[row : row + 1]).scores
        torch.testing.assert_close(together[row : row + 1], alone)


def test_chunks_change_nothing(trained, monkeypatch):
    features, queries = inputs()
    whole = trained(features, queries)
    monkeypatch.setattr(ntlbg_attention, "CHUNK", 4)
    parts = trained(features, queries)
    torch.testing.assert_close(parts.scores, whole.scores)
    torch.testing.assert_close(parts.distances, whole.distances)


def test_every_parameter_gets_a_gradient(trained):
    features, queries = inputs()
    trained(features, queries).scores.square().mean().backward()
    silent = [n for n, p in trained.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


def test_text_and_feature_sizes_may_differ():
    attention = NTLBGAttention(tiny_config(feature_size=20))
    features = torch.randn(1, 6, 20)
    assert attention(features, torch.randn(1, 2, 4, HIDDEN)).scores.shape == (1, 2, 6)


def test_one_optimiser_step_does_not_move_the_scores_far():
    """A log-determinant sums D log-variances; undamped, a step would shift scores by D/2."""
    torch.manual_seed(0)
    attention = NTLBGAttention(tiny_config(feature_size=1024))
    features, queries = F.normalize(torch.randn(1, 8, 1024), dim=-1), torch.randn(1, 1, 4, HIDDEN)
    optimiser = torch.optim.Adam([attention.raw_diagonal, attention.background_diagonal], lr=2e-3)
    before = attention(features, queries).scores
    before.mean().backward()
    optimiser.step()
    shift = (attention(features, queries).scores - before).abs().max()
    assert 0 < shift < 0.1


def test_learns_to_find_what_a_question_word_names():
    """Frames follow word embeddings with noise; scores must rank the named one first."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    words = torch.randn(12, HIDDEN, generator=generator)
    filler = torch.randn(3, HIDDEN, generator=generator)
    attention = NTLBGAttention(tiny_config())
    optimiser = torch.optim.Adam(attention.parameters(), lr=5e-3)

    def batch():
        order = torch.rand(16, 12, generator=generator).argsort(1)
        noise = 0.7 * torch.randn(16, 12, HIDDEN, generator=generator)
        named = torch.randint(12, (16,), generator=generator)
        queries = torch.cat([filler.expand(16, 3, -1), words[named].unsqueeze(1)], dim=1)
        target = (order == named.unsqueeze(1)).float().argmax(1)
        return F.normalize(words[order] + noise, dim=-1), queries.unsqueeze(1), target

    def accuracy():
        with torch.no_grad():
            hits = [
                (attention(x, q).scores[:, 0].argmax(1) == t).float().mean()
                for x, q, t in (batch() for _ in range(10))
            ]
        return torch.stack(hits).mean().item()

    before = accuracy()
    for _ in range(100):
        features, queries, target = batch()
        loss = F.cross_entropy(attention(features, queries).scores[:, 0], target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert accuracy() > max(0.95, before)
