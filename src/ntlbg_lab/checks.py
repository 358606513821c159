"""What every suite refuses before a model is loaded, not after."""

from collections.abc import Collection, Iterable, Sequence

from ntlbg.errors import ConfigError, NtlbgError, UnknownSelector
from ntlbg.selectors import SELECTORS


def check_names(
    what: str, names: Iterable[str], known: Collection[str], error: type[NtlbgError] = ConfigError
) -> None:
    """All names are on a menu.

    Raises:
        ConfigError, or another ``error``: naming those that are not, and those that there are.
    """
    unknown = [name for name in names if name not in known]
    if unknown:
        raise error(f"no {what} {unknown}; there are {', '.join(known)}")


def check_selectors(names: Iterable[str], known: Collection[str] = SELECTORS) -> None:
    """All names are selectors.

    Raises:
        UnknownSelector
    """
    check_names("selectors", names, known, UnknownSelector)


def check_positive(**given: float | Sequence[float]) -> None:
    """All numbers are positive, and no list of them is empty.

    Raises:
        ConfigError: naming all that was given.
    """
    least = [min(value, default=0) if isinstance(value, Sequence) else value
             for value in given.values()]  # fmt: skip
    if min(least) <= 0:
        said = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in given.items())
        raise ConfigError(f"{said} must be positive")
