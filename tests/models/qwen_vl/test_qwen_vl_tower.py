"""One picture at a time: the same whatever else is shown, kept, and made anew where damaged."""

import multiprocessing
import os
from pathlib import Path

import pytest
import torch

from ntlbg.errors import OutputError
from ntlbg.models.qwen_vl.families import FAMILIES
from ntlbg.models.qwen_vl.inputs import VisionPrompt, vision_prompt
from ntlbg.models.qwen_vl.tower import Tower
from ntlbg.models.qwen_vl.vision import VisionFeatures, encode
from ntlbg.types import Frames
from qwen_vl_models import IMAGE, NAMES, VIDEO, frames, pictures, tiny_model, tiny_processor

EVERY_KIND = pytest.mark.parametrize("kind", NAMES)
SECONDS = (0.4, 3.2, 61.04)


class Counted(Tower):
    """Counts what the tower itself looks at."""

    def __init__(self, kind: str, seed: int = 0, fingerprint: str = "a"):
        super().__init__(tiny_model(kind, seed), fingerprint)
        self.looks = 0
        self.model.model.visual.register_forward_hook(self._count)

    def _count(self, *_):
        self.looks += 1


def prompt_of(kind: str, video: Frames | None = None, images=(), layout="twice") -> VisionPrompt:
    text = f"{VIDEO if video is not None else ''}{IMAGE * len(images)}?"
    return vision_prompt(
        FAMILIES[kind], tiny_processor(kind), text, video, images=images, layout=layout
    )


def same(one: dict[str, VisionFeatures], other: dict[str, VisionFeatures]) -> bool:
    """To the bit."""
    rows = [(one[name].arrays(), other[name].arrays()) for name in one]
    return one.keys() == other.keys() and all(
        a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a) for a, b in rows
    )


PROMPTS = {
    "video": {"video": frames(SECONDS)},
    "pairs": {"video": frames([1.0, 1.5, 61.04, 99.0]), "layout": "pairs"},
    "images": {"images": [*pictures(2), *pictures(1, 60, 90)]},
    "both": {"video": frames(SECONDS), "images": [*pictures(1, 60, 90)]},
}


@EVERY_KIND
@pytest.mark.parametrize("name", PROMPTS)
def test_it_sees_what_is_seen_at_once(kind, name):
    tower, prompt = Counted(kind), prompt_of(kind, **PROMPTS[name])
    found, expected = tower.look(prompt, None), encode(tower.model, prompt)
    assert found.keys() == expected.keys()
    for key, features in expected.items():
        arrays = found[key].arrays()
        for part, tensor in features.arrays().items():
            assert arrays[part].dtype == tensor.dtype
            torch.testing.assert_close(arrays[part], tensor, atol=1e-5, rtol=1e-4)


@EVERY_KIND
def test_a_picture_is_seen_the_same_to_the_bit_whatever_else_is_shown(kind):
    tower = Counted(kind)
    together = tower.look(prompt_of(kind, frames(SECONDS)), None)["video"]
    alone = tower.look(prompt_of(kind, frames(SECONDS)[1:2]), None)["video"]
    count = len(alone.pooled)
    for whole, part in zip(
        (together.pooled, *together.deepstack), (alone.pooled, *alone.deepstack)
    ):
        assert torch.equal(whole[count : 2 * count], part)


@EVERY_KIND
@pytest.mark.parametrize("name", PROMPTS)
def test_what_was_seen_is_not_looked_at_again(kind, name, tmp_path):
    prompt, first = prompt_of(kind, **PROMPTS[name]), Counted(kind)
    seen = first.look(prompt, tmp_path)
    assert first.looks == {"video": 3, "pairs": 3, "images": 3, "both": 4}[name]
    assert same(seen, Counted(kind).look(prompt, None))
    second = Counted(kind)
    assert same(second.look(prompt, tmp_path), seen)
    assert second.looks == 0


def test_only_new_pictures_are_looked_at(tmp_path):
    video = frames((0.4, 3.2, 12.0, 61.04))
    tower = Counted("qwen2_5_vl")
    tower.look(prompt_of("qwen2_5_vl", video[:3]), tmp_path)
    assert tower.looks == 3
    found = tower.look(prompt_of("qwen2_5_vl", video[1:]), tmp_path)
    assert tower.looks == 4
    assert same(found, tower.look(prompt_of("qwen2_5_vl", video[1:]), None))


def test_an_image_and_a_frame_of_a_video_are_the_same_picture(tmp_path):
    tower, video = Counted("qwen3_vl"), frames(SECONDS)
    tower.look(prompt_of("qwen3_vl", video), tmp_path)
    tower.look(prompt_of("qwen3_vl", images=list(video.data)), tmp_path)
    assert tower.looks == 3


def test_a_pair_is_not_one_of_its_frames(tmp_path):
    tower, near = Counted("qwen2_vl"), frames([1.0, 1.5])
    tower.look(prompt_of("qwen2_vl", near), tmp_path)
    tower.look(prompt_of("qwen2_vl", near, layout="pairs"), tmp_path)
    tower.look(prompt_of("qwen2_vl", frames([1.0, 1.5])[::-1], layout="pairs"), tmp_path)
    assert tower.looks == 4  # two frames, the pair, and the pair the other way round


def test_other_weights_sizes_and_pictures_are_looked_at(tmp_path):
    kind = "qwen2_5_vl"
    prompt = prompt_of(kind, frames(SECONDS))
    Counted(kind).look(prompt, tmp_path)
    others = [
        (Counted(kind, seed=1, fingerprint="b"), prompt),
        (Counted(kind), prompt_of(kind, frames(SECONDS, 140, 168))),
        (Counted(kind), prompt_of(kind, frames(SECONDS, 168, 112))),  # as many patches
        (Counted(kind), prompt_of(kind, frames(SECONDS, seed=1))),
    ]
    for tower, other in others:
        found = tower.look(other, tmp_path)
        assert tower.looks == 3
        assert same(found, tower.look(other, None))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_kept_to_the_bit(dtype, tmp_path):
    prompt, tower = prompt_of("qwen3_vl", frames(SECONDS)), Counted("qwen3_vl")
    tower.model.to(dtype)
    seen = tower.look(prompt, tmp_path)
    assert seen["video"].pooled.dtype == dtype
    assert same(tower.look(prompt, tmp_path), seen)
    assert tower.looks == 3


def _cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _altered(content: bytes) -> bytes:
    """A byte of the numbers, which no format notices by itself."""
    return content[:-5] + bytes([content[-5] ^ 1]) + content[-4:]


def _renamed(content: bytes) -> bytes:
    return content.replace(b'"pooled"', b'"bloated"', 1)


DAMAGES = [_cut, _altered, _renamed, lambda content: b"", lambda content: b"something else"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files_are_made_anew(damage, tmp_path):
    prompt, tower = prompt_of("qwen3_vl", frames(SECONDS)), Counted("qwen3_vl")
    seen = tower.look(prompt, tmp_path)
    content = {path: path.read_bytes() for path in tmp_path.iterdir()}
    hurt = sorted(content)[:2]
    for path in hurt:
        path.write_bytes(damage(content[path]))
    tower.looks = 0
    assert same(tower.look(prompt, tmp_path), seen)
    assert tower.looks == len(hurt)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == content


def test_a_file_of_another_picture_is_not_trusted(tmp_path):
    """It is whole, and its numbers have the right shape."""
    prompt, tower = prompt_of("qwen2_5_vl", frames(SECONDS)), Counted("qwen2_5_vl")
    seen = tower.look(prompt, tmp_path)
    one, other, _ = sorted(tmp_path.iterdir())
    one.write_bytes(other.read_bytes())
    tower.looks = 0
    assert same(tower.look(prompt, tmp_path), seen)
    assert tower.looks == 1
    assert one.read_bytes() != other.read_bytes()


def test_what_is_used_again_is_as_good_as_new(tmp_path):
    """It is forgotten last, not as old as when it was made."""
    prompt, tower = prompt_of("qwen2_5_vl", frames(SECONDS)), Counted("qwen2_5_vl")
    tower.look(prompt, tmp_path)
    for path in tmp_path.iterdir():
        os.utime(path, (1000, 1000))
    tower.look(prompt, tmp_path)
    assert all(path.stat().st_mtime > 1000 for path in tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    place = tmp_path / "file"
    place.write_text("in the way")
    with pytest.raises(OutputError, match=r"file/.* cannot be written"):
        Counted("qwen2_vl").look(prompt_of("qwen2_vl", frames(SECONDS)), place)


def test_processes_keep_at_once(tmp_path):
    """All of them see the same, and leave a file for each picture and nothing else."""
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(2) as pool:
        rows = pool.map(_look_often, [tmp_path] * 2)
    expected = Counted("qwen2_vl").look(prompt_of("qwen2_vl", frames(SECONDS)), None)
    for features in rows:
        assert torch.equal(torch.tensor(features), expected["video"].pooled)
    names = [path.name for path in tmp_path.iterdir()]
    assert len(names) == 3
    assert all(name.endswith(".safetensors") for name in names)


def _look_often(folder: Path) -> list:
    """Each time a file is gone, so that it is made again."""
    torch.set_num_threads(1)
    tower, prompt = Counted("qwen2_vl"), prompt_of("qwen2_vl", frames(SECONDS))
    for _ in range(20):
        tower.look(prompt, folder)
        sorted(folder.glob("*.safetensors"))[-1].unlink(missing_ok=True)
    return tower.look(prompt, folder)["video"].pooled.tolist()
