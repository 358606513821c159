"""Options of a model by name, checked: ``--model-option NAME=VALUE``."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from ntlbg.errors import ConfigError


class ModelOptions(BaseModel):
    """Base of what an answerer can be told when it is loaded; the fields are the names."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Options = TypeVar("Options", bound=ModelOptions)


def read_model_options(kind: type[Options], model: str, given: Mapping[str, Any]) -> Options:
    """The options of a model, of the class ``kind``.

    Raises:
        ConfigError: a name that it does not have, or a value that is not accepted.
    """
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            known = ", ".join(kind.model_fields)
            raise ConfigError(
                f"model {model} has no option {name!r}; it accepts {known}"
            ) from error
        raise ConfigError(
            f"option {name} of model {model}: got {first['input']!r}; {first['msg']}"
        ) from error
