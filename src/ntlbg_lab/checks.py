"""What every suite refuses before a model is loaded, not after."""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from ntlbg.errors import ConfigError, NtlbgError, UnknownSelector
from ntlbg.files import keep_json
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


def check_settings(path: Path, settings: dict[str, Any], what: str) -> None:
    """A folder goes on under the settings it began with; they are kept in ``path``.

    Raises:
        ConfigError: it holds ``what`` of other settings, naming those.
        DataError, OutputError: the file is not one of settings, or cannot be written.
    """
    kept = keep_json(path, settings)
    changed = [
        f"{name} {kept.get(name)!r}, not {settings.get(name)!r}"
        for name in sorted(kept.keys() | settings.keys())
        if kept.get(name) != settings.get(name)
    ]
    if changed:
        raise ConfigError(
            f"{path.parent} holds {what} for other settings, {'; '.join(changed)}: choose another "
            "folder, or the same settings"
        )
