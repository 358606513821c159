"""Is what was given a part of this role at all? Asked once, before any work."""

import inspect
import reprlib

from ntlbg.errors import ConfigError


def check_part(given: object, base: type, accepted: str) -> None:
    """Check that somebody's own part is an object of its role and has all that the role says.

    Args:
        base: class of the role. What it annotates and gives no value must be set.
        accepted: what may be given, in words.

    Raises:
        ConfigError: it is something else, or lacks an attribute.
    """
    role = base.__name__.lower()
    if not isinstance(given, base):
        raise ConfigError(f"the {role} must be {accepted}; got {_described(given, base)}")
    missing = [name for name in inspect.get_annotations(base) if not hasattr(given, name)]
    if missing:
        raise ConfigError(
            f"{role} {type(given).__name__} has no {', '.join(missing)}; give the class such a "
            f"line, or set it in __init__: see the docstring of {base.__name__}"
        )


def _described(given: object, base: type) -> str:
    if isinstance(given, type):
        advice = f": make one of it, {given.__name__}(...)" if issubclass(given, base) else ""
        return f"the class {given.__name__}{advice}"
    if type(given).__module__ == "builtins":
        return reprlib.repr(given)
    return f"an object of {type(given).__name__}"
