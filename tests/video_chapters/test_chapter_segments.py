"""The search for borders: against every division there is, and what holds of all divisions."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ntlbg.video_chapters.segments import Scatter, cheapest, cheapest_of, most_chapters


def made(seed, bins):
    """Edges at uneven distances, and unlikeness that is no distance of vectors."""
    rng = np.random.default_rng(seed)
    edges = np.concatenate([[0.0], rng.uniform(1.0, 7.0, bins).cumsum()])
    unlike = rng.uniform(0, 1, (bins, bins))
    unlike += unlike.T
    np.fill_diagonal(unlike, 0.0)
    return edges, unlike


def cost_by_hand(edges, unlike, starts):
    seconds, total = np.diff(edges), 0.0
    for first, end in zip(starts, [*starts[1:], len(seconds)]):
        pairs = sum(
            seconds[a] * seconds[b] * unlike[a, b]
            for a in range(first, end)
            for b in range(first, a)
        )
        total += pairs / (edges[end] - edges[first])
    return total


def every_division(edges, least):
    bins = len(edges) - 1
    for count in range(bins):
        for others in combinations(range(1, bins), count):
            starts = [0, *others]
            ends = [*others, bins]
            if all(edges[end] - edges[first] >= least for first, end in zip(starts, ends)):
                yield starts


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 8), st.floats(0.1, 10.0), st.sampled_from([0.0, 9.0]))
def test_no_division_is_cheaper(seed, bins, price, least):
    edges, unlike = made(seed, bins)
    found = cheapest(Scatter.of(edges, unlike), price, least)
    divisions = list(every_division(edges, least)) or [[0]]

    def whole(starts):
        return cost_by_hand(edges, unlike, starts) + price * len(starts)

    assert found in divisions
    assert whole(found) == pytest.approx(min(map(whole, divisions)))


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 10**6), st.integers(1, 8), st.integers(1, 9), st.sampled_from([0.0, 5.0, 9.0])
)
def test_nor_of_exactly_so_many(seed, bins, number, least):
    edges, unlike = made(seed, bins)
    found = cheapest_of(Scatter.of(edges, unlike), number, least)
    divisions = [starts for starts in every_division(edges, least) if len(starts) == number]
    if not divisions:
        assert found is None
        return
    assert found in divisions
    costs = [cost_by_hand(edges, unlike, starts) for starts in divisions]
    assert cost_by_hand(edges, unlike, found) == pytest.approx(min(costs))


@given(st.integers(0, 10**6), st.integers(1, 9), st.sampled_from([3.0, 5.0, 9.0]))
def test_how_many_there_is_room_for(seed, bins, least):
    edges, _ = made(seed, bins)
    longest = max((len(starts) for starts in every_division(edges, least)), default=1)
    assert most_chapters(edges, least) == longest


def test_squared_distances_cost_those_to_the_mean():
    rng = np.random.default_rng(0)
    edges, vectors = np.arange(7.0), rng.normal(size=(6, 3))
    unlike = ((vectors[:, None] - vectors) ** 2).sum(2)
    costs = Scatter.of(edges, unlike).until(6, 0.0)
    for first in range(6):
        rest = vectors[first:]
        assert costs[first] == pytest.approx(((rest - rest.mean(0)) ** 2).sum())


def test_the_dearer_a_border_the_fewer():
    edges, unlike = made(3, 60)
    scatter = Scatter.of(edges, unlike)
    numbers = [len(cheapest(scatter, price, 0.0)) for price in (0.01, 0.1, 1.0, 10.0, 1000.0)]
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[-1] == 1
    assert numbers[0] > numbers[2]
