"""The bank of features is made in batches; which row is which picture's does not depend on them."""

import numpy as np
import pytest
import torch

from ntlbg.models.builtin.vision_tower import normalize_pixels
from ntlbg.models.builtin.vocabulary import object_names
from ntlbg_lab.haystack.augmentation import FRAME_SIZE, FrameRenderer
from ntlbg_lab.training import synthetic_videos
from ntlbg_lab.training.synthetic_videos import build_feature_bank

pytestmark = pytest.mark.slow
STYLES = {"styles": ("noto", "twemoji"), "line_styles": (), "further_styles": ()}


def tower(pixels):
    """Mean colours instead of a network."""
    return pixels.flatten(2).mean(-1)


def test_rows_are_those_of_pictures_drawn_one_by_one(monkeypatch):
    monkeypatch.setattr(synthetic_videos, "BATCH", 4)
    background = np.full((1, *FRAME_SIZE, 3), 128, np.uint8)
    bank = build_feature_bank(
        tower, FrameRenderer(background, seed=3, **STYLES), repeats=2, empty=5, names=3
    )
    one_by_one = FrameRenderer(background, seed=3, **STYLES)
    names = [object_names()[label] for label in one_by_one.drawable[:3]]
    assert list(bank.groups) == names
    rows = []
    for label, name in zip(one_by_one.drawable, names):
        assert len(bank.groups[name]) == len(one_by_one.variants[label])
        for variant, group in enumerate(bank.groups[name]):
            rows += group.tolist()
            for row in group:
                frame = torch.tensor(one_by_one.needle(label, variant)[0][None])
                torch.testing.assert_close(bank.needles[row], tower(normalize_pixels(frame))[0])
    assert rows == list(range(len(bank.needles)))
    for row in bank.empty:
        frame = torch.tensor(one_by_one.negative()[0][None])
        torch.testing.assert_close(row, tower(normalize_pixels(frame))[0])
    assert len(bank.empty) == 5
