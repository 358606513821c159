"""Pictures of chosen frames: the same from the film, from what was kept, and from both."""

import numpy as np
import pytest

import ntlbg.train.kept_pictures as module
from ntlbg.train.kept_pictures import read_pictures
from ntlbg.video import read_frames_at
from ntlbg_vl_models import write_films

TIMES = np.array([0.5, 3.25, 6.0])
SIZE = (32, 48)


@pytest.fixture
def film(tmp_path):
    return write_films(tmp_path / "films") / "red.mp4"


@pytest.fixture
def asked(monkeypatch):
    """Times that were read of the film."""
    times = []

    def read(path, pts_seconds, **how):
        times.extend(pts_seconds)
        return read_frames_at(path, pts_seconds, **how)

    monkeypatch.setattr(module, "read_frames_at", read)
    return times


def test_what_was_kept_is_what_the_film_shows_and_is_not_read_again(film, tmp_path, asked):
    expected = read_frames_at(film, TIMES, size=SIZE).data
    folder = tmp_path / "kept"
    folder.mkdir()
    assert np.array_equal(read_pictures(film, TIMES[:2], SIZE, folder).data, expected[:2])
    assert asked == [0.5, 3.25]
    found = read_pictures(film, TIMES, SIZE, folder)
    assert np.array_equal(found.data, expected)
    assert asked == [0.5, 3.25, 6.0]
    assert np.array_equal(found.pts_seconds, TIMES)
    other = read_pictures(film, TIMES, (16, 24), folder).data
    assert np.array_equal(other, read_frames_at(film, TIMES, size=(16, 24)).data)
    asked.clear()
    for size in (SIZE, (16, 24)):
        read_pictures(film, TIMES, size, folder)
    assert asked == []


@pytest.mark.parametrize("damage", [b"", b"nothing of the kind", None])
def test_what_is_damaged_is_read_again(film, tmp_path, asked, damage):
    folder = tmp_path / "kept"
    folder.mkdir()
    expected = read_pictures(film, TIMES, SIZE, folder).data
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[:-7] if damage is None else damage)
    asked.clear()
    assert np.array_equal(read_pictures(film, TIMES, SIZE, folder).data, expected)
    assert len(asked) == 3


def test_without_a_folder_nothing_is_kept(film, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    read_pictures(film, TIMES, SIZE, None)
    assert sorted(tmp_path.rglob("*")) == before
