import numpy as np
import pytest
from PIL import Image, ImageDraw

from ntlbg.models.builtin.vocabulary import object_names
from ntlbg_lab.haystack.augmentation import (
    AS_DRAWN,
    FURTHER_SHARE,
    LINE_SHARE,
    UNFILLED,
    FrameRenderer,
    _areas,
    color_in,
    outline,
)
from ntlbg_lab.haystack.pictures import LINE_STYLES, STYLES, load_style


@pytest.fixture
def ring() -> np.ndarray:
    """A black circle line around two areas, a bar between them."""
    image = Image.new("RGBA", (64, 64))
    draw = ImageDraw.Draw(image)
    draw.ellipse((8, 8, 56, 56), outline=(0, 0, 0, 255), width=4)
    draw.line((32, 8, 32, 56), fill=(0, 0, 0, 255), width=4)
    return np.array(image)


def test_areas_are_what_the_lines_enclose(ring):
    ink = ring[..., 3] / 255
    areas = _areas(ink, ink)
    assert areas[32, 20] > 0
    assert areas[32, 44] > 0
    assert areas[32, 20] != areas[32, 44]
    assert areas[2, 2] == areas[60, 32] == 0
    open_line = ink.copy()
    open_line[30:34, :16] = 0  # a gap: the left half is outside now
    assert _areas(open_line, open_line)[32, 20] == 0
    assert _areas(open_line, open_line)[32, 44] > 0


def test_coloring_in_keeps_the_shape_and_changes_the_colours(ring):
    drawn = [color_in(np.random.default_rng(seed), ring) for seed in range(200)]
    filled = [picture for picture in drawn if picture[32, 20, 3] == 255]
    assert 1 - len(filled) / 200 == pytest.approx(UNFILLED, abs=0.1)
    for picture in drawn:
        assert picture.dtype == np.uint8
        assert picture.shape == ring.shape
        assert picture[2, 2, 3] == 0
        assert picture[32, 32, 3] == 255
    assert len({tuple(picture[32, 20, :3]) for picture in filled}) > 0.9 * len(filled)
    one = np.mean([(picture[32, 20] == picture[32, 44]).all() for picture in filled])
    assert 0.3 < one < 0.7
    again = color_in(np.random.default_rng(3), ring)
    assert np.array_equal(again, drawn[3])


def test_drawings_with_colours_of_their_own_keep_them_sometimes():
    picture = load_style("streamline-emojis")["rose"][0]
    same = [
        np.array_equal(color_in(np.random.default_rng(seed), picture), picture)
        for seed in range(100)
    ]
    assert np.mean(same) == pytest.approx(AS_DRAWN, abs=0.15)


def test_an_outlined_picture_is_flat_with_dark_edges():
    picture = load_style("noto")["pizza"][0]
    flat = outline(np.random.default_rng(1), picture)
    solid = picture[..., 3] > 127
    assert (flat[..., 3][solid] == 255).all()
    colors = {tuple(color) for color in flat[solid][:, :3]}
    assert 2 <= len(colors) <= 9
    assert len({tuple(color) for color in picture[solid][:, :3]}) > 100
    rim = solid & ~np.roll(solid, 1, axis=0)
    assert flat[rim][:, :3].max() < 60


@pytest.mark.parametrize("style", LINE_STYLES)
def test_line_styles_hold_pictures_of_known_objects(style):
    pictures = load_style(style)
    assert len(pictures) > 100
    assert set(pictures) <= set(object_names())
    assert style not in STYLES
    assert "mouse" not in pictures or style not in ("icon-park", "mdi")  # of a computer


def test_shares_of_the_training_frames_are_lines_and_further_drawings():
    bank = np.zeros((1, 128, 224, 3), np.uint8)
    label = object_names().index("cat")
    renderer = FrameRenderer(bank, seed=4)
    named = {picture.tobytes() for picture in renderer.variants[label]}
    further = {picture.tobytes() for picture in renderer.further[label]}
    drawn = [renderer._picture(label).tobytes() for _ in range(600)]
    coloured = np.mean([picture in further for picture in drawn])
    lines = np.mean([picture not in named | further for picture in drawn])
    assert lines == pytest.approx(LINE_SHARE, abs=0.08)
    assert coloured == pytest.approx((1 - LINE_SHARE) * FURTHER_SHARE, abs=0.08)
    plain = FrameRenderer(bank, line_styles=(), further_styles=(), seed=4)
    assert all(plain._picture(label).tobytes() in named for _ in range(50))
