"""Positions against transformers 4.57.6, and against 5.23, which puts text inside a video."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from golden_qwen_vl import POSITIONS, SECONDS_PER_GRID, grids, rope_index, type_ids
from ntlbg.models.qwen_vl.families import FAMILIES, time_steps
from ntlbg.models.qwen_vl.inputs import vision_prompt
from ntlbg.models.qwen_vl.positions import Block, prompt_positions, token_positions
from qwen_vl_models import IMAGE, VIDEO, frames, pictures, tiny_config, tiny_processor

# Family, grid in patches, seconds of a grid; then the first position of text after the video, by
# transformers 4.57.6 (and vLLM) and by 5.23.0, and the last that the video has.
AFTER_A_VIDEO = [
    ("qwen2_vl", (32, 16, 16), None, 36, 12, 35),
    ("qwen2_vl", (64, 12, 20), None, 68, 14, 67),
    ("qwen2_5_vl", (32, 16, 16), 1, 67, 12, 66),
    ("qwen2_5_vl", (64, 12, 20), 2, 257, 14, 256),
]
EVERY_ROW = pytest.mark.parametrize(
    ("family", "grid", "seconds", "after", "now", "last"), AFTER_A_VIDEO
)


def _types(grid: tuple[int, int, int]) -> list[int]:
    """Four tokens before a video of this grid, and four after it."""
    return [0] * 4 + [2] * (int(np.prod(grid)) // 4) + [0] * 4


def block(family: str, grid: tuple[int, int, int], seconds: float | None) -> Block:
    """A video with a picture every so many seconds."""
    times = np.arange(grid[0]) * (seconds or 1.0)
    steps = time_steps(FAMILIES[family], tiny_config(family), times)
    return Block(steps, grid[1] // 2, grid[2] // 2)


@EVERY_ROW
def test_text_goes_on_after_the_video(family, grid, seconds, after, now, last):
    types = torch.tensor(_types(grid))
    found = token_positions(types, [], [block(family, grid, seconds)])
    assert found[:, -4:].tolist() == [list(range(after, after + 4))] * 3
    assert int(found[0, types == 2].max()) == last < after


@EVERY_ROW
def test_transformers_still_places_text_inside_the_video(family, grid, seconds, after, now, last):
    """When this fails transformers is repaired: its own positions may be used again."""
    times = {"second_per_grid_ts": [float(seconds)]} if seconds else {}
    found, _ = rope_index(family, _types(grid), [], [grid], **times)
    assert found[0, -4].item() == now != after
    assert found[0, 4:-4].max().item() == last


@pytest.mark.parametrize(
    "row", json.loads(POSITIONS.read_text()), ids=lambda row: f"{row['family']}-{row['prompt']}"
)
def test_prompts_of_images_videos_and_text_stand_as_in_4_57_6(row):
    family, prompt = row["family"], row["prompt"]
    types = torch.tensor(type_ids(family, prompt))
    images = [Block(np.zeros(1, np.int64), h // 2, w // 2) for _, h, w in grids(prompt, "image")]
    videos = [block(family, grid, SECONDS_PER_GRID) for grid in grids(prompt, "video")]
    if family == "qwen3_vl":
        videos = [Block(step[None], b.height, b.width) for b in videos for step in b.steps]
    found = token_positions(types, images, videos)
    assert found.tolist() == row["positions"]
    assert int(found.max()) + 1 - len(types) == row["ahead"]


PARTS = st.lists(
    st.one_of(
        st.tuples(st.just("text"), st.integers(1, 4)),
        st.tuples(st.just("image"), st.tuples(st.just(60), st.integers(60, 170))),
    ),
    max_size=6,
)


@pytest.mark.parametrize("kind", ["qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe"])
@settings(max_examples=15, deadline=None)
@given(before=PARTS, after=PARTS, moments=st.integers(1, 3))
def test_transformers_agrees_wherever_it_is_right(kind, before, after, moments):
    """Images in every family, and two videos of Qwen3-VL."""
    stamped = FAMILIES[kind].clock == "stamps"
    seen = [("video", None)] if stamped else []
    parts = [*before, *seen, *after, *seen, ("text", 2)]
    words = {"text": lambda count: "x" * count, "image": lambda _: IMAGE, "video": lambda _: VIDEO}
    text = "".join(words[name](what) for name, what in parts)
    images = [pictures(1, *what)[0] for name, what in parts if name == "image"]
    films = [frames(np.arange(moments) * 7.3, 60, 90), frames([2.0], 90, 60)]
    video = films if stamped else None
    prompt = vision_prompt(FAMILIES[kind], tiny_processor(kind), text, video, images=images)
    found = prompt_positions(tiny_config(kind), prompt)
    assert found[0, 0].tolist() == list(range(prompt.input_ids.shape[1]))
    theirs, _ = rope_index(
        kind.removesuffix("_moe"),
        prompt.mm_token_type_ids[0].tolist(),
        [] if prompt.image_grid_thw is None else prompt.image_grid_thw.tolist(),
        [] if prompt.video_grid_thw is None else prompt.video_grid_thw.tolist(),
    )
    assert torch.equal(found[1:, 0], theirs)


def test_irregular_times_are_distances_from_the_first_picture_of_the_whole_video():
    prompt = vision_prompt(
        FAMILIES["qwen2_5_vl"],
        tiny_processor("qwen2_5_vl"),
        f"abc{VIDEO}d",
        frames([0.3, 12.5, 904.6]),
    )
    found = prompt_positions(tiny_config("qwen2_5_vl"), prompt)[1, 0]
    video = found[prompt.mm_token_type_ids[0] == 2].unique().tolist()
    assert video == [4 + 1, 4 + 25, 4 + 1809]  # after "abc" and the start; two a second
    assert found[-2:].tolist() == [4 + 1810, 4 + 1811]  # the end of the video, and "d"


def test_the_number_of_positions_a_second_is_the_models():
    times = np.array([0.0, 1.1, 2.5])
    config = tiny_config("qwen2_5_vl", tokens_per_second=25)
    steps = time_steps(FAMILIES["qwen2_5_vl"], config, times)
    assert steps.tolist() == [0, 28, 62]


def test_positions_of_qwen2_count_pictures():
    steps = time_steps(FAMILIES["qwen2_vl"], tiny_config("qwen2_vl"), np.array([5.0, 6.0, 900.0]))
    assert steps.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("types", "images", "videos", "message"),
    [
        ([0, 1, 1, 0], [(1, 3)], [], "no room for 3 cells"),
        ([0, 1], [(1, 2)], [], "no room for 2 cells"),
        ([0, 2, 2, 2, 2], [], [(1, 2)], "nothing is left to be seen"),
        ([0, 1, 0], [(1, 1), (1, 1)], [], "more images or videos than places"),
    ],
)
def test_tokens_that_do_not_fit_the_grids_are_refused(types, images, videos, message):
    made = [[Block(np.zeros(1, np.int64), *size) for size in sizes] for sizes in (images, videos)]
    with pytest.raises(ValueError, match=message):
        token_positions(torch.tensor(types), *made)
