import base64
import io

import numpy as np
import pytest
from PIL import Image

from ntlbg.pictures import contact_sheet, fit_within, save_jpeg, thumbnail_uri


def picture(colour, size=(90, 160)):
    return np.full((*size, 3), colour, np.uint8)


@pytest.mark.parametrize(
    ("size", "longest", "expected"),
    [
        ((1080, 1920), 1280, (720, 1280)),
        ((1920, 1080), 1280, (1280, 720)),
        ((36, 64), 1280, (36, 64)),
        ((1, 4000), 1000, (1, 1000)),
    ],
)
def test_fit_within(size, longest, expected):
    assert fit_within(*size, longest_side=longest) == expected


def test_jpeg_shows_the_picture(tmp_path):
    save_jpeg(picture((200, 40, 40)), tmp_path / "red.jpg")
    back = np.asarray(Image.open(tmp_path / "red.jpg"))
    assert back.shape == (90, 160, 3)
    np.testing.assert_allclose(back.mean((0, 1)), (200, 40, 40), atol=4)


def test_thumbnail_is_a_small_jpeg_in_text():
    uri = thumbnail_uri(picture((10, 200, 10), (720, 1280)), width=320)
    head, data = uri.split(",")
    assert head == "data:image/jpeg;base64"
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (320, 180)


def test_contact_sheet_shows_every_picture_in_order():
    colours = [(200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30), (30, 200, 200)]
    sheet = contact_sheet([picture(c) for c in colours], [f"0{i}:00" for i in range(5)], columns=3)
    seen = np.asarray(sheet).astype(int)
    tile_width = (seen.shape[1] - 10) // 3
    tile_height = (seen.shape[0] - 10) // 2
    for number, colour in enumerate(colours):
        y = 10 + number // 3 * tile_height + 80
        x = 10 + number % 3 * tile_width + 150
        np.testing.assert_allclose(seen[y, x], colour, atol=2)


def test_contact_sheet_of_one():
    sheet = contact_sheet([picture((1, 2, 3))], ["00:00"])
    assert sheet.size == (340, 10 + 180 + 26 + 10)


def test_contact_sheet_wants_a_caption_each():
    with pytest.raises(ValueError, match="argument 2"):
        contact_sheet([picture((0, 0, 0))] * 2, ["00:00"])
