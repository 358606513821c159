"""What answerers keep of films: bounded, the longest unused goes first, nothing else is touched."""

import hashlib
import os
import shutil

import pytest

from counter_videos import write_video
from ntlbg.index import kept
from ntlbg.index.store import FeatureIndex


def name(number: int) -> str:
    return hashlib.sha256(bytes([number])).hexdigest()


def fill(root, sizes, film="film"):
    """Files of these sizes, each used a minute after the one before."""
    (root / film).mkdir(parents=True, exist_ok=True)
    for number, size in enumerate(sizes):
        path = root / film / f"{name(number)}.safetensors"
        path.write_bytes(bytes(size))
        os.utime(path, (1000 + 60 * number,) * 2)


def sizes_left(root) -> list[int]:
    return sorted(path.stat().st_size for path in root.rglob("*.safetensors"))


@pytest.fixture
def film(tmp_path):
    return write_video(tmp_path / "film.mkv", count=5)


def test_a_film_has_one_folder_whatever_it_is_called(film, tmp_path):
    index, copy = FeatureIndex(tmp_path / "index"), tmp_path / "copy.mkv"
    shutil.copy(film, copy)
    other = write_video(tmp_path / "other.mkv", count=6)
    with index.keeping(film) as one, index.keeping(copy) as same, index.keeping(other) as another:
        assert one == same != another
        assert one.parent == another.parent == tmp_path / "index" / "kept"
    assert not one.exists()  # nothing is made before there is something to keep


@pytest.mark.parametrize(
    ("most", "left"),
    [
        (1000, [100, 200, 300, 400]),
        (999, [100, 300, 400]),
        (800, [300, 400]),
        (500, [400]),
        (300, []),
        (0, []),
    ],
)
def test_what_was_not_used_for_the_longest_time_goes_first(tmp_path, most, left):
    fill(tmp_path, [100, 200], "a")
    fill(tmp_path, [300, 400], "b")
    for number, (film, place) in enumerate([("a", 1), ("a", 0), ("b", 0), ("b", 1)]):
        os.utime(tmp_path / film / f"{name(place)}.safetensors", (number, number))
    removed = kept.forget(tmp_path, most)
    assert sizes_left(tmp_path) == left
    assert removed == 4 - len(left)


def test_other_files_stay_and_are_not_counted(tmp_path):
    fill(tmp_path, [100])
    others = [tmp_path / "film" / "notes.txt", tmp_path / "film" / "weights.safetensors",
              tmp_path / "a file"]  # fmt: skip
    for other in others:
        other.write_bytes(bytes(500))
    assert kept.forget(tmp_path, 100) == 0
    assert kept.forget(tmp_path, 50) == 1
    assert all(other.exists() for other in others)


def test_a_place_without_anything_kept(tmp_path):
    assert kept.forget(tmp_path / "missing", 0) == 0


def test_too_much_goes_when_something_new_was_kept(film, tmp_path, monkeypatch):
    index = FeatureIndex(tmp_path / "index")
    monkeypatch.setattr(kept, "MOST_BYTES", 500)
    with index.keeping(film) as folder:
        fill(folder.parent, [100, 100, 400], folder.name)
    assert sizes_left(folder) == [400]
    fill(folder.parent, [300, 300], "another")
    with index.keeping(film):
        pass  # nothing new, and nothing is looked through
    assert sizes_left(folder.parent) == [300, 300, 400]


def test_what_another_process_removed_is_no_error(tmp_path, monkeypatch):
    fill(tmp_path, [100, 200])
    remove = os.unlink

    def late(path):
        remove(path)
        remove(path)

    monkeypatch.setattr(os, "unlink", late)
    assert kept.forget(tmp_path, 0) == 0
    assert sizes_left(tmp_path) == []
