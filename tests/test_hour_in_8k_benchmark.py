"""``benchmarks/hour_in_8k.py``: each way reads as many tokens, of more frames where compressed."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def hour(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    import hour_in_8k

    return hour_in_8k


@pytest.mark.slow
def test_tiny_sizes_are_measured_by_the_same_code(hour, capsys):
    assert hour.main(["--tiny", "--rounds", "1", "--keep", "0.25", "0.2"]) == 0
    head, _, names, _, *lines = capsys.readouterr().out.splitlines()
    assert "256 frames" in head
    rows = {line.split(" | ")[0].strip("| "): line.split(" | ") for line in lines}
    assert list(rows) == ["uniform", "longvu, 0.25", "vidcom2, 0.25", "longvu, 0.2", "vidcom2, 0.2"]
    assert all(line.count("|") == names.count("|") for line in lines)
    wanted = {"uniform": (16, 256), "0.25": (64, 1024), "0.2": (80, 1280)}
    for name, row in rows.items():
        assert int(row[3]) == 256  # the whole cap
        assert (int(row[1]), int(row[4])) == wanted[name.split(", ")[-1]]
        assert min(float(row[6]), float(row[7])) > 0
    assert rows["uniform"][9].strip(" |") == "1.00"
    assert rows["uniform"][2] == "16 to 16"
    least, most = map(int, rows["longvu, 0.2"][2].split(" to "))
    assert least < most <= 16


@pytest.mark.slow
def test_other_tokens_than_uniforms_are_no_comparison(hour):
    """30 % of 53 frames are 255 tokens, and of 54 more than the cap."""
    with pytest.raises(AssertionError, match=r"\[256, 255, 255\]"):
        hour.main(["--tiny", "--rounds", "1", "--keep", "0.3"])
