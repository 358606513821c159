"""The number format that three keys name: the one that was changed decides for all three."""

from collections.abc import Callable, Iterable
from typing import Any

from ntlbg.config.schema import HardwareConfig
from ntlbg.config.training_blocks import TrainingConfig
from ntlbg.errors import ConfigError

Say = Callable[[str], None]
FP16, BF16 = "training_config.fp16", "training_config.bf16"
MIXED = "hardware_config.mixed_precision"
FORMATS = ("no", "fp16", "bf16")
# key: its default, and the formats that go with each value
_SWITCHES: dict[str, tuple[Any, dict[Any, set[str]]]] = {
    FP16: (
        TrainingConfig.model_fields["fp16"].default,
        {True: {"fp16"}, False: {"no", "bf16"}},
    ),
    BF16: (
        TrainingConfig.model_fields["bf16"].default,
        {True: {"bf16"}, False: {"no", "fp16"}},
    ),
    MIXED: (
        HardwareConfig.model_fields["mixed_precision"].default,
        {name: {name} for name in FORMATS},
    ),
}
DEFAULT = _SWITCHES[MIXED][0]


def agree(
    content: dict[str, Any],
    named: Iterable[str] | None = None,
    before: str = DEFAULT,
    say: Say | None = None,
) -> None:
    """Let the keys of the number format agree, in a parsed file that was not checked yet.

    Args:
        content: changed in place.
        named: paths of keys that were just changed: of these, those of the number format decide.
            None: of a whole file, those decide that differ from the schema's defaults.
        before: the format before that change.
        say: told which keys follow which.

    Raises:
        ConfigError: keys that decide name different formats.
    """
    values = _values(content)
    if named is None:
        deciding = {key: now for key, now in values.items() if now != _SWITCHES[key][0]}
    else:
        deciding = {key: values[key] for key in named if key in values}
    if len(values) < len(_SWITCHES) or not deciding:
        return
    wanted = _format(deciding, before)
    agreed = {FP16: wanted == "fp16", BF16: wanted == "bf16", MIXED: wanted}
    follow = {key: value for key, value in agreed.items() if values[key] != value}
    for key, value in follow.items():
        block, name = key.split(".")
        content.setdefault(block, {})[name] = value
    if follow and say is not None:
        say(f"{_shown(deciding, 'true', 'false')}: {_shown(follow, 'on', 'off')}")


def _values(content: dict[str, Any]) -> dict[str, Any]:
    """What each key holds; those that are wrong in themselves are left out for the check."""
    values = {}
    for key, (default, formats) in _SWITCHES.items():
        place, name = key.split(".")
        block = content.get(place, {})
        value = block.get(name, default) if isinstance(block, dict) else None
        if type(value) is type(default) and value in formats:
            values[key] = value
    return values


def _format(deciding: dict[str, Any], before: str) -> str:
    """What all of them allow: the format before, else none, else the only one that is left."""
    allowed = set(FORMATS)
    for key, value in deciding.items():
        allowed &= _SWITCHES[key][1][value]
    if not allowed:
        raise ConfigError(
            f"{_shown(deciding, 'true', 'false')}: these name different number formats; change "
            "one of them"
        )
    return next(name for name in (before, *FORMATS) if name in allowed)


def _shown(values: dict[str, Any], true: str, false: str) -> str:
    words = {True: true, False: false}
    return ", ".join(f"{key} is {words.get(value, value)}" for key, value in values.items())
