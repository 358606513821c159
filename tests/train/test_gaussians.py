import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Independent, Normal, kl_divergence

from ntlbg.train import processes
from ntlbg.train.losses import RunningGaussian, diagonal_kl

SEEDS = st.integers(0, 2**31 - 1)


def gaussian(size, seed, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    mean = torch.randn(size, generator=generator, dtype=dtype)
    return mean, torch.rand(size, generator=generator, dtype=dtype) + 0.1


@settings(max_examples=30, deadline=None)
@given(size=st.integers(1, 30), seed=SEEDS)
def test_diagonal_kl_equals_torch_distributions(size, seed):
    (mean_p, var_p), (mean_q, var_q) = gaussian(size, seed), gaussian(size, seed + 1)
    expected = kl_divergence(
        Independent(Normal(mean_p, var_p.sqrt()), 1), Independent(Normal(mean_q, var_q.sqrt()), 1)
    )
    ours = diagonal_kl(mean_p, var_p, mean_q, var_q)
    torch.testing.assert_close(ours, expected / size)
    assert ours >= 0
    assert diagonal_kl(mean_p, var_p, mean_p, var_p) == 0


@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.integers(0, 9), min_size=1, max_size=8), seed=SEEDS)
def test_running_statistics_equal_those_of_everything_at_once(sizes, seed):
    generator = torch.Generator().manual_seed(seed)
    parts = [100 + 3 * torch.randn(n, 4, generator=generator) for n in sizes]
    running = RunningGaussian(4)
    for part in parts:
        running.update(part)
    everything = torch.cat(parts)
    assert running.count == len(everything)
    if len(everything):
        torch.testing.assert_close(running.mean, everything.mean(0), rtol=1e-4, atol=1e-3)
        torch.testing.assert_close(
            running.var, everything.var(0, unbiased=False), rtol=1e-3, atol=1e-3
        )


def test_running_statistics_leave_out_masked_vectors():
    vectors = torch.randn(2, 5, 4)
    mask = torch.tensor([[1, 1, 0, 0, 1], [0, 1, 1, 1, 1]])
    masked, plain = RunningGaussian(4), RunningGaussian(4)
    masked.update(vectors, mask)
    plain.update(vectors[mask.bool()])
    torch.testing.assert_close(masked.mean, plain.mean)
    torch.testing.assert_close(masked.var, plain.var)


def test_several_processes_gather_what_one_would(monkeypatch):
    """Each is given what one process would know after its vectors; all keep those of all."""
    draw = torch.Generator().manual_seed(1)
    parts = [torch.randn(number, 4, generator=draw) for number in (5, 1, 9)]
    alone = RunningGaussian(4)
    after = [alone.update(part) for part in parts]
    sent = [RunningGaussian(4).update(part) for part in parts]
    for rank, part in enumerate(parts):
        monkeypatch.setattr(processes, "of_all", lambda own: sent)
        monkeypatch.setattr(processes, "rank", lambda rank=rank: rank)
        one = RunningGaussian(4)
        known = one.update(part)
        for ours, theirs in ((known, after[rank]), ((one.count, one.mean, one.var), after[-1])):
            for found, expected in zip(ours, theirs, strict=True):
                torch.testing.assert_close(found, expected)
