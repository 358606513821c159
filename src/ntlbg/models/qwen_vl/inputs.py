"""Frames with times, and a prompt, as what a model reads: ids, pixels, grids.

k frames, n videos with t temporal grids of two frames each in all, h x w patches of a picture, S
tokens of the prompt, P patches in all, D numbers of a patch.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

from ntlbg.errors import ConfigError, QuestionError
from ntlbg.models.qwen_vl.families import Family
from ntlbg.time_text import stamp
from ntlbg.types import Frames

IMAGE, VIDEO = "<|image_pad|>", "<|video_pad|>"
START, END = "<|vision_start|>", "<|vision_end|>"
# What ``mm_token_type_ids`` calls them; the models read these numbers.
TEXT_TYPE, IMAGE_TYPE, VIDEO_TYPE = 0, 1, 2
# Two frames of one grid become one picture to the model, with one time. The families learned from
# videos of 1 to 2 frames a second and more, so that frames of a grid were at most a second apart.
PAIR_SECONDS = 1.0
# Times are floats: a second between frames may come out as a little less. No film has frames this
# near to one another; the finest clock of usual formats ticks every 11 microseconds.
ROUNDING_SECONDS = 1e-6

Layout = Literal["twice", "pairs"]
LAYOUTS: tuple[Layout, ...] = ("twice", "pairs")
Limits = tuple[int, int]  # pixels of a picture, at least and at most


class PictureProcessor(Protocol):
    """A processor without its video part."""

    image_processor: Any
    tokenizer: Any


@dataclass(frozen=True, eq=False)
class VisionPrompt:
    """One prompt with what is to be seen in it.

    Attributes:
        input_ids: int64 (1, S).
        mm_token_type_ids: int64 (1, S), 0 text, 1 image, 2 video.
        grid_seconds: float64 (t,), the time that stands for each grid, video after video.
        pixel_values_videos: float32 (P, D); None without a video.
        video_grid_thw: int64 (n, 3): grids of a video, h, w; None without a video.
        pixel_values: float32 (P, D) of the images; None without images.
        image_grid_thw: int64 (number of images, 3): 1, h, w; None without images.
    """

    input_ids: Tensor
    mm_token_type_ids: Tensor
    grid_seconds: np.ndarray
    pixel_values_videos: Tensor | None = None
    video_grid_thw: Tensor | None = None
    pixel_values: Tensor | None = None
    image_grid_thw: Tensor | None = None

    def tensors(self) -> dict[str, Tensor]:
        """What the model's own ``forward`` and ``generate`` take, and an attention mask.

        For a video of Qwen2-VL or Qwen2.5-VL give ``position_ids`` too (`prompt_positions`).
        """
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        given = {name: value for name, value in named.items() if isinstance(value, Tensor)}
        return given | {"attention_mask": torch.ones_like(self.input_ids)}


def vision_prompt(
    family: Family,
    processor: PictureProcessor,
    text: str,
    video: Frames | Sequence[Frames] | None = None,
    *,
    images: Sequence[np.ndarray] = (),
    layout: Layout = "twice",
    limits: Limits | None = None,
) -> VisionPrompt:
    """The prompt ``text`` with videos and images in their places.

    Args:
        text: after the chat template, with ``<|video_pad|>`` where each video stands and
            ``<|image_pad|>`` where each image stands.
        video: the chosen frames of one, ascending in time, or those of each of several.
        images: uint8 (H, W, 3) each.
        layout: ``twice`` shows each frame in a grid of its own; ``pairs`` puts neighbours less
            than PAIR_SECONDS apart into one grid, which costs half.
        limits: pixels of a picture; None takes those of the processor. Pictures outside them are
            scaled, and all are rounded to whole patches.

    Raises:
        QuestionError: the text has not one place for each.
        ConfigError: no such layout, or the tokenizer is not one of these families.
    """
    pixels: dict[str, Any] = {}
    grids: dict[str, Any] = {}
    videos = [video] if isinstance(video, Frames) else list(video or ())
    seconds = np.empty(0)
    if len(images):
        pixels["pixel_values"], grids["image_grid_thw"] = _patches(processor, images, limits)
    if videos:
        made = [
            _video_patches(processor, one.data, grid_frames(one.pts_seconds, layout), limits)
            for one in videos
        ]
        parts = [grid_times(family, one.pts_seconds, layout) for one in videos]
        seconds = np.concatenate(parts)
        pixels["pixel_values_videos"] = _joined([patches for patches, _ in made])
        grids["video_grid_thw"] = torch.cat([grid for _, grid in made])
    return replace(place_vision(family, processor, text, grid_seconds=seconds, **grids), **pixels)


def place_vision(
    family: Family,
    processor: PictureProcessor,
    text: str,
    *,
    grid_seconds: np.ndarray,
    video_grid_thw: Tensor | None = None,
    image_grid_thw: Tensor | None = None,
) -> VisionPrompt:
    """The prompt without pixels, for pictures of these grids that a tower has already seen.

    Args:
        text: as for `vision_prompt`.
        grid_seconds: (t,) of the videos, as `grid_times` gives it; empty without a video.
        video_grid_thw: (n, 3).
        image_grid_thw: (number of images, 3).

    Raises:
        QuestionError: the text has not one place for each.
        ConfigError: the tokenizer is not one of these families.
    """
    merged = processor.image_processor.merge_size**2
    images = [] if image_grid_thw is None else image_grid_thw.prod(dim=1).tolist()
    _check_places(text, VIDEO, 0 if video_grid_thw is None else len(video_grid_thw))
    _check_places(text, IMAGE, len(images))
    text = _fill(text, IMAGE, [IMAGE * (patches // merged) for patches in images])
    if video_grid_thw is not None:
        counts = (video_grid_thw[:, 1:].prod(dim=1) // merged).tolist()
        times = split_times(grid_seconds, video_grid_thw)
        text = _fill_videos(family, text, list(zip(counts, times, strict=True)))
    ids, types = _tokenize(processor.tokenizer, text)
    return VisionPrompt(
        ids, types, grid_seconds, video_grid_thw=video_grid_thw, image_grid_thw=image_grid_thw
    )


def video_tokens(
    processor: PictureProcessor,
    num_grids: int,
    height: int,
    width: int,
    *,
    limits: Limits | None = None,
) -> int:
    """Picture tokens of a video of so many grids, for frames of this size; stamps are not counted.

    A frame that is shown twice is one grid; ``len(grid_frames(...))`` counts them.
    """
    pictures = processor.image_processor
    least, most = limits or (pictures.size["shortest_edge"], pictures.size["longest_edge"])
    side = pictures.patch_size * pictures.merge_size
    rows, columns = smart_resize(height, width, side, min_pixels=least, max_pixels=most)
    return num_grids * (rows // side) * (columns // side)


def grid_frames(pts_seconds: np.ndarray, layout: Layout = "twice") -> np.ndarray:
    """Which two frames each temporal grid shows, int64 (t, 2); twice the same where it has one.

    From the first frame on, neighbours less than PAIR_SECONDS apart become pairs. No other way of
    pairing makes fewer grids.

    Args:
        pts_seconds: (k,) ascending.

    Raises:
        ConfigError: no such layout.
    """
    if layout not in LAYOUTS:
        raise ConfigError(f"there is no layout {layout!r} of frames; give {' or '.join(LAYOUTS)}")
    near = np.zeros(len(pts_seconds), bool)
    if layout == "pairs":
        near[:-1] = np.diff(pts_seconds) < PAIR_SECONDS - ROUNDING_SECONDS
    grids, frame = [], 0
    while frame < len(pts_seconds):
        last = frame + bool(near[frame])
        grids.append((frame, last))
        frame = last + 1
    return np.array(grids, np.int64).reshape(-1, 2)


def grid_times(family: Family, pts_seconds: np.ndarray, layout: Layout = "twice") -> np.ndarray:
    """The time that stands for each grid, float64 (t,): of a pair as the family learned it.

    That is the first frame's where positions tell the time, else the mean of both.
    """
    times = pts_seconds[grid_frames(pts_seconds, layout)]
    return times[:, 0] if family.clock == "positions" else times.mean(axis=1)


def times_sentence(grid_seconds: np.ndarray) -> str:
    """Names the times of a video's grids (t,), for a model that has no clock.

    >>> times_sentence(np.array([3.2, 61.04]))
    'The pictures of the video were taken at 3.2, 61.0 seconds.'
    """
    times = ", ".join(f"{seconds:.1f}" for seconds in grid_seconds)
    return f"The pictures of the video were taken at {times} seconds."


def _check_places(text: str, token: str, wanted: int) -> None:
    found = text.count(token)
    if found != wanted:
        raise QuestionError(
            f"the prompt has {found} times {token}, for {wanted} to be shown there; "
            "leave it out of the question"
        )


def _patches(
    processor: PictureProcessor, images: Sequence[np.ndarray], limits: Limits | None
) -> tuple[Tensor, Tensor]:
    """Pixels (P, D) and grids (number of images, 3)."""
    edges = ("shortest_edge", "longest_edge")
    size = {} if limits is None else {"size": dict(zip(edges, limits))}
    found = processor.image_processor(
        images=list(images),
        input_data_format="channels_last",  # a guess from the shape is wrong for three rows
        return_tensors="pt",
        **size,
    )
    return found["pixel_values"], found["image_grid_thw"]


def _video_patches(
    processor: PictureProcessor, data: np.ndarray, pairs: np.ndarray, limits: Limits | None
) -> tuple[Tensor, Tensor]:
    """Pixels (P, D) and the grid (1, 3) of frames (k, H, W, 3), two in each temporal grid.

    Each patch of an image is (colour, time, row, column) with the picture repeated over time, so
    that a frame shown twice is the image itself, and a pair is half of one and half of the other.
    """
    pixels, grids = _patches(processor, list(data), limits)
    _, height, width = grids[0].tolist()
    if (pairs[:, 0] == pairs[:, 1]).all():  # each alone, in its order
        return pixels, torch.tensor([[len(pairs), height, width]])
    times = processor.image_processor.temporal_patch_size
    patches = pixels.view(len(data), height * width, 3, times, -1)  # (k, hw, 3, T, p * p)
    first, last = torch.from_numpy(pairs).T
    shown = patches[first]  # a copy
    shown[:, :, :, times // 2 :] = patches[last, :, :, times // 2 :]
    return shown.view(-1, pixels.shape[1]), torch.tensor([[len(pairs), height, width]])


def _joined(parts: list[Tensor]) -> Tensor:
    """One tensor; of a single part it is that part, since a copy would be as large."""
    return torch.cat(parts) if len(parts) > 1 else parts[0]


def _fill(text: str, token: str, replacements: list[str]) -> str:
    waiting = iter(replacements)
    return re.sub(re.escape(token), lambda _: next(waiting), text)


def split_times(grid_seconds: np.ndarray, video_grid_thw: Tensor) -> list[np.ndarray]:
    """Of the times of all grids (t,) those of each video (n, 3)."""
    return np.split(grid_seconds, video_grid_thw[:, 0].cumsum(0)[:-1].tolist())


def _fill_videos(family: Family, text: str, videos: list[tuple[int, np.ndarray]]) -> str:
    """With so many tokens for each grid of each video, at times (t,).

    Where each grid has its own start and end, those of the template around the whole video go, as
    the model was trained. transformers 5.23 leaves them, and its video begins twice.
    """
    if family.clock != "stamps":
        return _fill(text, VIDEO, [VIDEO * count * len(seconds) for count, seconds in videos])
    grids = [
        "".join(f"{stamp(time)}{START}{VIDEO * count}{END}" for time in seconds)
        for count, seconds in videos
    ]
    return _fill(text.replace(f"{START}{VIDEO}{END}", VIDEO), VIDEO, grids)


def _tokenize(tokenizer: Any, text: str) -> tuple[Tensor, Tensor]:
    """Ids and types (1, S)."""
    known = tokenizer.get_vocab()
    missing = [token for token in (IMAGE, VIDEO, START, END) if token not in known]
    if missing:
        raise ConfigError(
            f"the tokenizer has no {', '.join(missing)}; give the one that belongs to the model"
        )
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    types = torch.full_like(ids, TEXT_TYPE)
    types[ids == known[IMAGE]] = IMAGE_TYPE
    types[ids == known[VIDEO]] = VIDEO_TYPE
    return ids, types
