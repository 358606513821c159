"""Pictures fit a reply, and become smaller before they would not."""

import io

import numpy as np
import pytest
from PIL import Image

from ntlbg.serve.jpegs import LEAST_SIDE, MOST_BYTES, encoded_bytes, jpegs

NOISE = np.random.default_rng(0).integers(0, 256, (450, 800, 3), np.uint8)


def size(file):
    image = Image.open(io.BytesIO(file))
    assert image.format == "JPEG"
    return image.size


def total(files):
    return sum(encoded_bytes(len(file)) for file in files)


def test_what_fits_keeps_its_size_and_looks():
    flat = np.full((30, 40, 3), (200, 40, 40), np.uint8)
    [file] = jpegs([flat])
    assert size(file) == (40, 30)
    assert np.abs(np.asarray(Image.open(io.BytesIO(file))).astype(int) - flat).max() < 5


@pytest.mark.parametrize("most", [400_000, 200_000, 60_000])
def test_what_does_not_fit_becomes_smaller_and_not_too_small(most):
    files = jpegs([NOISE, NOISE[::-1], NOISE[:, ::-1]], most)
    assert most * 0.3 < total(files) <= most
    [shown] = {size(file) for file in files}
    assert shown[0] < 800
    assert shown[0] / shown[1] == pytest.approx(800 / 450, rel=0.02)


def test_all_fit_in_the_end():
    files = jpegs([NOISE] * 12, 1)
    assert {max(size(file)) for file in files} == {LEAST_SIDE}
    assert total(files) < MOST_BYTES


def test_small_pictures_are_not_made_larger():
    assert [size(file) for file in jpegs([NOISE[:9, :5]], 1)] == [(5, 9)]


@pytest.mark.parametrize("length", range(10))
def test_bytes_as_base64(length):
    import base64

    assert encoded_bytes(length) == len(base64.b64encode(bytes(length)))
