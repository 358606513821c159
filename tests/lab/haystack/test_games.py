import sys

import numpy as np
import pytest

from ntlbg.errors import MissingPackage
from ntlbg_lab.haystack import games

SIZE = (32, 56)


@pytest.fixture
def walk(tmp_path, monkeypatch):
    pytest.importorskip("vizdoom")
    monkeypatch.chdir(tmp_path)
    return games.walk


def test_a_walk_moves_and_repeats_by_seed(walk, tmp_path):
    first, again, other = (walk(np.random.default_rng(seed), 4, SIZE, 1.0) for seed in (1, 1, 2))
    assert first.shape == (4, *SIZE, 3)
    assert first.dtype == np.uint8
    assert (first == again).all()
    assert (first != other).any()
    assert any((first[0] != later).any() for later in first[1:])
    assert not list(tmp_path.iterdir())


def test_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "vizdoom", None)
    games._game.cache_clear()
    with pytest.raises(MissingPackage, match=r"ntlbg-llm-lab\[games\].*walks to 0"):
        games.walk(np.random.default_rng(0), 1, SIZE, 1.0)
    games._game.cache_clear()


def test_a_stopped_engine_starts_again(walk):
    first = walk(np.random.default_rng(3), 2, SIZE, 1.0)
    engine = games._game()
    games.stop_engine()
    assert not engine.is_running()
    games.stop_engine()
    assert (walk(np.random.default_rng(3), 2, SIZE, 1.0) == first).all()
    games.stop_engine()
