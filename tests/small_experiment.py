"""A configuration that trains in seconds: a tiny base model, made videos, features and questions.

The features hold the answer: the frames between ``start`` and ``end`` point in the colour's
direction, all others are noise.
"""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from transformers import AutoModelForCausalLM

from ntlbg.config import Config, changed
from tiny_models import HIDDEN, tiny_config, tiny_tokenizer

COLOURS = ("red", "blue", "green", "grey")
SECONDS = 40
# Four steps of small parts, on one thread.
SMALL = {
    "model_name": "small",
    "model_config.lora_rank": 2,
    "model_config.rich_point_config.feature_dim": 24,
    "training_config.max_steps": 4,
    "training_config.warmup_steps": 0,
    "training_config.logging_steps": 1,
    "training_config.fp16": False,
    "training_config.dataloader_num_workers": 0,
    "hardware_config.mixed_precision": "no",
    "hardware_config.num_gpus": 1,
}


def tiny_base(folder: Path) -> Path:
    """A language model of two layers that knows one token per character."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(tiny_config().text_config)
    model.save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


def write_features(path: Path, colour: int, seed: int) -> tuple[float, float]:
    """Noise, and a few seconds of a colour; returns when."""
    draw = np.random.default_rng(seed)
    features = draw.normal(size=(SECONDS, HIDDEN)).astype(np.float32) / HIDDEN**0.5
    start = int(draw.integers(5, SECONDS - 8))
    features[start : start + 3, colour] += 3
    content = {"features": features, "pts_seconds": np.arange(SECONDS, dtype=np.float64)}
    if path.suffix == ".safetensors":
        save_file(content, path)
    elif path.suffix == ".pt":
        torch.save({name: torch.from_numpy(value) for name, value in content.items()}, path)
    else:
        np.save(path, features)
    return float(start), float(start + 3)


def write_dataset(folder: Path, number: int = 6, suffix: str = ".safetensors") -> Path:
    """Questions about ``number`` videos, of which there are features in every format."""
    (folder / "features").mkdir(parents=True)
    records = []
    for place in range(number):
        colour = place % len(COLOURS)
        span = write_features(folder / "features" / f"v{place}{suffix}", colour, place)
        records.append(
            {
                "id": str(place),
                "video_id": f"v{place}.mp4",
                "question": "Which colour?",
                "answer": COLOURS[colour],
                "answer_type": "which",
                "evidence": [span],
                "metadata": {"scene": "none"},
            }
        )
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (folder / "questions.jsonl").write_text(lines)
    return folder


def small_config(folder: Path, **changes) -> Config:
    """Trains four steps on one thread; everything lies in ``folder``."""
    if not (folder / "base").is_dir():
        tiny_base(folder / "base")
    for name in ("train", "test"):
        if not (folder / name).is_dir():
            write_dataset(folder / name)
    keys = SMALL | {
        "output_dir": str(folder / "run"),
        "video_config.max_frames": 64,
        "video_config.num_representatives": 8,
        "video_config.min_representatives": 8,
        "model_config.base_model": str(folder / "base"),
        "model_config.feature_encoder": "builtin",
        "training_config.batch_size": 2,
        "training_config.gradient_accumulation_steps": 1,
        "training_config.learning_rate": 1e-2,
        "training_config.save_steps": 2,
        "training_config.eval_steps": 2,
        "dataset_config.train_datasets": [
            {"name": "small", "path": str(folder / "train"), "weight": 1.0}
        ],
        "dataset_config.val_datasets": [{"name": "val", "path": str(folder / "test")}],
        "dataset_config.test_datasets": [{"name": "test", "path": str(folder / "test")}],
    }
    return changed(Config(), keys | changes)
