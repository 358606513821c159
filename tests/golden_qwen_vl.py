"""What transformers itself makes of videos for Qwen-VL models, and how that was written down.

``positions_4_57_6.json``: ``python golden_qwen_vl.py positions`` where transformers 4.57.6 is
installed, the last version before text was placed inside videos.

``processor_5_23.safetensors``: ``python golden_qwen_vl.py processor`` where torchvision is
installed beside transformers 5.23.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch

FOLDER = Path(__file__).parent / "data" / "qwen_vl"
POSITIONS, PROCESSOR = FOLDER / "positions_4_57_6.json", FOLDER / "processor_5_23.safetensors"
FAMILIES = {"qwen2_vl": "Qwen2VL", "qwen2_5_vl": "Qwen2_5_VL", "qwen3_vl": "Qwen3VL"}
# Each is a run of text of so many tokens, or what is seen, of so many patches (t, h, w).
PROMPTS = {
    "image": [("text", 2), ("image", (1, 4, 6)), ("text", 3)],
    "video": [("text", 2), ("video", (5, 4, 6)), ("text", 3)],
    "wide video": [("text", 2), ("video", (2, 2, 14)), ("text", 3)],
    "images and video": [
        ("text", 1), ("image", (1, 4, 4)), ("text", 2), ("video", (4, 6, 4)),
        ("image", (1, 2, 8)), ("text", 4),
    ],
    "video first": [
        ("video", (3, 4, 4)), ("image", (1, 6, 4)), ("text", 2), ("image", (1, 2, 2)), ("text", 2),
    ],
}  # fmt: skip
TYPES = {"text": 0, "image": 1, "video": 2}
SECONDS_PER_GRID = 3  # whole, since 4.57.6 cuts off the fraction
STAMP_TOKENS = 3
# Every 101st number of the pixels: a prime, so that it meets every place in a patch.
STRIDE = 101
TIMES = {"twice": [0.4, 3.2, 12.52, 61.04], "pairs": [0.4, 0.9, 61.04, 61.5]}


def type_ids(family: str, prompt: str) -> list[int]:
    """Of every token; Qwen3-VL has a stamp before each grid of a video."""
    types = []
    for kind, what in PROMPTS[prompt]:
        if kind == "text":
            types += [0] * what
            continue
        time, height, width = what
        apart = family == "qwen3_vl" and kind == "video"
        for _ in range(time if apart else 1):
            cells = height * width // 4 * (1 if apart else time)
            types += [0] * STAMP_TOKENS * apart + [0] + [TYPES[kind]] * cells + [0]
    return types


def grids(prompt: str, kind: str) -> list[tuple[int, int, int]]:
    return [what for name, what in PROMPTS[prompt] if name == kind]


def rope_index(family: str, types: list[int], images: list, videos: list, **times):
    """``get_rope_index`` of the installed transformers: (3, S) positions, and how far ahead.

    Args:
        times: ``second_per_grid_ts`` of the videos.
    """
    import transformers

    name = FAMILIES[family]
    module = getattr(transformers.models, family)
    method = getattr(getattr(module, f"modeling_{family}"), f"{name}Model").get_rope_index
    model = _stub(getattr(transformers, f"{name}Config")(), method)
    tokens = torch.tensor([[{0: 7, 1: 1001, 2: 1002}[kind] for kind in types]])
    for token in range(1, tokens.shape[1]):  # as 4.57.6 finds what is seen: after a start
        if tokens[0, token] > 1000 and tokens[0, token - 1] == 7:
            tokens[0, token - 1] = 1003
    given = {
        "image_grid_thw": torch.tensor(images) if images else None,
        "video_grid_thw": torch.tensor(videos) if videos else None,
        "attention_mask": torch.ones_like(tokens),
    } | {name: torch.tensor(value) for name, value in times.items()}
    if not transformers.__version__.startswith("4."):
        given["mm_token_type_ids"] = torch.tensor([types])
    positions, ahead = method(model, tokens, **given)
    return positions[:, 0], int(ahead)


def _stub(config, method):
    """As much of a model as ``get_rope_index`` reads."""
    ids = {"image_token_id": 1001, "video_token_id": 1002, "vision_start_token_id": 1003}
    for name, number in ids.items():
        setattr(config, name, number)
    if config.model_type == "qwen2_5_vl":
        config.vision_config.tokens_per_second = 2
    members = {"config": config, "get_rope_index": method}
    owner = sys.modules[method.__module__].__dict__[method.__qualname__.split(".")[0]]
    if hasattr(owner, "get_vision_position_ids"):
        members["get_vision_position_ids"] = owner.get_vision_position_ids
    return type("Stub", (), members)()


def write_positions() -> None:
    """Of the installed transformers, for every family and prompt."""
    rows = []
    for family in FAMILIES:
        for prompt in PROMPTS:
            images, videos = grids(prompt, "image"), grids(prompt, "video")
            times = {}
            if family == "qwen2_5_vl" and videos:
                times["second_per_grid_ts"] = [float(SECONDS_PER_GRID)]
            found, ahead = rope_index(family, type_ids(family, prompt), images, videos, **times)
            row = {"family": family, "prompt": prompt, "ahead": ahead}
            rows.append(json.dumps(row | {"positions": found.tolist()}, separators=(",", ":")))
    POSITIONS.write_text("[\n" + ",\n".join(rows) + "\n]\n", encoding="utf-8")


def processed(family: str, layout: str, *, height: int, width: int, template: bool = False):
    """What transformers' own processor makes of the video of `TIMES`: a mapping of tensors.

    Args:
        template: give Qwen3-VL its video as its chat template does, with start and end around it.
    """
    from transformers.video_utils import VideoMetadata

    from qwen_vl_models import frames, tiny_processor

    video = frames(TIMES[layout], height, width)
    times = 1 if layout == "pairs" else 2
    shown = np.repeat(video.data, times, axis=0)
    milliseconds = np.repeat(video.pts_seconds, times) * 1000
    metadata = VideoMetadata(
        fps=1000.0, frames_indices=[round(moment) for moment in milliseconds],
        total_num_frames=100_000, duration=100.0, height=height, width=width,
    )  # fmt: skip
    place = "<|video_pad|>"
    if family != "qwen3_vl" or template:
        place = f"<|vision_start|>{place}<|vision_end|>"
    return _their_processor(family, tiny_processor(family), len(shown))(
        text=[f"Look: {place}What?"], videos=[shown], do_sample_frames=False,
        video_metadata=[metadata], return_tensors="pt",
    )  # fmt: skip


def _their_processor(family: str, ours, num_frames: int):
    import transformers

    pictures = ours.image_processor
    least, most = pictures.size["shortest_edge"], pictures.size["longest_edge"]
    of_all = num_frames if family == "qwen3_vl" else 1  # it limits the frames together
    common = {"patch_size": pictures.patch_size, "cap_pixels_per_frame": False}
    common |= {"image_mean": pictures.image_mean, "image_std": pictures.image_std}
    maker = "Qwen3VL" if family == "qwen3_vl" else "Qwen2VL"
    size = {"shortest_edge": least * of_all, "longest_edge": most * of_all}
    videos = getattr(transformers, f"{maker}VideoProcessor")(size=size, **common)
    return getattr(transformers, f"{FAMILIES[family]}Processor")(pictures, ours.tokenizer, videos)


def kept(processed) -> dict[str, torch.Tensor]:
    """What is written down of it."""
    names = ("input_ids", "mm_token_type_ids", "video_grid_thw")
    pixels = processed["pixel_values_videos"].flatten()[::STRIDE].clone()
    return {name: processed[name] for name in names} | {"pixels": pixels}


def golden_size(family: str) -> tuple[int, int]:
    """Height and width: 2 x 3 tokens, so that nothing is scaled."""
    return (64, 96) if family == "qwen3_vl" else (56, 84)


def write_processor() -> None:
    from safetensors.torch import save_file

    found = {}
    for family in FAMILIES:
        height, width = golden_size(family)
        for layout in TIMES:
            made = kept(processed(family, layout, height=height, width=width))
            found |= {f"{family}.{layout}.{name}": tensor for name, tensor in made.items()}
    save_file(found, PROCESSOR)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    {"positions": write_positions, "processor": write_processor}[sys.argv[1]]()
