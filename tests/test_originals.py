"""The page for people who come from the originals names only what is there."""

import contextlib
import importlib
import io
import re
from pathlib import Path

import pytest
import typer
from pydantic import BaseModel

from ntlbg.cli import app
from ntlbg.config import Config
from ntlbg.train.longvu_settings import LongVUTraining

ROOT = Path(__file__).parents[1]
ENGLISH, CHINESE = ROOT / "docs" / "originals.md", ROOT / "docs" / "zh" / "originals.md"
FOLDERS = ("src/", "configs/", "docs/", "scripts/", "experiments/", "benchmarks/")
PLACEHOLDER = re.compile(r"[A-Z]{3,}|\*")  # configs/longvideo_CATEGORY.json, OUT
COMMANDS = typer.main.get_command(app)


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def code_spans(markdown: str) -> list[str]:
    """What stands between backticks, outside of blocks of code."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", markdown, flags=re.DOTALL))


def ours() -> list[str]:
    """Spans of the right columns of all tables."""
    rows = [line for line in text(ENGLISH).splitlines() if line.startswith("| ")]
    return sorted({span for row in rows for span in code_spans(row.split(" | ", 1)[1])})


def found(name: str) -> object:
    """What a dotted name leads to; fails with AttributeError."""
    parts = name.split(".")
    thing = importlib.import_module(parts[0])
    for number, part in enumerate(parts[1:], start=2):
        if not hasattr(thing, part):
            with contextlib.suppress(ModuleNotFoundError):
                importlib.import_module(".".join(parts[:number]))
        thing = getattr(thing, part)
    return thing


NAMES = [span for span in ours() if re.fullmatch(r"ntlbg(\.\w+)+", span)]


@pytest.mark.parametrize("name", NAMES)
def test_modules_classes_and_functions_are_there(name):
    assert found(name) is not None


def test_a_wrong_name_would_be_noticed():
    assert len(NAMES) > 60
    with pytest.raises(AttributeError):
        found("ntlbg.models.NTLBGLLM")


def test_files_are_there():
    words = [word for span in ours() for word in span.split() if word.startswith(FOLDERS)]
    files = {word for word in words if not PLACEHOLDER.search(word)}
    assert len(files) > 30
    assert [name for name in sorted(files) if not (ROOT / name).exists()] == []


def test_commands_and_their_options_are_there():
    spans = [span.split() for span in ours() if span.startswith("ntlbg ")]
    assert len(spans) > 10
    for _, *words in spans:
        command = COMMANDS
        while hasattr(command, "get_command"):
            command = command.get_command(None, words[0])
            assert command, f"ntlbg {words}: no such command"
            words.pop(0)
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, words


def test_targets_of_make_are_there():
    makefile = text(ROOT / "Makefile")
    targets = [span.split()[1] for span in ours() if span.startswith("make ")]
    assert len(targets) > 8
    for target in targets:
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


def test_keys_of_configurations_are_there():
    patterns = {Config: r"[a-z]+_config\.[\w.]+", LongVUTraining: r"(data|geometry|full|lora)\.\w+"}
    for block, pattern in patterns.items():
        keys = [span for span in ours() if re.fullmatch(pattern, span)]
        assert len(keys) > 8
        for key in keys:
            assert has_key(block, key), key


def has_key(block: type[BaseModel], key: str) -> bool:
    for part in key.split("."):
        fields = {field.alias or name: field for name, field in block.model_fields.items()}
        if part not in fields:
            return False
        block = fields[part].annotation
    return True


def test_the_chinese_page_says_the_same():
    assert sorted(code_spans(text(ENGLISH))) == sorted(code_spans(text(CHINESE)))
    rows = [re.findall(r"^\|", text(page), flags=re.MULTILINE) for page in (ENGLISH, CHINESE)]
    assert len(rows[0]) == len(rows[1])


@pytest.mark.parametrize("page", [ENGLISH, CHINESE], ids=["english", "chinese"])
def test_quick_inference_runs(page, tmp_path, monkeypatch):
    from counter_videos import write_video
    from longvu_models import tiny_longvu_processor, tiny_model

    tiny_model(context_length=600).save_pretrained(tmp_path / "longvu-7b")
    tiny_longvu_processor().save_pretrained(tmp_path / "longvu-7b")
    write_video(tmp_path / "film.mp4", count=12, fps=4, size=(54, 96))
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", text(page), flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            exec(compile(block, page.name, "exec"), {})
        assert shown.getvalue().endswith("\n")
