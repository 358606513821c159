"""What a model is told of time, read where the model itself is called: films through ``ntlbg.ask``.

Each picture of the films carries its number, which is read from the pixels that the model is given.
What is told beside it is compared with what PyAV says of the picture of that number.
"""

import re
from dataclasses import dataclass, field
from fractions import Fraction

import av
import numpy as np
import pytest
import torch

import ntlbg
from counter_videos import HEIGHT, WIDTH, read_number, write_video
from ntlbg.answerers.transformers import load_transformers_answerer
from ntlbg.generation import Generation
from ntlbg.index.store import FeatureIndex
from tiny_vlms import FAMILIES, Colours

NATIVE = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl")
RATES = {"23.976": Fraction(24000, 1001), "25": 25, "29.97": Fraction(30000, 1001)}
SECONDS = 20
# Half of the last digit of a stamp. Positions of Qwen2.5-VL are half a second apart.
WITHIN = {"qwen2_vl": 0.05, "qwen2_5_vl": 0.25, "qwen3_vl": 0.05}


def write_film(path, name: str) -> list[float]:
    """A film; returns the time of each of its pictures, by PyAV alone."""
    if name in RATES:
        write_video(path, fps=RATES[name], count=int(SECONDS * RATES[name]))
    else:
        lengths = np.random.default_rng(2).integers(15, 400, 100)
        write_video(path, times=(700 + np.cumsum(lengths)).tolist())
    with av.open(str(path)) as container:
        times = [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]
    return [time - times[0] for time in times]


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Path, times of the pictures and an index of each."""
    folder, found = tmp_path_factory.mktemp("films"), {}
    for name in (*RATES, "variable"):
        path = folder / f"{name}.mkv"
        found[name] = path, write_film(path, name), FeatureIndex(folder / "index")
    return found


EVERY_FILM = pytest.mark.parametrize("film", [*RATES, "variable"])


@dataclass
class Spy:
    """What a model was called with.

    Attributes:
        calls: arguments of the model, by name.
        looks: pixels that the tower is called with, and its further arguments.
    """

    calls: list[dict] = field(default_factory=list)
    looks: list[tuple[torch.Tensor, dict]] = field(default_factory=list)

    def watch(self, model) -> None:
        towers = ("visual", "vision_tower", "vision_model")
        (tower,) = (getattr(model.model, name) for name in towers if hasattr(model.model, name))
        model.register_forward_pre_hook(self._called, with_kwargs=True)
        tower.register_forward_pre_hook(self._looked, with_kwargs=True)

    def _called(self, _, __, given: dict) -> None:
        self.calls.append(given)

    def _looked(self, _, pixels: tuple, given: dict) -> None:
        self.looks.append((pixels[0] if pixels else given["pixel_values"], given))


def asked(folder, film, **options):
    """The answer, what the model was given for it, and the answerer."""
    path, _, index = film
    answerer, spy = load_transformers_answerer(str(folder), options), Spy()
    spy.watch(answerer.model)
    answer = ntlbg.ask(
        path, "What is shown?", model=answerer, encoder=Colours(), index=index, fps=3.0,
        num_frames=9, selector="uniform", generation=Generation(max_new_tokens=1),
    )  # fmt: skip
    assert answer.usage["frames_used"] == 9
    return answer, spy, answerer


def halves(pixels: torch.Tensor, given: dict, images) -> list[np.ndarray]:
    """Both pictures of a temporal grid, uint8 (H, W, 3), put together again from its patches."""
    ((moments, rows, columns),) = given["grid_thw"].tolist()
    assert moments == 1
    merge, patch = images.merge_size, images.patch_size
    parts = pixels.view(rows // merge, columns // merge, merge, merge, 3, 2, patch, patch)
    whole = parts.permute(5, 0, 2, 6, 1, 3, 7, 4).reshape(2, rows * patch, columns * patch, 3)
    return [plain(picture, images) for picture in whole]


def plain(picture: torch.Tensor, images) -> np.ndarray:
    """Without the normalisation: uint8 of float (H, W, 3)."""
    colours = picture.float() * torch.tensor(images.image_std) + torch.tensor(images.image_mean)
    return (colours * 255).round().clamp(0, 255).to(torch.uint8).numpy()


def tiles(family: str, pixels: torch.Tensor, given: dict, images) -> list[np.ndarray]:
    """Of families without grids: of each of nine pictures the tile that shows all of it."""
    first = pixels.unflatten(0, (9, -1))[:, 0]
    if family == "smolvlm":  # fills pictures up, and says where, by patches of 8 pixels
        masks = given["patch_attention_mask"].bool()
        shown = masks.repeat_interleave(8, 1).repeat_interleave(8, 2)
        first = [one[:, mask.any(1)][:, :, mask.any(0)] for one, mask in zip(first, shown)]
    elif family == "llava_onevision":  # makes them square with bars
        side = first.shape[-1]
        bar = round((side - side * HEIGHT / WIDTH) / 2)
        first = first[:, :, bar : side - bar]
    return [plain(one.permute(1, 2, 0), images) for one in first]


def stamps(answerer, call: dict) -> list[float]:
    text = answerer.processor.tokenizer.decode(call["input_ids"][0])
    return [float(seconds) for seconds in re.findall(r"<([\d.]+) seconds>", text)]


def told_natively(kind: str, answerer, call: dict) -> list[float]:
    """Seconds of each grid: a stamp, a sentence, or where the grid stands."""
    if kind == "qwen3_vl":
        return stamps(answerer, call)
    ids = call["input_ids"][0]
    if kind == "qwen2_vl":
        text = answerer.processor.tokenizer.decode(ids)
        (sentence,) = re.findall(r"taken at ([\d., ]+) seconds\.", text)
        return [float(seconds) for seconds in sentence.split(", ")]
    config = answerer.model.config
    (places,) = torch.nonzero(ids == config.video_token_id, as_tuple=True)
    times = call["position_ids"][1, 0, places].unique()  # no two grids of a test share a step
    return ((times - int(places[0])) / config.vision_config.tokens_per_second).tolist()


def assert_told(said, numbers, times, within: float) -> None:
    """As many times as pictures, and each the time of the picture beside it."""
    assert len(said) == len(numbers)
    assert np.abs(np.array(said) - np.array(times)[numbers]).max() <= within + 1e-9


@EVERY_FILM
@pytest.mark.parametrize("family", FAMILIES)
def test_a_time_before_each_picture(vlm_folders, films, family, film):
    answer, spy, answerer = asked(vlm_folders[family], films[film])
    images = answerer.processor.processor.image_processor
    if family in NATIVE:
        pictures = [halves(*look, images)[0] for look in spy.looks]
    else:
        (look,) = spy.looks
        pictures = tiles(family, *look, images)
    numbers = [read_number(picture) for picture in pictures]
    assert_told(stamps(answerer, spy.calls[0]), numbers, films[film][1], 0.05)
    assert_told([item.pts_seconds for item in answer.evidence], numbers, films[film][1], 1e-6)
    assert len(set(numbers)) == 9


@EVERY_FILM
@pytest.mark.parametrize("kind", NATIVE)
def test_a_video_whose_every_picture_has_its_own_time(vlm_folders, films, kind, film):
    """And a grid of its own: no picture is mixed with another."""
    answer, spy, answerer = asked(vlm_folders[kind], films[film], frames_as="video")
    images, numbers = answerer.processor.processor.image_processor, []
    for look in spy.looks:
        one, other = halves(*look, images)
        assert np.array_equal(one, other)
        numbers.append(read_number(one))
    said = told_natively(kind, answerer, spy.calls[0])
    assert_told(said, numbers, films[film][1], WITHIN[kind])
    assert_told([item.pts_seconds for item in answer.evidence], numbers, films[film][1], 1e-6)
    assert len(set(numbers)) == 9


@EVERY_FILM
@pytest.mark.parametrize("kind", NATIVE)
def test_pairs_are_neighbours_of_less_than_a_second(vlm_folders, films, kind, film):
    path, times, index = films[film]
    answerer, spy = load_transformers_answerer(
        str(vlm_folders[kind]), {"frames_as": "video", "layout": "pairs"}
    ), Spy()  # fmt: skip
    spy.watch(answerer.model)
    answer = ntlbg.ask(
        path, "What is shown?", model=answerer, encoder=Colours(), index=index, fps=3.0,
        num_frames=24, selector="uniform", generation=Generation(max_new_tokens=1),
    )  # fmt: skip
    images = answerer.processor.processor.image_processor
    seen = [[read_number(half) for half in halves(*look, images)] for look in spy.looks]
    pairs = [(one, other) for one, other in seen if one != other]
    assert pairs
    assert all(0 < times[other] - times[one] < 1.0 for one, other in pairs)
    shown = [number for pair in seen for number in dict.fromkeys(pair)]
    evidence = [item.pts_seconds for item in answer.evidence]
    assert np.abs(np.array(times)[shown] - evidence).max() < 1e-6  # each once, in order
