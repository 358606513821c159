"""Reading a configuration file; every complaint names the key."""

from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from ntlbg.config.schema import Config
from ntlbg.errors import ConfigError


def load_config(path: str | Path) -> Config:
    """Read and check a configuration file. Keys left out keep their defaults.

    Raises:
        ConfigError: one line with the file, path.to.key, the value given and what is allowed.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as UTF-8 text ({error})") from error
    try:
        return Config.model_validate_json(text)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise ConfigError(f"{path}: {_explain(problems[0])}{more}") from error


def _explain(problem: dict[str, Any]) -> str:
    loc, kind, message = problem["loc"], problem["type"], problem["msg"]
    where = ".".join(str(part) for part in loc if part != "[key]")
    if kind == "json_invalid":
        return f"not JSON: {message.removeprefix('Invalid JSON: ')}"
    if kind == "extra_forbidden":
        names = ", ".join(_fields(_owner(loc)))
        return f"{where}: there is no such key; the keys here are {names}"
    if kind == "value_error":  # several keys disagree; the message names them
        message = message.removeprefix("Value error, ")
        return f"{where}: {message}" if where else message
    about = _description(loc)
    meaning = f" ({about})" if about else ""
    if kind == "missing":
        return f"{where}: this key must be given{meaning}"
    return f"{where}: got {problem['input']!r}; {message[0].lower()}{message[1:]}{meaning}"


def _description(loc: tuple[int | str, ...]) -> str | None:
    """What the key at a place in the file means; of an element, what its list means."""
    for length in range(len(loc), 0, -1):
        field = _fields(_owner(loc[:length])).get(loc[length - 1])
        if field is not None:
            return field.description
    return None


def _fields(block: type[BaseModel]) -> dict[str, Any]:
    """A block's fields by their names in the file."""
    return {field.alias or name: field for name, field in block.model_fields.items()}


def _owner(loc: tuple[int | str, ...]) -> type[BaseModel]:
    """The block that holds the last key of a place in the file."""
    block: type[BaseModel] = Config
    for key in loc[:-1]:
        field = _fields(block).get(key)
        if field is not None:
            block = _block_in(field.annotation) or block
    return block


def _block_in(annotation: Any) -> type[BaseModel] | None:
    """The block that a type is, or holds: ``Variant`` in ``dict[str, Variant]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = [_block_in(part) for part in get_args(annotation)]
    return next((block for block in found if block is not None), None)
