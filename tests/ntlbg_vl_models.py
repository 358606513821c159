"""Small random vision-language models behind NTLBG's parts, and films of a second of colour."""

import json
from pathlib import Path

import av
import numpy as np
import torch

from ntlbg.answerers.ntlbg_folder import habits_of
from ntlbg.answerers.ntlbg_vl import NtlbgVLAnswerer, vl_answerer
from ntlbg.config import Config, changed
from ntlbg.models.ntlbg.building import build_reader
from small_experiment import SMALL
from tiny_vlms import make_vlm

KINDS = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "smolvlm")
COLOURS = {"red": (220, 20, 20), "blue": (20, 20, 220), "green": (20, 200, 20), "white": (250,) * 3}
QUESTION = "what colour is shown?"


def vl_config(folder: Path, kind: str = "qwen2_vl", **changes) -> Config:
    """Trains a few steps on one thread; everything lies in ``folder``."""
    if not (folder / "base").is_dir():
        make_vlm(kind, folder / "base")
    data = {"name": "toy", "path": str(folder / "data" / "questions.jsonl")}
    keys = SMALL | {
        "output_dir": str(folder / "run"),
        "video_config.max_frames": 16,
        "video_config.fps": 1.0,
        "video_config.num_representatives": 4,
        "video_config.min_representatives": 4,
        "video_config.frame_resolution": [112, 112],
        "video_config.max_visual_tokens": 48,
        "model_config.base_model": str(folder / "base"),
        "training_config.gradient_accumulation_steps": 2,
        "training_config.learning_rate": 2e-3,
        "dataset_config.train_datasets": [data | {"weight": 1.0}],
        "dataset_config.val_datasets": [],
        "dataset_config.test_datasets": [],
    }
    return changed(Config(), keys | changes)


def built(config: Config, seed: int = 0, dtype: torch.dtype = torch.float32) -> NtlbgVLAnswerer:
    """What answers, before any training."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model, processor = build_reader(config, None, dtype, sees=True)
    video = config.video_config
    return vl_answerer(
        model.eval(), processor, None, habits_of(video), name="small", weights="new",
        resolution=video.frame_resolution,
    )  # fmt: skip


def write_films(folder: Path) -> Path:
    """Films of eight seconds of noise, with one of a colour, and a question about each."""
    folder.mkdir(parents=True)
    records = []
    for place, (name, colour) in enumerate(COLOURS.items()):
        draw = np.random.default_rng(place)
        frames = draw.integers(90, 130, (32, 64, 96, 3)).astype(np.uint8)
        frames[4 * (place + 1) : 4 * (place + 2)] = colour
        _write(folder / f"{name}.mp4", frames)
        records.append({"id": name, "video": f"{name}.mp4", "question": QUESTION, "answer": name})
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (folder / "questions.jsonl").write_text(lines)
    return folder


def _write(path: Path, frames: np.ndarray) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=4, options={"preset": "ultrafast"})
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
