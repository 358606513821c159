"""Records in a file: what a killed run left is gone on from, what is not ours stays as it is."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from ntlbg.errors import DataError, OutputError
from ntlbg.files import check_folder
from ntlbg.json_lines import RecordFile, alone, alone_in, read_records

WHAT = "lengths and names"


@dataclass(frozen=True)
class Length:
    table: str
    metres: float | None


@dataclass(frozen=True)
class Name:
    table: str
    first: str
    last: str


BOTH = {"length": Length, "name": Name}
RECORDS = [Length("length", 1.5e-12), Name("name", "Ada", 'Love"lace'), Length("length", None)]


def test_records_of_several_kinds_come_back(tmp_path):
    kept = RecordFile(tmp_path / "x", BOTH, WHAT)
    assert kept.records == []
    assert not kept.path.exists()  # until something is added
    kept.add(RECORDS[:1])
    kept.add(RECORDS[1:])
    assert RecordFile(kept.path, BOTH, WHAT).records == kept.records == RECORDS
    lines = [json.loads(line) for line in kept.path.read_text().splitlines()]
    assert lines[1] == {"table": "name", "first": "Ada", "last": 'Love"lace'}


def test_whatever_was_torn_off_is_written_again(tmp_path):
    path = tmp_path / "x"
    RecordFile(path, BOTH, WHAT).add(RECORDS)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        kept = RecordFile(path, BOTH, WHAT)
        assert kept.records == RECORDS[: whole[:length].count(b"\n")]
        kept.add(RECORDS[len(kept.records) :])
        assert path.read_bytes() == whole


def test_blocks_that_are_not_whole_are_dropped_from_the_file(tmp_path):
    path = tmp_path / "x"
    RecordFile(path, Length, WHAT).add([Length("a", 1), Length("b", 2), Length("a", 3)])
    kept = RecordFile(path, Length, WHAT, lambda found: [one for one in found if one.table == "a"])
    assert kept.records == [Length("a", 1), Length("a", 3)]
    assert read_records(path, Length, WHAT) == (kept.records, False)


@pytest.mark.parametrize(
    "content",
    ["mine\n", "[]\n", "{}\n", '{"table": "other"}\n', '{"table": "name"}\n', "mine",
     '{"first": "A', '{"table": "length", "metres": 1, "feet": '],
)  # fmt: skip
def test_what_is_not_ours_stays(tmp_path, content):
    path = tmp_path / "x"
    path.write_text(content)
    with pytest.raises(DataError, match=f"not {WHAT} .*choose another place"):
        RecordFile(path, BOTH, WHAT)
    assert path.read_text() == content


def test_two_processes_do_not_add_to_one_file(tmp_path):
    path = tmp_path / "x"
    with (
        alone(path),
        pytest.raises(OutputError, match="another process is writing it"),
        alone(path),
    ):
        pass
    assert not path.exists()  # nothing was added


@pytest.mark.parametrize("first", [alone_in, lambda folder: alone(folder.with_name("x"))])
def test_a_folder_that_others_take_back_is_made_again(tmp_path, first):
    """Each takes its empty folder back, perhaps just when the other has found it."""
    folder = tmp_path / "run"

    def look(_):
        check_folder(folder, {})

    def work(_):
        with first(folder):
            pass

    with ThreadPoolExecutor(1) as looking, ThreadPoolExecutor(1) as working:
        looks, works = looking.map(look, range(1000)), working.map(work, range(1000))
        assert len([*looks, *works]) == 2000


def test_of_many_that_want_a_file_one_has_it(tmp_path):
    """The one before removes the file that others have opened already."""
    path, inside = tmp_path / "x", []

    def work(number):
        try:
            with alone(path):
                inside.append(number)
                alone_there = inside == [number]
                inside.remove(number)
                return alone_there
        except OutputError:
            return True  # another has it

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4000)))
