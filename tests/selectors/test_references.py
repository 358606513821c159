"""Selectors against plain implementations of what was published, by their stored choices."""

import json
from pathlib import Path

import numpy as np
import pytest
from references import NUM_CASES, REFERENCES, case
from references import coarsest_detail as plain_detail

from ntlbg.selectors import SELECTORS
from ntlbg.selectors.wfs_sb import coarsest_detail

FOLDER = Path(__file__).parents[1] / "data" / "selection"
STORED = json.loads((FOLDER / "references.json").read_text())
WAVELETS = json.loads((FOLDER / "wavelets.json").read_text())
BY_FEATURES = ("dpp", "k_center", "longvu_window")


def chosen_by_product(name: str, number: int) -> list[int]:
    given = case(name, number)
    length = len(given["scores"])
    return SELECTORS[name](
        given["features"],
        given["k"],
        scores=None if name in BY_FEATURES else given["scores"],
        pts_seconds=np.arange(length) / given["frames_per_second"],
        generator=np.random.default_rng(given["seed"]),
    ).tolist()


def test_there_are_enough_stored_choices():
    assert set(STORED) == set(REFERENCES)
    assert all(len(rows) == NUM_CASES for rows in STORED.values())
    for rows in STORED.values():  # and they are not all alike
        assert len({tuple(row) for row in rows}) > NUM_CASES / 2


@pytest.mark.parametrize("name", list(REFERENCES))
def test_every_stored_choice(name):
    wrong = [n for n in range(NUM_CASES) if chosen_by_product(name, n) != STORED[name][n]]
    assert not wrong


@pytest.mark.parametrize("name", list(REFERENCES))
def test_plain_implementations_still_choose_what_is_stored(name):
    for number in range(0, NUM_CASES, 40):
        assert REFERENCES[name](**case(name, number)) == STORED[name][number]


@pytest.mark.parametrize("entry", WAVELETS, ids=lambda entry: str(len(entry["signal"])))
@pytest.mark.parametrize("transform", [coarsest_detail, plain_detail])
def test_details_are_those_of_pywavelets(transform, entry):
    detail = transform(np.array(entry["signal"]), entry["levels"])
    np.testing.assert_allclose(detail, entry["detail"], atol=1e-10)


@pytest.mark.parametrize("name", [name for name in SELECTORS if name not in ("q_frame", "adaq")])
def test_unit_and_order_of_the_features_columns_do_not_matter(name):
    """To q_frame and adaq the unit of the scores matters, and so that of the features does."""
    for number in range(12):
        rng = np.random.default_rng(number)
        frames = rng.standard_normal((int(rng.integers(20, 80)), 12)).astype(np.float32)
        query, k = rng.standard_normal(12), int(rng.integers(2, 12))
        given = {"query": query} if number % 2 or SELECTORS[name].needs_query else {}
        turned = {"query": query[::-1]} if given else {}
        chosen = SELECTORS[name](frames, k, **given).tolist()
        assert SELECTORS[name](3 * frames, k, **given).tolist() == chosen
        assert SELECTORS[name](frames[:, ::-1], k, **turned).tolist() == chosen
