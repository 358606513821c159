"""The built-in encoder: the expert's notes come from the same trunk and change no feature."""

import copy

import numpy as np
import pytest
import torch

from ntlbg.encoders.builtin import BATCH_SIZE, EXPERT_CHANCES, EXPERT_WORDS, BuiltinEncoder
from ntlbg.models.builtin.imagenet_expert import KEPT_WORDS, ImagenetExpert
from ntlbg.models.builtin.vision_tower import (
    BuiltinVisionConfig,
    BuiltinVisionTower,
    normalize_pixels,
)

SIZE = (64, 96)


@pytest.fixture(scope="module")
def parts():
    torch.manual_seed(0)
    config = BuiltinVisionConfig(image_size=SIZE, feature_size=16, hidden_size=32)
    other = BuiltinVisionTower(BuiltinVisionConfig(image_size=SIZE))
    expert = ImagenetExpert(other.tail, ["cat", "dog", "cat", "sofa"]).eval()
    with torch.no_grad():
        expert.classify.bias.copy_(torch.tensor([9.0, 12.0, 10.0, 8.0]))
    return BuiltinVisionTower(config).eval(), expert


@pytest.fixture(scope="module")
def frames():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (BATCH_SIZE + 3, *SIZE, 3), np.uint8)


def test_notes_are_what_the_expert_says_of_the_trunk(parts, frames):
    tower, expert = parts
    features, notes = BuiltinEncoder(tower, "w", expert).encode_with_notes(frames)
    with torch.inference_mode():
        words, chances = expert.likeliest(tower.forward_trunk(normalize_pixels(frames)))
    np.testing.assert_array_equal(notes[EXPERT_WORDS], words)
    np.testing.assert_allclose(notes[EXPERT_CHANCES], chances, rtol=1e-4)
    assert notes[EXPERT_WORDS].dtype == np.int16
    assert notes[EXPERT_CHANCES].shape == (len(frames), KEPT_WORDS)
    assert features.shape == (len(frames), 16)


def test_the_expert_changes_no_feature(parts, frames):
    tower, expert = parts
    alone, advised = BuiltinEncoder(tower, "w"), BuiltinEncoder(tower, "w", expert)
    plain = alone.encode_frames(frames)
    np.testing.assert_array_equal(advised.encode_frames(frames), plain)
    np.testing.assert_array_equal(advised.encode_with_notes(frames)[0], plain)
    with torch.inference_mode():
        expected = tower(normalize_pixels(frames))
    np.testing.assert_allclose(plain, expected, atol=1e-5)
    assert alone.encode_with_notes(frames)[1] == {}


def test_entries_without_notes_are_not_taken_for_entries_with_them(parts):
    tower, expert = parts
    alone, advised = BuiltinEncoder(tower, "w"), BuiltinEncoder(tower, "w", expert)
    assert alone.fingerprint == alone.weights == advised.weights
    assert advised.fingerprint == f"{alone.weights} {expert.fingerprint}"


def test_entries_from_other_pixels_are_not_taken_for_those_of_the_same_weights(parts):
    tower, _ = parts
    before = BuiltinEncoder(tower, "w").weights
    larger = copy.deepcopy(tower)
    larger.config.enlargement *= 2
    assert BuiltinEncoder(larger, "w").weights != before
    assert BuiltinEncoder(tower, "other").weights != before
    assert BuiltinEncoder(tower, "w").weights == before


def test_frames_of_another_size_are_refused(parts):
    with pytest.raises(ValueError, match=r"frames must be \(N, 64, 96, 3\)"):
        BuiltinEncoder(parts[0], "w").encode_frames(np.zeros((1, 32, 96, 3), np.uint8))
