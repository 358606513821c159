"""Results survive being killed at any byte, and never mix with others."""

import json

import pytest

from ntlbg.errors import ConfigError, DataError
from ntlbg_lab.compare.records import ComparisonStore, SelectorResult

SETTINGS = {"suite": "haystack", "seed": 0, "questions": 2}


def block(video, selector="uniform", num_frames=4):
    return [
        SelectorResult(
            video, question, "first", selector, num_frames, [1, 2], {"recall": 0.5, "x": None}
        )
        for question in range(2)
    ]


def test_results_come_back(tmp_path):
    records = ComparisonStore(tmp_path, SETTINGS)
    records.add(block(0))
    records.add(block(1, "top_k"))
    again = ComparisonStore(tmp_path, SETTINGS)
    assert again.records == records.records == block(0) + block(1, "top_k")
    assert again.done == {(0, "uniform", 4), (1, "top_k", 4)}


def test_a_run_killed_at_any_byte_loses_the_last_block_at_most(tmp_path):
    ComparisonStore(tmp_path, SETTINGS).add(block(0))
    path = tmp_path / "results.jsonl"
    first = path.stat().st_size
    ComparisonStore(tmp_path, SETTINGS).add(block(1))
    whole = path.read_bytes()
    for size in (*range(first, len(whole), 9), len(whole) - 1):
        path.write_bytes(whole[:size])
        records = ComparisonStore(tmp_path, SETTINGS)
        assert records.records == block(0)
        records.add(block(1))  # goes on where it was, on a line of its own
        assert ComparisonStore(tmp_path, SETTINGS).records == block(0) + block(1)


@pytest.mark.parametrize("changes", [{"seed": 1}, {"minutes": 5}, {"suite": "simulated"}])
def test_other_settings_are_refused_and_named(tmp_path, changes):
    ComparisonStore(tmp_path, SETTINGS).add(block(0))
    with pytest.raises(ConfigError, match=f"{next(iter(changes))}.*choose another folder"):
        ComparisonStore(tmp_path, SETTINGS | changes)
    assert ComparisonStore(tmp_path, SETTINGS).records == block(0)


@pytest.mark.parametrize("line", ["{}", "[1]", "nothing", '{"video": 1}'])
def test_a_foreign_file_is_refused_and_kept(tmp_path, line):
    path = tmp_path / "results.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(DataError, match=r"results\.jsonl: not results of a comparison"):
        ComparisonStore(tmp_path, SETTINGS)
    assert path.read_text() == line + "\n"


def test_damaged_settings_are_named(tmp_path):
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(DataError, match=r"settings\.json:1: not JSON"):
        ComparisonStore(tmp_path, SETTINGS)


def test_every_line_is_json(tmp_path):
    ComparisonStore(tmp_path, SETTINGS).add(block(0))
    lines = (tmp_path / "results.jsonl").read_text().splitlines()
    assert [json.loads(line)["question"] for line in lines] == [0, 1]
