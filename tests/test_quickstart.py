"""The quick starts as they are printed: ours in the README, and that of the original project."""

import json
import re
import runpy
import shlex
import shutil
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ntlbg.cli import app
from ntlbg.config import load_config

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINES = re.findall(r"^python (scripts/.*)$", README, flags=re.MULTILINE)
# As the original project prints them.
ORIGINAL = (
    "scripts/longvideo_config_manager.py --action generate --category long --gpu A100_40GB",
    "scripts/train_ntlbg.py --config configs/longvideo_config.json",
    "scripts/demo.py --config configs/longvideo_config.json",
)


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run a printed line in a folder with the configurations; returns exit code and all it said."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    monkeypatch.chdir(tmp_path)

    def run_line(line: str, *more: str) -> tuple[int, str]:
        script, *flags = shlex.split(line)
        monkeypatch.setattr(sys, "argv", [script, *flags, *more])
        with pytest.raises(SystemExit) as left:
            runpy.run_path(str(ROOT / script), run_name="__main__")
        said = capsys.readouterr()
        return int(left.value.code or 0), said.out + said.err

    return run_line


def test_three_lines_generate_train_and_show(run, tmp_path):
    """With fewer films and steps."""
    made = CliRunner().invoke(app, shlex.split("haystack data --dataset --videos 2 --minutes 0.2"))
    assert made.exit_code == 0, made.output
    shipped = json.loads(Path("configs/quickstart.json").read_text())
    shipped["training_config"] |= {"max_steps": 3, "warmup_steps": 0, "batch_size": 1}
    Path("configs/quickstart.json").write_text(json.dumps(shipped))
    generate, train, show = LINES

    code, said = run(generate)
    assert (code, "configs/generated_quickstart.json" in said) == (0, True), said
    code, said = run(train)
    assert (code, "ntlbg ask VIDEO QUESTION --model results/quickstart" in said) == (0, True), said
    code, said = run(show, "--minutes", "1", "--pictures_only")
    assert code == 0, said
    assert "the model is what training left in results/quickstart" in said
    assert "quickstart" in (tmp_path / "results" / "demo" / "report.html").read_text()


def test_the_lines_of_the_original_say_what_they_wrote_what_is_missing_and_what_is_shown(
    run, tmp_path
):
    generate, train, show = ORIGINAL
    code, said = run(generate)
    assert code == 0
    assert "configs/longvideo_long.json" in said
    assert load_config("configs/longvideo_long.json").hardware_config.gpu_type == "A100_40GB"
    code, said = run(train)
    assert code == 2
    [error] = [line for line in said.splitlines() if line.startswith("error:")]
    for missing in ("data", "weights", "configs/quickstart.json"):
        assert missing in error
    code, said = run(show, "--minutes", "1", "--pictures_only", "--save_plots")
    assert code == 0, said
    assert "nothing was trained there yet; this is the built-in model" in said
    assert list((tmp_path / "results" / "demo" / "plots").glob("*.png"))


def test_the_shipped_quickstart_is_for_the_data_that_make_data_makes():
    config = load_config(ROOT / "configs" / "quickstart.json")
    sets = config.dataset_config
    entries = [*sets.train_datasets, *sets.val_datasets, *sets.test_datasets]
    assert [entry.path for entry in entries] == [
        f"data/{n}.jsonl" for n in ("train", "val", "test")
    ]
    assert config.hardware_config.mixed_precision == "no"
    makefile = (ROOT / "Makefile").read_text()
    assert "ntlbg haystack data --dataset" in makefile
    assert set(re.findall(r"configs/[a-z_]+\.json", makefile)) >= {"configs/quickstart.json"}
