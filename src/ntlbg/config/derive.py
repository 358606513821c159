"""Keys that say one thing: the one that was changed decides for the others."""

from collections.abc import Callable, Iterable
from typing import Any

from ntlbg.config.schema import Config
from ntlbg.errors import ConfigError

Say = Callable[[str], None]
# What each value of a key allows of what all keys of its group say.
Meaning = dict[Any, set[str]]
YES_OR_NO: Meaning = {True: {"yes"}, False: {"no"}}
SAVING = "hardware_config.memory_optimization"
GROUPS: dict[str, dict[str, Meaning]] = {
    "number formats": {
        "training_config.fp16": {True: {"fp16"}, False: {"no", "bf16"}},
        "training_config.bf16": {True: {"bf16"}, False: {"no", "fp16"}},
        "hardware_config.mixed_precision": {name: {name} for name in ("no", "fp16", "bf16")},
    },
    "ways to keep activations": {
        "model_config.ntlbg_gradient_checkpointing": YES_OR_NO,
        f"{SAVING}.activation_checkpointing": YES_OR_NO,
        f"{SAVING}.gradient_checkpointing": YES_OR_NO,
    },
    "ways to look for parameters without gradient": {
        "training_config.ddp_find_unused_parameters": YES_OR_NO,
        "hardware_config.distributed_training.find_unused_parameters": YES_OR_NO,
    },
}
DEFAULTS = Config().model_dump(by_alias=True)


def agree(
    content: dict[str, Any],
    named: Iterable[str] | None = None,
    before: dict[str, Any] = DEFAULTS,
    say: Say | None = None,
) -> None:
    """Let keys that say one thing agree, in a parsed file that was not checked yet.

    Args:
        content: changed in place.
        named: paths of keys that were just changed: of these, those of a group decide. None: of a
            whole file, those decide that differ from the schema's defaults.
        before: the whole content before that change, whose keys agree.
        say: told which keys follow which.

    Raises:
        ConfigError: keys that decide say different things.
    """
    for what, group in GROUPS.items():
        values = {key: _at(content, key) for key in group}
        # those that are wrong in themselves are left for the check
        if any(type(now) is not type(_at(DEFAULTS, key)) or now not in group[key]
               for key, now in values.items()):  # fmt: skip
            continue
        deciding = {
            key: now
            for key, now in values.items()
            if (now != _at(DEFAULTS, key) if named is None else key in named)
        }
        if deciding or not _allowed(group, values):
            _follow(content, group, values, deciding or values, before, what, say)


def _follow(
    content: dict[str, Any],
    group: dict[str, Meaning],
    values: dict[str, Any],
    deciding: dict[str, Any],
    before: dict[str, Any],
    what: str,
    say: Say | None,
) -> None:
    """All keys of a group as those that decide allow: as before, else the first that is left."""
    allowed = _allowed(group, deciding)
    if not allowed:
        raise ConfigError(
            f"{_shown(deciding, 'true', 'false')}: these name different {what}; change one of them"
        )
    same = _allowed(group, {key: _at(before, key) for key in group}) & allowed
    # a number format that is taken away leaves none
    wanted = min(same or allowed, key=("no", "fp16", "bf16", "yes").index)
    agreed = {key: next(v for v in group[key] if wanted in group[key][v]) for key in group}
    follow = {key: value for key, value in agreed.items() if values[key] != value}
    for key, value in follow.items():
        *blocks, name = key.split(".")
        block = content
        for place in blocks:
            block = block.setdefault(place, {})
        block[name] = value
    if follow and say is not None:
        say(f"{_shown(deciding, 'true', 'false')}: {_shown(follow, 'on', 'off')}")


def _allowed(group: dict[str, Meaning], values: dict[str, Any]) -> set[str]:
    return set.intersection(*(group[key][value] for key, value in values.items()))


def _at(content: Any, key: str) -> Any:
    """What a key holds, or its default; None where a block is none."""
    found, default = content, DEFAULTS
    for name in key.split("."):
        if not isinstance(found, dict):
            return None
        default = default[name]
        found = found.get(name, default)
    return found


def _shown(values: dict[str, Any], true: str, false: str) -> str:
    words = {True: true, False: false}
    return ", ".join(f"{key} is {words.get(value, value)}" for key, value in values.items())
