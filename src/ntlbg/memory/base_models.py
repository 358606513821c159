"""Sizes of a base model by its name: known ones without network, others from their config.json."""

from pathlib import Path
from types import MappingProxyType

from ntlbg.errors import ConfigError
from ntlbg.memory.sizes import (
    ModelSizes,
    NtlbgSizes,
    TextSizes,
    TowerSizes,
    VisionSizes,
    model_sizes,
)

BUILTIN_WORDS = 382  # that the built-in model names, "nothing" included


def _qwen_vision(output: int, *, gated: bool) -> VisionSizes:
    """The vision transformer that all sizes of Qwen2-VL, or of Qwen2.5-VL, share."""
    return VisionSizes(
        hidden=1280,
        intermediate=3420 if gated else 5120,
        layers=32,
        heads=16,
        patch=14,
        merge=2,
        temporal=2,
        gated=gated,
        norm_bias=not gated,
        output=output,
    )


def _qwen(vocabulary, hidden, intermediate, layers, heads, groups, *, tied) -> TextSizes:
    return TextSizes(
        vocabulary=vocabulary,
        hidden=hidden,
        intermediate=intermediate,
        layers=layers,
        heads=heads,
        key_value_heads=groups,
        head=128,
        tied=tied,
        max_positions=32768,
        qkv_bias=True,
    )


_QWEN_7B = _qwen(152064, 3584, 18944, 28, 28, 4, tied=False)
_QWEN_3B = _qwen(151936, 2048, 11008, 36, 16, 2, tied=True)
_QWEN_2B = _qwen(151936, 1536, 8960, 28, 12, 2, tied=True)
_SMOLLM2 = TextSizes(49152, 576, 1536, 30, 9, 3, 64, True, 8192)

KNOWN = MappingProxyType(
    {
        model.name: model
        for model in (
            ModelSizes(
                "builtin", _SMOLLM2, tower=TowerSizes(), ntlbg=NtlbgSizes(words=BUILTIN_WORDS)
            ),
            ModelSizes("smollm2", _SMOLLM2),
            ModelSizes("Qwen/Qwen2-VL-7B-Instruct", _QWEN_7B, _qwen_vision(3584, gated=False)),
            ModelSizes("Qwen/Qwen2-VL-2B-Instruct", _QWEN_2B, _qwen_vision(1536, gated=False)),
            ModelSizes("Qwen/Qwen2.5-VL-7B-Instruct", _QWEN_7B, _qwen_vision(3584, gated=True)),
            ModelSizes("Qwen/Qwen2.5-VL-3B-Instruct", _QWEN_3B, _qwen_vision(2048, gated=True)),
            ModelSizes("Qwen/Qwen2.5-7B-Instruct", _QWEN_7B),
            ModelSizes("Qwen/Qwen2.5-3B-Instruct", _QWEN_3B),
        )
    }
)


def base_sizes(name: str) -> ModelSizes:
    """Sizes of a name in KNOWN, of a folder, or of a model on the hub.

    Only its ``config.json`` is read. The hub is asked for names that are neither known nor folders.

    Raises:
        ConfigError: there is no such model, or its kind is not supported.
    """
    if name in KNOWN:
        return KNOWN[name]
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(name)
    except (OSError, ValueError) as error:
        where = "folder" if Path(name).exists() else "model"
        raise ConfigError(
            f"model_config.base_model: {name!r}: its config.json cannot be read "
            f"({str(error).splitlines()[0]}); give a folder with one, a {where} that the hub or "
            f"your cache has, or one of: {', '.join(KNOWN)}"
        ) from error
    return model_sizes(config, name)
