"""Whether a published list of weights is that of the class which would load them.

A large model comes with ``model.safetensors.index.json``, which names every weight. The class is
made on the meta device, where it has names and no numbers, and names go through transformers' own
renaming, as in loading.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.conversion_mapping import get_model_conversion_mapping
from transformers.core_model_loading import WeightConverter, WeightRenaming, rename_source_key

from ntlbg.errors import ConfigError
from ntlbg.hub import read_settings
from ntlbg.models.ntlbg.bases import is_vision_language

WEIGHTS = "weight_map"


@dataclass(frozen=True)
class IndexCheck:
    """What an index and a class have in common.

    Attributes:
        names: of weights in the index.
        missing: that the class has and the index has not.
        strangers: that the index has and the class has not.
    """

    names: int
    missing: tuple[str, ...]
    strangers: tuple[str, ...]

    @property
    def fits(self) -> bool:
        return not (self.missing or self.strangers)


def check_index(index: Path, config: PreTrainedConfig) -> IndexCheck:
    """Compare the names of weights in an index with those of the class of a configuration.

    Raises:
        ConfigError: the file holds no index.
    """
    names = _names(index)
    kind = AutoModelForImageTextToText if is_vision_language(config) else AutoModelForCausalLM
    with torch.device("meta"):
        model = kind.from_config(config)
    found, known = _renamed(names, model), set(model.state_dict())
    # of a weight with two names (tied embeddings) one is enough, whichever it is
    present = found | {name for pair in _tied(model) if set(pair) & found for name in pair}
    return IndexCheck(len(names), tuple(sorted(known - present)), tuple(sorted(found - known)))


def _names(index: Path) -> list[str]:
    weights = read_settings(index).get(WEIGHTS)
    if not isinstance(weights, dict) or not weights:
        raise ConfigError(
            f"{index}: names no weights; give the model.safetensors.index.json of a model, which "
            f'has "{WEIGHTS}"'
        )
    return list(weights)


def _renamed(names: list[str], model: PreTrainedModel) -> set[str]:
    """As transformers renames them in loading."""
    transforms = get_model_conversion_mapping(model)
    renamings = [one for one in transforms if isinstance(one, WeightRenaming)]
    converters = [one for one in transforms if isinstance(one, WeightConverter)]
    prefix, shapes = model.base_model_prefix, model.state_dict()
    return {rename_source_key(name, renamings, converters, prefix, shapes)[0] for name in names}


def _tied(model: PreTrainedModel) -> list[tuple[str, str]]:
    """Pairs of names of one weight."""
    if not model.config.tie_word_embeddings:
        return []
    return list((model._tied_weights_keys or {}).items())
