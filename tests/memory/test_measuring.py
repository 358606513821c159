"""Measured peaks: of the block, not of what was before or after."""

import time

import numpy as np
import psutil
import pytest
import torch

from ntlbg.memory.measuring import MeasuredPeak, give_back_freed_memory

MEGABYTE = 10**6


def allocate(megabytes: int) -> float:
    return float(np.ones(megabytes * MEGABYTE // 8).sum())


def test_the_peak_is_what_the_block_held_for_a_moment():
    allocate(300)  # before: does not count
    with MeasuredPeak() as idle:
        pass
    with MeasuredPeak() as busy:
        block = np.ones(160 * MEGABYTE // 8)
        time.sleep(0.2)
        del block
    assert 150 * MEGABYTE < busy.resident_bytes - idle.resident_bytes < 200 * MEGABYTE
    assert 150 * MEGABYTE < busy.peak_bytes - busy.bytes_before < 200 * MEGABYTE


def test_freed_memory_is_given_back():
    """Small pieces behind one that stays: the allocator keeps them for later."""
    if not give_back_freed_memory():
        pytest.skip("the allocator cannot be asked")
    resident = psutil.Process().memory_info
    before = resident().rss
    pieces = [bytearray(b"x" * 50_000) for _ in range(3000)]
    assert resident().rss - before > 100 * MEGABYTE
    last = pieces[-1]
    del pieces
    give_back_freed_memory()
    assert resident().rss - before < 30 * MEGABYTE
    assert len(last) == 50_000


def test_a_gpu_is_measured_by_its_allocator(monkeypatch):
    counted = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: counted.append("reset"))
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 10**9)
    with MeasuredPeak() as peak:
        assert counted == ["reset"]
    assert peak.to_dict()["peak_gpu_bytes"] == 10**9
    assert peak.peak_bytes == peak.resident_bytes + 10**9
    assert peak.peak_bytes - peak.bytes_before < 10 * MEGABYTE  # what was on the GPU stays there


def test_without_a_gpu_nothing_is_said_about_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with MeasuredPeak() as peak:
        pass
    assert peak.to_dict() == {"peak_resident_bytes": peak.resident_bytes, "peak_gpu_bytes": None}
