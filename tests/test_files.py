import errno
import os
import resource
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors import SafetensorError
from safetensors.numpy import load, save_file

from ntlbg import files as outputs
from ntlbg import marks, scratch
from ntlbg.errors import DataError, OutputError
from ntlbg.files import ANY, check_folder, check_output, keep_json, remove_own
from ntlbg.marks import JPEG, PAGE, Kind, json_object

TEXT = Kind("a text of ours", lambda path: path.read_bytes().startswith(b"ours"))


def staged_directory(folder, kinds=None, **how):
    return outputs.staged_directory(folder, kinds or {ANY: TEXT}, **how)


def staged_file(path, kind=TEXT, **how):
    return outputs.staged_file(path, kind, **how)


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
    (tmp_path / "one.txt").write_text("ours, old")
    (tmp_path / "mine.txt").write_text("mine")
    with staged_directory(tmp_path) as stage:
        (stage / "one.txt").write_text("ours, new")
        assert (tmp_path / "one.txt").read_text() == "ours, old"
    assert (tmp_path / "one.txt").read_text() == "ours, new"
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
        pytest.raises(OutputError, match="is a folder; name a file"),
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
        check_folder(tmp_path / "file" / below, {})


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="Permission denied"):
        check_folder(tmp_path / "new", {})
    tmp_path.chmod(0o700)


def test_a_single_file(tmp_path):
    with staged_file(tmp_path / "new" / "one.txt") as stage:
        stage.write_text("1")
    assert (tmp_path / "new" / "one.txt").read_text() == "1"
    assert names(tmp_path / "new") == ["one.txt"]


def test_checking_leaves_nothing_behind(tmp_path):
    check_folder(tmp_path / "a" / "b", {})
    assert names(tmp_path) == []


def test_what_is_kept_is_written_once_and_then_stays(tmp_path):
    path = tmp_path / "new" / "settings.json"
    assert keep_json(path, {"seed": 1}) == {"seed": 1}
    assert keep_json(path, {"seed": 2}) == {"seed": 1}
    path.write_text("{")
    with pytest.raises(DataError, match=r"settings\.json:1: not JSON .*choose another folder"):
        keep_json(path, {"seed": 1})
    assert path.read_text() == "{"
    path.write_text("[]")
    with pytest.raises(DataError, match="holds no settings"):
        keep_json(path, {"seed": 1})


# What is not replaced


def write(folder, *files, meanwhile=lambda: None):
    with staged_directory(folder) as stage:
        for name in files:
            (stage / name).write_text("ours")
        meanwhile()


def put(kind, path):
    """Something that is not ours; returns how to see that it is still what it was."""
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(path))
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_text("mine")
    return lambda: (path.lstat().st_ino, path.is_file() and path.read_text())


@pytest.mark.parametrize("kind", ["fifo", "socket", "folder", "notes"])
@pytest.mark.parametrize("through", ["itself", "link", "link to a link"])
def test_what_is_not_ours_stays(tmp_path, kind, through):
    place = tmp_path / "out" / "one.txt"
    place.parent.mkdir()
    target = place if through == "itself" else tmp_path / "target"
    seen = put(kind, target)
    if through == "link":
        place.symlink_to("../target")
    if through == "link to a link":
        (tmp_path / "between").symlink_to("target")
        place.symlink_to("../between")
    before, link = seen(), place.is_symlink()
    with pytest.raises(OutputError):
        write(place.parent, "one.txt", "a.txt")
    with pytest.raises(OutputError):
        check_folder(place.parent, {"one.txt": TEXT})
    with pytest.raises(OutputError), staged_file(place) as stage:
        stage.write_text("ours")
    with pytest.raises(OutputError):
        check_output(place, TEXT)
    assert (seen(), place.is_symlink()) == (before, link)
    assert names(place.parent) == ["one.txt"]  # all or nothing


def test_an_error_says_what_is_there_and_what_to_do(tmp_path):
    (tmp_path / "one.txt").write_text("mine")
    told = r"one\.txt: holds something else than a text of ours.*choose another place, or remove it"
    with pytest.raises(OutputError, match=told):
        check_output(tmp_path / "one.txt", TEXT)


def test_an_empty_file_may_be_replaced(tmp_path):
    (tmp_path / "one.txt").touch()
    with staged_file(tmp_path / "one.txt") as stage:
        stage.write_text("ours")
    assert (tmp_path / "one.txt").read_text() == "ours"


def test_what_appears_during_the_work_stays(tmp_path):
    place = tmp_path / "one.txt"
    with pytest.raises(OutputError, match="holds something else"):
        write(tmp_path, "one.txt", meanwhile=lambda: place.write_text("mine"))
    assert (tmp_path / "one.txt").read_text() == "mine"
    assert names(tmp_path) == ["one.txt"]


@pytest.mark.parametrize("through", ["itself", "link", "hard link", "relative"])
def test_an_input_is_never_an_output(tmp_path, monkeypatch, through):
    given, out = tmp_path / "given", tmp_path / "out"
    given.write_text("ours, so that only this rule is in the way")
    if through == "link":
        out.symlink_to(given)
    elif through == "hard link":
        os.link(given, out)
    else:
        out = {"itself": given, "relative": Path("../") / tmp_path.name / "given"}[through]
    monkeypatch.chdir(tmp_path)
    for how in (staged_file, check_output):
        with pytest.raises(OutputError, match="is an input of this command"):
            how(out, TEXT, inputs=[None, given]).__enter__()
    folder = out.parent
    for kinds in ({out.name: TEXT}, {ANY: TEXT}):
        refused = pytest.raises(OutputError, match="is an input of this command")
        with refused, staged_directory(folder, kinds, inputs=[given]) as stage:
            (stage / out.name).write_text("ours")
    with pytest.raises(OutputError, match="is an input of this command"):
        check_folder(folder, {}, inputs=[folder.absolute()])
    assert given.read_text() == "ours, so that only this rule is in the way"


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("how", ["file", "folder"])
def test_links_are_followed_and_stay(tmp_path, there, how):
    target = tmp_path / "elsewhere" / "target"
    target.parent.mkdir()
    if there:
        target.write_text("ours, old")
    link = tmp_path / "out" / "one.txt"
    link.parent.mkdir()
    link.symlink_to("../elsewhere/target")
    if how == "file":
        with staged_file(link) as stage:
            stage.write_text("ours, new")
    else:
        with staged_directory(link.parent) as stage:
            (stage / "one.txt").write_text("ours, new")
    assert link.is_symlink()
    assert target.read_text() == "ours, new"
    assert (names(link.parent), names(target.parent)) == (["one.txt"], ["target"])


def test_a_pipe_that_is_read_is_written_into(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    check_output(pipe, TEXT, stream=True)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with staged_file(pipe, stream=True) as stage:
            stage.write_text("ours")
        assert os.read(reader, 100) == b"ours"
    finally:
        os.close(reader)
    unread = pytest.raises(OutputError, match="pipe: cannot be written")
    with unread, staged_file(pipe, stream=True) as stage:
        stage.write_text("ours")
    assert pipe.is_fifo()


def test_a_character_device_is_written_into(tmp_path):
    controller, device = os.openpty()  # a terminal of our own
    try:
        place = tmp_path / "terminal"
        place.symlink_to(os.ttyname(device))
        check_output(place, TEXT, stream=True)
        with staged_file(place, stream=True) as stage:
            stage.write_text("ours")
        assert os.read(controller, 100) == b"ours"
        assert place.is_char_device()
    finally:
        os.close(controller)
        os.close(device)


def test_where_the_command_prints_is_not_replaced(tmp_path):
    out = tmp_path / "out"
    code = (
        "from ntlbg.errors import OutputError\n"
        "from ntlbg.marks import PAGE\n"
        "from ntlbg.files import check_output\n"
        "try: check_output('/dev/stdout', PAGE)\n"
        "except OutputError as error: print(error)"
    )
    with out.open("w") as file:
        subprocess.run([sys.executable, "-c", code], stdout=file, check=True)
    assert "is where this command prints" in out.read_text()


def test_earlier_files_of_a_pattern_make_way_if_they_are_ours(tmp_path):
    for name in ("f1", "f2", "g1"):
        (tmp_path / name).write_text("ours")
    with staged_directory(tmp_path, {"f*": TEXT}, anew="f*") as stage:
        (stage / "f1").write_text("ours")
        (tmp_path / "f3").write_text("mine")
        (tmp_path / "f4").mkdir()
    assert names(tmp_path) == ["f1", "f3", "f4", "g1"]


def test_removing_asks_too(tmp_path):
    own, other = tmp_path / "own", tmp_path / "other"
    own.write_text("ours")
    other.write_text("mine")
    assert remove_own(own, TEXT)
    assert not remove_own(own, TEXT)
    with pytest.raises(OutputError, match="holds something else"):
        remove_own(other, TEXT)
    assert names(tmp_path) == ["other"]


@pytest.mark.parametrize("name", ["x" * 256, "x/" * 3000 + "x", "nul\0"])
def test_names_that_no_system_takes_end_in_one_line(tmp_path, name):
    for asked in (check_output, staged_file):
        with pytest.raises(OutputError, match="cannot be written"):
            asked(tmp_path / name, TEXT).__enter__()
    with pytest.raises(OutputError, match="cannot be written"):
        check_folder(tmp_path / name, {})
    assert names(tmp_path) == []


# Other processes

KILLED = """
import os, signal, sys
from ntlbg.marks import PAGE
from ntlbg.files import staged_file
with staged_file(sys.argv[1], PAGE) as stage:
    stage.write_text("half")
    print("writing", flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_process_left_goes_and_what_a_living_one_has_stays(tmp_path):
    command = [sys.executable, "-c", KILLED, str(tmp_path / "page.html")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as dead, subprocess.Popen(command, **pipes) as living:
        assert dead.stdout.readline() == living.stdout.readline() == b"writing\n"
        assert len(names(tmp_path)) == 2  # each has its own
        dead.kill()
        dead.wait()
        check_folder(tmp_path, {})
        [left] = tmp_path.iterdir()
        assert [path.read_text() for path in left.iterdir()] == ["half"]
        living.communicate(b"")
    assert names(tmp_path) == ["page.html"]
    (tmp_path / f"{scratch.PREFIX}mine").write_text("a file of that name is no folder of ours")
    check_folder(tmp_path, {})
    assert names(tmp_path) == [f"{scratch.PREFIX}mine", "page.html"]


# Kinds


@pytest.mark.parametrize(
    ("kind", "content", "ours"),
    [
        (PAGE, b'\n<!doctype html><meta name="generator" content="ntlbg 1.0">', True),
        (PAGE, b"<!doctype html><p>written by ntlbg", False),
        (PAGE, b"notes about <meta name=generator content=ntlbg>", False),
        (JPEG, b"\xff\xd8\xff a camera's picture", False),
        (json_object("x", "a", "b"), b'{"a": 1, "b": 2, "c": 3}', True),
        (json_object("x", "a", "b"), b'{"a": 1}', False),
        (json_object("x", "a"), b'[{"a": 1}]', False),
        (json_object("x", "a"), b'{"a": 1', False),
        (json_object("x", "a"), b"[" * 100_000, False),
        (marks.json_rows("x", "a"), b'[{"a": 1}, {"a": 2}]', True),
        (marks.json_rows("x", "a"), b'[{"a": 1}, {"b": 2}]', False),
        (marks.json_lines("x", "a"), b'{"a": 1}\n{"a": 2}\n', True),
        (marks.json_lines("x", "a"), b'{"a": 1}\nmine\n', False),
        (marks.json_parts("x", "a", "b"), b'{"a": 1}', True),
        (marks.json_parts("x", "a", "b"), b'{"c": 1}', False),
        (marks.csv_table("x", "a,b\n"), b"a,b\n1,2\n", True),
        (marks.csv_table("x", "a,b\n"), b"a,b,c\n1,2,3\n", False),
        (marks.MARKDOWN, marks.as_markdown_file("|a|").encode(), True),
        (marks.MARKDOWN, b"|a|\n", False),
        (marks.LATEX, marks.as_latex_file("a & b").encode(), True),
        (marks.tensor_file("x", "a"), b"\xff" * 100, False),
        (marks.tensor_file("x", "a"), b"\x02\0\0\0\0\0\0\0[]", False),
        (marks.tensor_file("x", "a"), b"\x02\0\0\0\0\0\0\0{}", False),
    ],
)
def test_kinds_are_known_by_what_files_hold(tmp_path, kind, content, ours):
    path = tmp_path / "file"
    path.write_bytes(content)
    assert kind.holds(path) is ours


def test_tensors_are_known_by_their_names(tmp_path):
    save_file({"a": np.zeros(2)}, tmp_path / "x", metadata={"b": "c"})
    assert marks.tensor_file("x", "a", "b").holds(tmp_path / "x")
    assert not marks.tensor_file("x", "a", "c").holds(tmp_path / "x")
