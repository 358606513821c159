"""Documents beside the README: links lead somewhere, commands run, lists are complete."""

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import get_args

import pytest
import typer.main
import yaml
from typer.testing import CliRunner

import ntlbg
from ntlbg.answerers import kind_of
from ntlbg.answerers.gguf import GGUFOptions
from ntlbg.answerers.openai import OpenAIOptions
from ntlbg.answerers.transformers_options import TransformersOptions
from ntlbg.cli import app
from ntlbg.cli.app import read_model_options, read_options

ROOT = Path(__file__).parents[1]
MODELS = ROOT / "docs" / "models.md"
PAGES = [
    *sorted(ROOT.glob("docs/**/*.md")),
    ROOT / "CONTRIBUTING.md",
    ROOT / "README.md",
    ROOT / "configs" / "README.md",
]


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """Of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", text(page)):
        if link.startswith("https://"):
            continue
        name, _, heading = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not heading or heading in anchors(target), link


@pytest.mark.parametrize("page", ["docs/faq.md", "configs/README.md"])
def test_commands_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    entry = {"name": "mine", "path": "train.jsonl", "weight": 1.0}
    data = {"train_datasets": [entry], "val_datasets": [], "test_datasets": []}
    content = {"dataset_config": data, "model_config": {"base_model": "builtin"}}
    Path("my.json").write_text(json.dumps(content))
    Path("train.jsonl").write_text('{"video": "v.mp4", "question": "Which?", "answer": "owl"}\n')
    shutil.copy(ROOT / "tests/data/video/vfr.mp4", "v.mp4")
    blocks = re.findall(
        r"^ *```bash\n(.*?)^ *```", text(ROOT / page), flags=re.MULTILINE | re.DOTALL
    )
    lines = [line for block in blocks for line in block.splitlines()]
    assert lines
    for line in lines:
        name, *words = shlex.split(line)
        assert name == "ntlbg"
        done = CliRunner().invoke(app, words, catch_exceptions=False)
        assert done.exit_code == 0, f"{line}\n{done.output}"


def test_every_configuration_is_listed():
    listed = set(re.findall(r"\w+\.json", text(ROOT / "configs" / "README.md")))
    assert {path.name for path in ROOT.glob("configs/*.json")} <= listed


def test_every_option_of_a_model_is_explained():
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \|", text(ROOT / "docs" / "models.md"), re.MULTILINE)
    explained = dict(rows)
    fields = TransformersOptions.model_fields
    assert list(fields) == [name for name, _ in rows if name in fields]
    for name, field in fields.items():
        values = [value for part in get_args(field.annotation) for value in (part, *get_args(part))]
        words = [value for value in values if isinstance(value, str)]
        assert all(f"`{word}`" in explained[name] for word in words), name


def sections(page: Path, *headings: str) -> str:
    """Of a page, what is below these headings of the second level."""
    parts = re.split(r"^## (.+)$", text(page), flags=re.MULTILINE)
    found = dict(zip(parts[1::2], parts[2::2]))
    return "\n".join(found[heading] for heading in headings)


@pytest.mark.parametrize(
    ("heading", "options"),
    [("Servers (OpenAI-compatible)", OpenAIOptions), ("GGUF files", GGUFOptions)],
)
def test_every_option_of_a_server_or_a_file_is_explained(heading, options):
    shown = re.findall(r"^\| `(\w+)=([\w.]+)` \|", sections(MODELS, heading), re.MULTILINE)
    assert sorted(name for name, _ in shown) == sorted(options.model_fields)
    given = read_options([f"{name}={value}" for name, value in shown])
    options.model_validate(given)  # the values are accepted
    for name, default in (("timeout", 600), ("retries", 3), ("backoff", 0.5), ("n_ctx", 16384)):
        if name in options.model_fields:
            assert given[name] == options.model_fields[name].default == default


def test_commands_about_models_have_their_options():
    shown = sections(MODELS, "Servers (OpenAI-compatible)", "GGUF files")
    lines = [line for line in shown.splitlines() if line.startswith("ntlbg ")]
    assert lines
    group = typer.main.get_command(app)
    for line in lines:
        _, name, *words = shlex.split(line)
        parsed = group.get_command(None, name).make_context(name, words).params
        assert kind_of(parsed["model"])[0] in ("openai", "gguf")
        read_model_options(parsed["model_option"])


def test_requirements_are_those_of_make_setup():
    lines = [line for line in text(ROOT / "requirements.txt").splitlines() if line[:1] != "#"]
    (setup,) = re.findall(r"pip install --quiet (-c \S+ .* -e lab)$", text(ROOT / "Makefile"), re.M)
    assert " ".join(lines) == setup.replace("'", "")


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load(text(ROOT / "CITATION.cff"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == ntlbg.__version__
    for cited in (citation, *citation["references"]):
        assert {"title", "type", "authors"} <= set(cited)
        for author in cited["authors"]:
            assert set(author) & {"name", "family-names", "alias"}
            assert all(isinstance(value, str) for value in author.values())
