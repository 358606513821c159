"""A few damaged files; `make fuzz` reads many more."""

import fuzzing
import pytest


def test_damaged_files_end_in_pictures_or_our_errors(tmp_path):
    mutated = fuzzing.mutations(50, seed=1)
    outcomes, problems = fuzzing.run(tmp_path, mutated)
    assert not problems
    assert outcomes["start"] == len(mutated)
    read = sum(times for name, times in outcomes.items() if name.startswith("exact"))
    assert read == len(mutated)
    assert outcomes["exact"] > len(mutated) / 3  # most of them still show something


def test_the_same_seed_makes_the_same_files():
    assert fuzzing.mutations(9, seed=3) == fuzzing.mutations(9, seed=3)
    assert fuzzing.mutations(9, seed=3) != fuzzing.mutations(9, seed=4)


@pytest.mark.parametrize(
    ("code", "seconds", "said"),
    [
        ("import os; os.abort()", 60, "exit code -6"),
        ("raise RuntimeError('odd')", 60, "RuntimeError: odd"),
        ("import time; time.sleep(60)", 1, "no end after"),
    ],
)
def test_crashes_exceptions_and_hangs_are_noticed(tmp_path, monkeypatch, code, seconds, said):
    monkeypatch.setattr(fuzzing, "READ", code)
    monkeypatch.setattr(fuzzing, "SECONDS", seconds)
    _, problems = fuzzing.run(tmp_path, fuzzing.mutations(1, seed=0))
    assert len(problems) == 1
    assert said in problems[0]
