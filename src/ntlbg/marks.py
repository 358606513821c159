"""By what each kind of file that ntlbg writes is known, so that no other file is written over.

A file is known by what it holds, never by its name: by a mark that its writer put where the format
has a place for one, or, for JSON and tensors, by the names of what is in it.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MARK = "written by ntlbg"
HEAD_BYTES = 1 << 16  # every format here has its mark at the beginning
LARGEST_HEADER = 100_000_000  # bytes; the limit of safetensors itself


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        name: for messages, with its article.
        holds: whether an existing file is one; may raise OSError, or an NtlbgError that says
            what is wrong with it.
    """

    name: str
    holds: Callable[[Path], bool]


def marked(name: str, beginning: bytes, mark: str = MARK) -> Kind:
    """Files with these first bytes and the mark soon after; white space may come first."""

    def holds(path: Path) -> bool:
        head = _head(path)
        return head.lstrip().startswith(beginning) and mark.encode() in head

    return Kind(name, holds)


def csv_table(name: str, head: str) -> Kind:
    """CSV files with this first line, its end included."""
    return Kind(name, lambda path: _head(path).startswith(head.encode()))


def json_object(name: str, *keys: str) -> Kind:
    """JSON files with an object that has these keys, and perhaps more."""
    return Kind(name, lambda path: _has(_json(path), keys))


def json_parts(name: str, *titles: str) -> Kind:
    """JSON files with an object that has some of these keys, and no other."""

    def holds(path: Path) -> bool:
        parts = _json(path)
        return isinstance(parts, dict) and parts.keys() <= set(titles)

    return Kind(name, holds)


def json_rows(name: str, *keys: str) -> Kind:
    """JSON files with a list, perhaps empty, of objects that have these keys, and perhaps more."""

    def holds(path: Path) -> bool:
        rows = _json(path)
        return isinstance(rows, list) and all(_has(row, keys) for row in rows)

    return Kind(name, holds)


def json_lines(name: str, *keys: str, where: Callable[[dict], bool] = lambda row: True) -> Kind:
    """Files of JSON lines that all have these keys, and perhaps more, and fulfil a condition."""

    def holds(path: Path) -> bool:
        try:
            rows = [json.loads(line) for line in path.read_bytes().split(b"\n") if line]
        except (ValueError, RecursionError):
            return False
        return all(_has(row, keys) and where(row) for row in rows)

    return Kind(name, holds)


def tensor_file(name: str, *names: str) -> Kind:
    """Safetensors files with these names among their tensors and metadata."""

    def holds(path: Path) -> bool:
        header = tensor_header(path)
        texts = header.get("__metadata__")
        return header.keys() | (texts.keys() if isinstance(texts, dict) else set()) >= set(names)

    return Kind(name, holds)


def of_model(*model_types: str) -> Kind:
    """Files beside a config.json of such a type, which Hugging Face's ``save_pretrained`` wrote."""

    def holds(path: Path) -> bool:
        config = path.parent / "config.json"
        found = _json(config) if config.is_file() else None
        return isinstance(found, dict) and found.get("model_type") in model_types

    return Kind(f"a file of a model of type {model_types[0]}", holds)


def tensor_header(path: Path) -> dict[str, Any]:
    """What a safetensors file says of its tensors; empty where it is no such file."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if size > LARGEST_HEADER or file.read(1) != b"{":
            return {}
        text = b"{" + file.read(size - 1)
    header = _parsed(text)
    return header if isinstance(header, dict) else {}


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def _json(path: Path) -> Any:
    """What a file holds; None for what is no JSON object or list."""
    if not _head(path).lstrip().startswith((b"{", b"[")):
        return None  # a film is not read to its end
    return _parsed(path.read_bytes())


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _has(value: Any, keys: tuple[str, ...]) -> bool:
    return isinstance(value, dict) and value.keys() >= set(keys)


PAGE = marked("a report", b"<!doctype html>", '<meta name="generator" content="ntlbg')
PAGE_BYTES = 20_000  # of the emptiest: its style and its frame, without a picture
JPEG = marked("a picture that ntlbg wrote", b"\xff\xd8\xff")
PNG = marked("a plot that ntlbg drew", b"\x89PNG\r\n\x1a\n")
SVG = marked("a plot that ntlbg drew", b"<?xml")
PLOT = {".png": PNG, ".svg": SVG}
MARKDOWN = marked("tables that ntlbg wrote", f"<!-- {MARK} -->\n".encode())
LATEX = marked("tables that ntlbg wrote", f"% {MARK}\n".encode())
CONFIGURATION = json_object(
    "a configuration with every key",
    "model_name", "video_config", "model_config", "loss_config", "training_config",
    "dataset_config", "hardware_config", "evaluation_config",
)  # fmt: skip


def plots(*names: str) -> dict[str, Kind]:
    """Of the two files of each plot."""
    return {f"{name}{suffix}": kind for name in names for suffix, kind in PLOT.items()}


def as_markdown_file(text: str) -> str:
    """The text of a file that is known again; the mark is not shown."""
    return f"<!-- {MARK} -->\n{text}\n"


def as_latex_file(text: str) -> str:
    """The text of a file that is known again; the mark is a comment."""
    return f"% {MARK}\n{text}\n"
