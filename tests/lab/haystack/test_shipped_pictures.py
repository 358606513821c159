"""The pictures that the package ships, of every style."""

import pytest

from ntlbg.errors import ConfigError
from ntlbg.models.builtin.vocabulary import object_names
from ntlbg_lab.haystack.pictures import FURTHER_STYLES, LINE_STYLES, STYLES, load_style, style_name

EVERY_STYLE = STYLES + LINE_STYLES + FURTHER_STYLES


def test_no_style_has_two_roles():
    assert len(set(EVERY_STYLE)) == len(EVERY_STYLE)


def test_the_held_out_style_is_not_shipped():
    with pytest.raises(ConfigError, match="openclipart"):
        load_style("openmoji")


@pytest.mark.parametrize("style", EVERY_STYLE)
def test_pictures_show_something_on_a_clear_ground(style):
    pictures = load_style(style)
    assert set(pictures) <= set(object_names())
    assert len(pictures) >= 100
    for name, variants in pictures.items():
        for picture in variants:
            assert picture.shape == (128, 128, 4), name
            assert picture.dtype == "uint8"
            opacity = picture[..., 3]
            assert (opacity > 127).mean() > 0.01, name
    clear = [(picture[..., 3] == 0).any() for some in pictures.values() for picture in some]
    assert sum(clear) / len(clear) > 0.9


@pytest.mark.parametrize("style", FURTHER_STYLES)
def test_further_styles_have_colours(style):
    """Most of their objects do: a few drawings are ink on paper."""
    colorful = 0
    pictures = load_style(style)
    for variants in pictures.values():
        seen = variants[0][variants[0][..., 3] > 127][:, :3].astype(int)
        colorful += (seen.max(-1) - seen.min(-1)).mean() > 20
    assert colorful / len(pictures) > 0.6


def test_the_name_of_a_style_is_that_of_its_zip():
    assert style_name("openclipart") == "openclipart"
    assert style_name("art/openclipart.zip") == "openclipart"
