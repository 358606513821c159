"""A few damaged texts of each kind; `make fuzz` reads many more."""

import pytest

import fuzzing_texts
from fuzzing_targets import Target
from fuzzing_texts import TARGETS
from ntlbg.models.builtin import enrolment

# Some seconds for all; what a model's folder or a configuration says takes longer than a list.
COUNTS = dict.fromkeys(TARGETS, 600) | {
    "models": 150, "loaded models": 40, "configurations": 300, "settings": 200,
    "vision-language models": 50, "trained models": 60, "gguf files": 12,
}  # fmt: skip
FOLDERS = ("loaded models", "vision-language models", "trained models")
SEED = 2026


@pytest.fixture(autouse=True)
def own_folder(monkeypatch):
    """A target puts its own in the place of the user's; afterwards it is what it was."""
    monkeypatch.setattr(enrolment, "enrolment_folder", enrolment.enrolment_folder)


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_texts_end_in_a_right_result_or_our_error(name, tmp_path):
    outcomes, problems = fuzzing_texts.run(name, tmp_path, seed=SEED, count=COUNTS[name])
    assert not problems, problems[0]
    assert outcomes.total() == COUNTS[name]
    assert outcomes["read"] > COUNTS[name] / 100  # not all is refused at the door


@pytest.mark.parametrize("name", TARGETS)
def test_whole_files_are_read(name, tmp_path):
    target = TARGETS[name](tmp_path)
    # a folder is read with all its files, whichever of them is put into it
    seeds = {file.split(" ")[0] if name in FOLDERS else file: (file, content)
             for file, content in target.seeds}  # fmt: skip
    for file, content in seeds.values():
        assert fuzzing_texts.attempt(target, tmp_path / file, content) == "read", file


def test_the_same_seed_makes_the_same_inputs(tmp_path):
    target = TARGETS["questions"](tmp_path)
    made = [[fuzzing_texts.mutated(target, seed, n) for n in range(9)] for seed in (3, 3, 4)]
    assert made[0] == made[1] != made[2]


def _odd(path):
    raise RuntimeError("odd")


def _endless(path):
    while True:
        pass


@pytest.mark.parametrize(("read", "said"), [(_odd, "RuntimeError: odd"), (_endless, "no end")])
def test_exceptions_and_hangs_are_noticed(read, said, tmp_path, monkeypatch):
    monkeypatch.setitem(TARGETS, "wrong", lambda folder: Target([("f", b"{}")], read))
    monkeypatch.setattr(fuzzing_texts, "SECONDS", 0.2)
    outcomes, problems = fuzzing_texts.run("wrong", tmp_path, count=1)
    assert outcomes == {"fell": 1}
    assert said in problems[0]
