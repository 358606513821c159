"""Folders of LongVU checkpoints as they were published, of small random weights."""

import json

import torch
from safetensors.torch import load_file, save_file

from golden_longvu import FOLDER
from longvu_models import golden_configs

WEIGHTS = FOLDER / "e2e_weights"
TOWER_NAMES = {"siglip": "siglip", "dinov2": "dino"}
MODEL_TYPES = {"siglip": "siglip_vision_model", "dinov2": "dinov2"}


def published_folder(folder, family, *, pickled=False, extra=(), **changes):
    """A checkpoint as it was published, with the towers' own checkpoints inside."""
    folder.mkdir()
    config = {**golden_configs()[family], **changes}
    (folder / "config.json").write_text(json.dumps(config))
    tensors = load_file(WEIGHTS / f"{family}.safetensors") | dict(extra)
    if pickled:
        torch.save(tensors, folder / "pytorch_model.bin")
    else:
        save_file(tensors, folder / "model.safetensors")
    towers = load_file(WEIGHTS / "towers.safetensors")
    for kind, name in TOWER_NAMES.items():
        (folder / kind).mkdir()
        own = {"model_type": MODEL_TYPES[kind], **golden_configs()[name]}
        (folder / kind / "config.json").write_text(json.dumps(own))
        prefix = f"{name}."
        part = {n.removeprefix(prefix): t for n, t in towers.items() if n.startswith(prefix)}
        save_file(part, folder / kind / "model.safetensors")
    return folder
