"""Reading a configuration file, and changing keys of one; every complaint names the key."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ntlbg.config.derive import DEFAULTS, Say, agree
from ntlbg.config.schema import Config
from ntlbg.errors import ConfigError
from ntlbg.text_files import as_whole_number, is_json, parse_json, read_text

Schema = TypeVar("Schema", bound=BaseModel)
# Files without the key `recipe` tell theirs by another key.
TOLD_BY = {"stages": "builtin", "model_type": "longvu"}
# a string, which is left alone, or a comment to the end of its line
_STRING_OR_COMMENT = re.compile(r'"(?:\\.|[^"\\\r\n])*"|(?://|#)[^\r\n]*')


def load_config(
    path: str | Path,
    overrides: Iterable[str] = (),
    say: Say | None = None,
) -> Config:
    """Read and check a configuration file. Keys left out keep their defaults.

    Comments go from ``//`` or ``#`` to the end of the line. Of keys that say one thing, such as the
    three that name the number format, one that was changed decides
    (:func:`ntlbg.config.derive.agree`).

    Args:
        overrides: ``path.to.key=value`` each, put in place before the check. A value is JSON, or
            else a string.
        say: told which keys followed another one.

    Raises:
        ConfigError: one line with the file, path.to.key, the value given and what is allowed.
    """
    content = read_content(path)
    if recipe_named(content) != "ntlbg":
        raise ConfigError(f"{path}: is a configuration of its own kind, for `ntlbg train` alone")
    return settings_in(content, Config, str(path), overrides, say)


def settings_in(
    content: Any,
    schema: type[Schema],
    where: str,
    overrides: Iterable[str] = (),
    say: Say | None = None,
) -> Schema:
    """As :func:`load_config`, of what a file says; ``schema`` is that of its recipe."""
    config = _checked(content, where, schema, say=say)
    changes = dict(parsed_override(override) for override in overrides)
    return changed(config, changes, f"{where} with --set", say) if changes else config


def read_content(path: str | Path) -> Any:
    """What a configuration file says, not checked yet.

    Raises:
        ConfigError: the file is not there, or not JSON.
    """
    text = read_text(path, "a configuration file", ConfigError)
    return parse_json(without_comments(text), path, ConfigError)


def recipe_named(content: Any) -> Any:
    """The recipe that a file is for, by its key ``recipe``, or else by what else is in it."""
    if not isinstance(content, dict):
        return "ntlbg"
    told = (recipe for key, recipe in TOLD_BY.items() if key in content)
    return content.get("recipe", next(told, "ntlbg"))


def without_comments(text: str) -> str:
    """The same JSON with spaces in the place of comments, so that lines and columns stay."""
    return _STRING_OR_COMMENT.sub(
        lambda found: found[0] if found[0][0] == '"' else " " * len(found[0]), text
    )


def changed(
    config: Schema,
    changes: Mapping[str, Any],
    where: str = "configuration",
    say: Say | None = None,
) -> Schema:
    """A new configuration in which the keys at ``path.to.key`` have other values.

    A number in a path counts the elements of a list, from 0. Where one of several keys that say one
    thing changes, the others follow, and ``say`` is told.

    Raises:
        ConfigError: no such key, or a value that is not allowed there.
    """
    content, before = (config.model_dump(by_alias=True, mode="json") for _ in range(2))
    for path, value in changes.items():
        _put(content, path, value, where)
    return _checked(content, where, type(config), changes, before, say)


def to_json(config: Config) -> str:
    """The whole configuration as the text of a file, every key included."""
    return config.model_dump_json(by_alias=True, indent=2) + "\n"


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a configuration file, for editors and other programs."""
    draft = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": draft, **Config.model_json_schema(by_alias=True)}


def _checked(
    content: Any,
    where: str,
    schema: type[Schema],
    named: Iterable[str] | None = None,
    before: dict[str, Any] = DEFAULTS,
    say: Say | None = None,
) -> Schema:
    try:
        if schema is Config and isinstance(content, dict):
            agree(content, named, before, say)
        return schema.model_validate_json(json.dumps(content))
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error
    except ValidationError as error:
        first, *others = error.errors(include_url=False)
        more = ""
        if others:
            places = ", ".join(_place(problem["loc"]) for problem in others)
            more = f" (and {len(others)} more: {places})"
        raise ConfigError(f"{where}: {_explain(first, schema)}{more}") from error


def parsed_override(override: str) -> tuple[str, Any]:
    """``path.to.key=value`` -> path and value."""
    path, equals, value = override.partition("=")
    if not equals or not path.strip():
        raise ConfigError(f"--set {override}: write path.to.key=value")
    if not is_json(value):
        return path.strip(), value
    return path.strip(), parse_json(value, f"--set {path.strip()}", ConfigError, line=None)


def _put(content: dict[str, Any], path: str, value: Any, where: str) -> None:
    *parents, last = path.split(".")
    block: Any = content
    for number, key in enumerate(parents):
        block = _inside(block, key)
        if not isinstance(block, dict | list):
            raise ConfigError(f"{where}: {'.'.join(parents[: number + 1])} holds no keys")
    if isinstance(block, dict):
        block[last] = value
    elif (place := as_whole_number(last)) is not None and place < len(block):
        block[place] = value
    else:
        raise ConfigError(f"{where}: {path}: its list has {len(block)} elements, from 0")


def _inside(block: dict | list, key: str) -> Any:
    if isinstance(block, list):
        number = as_whole_number(key)
        return block[number] if number is not None and number < len(block) else None
    return block.get(key)


def _place(loc: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in loc if part != "[key]")


def _explain(problem: ErrorDetails, schema: type[BaseModel]) -> str:
    loc, kind, message = problem["loc"], problem["type"], problem["msg"]
    where = _place(loc)
    if kind == "extra_forbidden":
        names = ", ".join(_fields(_owner(loc, schema)))
        meant = [path for path in _paths(schema) if path.rpartition(".")[2] == loc[-1]]
        perhaps = f"; {' or '.join(meant)} is one" if meant else ""
        return f"{where}: there is no such key; the keys here are {names}{perhaps}"
    if kind == "value_error":  # several keys disagree; the message names them
        message = message.removeprefix("Value error, ")
        return f"{where}: {message}" if where else message
    about = _description(loc, schema)
    meaning = f" ({about})" if about else ""
    if kind == "missing":
        return f"{where}: this key must be given{meaning}"
    wrong = f"got {problem['input']!r}; {message[0].lower()}{message[1:]}{meaning}"
    return f"{where}: {wrong}" if where else wrong


def _paths(block: type[BaseModel], before: str = "") -> Iterator[str]:
    """Every key of the blocks in a block, as path.to.key."""
    for key, field in _fields(block).items():
        yield f"{before}{key}"
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _paths(inner, f"{before}{key}.")


def _description(loc: tuple[int | str, ...], schema: type[BaseModel]) -> str | None:
    """What the key at a place in the file means; of an element, what its list means."""
    for length in range(len(loc), 0, -1):
        field = _fields(_owner(loc[:length], schema)).get(str(loc[length - 1]))
        if field is not None:
            return field.description
    return None


def _fields(block: type[BaseModel]) -> dict[str, Any]:
    """A block's fields by their names in the file."""
    return {field.alias or name: field for name, field in block.model_fields.items()}


def _owner(loc: tuple[int | str, ...], schema: type[BaseModel]) -> type[BaseModel]:
    """The block that holds the last key of a place in the file."""
    block, choices = schema, [schema]
    for key in loc[:-1]:
        field = _fields(block).get(str(key))
        if field is not None:
            choices = list(_blocks_in(field.annotation)) or choices
        # of several kinds of a block, the place names the kind
        named = (choice for choice in choices if isinstance(key, str) and key in _kinds(choice))
        block = next(named, choices[0] if field is not None else block)
    return block


def _kinds(block: type[BaseModel]) -> set[Any]:
    """What the literal keys of a block may hold."""
    types = [field.annotation for field in block.model_fields.values()]
    return {kind for one in types if get_origin(one) is Literal for kind in get_args(one)}


def _blocks_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The blocks that a type is, or holds: ``Variant`` in ``dict[str, Variant]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _blocks_in(part)
