"""What every encoder promises."""

import numpy as np
import pytest

import systems


@pytest.fixture(params=systems.ENCODERS)
def encoder(request):
    return systems.encoder(request.param)


def pictures(encoder, number=5):
    draw = np.random.default_rng(0)
    return draw.integers(0, 256, (number, *encoder.image_size, 3), np.uint8)


def test_a_vector_for_every_picture(encoder):
    found = encoder.encode_frames(pictures(encoder))
    assert (found.shape, found.dtype) == ((5, encoder.feature_size), np.float32)
    assert np.isfinite(found).all()


def test_a_picture_has_the_same_vector_whatever_is_beside_it(encoder):
    frames = pictures(encoder)
    together = encoder.encode_frames(frames)
    alone = np.concatenate([encoder.encode_frames(frames[i : i + 1]) for i in range(len(frames))])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert not np.allclose(together[0], together[1])  # another picture, another vector


def test_notes_come_with_the_same_vectors(encoder):
    frames = pictures(encoder)
    features, notes = encoder.encode_with_notes(frames)
    np.testing.assert_array_equal(features, encoder.encode_frames(frames))
    assert all(len(note) == len(frames) for note in notes.values())


def test_texts_have_vectors_in_the_same_space_or_none(encoder):
    texts = encoder.encode_text(["red", "blue"])
    if texts is not None:
        assert texts.shape == (2, encoder.feature_size)
        assert not np.allclose(*texts)


def test_it_has_a_name_and_a_fingerprint(encoder):
    assert encoder.name
    assert encoder.fingerprint


@pytest.mark.parametrize("shown", [(1080, 1920), (1920, 1080), (480, 640)])
def test_pictures_of_any_shape_come_at_a_size_that_it_takes(encoder, shown):
    size = encoder.size_for(*shown)
    draw = np.random.default_rng(0)
    frames = draw.integers(0, 256, (2, *size, 3), np.uint8)
    assert encoder.encode_frames(frames).shape == (2, encoder.feature_size)
