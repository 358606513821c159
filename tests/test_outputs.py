import errno
import os
import resource
from pathlib import Path

import numpy as np
import pytest
from safetensors import SafetensorError
from safetensors.numpy import load, save_file

from ntlbg.errors import DataError, OutputError
from ntlbg.outputs import check_writable, keep_json, staged_directory, staged_file


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def fail_while_writing(folder, error):
    with staged_directory(folder) as stage:
        (stage / "one.txt").write_text("half")
        raise error


def test_files_appear_when_all_is_done(tmp_path):
    out = tmp_path / "a" / "b"
    with staged_directory(out) as stage:
        (stage / "one.txt").write_text("1")
        assert names(out) == [stage.name]
    assert names(out) == ["one.txt"]


def test_existing_files_are_replaced_and_others_stay(tmp_path):
    (tmp_path / "one.txt").write_text("old")
    (tmp_path / "mine.txt").write_text("mine")
    with staged_directory(tmp_path) as stage:
        (stage / "one.txt").write_text("new")
        assert (tmp_path / "one.txt").read_text() == "old"
    assert (tmp_path / "one.txt").read_text() == "new"
    assert names(tmp_path) == ["mine.txt", "one.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_nothing_is_left_of_a_failure(tmp_path, error):
    with pytest.raises(error):
        fail_while_writing(tmp_path / "a" / "b", error)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "No such file or directory", "elsewhere/missing.txt"),
        PermissionError(errno.EACCES, "Permission denied", b"/elsewhere"),
        OSError(errno.EMFILE, "Too many open files"),
        OSError("a library's own complaint"),
    ],
)
def test_errors_about_something_else_stay_what_they_are(tmp_path, error):
    with pytest.raises(OSError) as caught:  # noqa: PT011  (which one is asked below)
        fail_while_writing(tmp_path / "out", error)
    assert caught.value is error
    assert names(tmp_path) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES])
def test_a_full_disk_names_no_file(tmp_path, number):
    with pytest.raises(OutputError, match=f"out: cannot be written .{os.strerror(number)}"):
        fail_while_writing(tmp_path / "out", OSError(number, os.strerror(number)))


@pytest.fixture
def small_files():
    """No file may grow over a megabyte."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_tensors_that_do_not_fit_are_about_writing(tmp_path, small_files):
    refused = pytest.raises(OutputError, match=r"tensors: cannot be written \(.*too large")
    with refused, staged_file(tmp_path / "tensors" / "a.safetensors") as stage:
        save_file({"a": np.zeros(2**20)}, stage)
    assert names(tmp_path) == []


def test_tensors_that_cannot_be_read_are_not(tmp_path):
    with pytest.raises(SafetensorError, match="deserializing"), staged_directory(tmp_path / "out"):
        load(b"none")


@pytest.mark.parametrize("place", [str, os.fsencode])
@pytest.mark.parametrize("folder", ["out", "../{here}/out", "link"])
def test_errors_about_files_in_the_folder_are_about_writing(tmp_path, monkeypatch, folder, place):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "link").symlink_to("out")
    folder = Path(folder.format(here=tmp_path.name))
    with pytest.raises(OutputError, match="Input/output error"), staged_directory(folder) as stage:
        raise OSError(errno.EIO, "Input/output error", place(stage / "one.txt"))
    with pytest.raises(OutputError, match="No such file"), staged_directory(folder) as stage:
        (stage / "missing" / "one.txt").write_text("1")


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path):
    (tmp_path / "one.txt").mkdir()
    with (
        pytest.raises(OutputError, match="cannot be written"),
        staged_file(tmp_path / "one.txt") as stage,
    ):
        stage.write_text("1")


def test_failure_keeps_what_was_there(tmp_path):
    (tmp_path / "one.txt").write_text("old")
    with pytest.raises(ValueError, match="stop"):
        fail_while_writing(tmp_path, ValueError("stop"))
    assert (tmp_path / "one.txt").read_text() == "old"
    assert names(tmp_path) == ["one.txt"]


@pytest.mark.parametrize("below", ["", "deeper/still"])
def test_a_file_in_the_way_is_named(tmp_path, below):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"file.*cannot be written.*choose another folder"):
        check_writable(tmp_path / "file" / below)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="Permission denied"):
        check_writable(tmp_path / "new")
    tmp_path.chmod(0o700)


def test_a_single_file(tmp_path):
    with staged_file(tmp_path / "new" / "one.txt") as stage:
        stage.write_text("1")
    assert (tmp_path / "new" / "one.txt").read_text() == "1"
    assert names(tmp_path / "new") == ["one.txt"]


def test_checking_leaves_nothing_behind(tmp_path):
    check_writable(tmp_path / "a" / "b")
    assert names(tmp_path) == []


def test_what_is_kept_is_written_once_and_then_stays(tmp_path):
    path = tmp_path / "new" / "settings.json"
    assert keep_json(path, {"seed": 1}) == {"seed": 1}
    assert keep_json(path, {"seed": 2}) == {"seed": 1}
    path.write_text("{")
    with pytest.raises(DataError, match=r"settings\.json: not JSON .*choose another folder"):
        keep_json(path, {"seed": 1})
    assert path.read_text() == "{"
