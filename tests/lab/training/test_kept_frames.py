"""Kept frames are the frames that were drawn, behind the trunk, for whoever uses them."""

import itertools

import numpy as np
import pytest
import torch

from ntlbg.errors import ConfigError
from ntlbg.models.builtin.vision_tower import BuiltinVisionConfig, load_published_tower
from ntlbg.models.builtin.vocabulary import object_names
from ntlbg_lab.haystack.augmentation import FrameRenderer
from ntlbg_lab.training import naming
from ntlbg_lab.training.naming import (
    KeptFrames,
    NamingModel,
    NumberedFrames,
    draw_backgrounds,
    keep_frames,
)
from ntlbg_lab.training.settings import BackgroundSettings, KeptFramesSettings

BACKGROUNDS = BackgroundSettings(shots=6, frames=2)
NOTHING = len(object_names())


@pytest.fixture(scope="module")
def tower():
    torch.manual_seed(0)
    return load_published_tower(BuiltinVisionConfig()).eval()


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setattr(naming, "SHARD", 24)
    return KeptFramesSettings(folder=tmp_path / "frames", frames=40, negatives=0.5, seed=3)


def test_a_naming_model_finds_the_same_loss_in_kept_frames_as_in_frames(tower, settings):
    files = keep_frames(tower, BACKGROUNDS, settings)
    assert len(files) == 2
    renderer = FrameRenderer(draw_backgrounds(BACKGROUNDS, settings.seed))
    drawn = NumberedFrames(renderer, range(24, 30), settings)
    frames, labels = zip(*[drawn[place] for place in (5, 0, 1)])  # in any order
    kept = naming.load_file(files[1])
    places = [5, 0, 1]
    assert kept["labels"][places].tolist() == list(labels)

    directions = torch.randn(NOTHING + 1, tower.config.feature_size)
    model = NamingModel(tower, torch.nn.functional.normalize(directions), 0.05)
    expected = model(torch.tensor(labels), frames=torch.stack(frames))
    found = model(kept["labels"][places], maps=kept["maps"][places])
    torch.testing.assert_close(found["loss"], expected["loss"], atol=0.02, rtol=0)
    others = model(kept["labels"][places], maps=kept["maps"][[9, 10, 11]])
    assert not torch.isclose(others["loss"], expected["loss"], atol=0.02, rtol=0)


def test_frames_come_all_before_any_again_in_the_wanted_shares(tower, settings):
    files = keep_frames(tower, BACKGROUNDS, settings)
    labels = torch.cat([naming.load_file(file)["labels"] for file in files])
    empty = int((labels == NOTHING).sum())
    assert 0 < empty < len(labels) == 48

    kept = KeptFrames(files, negatives=0.25, seed=1)
    drawn = list(itertools.islice(kept, 2000))
    share = np.mean([item["labels"] == NOTHING for item in drawn])
    assert share == pytest.approx(0.25, abs=0.04)
    first = [item for item in drawn if item["labels"] != NOTHING][: len(labels) - empty]
    assert len({item["maps"].float().sum().item() for item in first}) == len(labels) - empty
    again = list(itertools.islice(KeptFrames(files, negatives=0.25, seed=2), 20))
    assert [item["labels"] for item in again] != [item["labels"] for item in drawn[:20]]


def test_a_part_of_the_frames_is_used_and_no_other(tower, settings):
    files = keep_frames(tower, BACKGROUNDS, settings)
    kept = [naming.load_file(file)["maps"] for file in files]
    part = {kept[n // 24][n % 24].float().sum().item() for n in range(20, 40)}
    used = KeptFrames(files, negatives=0.5, seed=1, frames=(20, 40))
    assert {item["maps"].float().sum().item() for item in itertools.islice(used, 200)} == part
    with pytest.raises(ConfigError, match="frames 48 to 60 of 48 kept ones: 0 with an object"):
        KeptFrames(files, negatives=0.5, seed=1, frames=(48, 60))


def test_frames_that_are_there_are_not_drawn_again_and_more_are_added(tower, settings):
    [first, second] = keep_frames(tower, BACKGROUNDS, settings)
    second.unlink()
    before = first.stat().st_mtime_ns
    labels = naming.load_file(first)["labels"]
    more = settings.model_copy(update={"frames": 49})
    files = keep_frames(tower, BACKGROUNDS, more)
    assert [file.name for file in files] == [
        "00000.safetensors",
        "00001.safetensors",
        "00002.safetensors",
    ]
    assert first.stat().st_mtime_ns == before
    assert not torch.equal(naming.load_file(files[2])["labels"], labels)


def test_a_folder_holds_frames_of_one_description(tower, settings):
    keep_frames(tower, BACKGROUNDS, settings)
    for other in ({"negatives": 0.4}, {"seed": 4}):
        with pytest.raises(ConfigError, match="other settings"):
            keep_frames(tower, BACKGROUNDS, settings.model_copy(update=other))
    with pytest.raises(ConfigError, match="other settings"):
        keep_frames(tower, BackgroundSettings(shots=7, frames=2), settings)
