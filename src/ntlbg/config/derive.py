"""Keys that say one thing: the one that was changed decides for the others."""

from collections.abc import Callable, Iterable
from typing import Any

from ntlbg.config.blocks import OWN_BASES
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
# of what is left to choose from: a number format that is taken away leaves none
ORDER = ("no", "fp16", "bf16", "yes")
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
    _encoder_follows(content, set(named or ()), say)
    for what, group in GROUPS.items():
        values = {key: _at(content, key) for key in group}
        if not all(_means(group[key], now) for key, now in values.items()):
            continue  # one of them is wrong in itself, which the check tells
        if named is None:
            deciding = {key: now for key, now in values.items() if now != _at(DEFAULTS, key)}
        else:
            deciding = {key: now for key, now in values.items() if key in named}
        if not deciding and _allowed(group, values):
            continue
        allowed, deciding = _allowed(group, deciding or values), deciding or values
        if not allowed:
            raise ConfigError(
                f"{_shown(deciding, 'true', 'false')}: these name different {what}; change one of "
                "them"
            )
        same = allowed & _allowed(group, {key: _at(before, key) for key in group})
        wanted = min(same or allowed, key=ORDER.index)
        agreed = {key: next(v for v in group[key] if wanted in group[key][v]) for key in group}
        follow = {key: value for key, value in agreed.items() if values[key] != value}
        for key, value in follow.items():
            _put(content, key, value)
        if follow and say is not None:
            say(f"{_shown(deciding, 'true', 'false')}: {_shown(follow, 'on', 'off')}")


def _encoder_follows(content: dict[str, Any], named: set[str], say: Say | None) -> None:
    """Our own language models have no vision tower, so that the encoder is the built-in one."""
    base, encoder = "model_config.base_model", "model_config.feature_encoder"
    without = _at(content, base) in OWN_BASES
    if without and _at(content, encoder) == _at(DEFAULTS, encoder) and encoder not in named:
        _put(content, encoder, "builtin")
        if say is not None:
            say(f"{base} is {_at(content, base)}: {encoder} is builtin")


def _means(meaning: Meaning, value: Any) -> bool:
    """Whether a value is one of those that a key may have: 1 is not true."""
    return any(type(value) is type(known) and value == known for known in meaning)


def _put(content: dict[str, Any], key: str, value: Any) -> None:
    *blocks, name = key.split(".")
    for place in blocks:
        content = content.setdefault(place, {})
    content[name] = value


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
