"""How a model of sentence-transformers makes one vector of a sentence, read from its folder.

That library is not needed: its models are models of transformers, with a few small files beside
them that say how tokens are pooled and what is put before a text.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ntlbg.errors import ConfigError
from ntlbg.hub import CONFIG, reason
from ntlbg.text_files import read_json

MODULES = "modules.json"
LENGTHS = "sentence_bert_config.json"
PROMPTS = "config_sentence_transformers.json"
# What is read of a model beside what every model of transformers has; of the hub, too.
BESIDE = re.compile(rf"{MODULES}|{LENGTHS}|{PROMPTS}|[^/]*Pooling/{CONFIG}")

Pooling = Literal["mean", "cls"]
_POOLINGS: dict[str, Pooling] = {
    "mean": "mean", "cls": "cls",
    "pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls",
}  # fmt: skip
# Names under which folders keep what is put before a question and before a passage.
_QUESTION, _PASSAGE = ("query", "question"), ("document", "passage", "corpus")
# Models of E5 want these words, and their files do not say so (their model cards do).
_E5 = re.compile(r"(^|[-/])e5-(small|base|large)(-v2)?(@.*)?$")
_E5_PROMPTS = ("query: ", "passage: ")


@dataclass(frozen=True)
class Recipe:
    """From tokens to a vector; all are brought to unit length, whether the folder says so or not.

    Attributes:
        pooling: "mean" of the tokens, or "cls", the first one.
        max_tokens: longer texts are cut off; None: as the tokenizer says.
        lower_case: capitals are taken away before the tokenizer sees the text.
        question, passage: what is put before each.
    """

    pooling: Pooling = "mean"
    max_tokens: int | None = None
    lower_case: bool = False
    question: str = ""
    passage: str = ""


def read_recipe(folder: Path, name: str) -> Recipe:
    """The recipe in a folder; without ``modules.json`` the mean, as sentence-transformers does.

    Args:
        name: under which the model was asked for.

    Raises:
        ConfigError: a file is damaged, or wants what is not known here.
    """
    pooling = _pooling(folder)
    lengths, prompts = _settings(folder / LENGTHS), _settings(folder / PROMPTS)
    before = _prompts(prompts.get("prompts"), folder / PROMPTS)
    question, passage = (_first(before, names) for names in (_QUESTION, _PASSAGE))
    if not before and _E5.search(name.rstrip("/")):
        question, passage = _E5_PROMPTS
    tokens = lengths.get("max_seq_length")
    if tokens is not None and (type(tokens) is not int or tokens < 1):
        raise ConfigError(f"{folder / LENGTHS}: max_seq_length: got {tokens!r:.80}; give a number")
    return Recipe(
        pooling=_mode(folder, pooling, bool(question or passage)),
        max_tokens=tokens,
        lower_case=bool(lengths.get("do_lower_case", False)),
        question=question,
        passage=passage,
    )


def _pooling(folder: Path) -> dict[str, Any]:
    """Settings of the module that pools; empty where the folder names no modules."""
    modules = _json(folder / MODULES)
    if modules is None:
        return {}
    try:
        kinds = {str(one["type"]).rsplit(".", 1)[-1]: str(one["path"]) for one in modules}
    except (TypeError, KeyError) as error:
        raise ConfigError(f"{folder / MODULES}: lists no modules ({reason(error)})") from error
    others = sorted(kinds.keys() - {"Transformer", "Pooling", "Normalize"})
    if others or "Pooling" not in kinds:
        raise ConfigError(
            f"{folder}: its vectors are made by {', '.join(kinds)}; read here are Transformer, "
            "Pooling and Normalize: take another model of sentence-transformers"
        )
    settings = _settings(folder / kinds["Pooling"] / CONFIG)
    if not settings:
        raise ConfigError(f"{folder}: {kinds['Pooling']}/{CONFIG} is missing; fetch it again")
    return settings


def _mode(folder: Path, settings: dict[str, Any], has_prompts: bool) -> Pooling:
    named = settings.get("pooling_mode", "mean" if not settings else None)
    chosen = [named] if isinstance(named, str) else [
        key for key, value in settings.items() if key.startswith("pooling_mode_") and value is True
    ]  # fmt: skip
    found = {_POOLINGS.get(one) for one in chosen}
    if len(found) != 1 or None in found:
        raise ConfigError(
            f"{folder}: pools its tokens by {', '.join(chosen) or 'nothing'}; read here are mean "
            "and cls: take another model of sentence-transformers"
        )
    if has_prompts and settings.get("include_prompt") is False:
        raise ConfigError(
            f"{folder}: leaves what is put before a text out of its vector, which is not known "
            "here; take another model of sentence-transformers"
        )
    [mode] = found
    assert mode is not None
    return mode


def _prompts(given: Any, path: Path) -> dict[str, str]:
    """What is put before texts, by kinds of texts."""
    if given is None:
        return {}
    if not isinstance(given, dict) or not all(isinstance(one, str) for one in given.values()):
        raise ConfigError(f"{path}: prompts: got {given!r:.80}; give texts by their names")
    return given


def _first(texts: dict[str, str], names: tuple[str, ...]) -> str:
    return next((texts[name] for name in names if texts.get(name)), "")


def _settings(path: Path) -> dict[str, Any]:
    found = _json(path)
    if found is not None and not isinstance(found, dict):
        raise ConfigError(f"{path}: holds no settings; fetch it again")
    return found or {}


def _json(path: Path) -> Any:
    """What a file holds; None where there is none."""
    if not os.path.exists(path):  # nor any path so long that there is none
        return None
    return read_json(path, "a model of sentence-transformers", ConfigError)
