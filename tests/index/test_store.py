"""The index keeps what it is given, names it by content, and never hands out damage."""

import base64
import fcntl
import hashlib
import json
import multiprocessing
import os
import shutil
import time
from pathlib import Path

import numpy as np
import platformdirs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counter_videos import DATA
from ntlbg.errors import OutputError, VideoNotFound, VideoOpenError
from ntlbg.index.store import ABANDONED_SECONDS, FeatureIndex, Track

FILM = DATA / "vfr.mp4"


@pytest.fixture
def index(tmp_path):
    return FeatureIndex(tmp_path / "index")


def made_video(num_frames: int = 5, seed: int = 0) -> Track:
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((num_frames, 4)).astype(np.float32)
    return Track(features, np.sort(rng.random(num_frames)), {"fps": 1.0, "end": None})


def same(one: Track, other: Track) -> bool:
    return (
        one.features.tobytes() == other.features.tobytes()
        and one.features.shape == other.features.shape
        and one.pts_seconds.tobytes() == other.pts_seconds.tobytes()
        and one.meta == other.meta
    )


def files(index: FeatureIndex) -> list[str]:
    return sorted(str(path.relative_to(index.root)) for path in index.root.rglob("*"))


def test_an_entry_comes_back_as_it_went_in(index):
    assert index.load("a") is None
    index.save("a", made_video())
    assert same(index.load("a"), made_video())
    assert index.load("a").features.dtype == np.float32
    index.save("a", made_video(seed=1))  # the last one wins
    assert same(index.load("a"), made_video(seed=1))
    assert index.load("b") is None


def test_notes_come_back_and_are_checked(index):
    video = made_video()
    words = np.arange(10, dtype=np.int16).reshape(5, 2)
    noted = Track(
        video.features, video.pts_seconds, video.meta, {"words": words, "sure": words / 10}
    )
    index.save("a", noted)
    found = index.load("a")
    assert same(found, video)
    assert sorted(found.notes) == ["sure", "words"]
    np.testing.assert_array_equal(found.notes["words"], words)
    assert found.notes["words"].dtype == np.int16
    path = index.root / "a.safetensors"
    content = path.read_bytes()
    place = content.index(words.tobytes())
    path.write_bytes(content[:place] + b"\1" + content[place + 1 :])
    assert index.load("a") is None


def test_an_entry_without_notes_is_what_it_always_was(index):
    """Its checksum is, so that features of earlier versions are found."""
    video = made_video()
    about = ["a", video.meta, video.features.shape, video.pts_seconds.shape]
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    digest.update(video.features.tobytes() + video.pts_seconds.tobytes())
    index.save("a", video)
    assert digest.hexdigest().encode() in (index.root / "a.safetensors").read_bytes()


def test_the_same_entry_is_the_same_file(tmp_path):
    contents = set()
    for number in range(5):
        index = FeatureIndex(tmp_path / str(number))
        index.save("a", made_video())
        contents.add((index.root / "a.safetensors").read_bytes())
    assert len(contents) == 1


# Names


def test_the_name_depends_on_content_not_on_place(index, tmp_path):
    name = index.key(FILM, fingerprint="f", fps=1)
    copy = shutil.copy(FILM, tmp_path / "renamed.avi")
    assert index.key(copy, fingerprint="f", fps=1.0) == name
    assert FeatureIndex(tmp_path / "other").key(str(FILM), fingerprint="f", fps=1.0) == name
    assert index.key(FILM, fingerprint="f", fps=1, start=0.0) == name  # the same pictures
    with open(copy, "ab") as file:
        file.write(b"\0")
    assert index.key(copy, fingerprint="f", fps=1.0) != name


def test_the_name_depends_on_everything_that_changes_features(index):
    changes = [
        {},
        {"fingerprint": "g"},
        {"fps": 2},
        {"max_frames": 10},
        {"start": 1.0},
        {"end": 1.0},
        {"start": 1.0, "end": 2.0},
    ]
    names = {index.key(FILM, **({"fingerprint": "f", "fps": 1} | change)) for change in changes}
    assert len(names) == len(changes)
    assert all(len(name) == 64 and int(name, 16) for name in names)


def test_unreadable_videos_have_no_name(index, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, error in [("nothing.mp4", VideoNotFound), (tmp_path / "pipe", VideoOpenError)]:
        with pytest.raises(error):
            index.key(path, fingerprint="f", fps=1)


def test_where_entries_are_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("NTLBG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NTLBG_INDEX", str(tmp_path / "own"))
    assert FeatureIndex().root == tmp_path / "own"
    monkeypatch.delenv("NTLBG_INDEX")
    assert FeatureIndex().root == tmp_path / "cache" / "index"
    assert FeatureIndex(tmp_path).root == tmp_path
    monkeypatch.delenv("NTLBG_CACHE")
    assert FeatureIndex().root == Path(platformdirs.user_cache_dir("ntlbg")) / "index"


# Damage


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_changed_entry_is_missing(index, data):
    video = made_video()
    index.save("a", video)
    path = index.root / "a.safetensors"
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    found = index.load("a")
    assert found is None or same(found, video)  # only padding may change unnoticed


def test_every_stored_number_is_checked(index):
    index.save("a", made_video())
    path = index.root / "a.safetensors"
    content = path.read_bytes()
    for place in range(len(content) - 5 * (16 + 8), len(content)):
        changed = bytearray(content)
        changed[place] ^= 1
        path.write_bytes(changed)
        assert index.load("a") is None
    path.write_bytes(content)
    assert same(index.load("a"), made_video())


def test_an_entry_under_another_name_is_not_trusted(index):
    index.save("a", made_video())
    shutil.copy(index.root / "a.safetensors", index.root / "b.safetensors")
    assert index.load("b") is None


def test_a_damaged_entry_is_replaced(index):
    index.save("a", made_video())
    (index.root / "a.safetensors").write_bytes(b"")
    assert index.load("a") is None
    index.save("a", made_video())
    assert same(index.load("a"), made_video())


# Chunks


def test_chunks_are_loaded_up_to_the_first_gap(index):
    parts = [made_video(seed=number) for number in range(4)]
    for number, part in enumerate(parts):
        index.save_chunk("a", number, part)
    assert all(same(one, other) for one, other in zip(index.load_chunks("a"), parts, strict=True))
    (index.root / "a.partial" / "000002.safetensors").write_bytes(b"cut off")
    assert len(index.load_chunks("a")) == 2
    assert index.load_chunks("b") == []


def test_a_finished_entry_drops_its_chunks_only(index):
    for key in "ab":
        index.save_chunk(key, 0, made_video())
    index.save("a", made_video())
    assert files(index) == ["a.safetensors", "b.partial", "b.partial/000000.safetensors"]


def test_temporary_files_of_dead_processes_are_removed(index):
    left, held = (index.root / f".{key * 64}.safetensors.{'0' * 16}.tmp" for key in "bc")
    mine = index.root / ".draft.tmp"
    index.root.mkdir(parents=True)
    for path in (left, held, mine):
        path.write_bytes(b"half")
    with held.open() as living:
        fcntl.flock(living, fcntl.LOCK_EX)
        index.save("a", made_video())
    assert not left.exists()
    assert held.exists()
    assert mine.exists()


def test_abandoned_chunks_are_removed_after_a_day(index):
    keys = ["b" * 64, "c" * 64]
    for key in keys:
        index.save_chunk(key, 0, made_video())
    old = time.time() - ABANDONED_SECONDS - 1
    (index.root / "download.partial").mkdir()  # of a browser
    for name in (f"{keys[0]}.partial", f"{keys[1]}.partial/000000.safetensors", "download.partial"):
        os.utime(index.root / name, (old, old))
    index.save("a", made_video())
    assert files(index) == [
        "a.safetensors", f"{keys[1]}.partial", f"{keys[1]}.partial/000000.safetensors",
        "download.partial",
    ]  # fmt: skip


def test_what_cannot_be_removed_does_not_spoil_a_finished_entry(index, monkeypatch):
    def another_users(*_, **__):
        raise PermissionError(1, "Operation not permitted")

    index.save_chunk("b", 0, made_video())
    left_behind = index.root / ".b.safetensors.x.tmp"
    left_behind.write_bytes(b"half")
    for path in (left_behind, index.root / "b.partial"):
        os.utime(path, (0, 0))
    monkeypatch.setattr(Path, "unlink", another_users)
    monkeypatch.setattr(os, "unlink", another_users)
    monkeypatch.setattr(os, "rmdir", another_users)
    index.save("a", made_video())
    assert same(index.load("a"), made_video())
    assert left_behind.exists()
    assert (index.root / "b.partial").exists()


# Writing


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_entries_and_chunks_are_for_whom_the_umask_says(umask, mode, index):
    before = os.umask(umask)
    try:
        index.save_chunk("b", 0, made_video())
        index.save("a", made_video())
    finally:
        os.umask(before)
    for name in ("a.safetensors", "b.partial/000000.safetensors"):
        assert (index.root / name).stat().st_mode & 0o777 == mode


def test_a_failed_write_leaves_the_old_entry(index, monkeypatch):
    index.save("a", made_video())

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        index.save("a", made_video(seed=1))
    assert same(index.load("a"), made_video())
    assert files(index) == ["a.safetensors"]


def test_an_index_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OutputError, match="NTLBG_CACHE"):
        FeatureIndex(tmp_path / "file" / "index").save("a", made_video())


def test_readers_and_writers_at_once(index):
    """Processes write the same entry and its chunks; a reader sees all of it or nothing."""
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_write_often, args=(index,)) for _ in range(4)]
    for writer in writers:
        writer.start()
    seen = 0
    while any(writer.is_alive() for writer in writers):
        found = index.load("a")
        assert found is None or same(found, made_video(1000))
        seen += found is not None
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert seen
    assert same(index.load("a"), made_video(1000))
    index.save("a", made_video(1000))
    assert files(index) == ["a.safetensors"]


def _write_often(index: FeatureIndex) -> None:
    for number in range(100):
        index.save_chunk("a", number % 3, made_video())
        index.save("a", made_video(1000))


def test_what_is_kept_is_checked():
    video = made_video()
    for features, pts_seconds in [
        (video.features.astype(np.float64), video.pts_seconds),
        (video.features[0], video.pts_seconds),
        (video.features, video.pts_seconds[1:]),
        (video.features, video.pts_seconds.astype(np.float32)),
    ]:
        with pytest.raises(ValueError, match=r"(features|pts_seconds) must"):
            Track(features, pts_seconds)
    for notes in [{"words": np.zeros(4)}, {"features": np.zeros(5)}, {"words": np.float64(1)}]:
        with pytest.raises(ValueError, match="notes need a row per frame"):
            Track(video.features, video.pts_seconds, {}, notes)


# An entry as it was written before: the form of names and files stays.
OLD_KEY = "e34e57880b7e86b866a05996cc2f7207dbdfe92c7916af3c4115dbaed0975097"
OLD_ENTRY = (
    "YAEAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJudGxiZyI6IntcIm1ldGFcIjoge1wiZGFtYWdlZFwiOiBmYWxzZSwgXCJl"
    "bmNvZGVyXCI6IFwiZVwifSwgXCJzaGEyNTZcIjogXCI0MDIzNTYwNTkzNGFjYWFkOTM2MjlhNzU2ZjAyYmYxZjA0YzQx"
    "ZTRjZjJhYzkzZDYxMTgyMWViY2U2OTczODdkXCJ9In0sInB0c19zZWNvbmRzIjp7ImR0eXBlIjoiRjY0Iiwic2hhcGUi"
    "OlszXSwiZGF0YV9vZmZzZXRzIjpbMCwyNF19LCJmZWF0dXJlcyI6eyJkdHlwZSI6IkYzMiIsInNoYXBlIjpbMywyXSwi"
    "ZGF0YV9vZmZzZXRzIjpbMjQsNDhdfSwibiI6eyJkdHlwZSI6IkkxNiIsInNoYXBlIjpbM10sImRhdGFfb2Zmc2V0cyI6"
    "WzQ4LDU0XX19ICAgICAgAAAAAAAAAAAAAAAAAADwPwAAAAAAAABAAAAAAAAAgD8AAABAAABAQAAAgEAAAKBAAAABAAIA"
)


def test_what_was_indexed_before_is_found(tmp_path):
    film, index = tmp_path / "film", FeatureIndex(tmp_path / "index")
    film.write_bytes(b"a film")
    window = {"fps": 1.0, "start": 2.0, "end": 9.5, "max_frames": 7}
    assert index.key(film, fingerprint="weights-1", **window) == OLD_KEY
    index.root.mkdir(exist_ok=True)
    (index.root / f"{OLD_KEY}.safetensors").write_bytes(base64.b64decode(OLD_ENTRY))
    track = index.load(OLD_KEY)
    np.testing.assert_array_equal(track.features, np.arange(6).reshape(3, 2))
    np.testing.assert_array_equal(track.pts_seconds, np.arange(3.0))
    np.testing.assert_array_equal(track.notes["n"], np.arange(3))
    assert track.meta == {"encoder": "e", "damaged": False}


def test_a_pipe_in_the_place_of_an_entry_is_missing(index):
    index.root.mkdir()
    os.mkfifo(index.root / f"{'0' * 64}.safetensors")
    assert index.load("0" * 64) is None
