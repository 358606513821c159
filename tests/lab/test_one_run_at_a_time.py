"""Two runs at once in one folder would both add to its records; the second one is refused."""

import pytest

from ntlbg.errors import OutputError
from ntlbg.json_lines import LOCK_FILE, alone
from ntlbg_lab.compare import compare
from ntlbg_lab.compare.theory import measure_theory
from ntlbg_lab.demo import make_demo
from ntlbg_lab.evaluate.run import evaluate_videos

RUNS = {
    "evaluate": lambda folder: evaluate_videos(folder, kinds=["clip-8"], questions=1),
    "compare": lambda folder: compare(folder, suite="simulated", videos=1),
    "theory": measure_theory,
    "demo": lambda folder: make_demo(folder, minutes=1, streams=()),
}


@pytest.mark.parametrize("name", RUNS)
def test_the_second_run_in_a_folder_is_refused(name, tmp_path):
    with alone(tmp_path / LOCK_FILE):
        with pytest.raises(OutputError, match="another process is writing it"):
            RUNS[name](tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == [LOCK_FILE]
