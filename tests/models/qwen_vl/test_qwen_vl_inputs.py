"""Ids, pixels and grids: counts, stamps, pairs, and what is refused."""

import doctest
import re
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ntlbg.errors import ConfigError, QuestionError
from ntlbg.models.qwen_vl import inputs
from ntlbg.models.qwen_vl.families import FAMILIES, family_of
from ntlbg.models.qwen_vl.inputs import (
    PAIR_SECONDS,
    grid_frames,
    grid_times,
    place_vision,
    times_sentence,
    video_tokens,
    vision_prompt,
)
from ntlbg.models.qwen_vl.positions import prompt_positions
from ntlbg.types import Frames
from ntlbg.video import sample_frames
from qwen_vl_models import (
    IMAGE,
    PATCH,
    VIDEO,
    frames,
    pictures,
    qwen_tokenizer,
    tiny_config,
    tiny_processor,
)

KINDS = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl")
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
VIDEO_ID, IMAGE_ID = qwen_tokenizer().convert_tokens_to_ids(["<|video_pad|>", "<|image_pad|>"])


def read(prompt) -> str:
    """The text of a prompt, each run of picture tokens as one."""
    text = qwen_tokenizer().decode(prompt.input_ids[0])
    return re.sub(r"(<\|(?:video|image)_pad\|>)+", lambda run: f"[{run[0][2:7]}]", text)


@EVERY_KIND
@settings(max_examples=25, deadline=None)
@given(
    count=st.integers(1, 5),
    height=st.integers(30, 300),
    width=st.integers(30, 300),
    limits=st.sampled_from([None, (4_000, 20_000), (1, 1_000_000)]),
)
def test_tokens_are_as_many_as_was_said(kind, count, height, width, limits):
    processor, video = tiny_processor(kind), frames(np.arange(count) * 5, height, width)
    prompt = vision_prompt(FAMILIES[kind], processor, f"{VIDEO}?", video, limits=limits)
    said = video_tokens(processor, count, height, width, limits=limits)
    assert int((prompt.input_ids == VIDEO_ID).sum()) == said
    assert torch.equal(prompt.mm_token_type_ids == 2, prompt.input_ids == VIDEO_ID)
    patches = int(prompt.video_grid_thw.prod())
    assert prompt.pixel_values_videos.shape == (patches, 3 * 2 * PATCH[kind] ** 2)
    assert patches == 4 * said


@pytest.mark.parametrize(
    ("kind", "seen"),
    [
        ("qwen2_vl", "a<|vision_start|>[video]<|vision_end|>b"),
        ("qwen2_5_vl", "a<|vision_start|>[video]<|vision_end|>b"),
        (
            "qwen3_vl",
            "a<0.4 seconds><|vision_start|>[video]<|vision_end|>"
            "<61.0 seconds><|vision_start|>[video]<|vision_end|>b",
        ),
    ],
)
def test_a_video_is_written_as_each_family_learned_it(kind, seen):
    prompt = vision_prompt(FAMILIES[kind], tiny_processor(kind), f"a{VIDEO}b", frames([0.4, 61.04]))
    assert read(prompt) == seen


def test_a_place_without_start_and_end_gets_the_same_grids():
    processor, video = tiny_processor("qwen3_vl"), frames([0.4, 61.04])
    whole = vision_prompt(FAMILIES["qwen3_vl"], processor, f"a{VIDEO}b", video)
    bare = vision_prompt(FAMILIES["qwen3_vl"], processor, "a<|video_pad|>b", video)
    assert torch.equal(whole.input_ids, bare.input_ids)


@EVERY_KIND
def test_images_and_a_video_stand_where_the_text_says(kind):
    processor = tiny_processor(kind)
    images = [pictures(1, 60, 90)[0], pictures(1, 140, 60)[0]]
    text = f"a{IMAGE}b{VIDEO}c{IMAGE}d"
    prompt = vision_prompt(FAMILIES[kind], processor, text, frames([2.0]), images=images)
    stamp = "<2.0 seconds>" if kind == "qwen3_vl" else ""
    assert read(prompt) == (
        "a<|vision_start|>[image]<|vision_end|>b"
        f"{stamp}<|vision_start|>[video]<|vision_end|>c<|vision_start|>[image]<|vision_end|>d"
    )
    alone = processor.image_processor(images=images, return_tensors="pt")
    assert torch.equal(prompt.pixel_values, alone["pixel_values"])
    assert torch.equal(prompt.image_grid_thw, alone["image_grid_thw"])
    assert (
        int((prompt.mm_token_type_ids == 1).sum())
        == int(alone["image_grid_thw"].prod(1).sum()) // 4
    )
    assert torch.equal(prompt.mm_token_type_ids == 1, prompt.input_ids == IMAGE_ID)


@EVERY_KIND
def test_several_videos_have_their_own_places_times_and_sizes(kind):
    processor = tiny_processor(kind)
    videos = [frames([0.4, 61.04]), frames([7.0], 60, 90), frames([1.0, 2.0, 3.0])]
    text = f"a{VIDEO}b{VIDEO}c{VIDEO}"
    prompt = vision_prompt(FAMILIES[kind], processor, text, videos)
    alone = [vision_prompt(FAMILIES[kind], processor, f"{VIDEO}", one) for one in videos]
    assert torch.equal(prompt.video_grid_thw, torch.cat([one.video_grid_thw for one in alone]))
    assert torch.equal(
        prompt.pixel_values_videos, torch.cat([one.pixel_values_videos for one in alone])
    )
    assert prompt.grid_seconds.tolist() == [0.4, 61.04, 7.0, 1.0, 2.0, 3.0]
    letters = processor.tokenizer("abc", return_tensors="pt").input_ids[0]
    pieces = zip(letters.split(1), (one.input_ids[0] for one in alone))
    assert torch.equal(prompt.input_ids[0], torch.cat([part for pair in pieces for part in pair]))
    with pytest.raises(QuestionError, match="3 times"):
        vision_prompt(FAMILIES[kind], processor, text, videos[:1])


@EVERY_KIND
def test_a_prompt_for_pictures_that_were_seen_is_the_same_without_pixels(kind):
    processor, text = tiny_processor(kind), f"a{IMAGE}b{VIDEO}c"
    video, images = frames([0.4, 61.04]), [pictures(1)[0]]
    full = vision_prompt(FAMILIES[kind], processor, text, video, images=images)
    again = place_vision(
        FAMILIES[kind],
        processor,
        text,
        grid_seconds=full.grid_seconds,
        video_grid_thw=full.video_grid_thw,
        image_grid_thw=full.image_grid_thw,
    )
    for name in ("input_ids", "mm_token_type_ids"):
        assert torch.equal(getattr(full, name), getattr(again, name))
    assert again.pixel_values is None
    assert again.pixel_values_videos is None


@EVERY_KIND
def test_a_picture_of_three_rows_is_not_taken_for_three_colours(kind):
    processor = tiny_processor(kind)
    prompt = vision_prompt(FAMILIES[kind], processor, VIDEO, frames([1.0], 3, 60))
    _, height, width = prompt.video_grid_thw[0].tolist()
    assert height < width
    assert height * width // 4 == video_tokens(processor, 1, 3, 60)


@EVERY_KIND
def test_a_frame_shown_twice_is_the_image_itself(kind):
    processor, video = tiny_processor(kind), frames([1.0, 5.0, 9.0])
    prompt = vision_prompt(FAMILIES[kind], processor, VIDEO, video)
    images = processor.image_processor(images=list(video.data), return_tensors="pt")
    assert torch.equal(prompt.pixel_values_videos, images["pixel_values"])


@EVERY_KIND
def test_a_pair_is_half_of_each(kind):
    """Patches are (colour, time, row, column): looked at one by one."""
    processor, video = tiny_processor(kind), frames([1.0, 1.5])
    patch = PATCH[kind]
    made = vision_prompt(FAMILIES[kind], processor, VIDEO, video, layout="pairs")
    assert made.video_grid_thw[0, 0] == 1
    images = processor.image_processor(images=list(video.data), return_tensors="pt")
    first, last = images["pixel_values"].chunk(2)
    for row in (0, 7, len(first) - 1):
        cube = made.pixel_values_videos[row].view(3, 2, patch, patch)
        assert torch.equal(cube[:, 0], first[row].view(3, 2, patch, patch)[:, 0])
        assert torch.equal(cube[:, 1], last[row].view(3, 2, patch, patch)[:, 1])


def fewest_grids(times: list[float]) -> int:
    """By trying every way to pair neighbours that are near."""
    if len(times) < 2:
        return len(times)
    alone = 1 + fewest_grids(times[1:])
    near = round(times[1] - times[0], 6) < PAIR_SECONDS
    return min(alone, 1 + fewest_grids(times[2:])) if near else alone


@settings(deadline=None)
@given(gaps=st.lists(st.sampled_from([0.0, 0.4, 0.99, 1.0, 1.3, 60.0]), min_size=1, max_size=9))
def test_only_neighbours_become_pairs_and_no_grid_is_wasted(gaps):
    times = np.cumsum(gaps)
    grids = grid_frames(times, "pairs")
    assert sorted({frame for grid in grids.tolist() for frame in grid}) == list(range(len(times)))
    assert sorted(grids.flatten().tolist()) == grids.flatten().tolist()
    apart = times[grids[:, 1]] - times[grids[:, 0]]
    assert (apart.round(6) < PAIR_SECONDS).all()
    assert (np.diff(grids, axis=1) <= 1).all()
    assert len(grids) == fewest_grids(times.tolist())
    assert grid_frames(times, "twice").tolist() == [[frame, frame] for frame in range(len(times))]


@pytest.mark.parametrize("rate", [24, 25, 30, 24000 / 1001, 30000 / 1001])
def test_frames_a_second_apart_are_no_pair_however_times_are_rounded(rate):
    """At a rate of whole numbers some such differences of floats are below 1."""
    numbers = np.arange(int(2 * 3600 * rate))
    step = int(np.ceil(rate))
    for start in range(0, step, 5):
        times = numbers[start::step] / rate
        assert len(grid_frames(times, "pairs")) == len(times)


def test_the_time_of_a_pair_is_the_one_each_family_learned():
    times = np.array([10.0, 10.5, 20.0])
    assert grid_times(FAMILIES["qwen2_5_vl"], times, "pairs").tolist() == [10.0, 20.0]
    for kind in ("qwen2_vl", "qwen3_vl"):
        assert grid_times(FAMILIES[kind], times, "pairs").tolist() == [10.25, 20.0]


@pytest.mark.parametrize("text", ["what?", f"{VIDEO}what is <|video_pad|>?"])
def test_one_place_for_one_video(text):
    with pytest.raises(QuestionError, match=r"<\|video_pad\|>, for 1 to be shown"):
        vision_prompt(FAMILIES["qwen2_vl"], tiny_processor("qwen2_vl"), text, frames([1.0]))


def test_one_place_for_each_image():
    with pytest.raises(QuestionError, match=r"1 times <\|image_pad\|>, for 2 to be shown"):
        vision_prompt(FAMILIES["qwen2_vl"], tiny_processor("qwen2_vl"), IMAGE, images=pictures(2))


def test_a_question_without_pictures_is_refused_where_it_names_one():
    with pytest.raises(QuestionError, match="for 0 to be shown"):
        vision_prompt(FAMILIES["qwen2_vl"], tiny_processor("qwen2_vl"), f"a{VIDEO}")


def test_other_layouts_tokenizers_and_models_are_refused():
    with pytest.raises(ConfigError, match="twice or pairs"):
        grid_frames(np.array([1.0]), "thrice")
    processor = tiny_processor("qwen2_vl")
    strange = type(processor)(image_processor=processor.image_processor, tokenizer=_plain())
    with pytest.raises(ConfigError, match=r"no <\|image_pad\|>"):
        vision_prompt(FAMILIES["qwen2_vl"], strange, VIDEO, frames([1.0]))
    assert family_of(tiny_config("qwen2_5_vl")).clock == "positions"
    with pytest.raises(ConfigError, match="qwen2 does not take videos in this way"):
        family_of(tiny_config("qwen2_vl").text_config.__class__(model_type="qwen2"))


def _plain():
    tokenizer = qwen_tokenizer()
    tokenizer.get_vocab = lambda: {"a": 0}
    return tokenizer


def test_examples_in_the_documentation():
    found = doctest.testmod(inputs)
    assert found.attempted
    assert not found.failed


# --- what the model is told of time ---------------------------------------------------------------


def told(kind: str, video: Frames) -> list[float]:
    """Seconds of each grid, read back from ids and positions alone."""
    prompt = vision_prompt(FAMILIES[kind], tiny_processor(kind), f"a{VIDEO}b", video)
    if kind == "qwen3_vl":
        text = qwen_tokenizer().decode(prompt.input_ids[0])
        return [float(found) for found in re.findall(r"<([\d.]+) seconds>", text)]
    config = tiny_config(kind)
    places = prompt_positions(config, prompt)[1, 0, prompt.mm_token_type_ids[0] == 2]
    start = int((prompt.mm_token_type_ids[0] == 2).nonzero()[0])  # text before has one each
    first = places.view(len(video), -1)[:, 0] - start
    return (first / config.vision_config.tokens_per_second).tolist()


RATES = {"23.976": 24000 / 1001, "25": 25.0, "29.97": 30000 / 1001}


def _chosen(rate: float) -> np.ndarray:
    """Eleven pictures of an hour, at times a film of this rate has."""
    numbers = np.sort(np.random.default_rng(3).choice(int(3600 * rate), 11, replace=False))
    return numbers / rate


@pytest.mark.parametrize(("kind", "within"), [("qwen3_vl", 0.05), ("qwen2_5_vl", 0.25)])
@pytest.mark.parametrize("rate", RATES)
def test_times_are_told_as_they_are(kind, within, rate):
    """To half of the last digit of a stamp, or half a position step."""
    times = _chosen(RATES[rate])
    said = told(kind, frames(times, 60, 60))
    assert np.abs(np.array(said) - times).max() <= within + 1e-9
    assert len(said) == len(times)
    assert all(a <= b for a, b in pairwise(said))


@pytest.mark.parametrize(("kind", "within"), [("qwen3_vl", 0.05), ("qwen2_5_vl", 0.25)])
def test_times_of_a_film_of_variable_rate_are_told_as_they_are(kind, within, video_data):
    batches = list(sample_frames(video_data / "vfr.mp4", fps=4.0, size=(64, 64)))
    times = np.concatenate([batch.pts_seconds for batch in batches])
    video = Frames(np.concatenate([batch.data for batch in batches]), times)
    assert len({round(gap, 3) for gap in np.diff(times)}) > 1, "the film has another rate"
    assert np.abs(np.array(told(kind, video)) - times).max() <= within + 1e-9


def test_a_sentence_tells_the_times_to_a_model_without_a_clock():
    times = _chosen(RATES["23.976"])
    said = [float(found) for found in re.findall(r"\d+\.\d", times_sentence(times))]
    assert np.abs(np.array(said) - times).max() <= 0.05 + 1e-9


@pytest.fixture
def video_data():
    from counter_videos import DATA

    return DATA
