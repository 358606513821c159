"""MaxInfo: singular vectors, maxvol and its extension, against NumPy and brute force."""

from itertools import combinations

import numpy as np
import pytest

from ntlbg.selectors import SELECTORS
from ntlbg.selectors.max_info import extend_volume, left_singular_vectors, maxvol


@pytest.mark.parametrize("shape", [(300, 40), (30, 200), (12, 5)])
def test_left_singular_vectors_are_those_of_the_full_decomposition(shape):
    rng = np.random.default_rng(0)
    frames = rng.standard_normal(shape) * 0.7 ** np.arange(shape[1])
    ours = left_singular_vectors(frames.astype(np.float32), 4)
    theirs = np.linalg.svd(frames)[0][:, :4]
    np.testing.assert_allclose(np.abs((ours * theirs).sum(axis=0)), 1, atol=1e-3)
    np.testing.assert_allclose(ours.T @ ours, np.eye(4), atol=1e-4)


@pytest.mark.parametrize("spanned", [1, 3])
def test_no_more_singular_vectors_than_directions(spanned):
    rng = np.random.default_rng(1)
    frames = rng.standard_normal((50, spanned)) @ rng.standard_normal((spanned, 9))
    assert left_singular_vectors(frames.astype(np.float32), 8).shape == (50, spanned)
    assert left_singular_vectors(np.zeros((50, 9), np.float32), 8).shape == (50, 0)


@pytest.mark.parametrize("seed", range(6))
def test_no_swap_enlarges_the_volume_by_five_per_cent(seed):
    rows = np.random.default_rng(seed).standard_normal((40, 4))
    start = np.arange(4)
    chosen = maxvol(rows, start)
    assert start.tolist() == [0, 1, 2, 3]
    volume = abs(np.linalg.det(rows[chosen]))
    for place in range(4):
        for other in range(40):
            swapped = chosen.copy()
            swapped[place] = other
            assert abs(np.linalg.det(rows[swapped])) <= 1.05 * volume * (1 + 1e-9)
    largest = max(abs(np.linalg.det(rows[list(c)])) for c in combinations(range(0, 40, 3), 4))
    assert volume >= 0.8 * largest


def test_every_added_row_enlarges_the_volume_most():
    rows = np.random.default_rng(2).standard_normal((30, 3))
    chosen = extend_volume(rows, np.array([4, 7, 9]), 8)
    assert chosen[:3].tolist() == [4, 7, 9]
    for step in range(3, 8):
        so_far = chosen[:step]
        volumes = [
            np.linalg.det(rows[[*so_far, i]].T @ rows[[*so_far, i]]) if i not in so_far else -1
            for i in range(30)
        ]
        assert chosen[step] == np.argmax(volumes)


def test_max_info_shows_every_direction_of_the_video():
    frames = np.repeat(np.eye(6, 20), [100, 50, 20, 5, 2, 1], axis=0)
    chosen = SELECTORS["max_info"](frames, 6)
    assert sorted(frames[chosen].argmax(axis=1)) == [0, 1, 2, 3, 4, 5]
    assert len(SELECTORS["max_info"](frames, 30)) == 30
    assert len(set(frames[SELECTORS["max_info"](frames, 6, rank=2)].argmax(axis=1))) >= 2
