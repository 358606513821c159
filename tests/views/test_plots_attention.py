"""The plot of the attention: every frame and number that it was given."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fakes import made_attention
from ntlbg.views.plots_attention import draw_attention, save_attention


def test_everything_is_drawn():
    attention = made_attention()
    words, distances, plane = draw_attention(attention).axes
    assert [bar.get_height() for bar in words.patches] == pytest.approx([0.125, 0.25, 0.625])
    assert [label.get_text() for label in words.get_xticklabels()] == ["Is", "<it>", "red?"]
    frames, chosen = (dots.get_offsets() for dots in distances.collections)
    np.testing.assert_allclose(frames[:, 1], attention.distances)
    np.testing.assert_allclose(chosen[:, 0], attention.pts_seconds[attention.chosen])
    assert distances.lines[0].get_ydata()[0] == 15.0
    frames, chosen = (dots.get_offsets() for dots in plane.collections)
    np.testing.assert_allclose(frames, attention.plane.points)
    np.testing.assert_allclose(chosen, attention.plane.points[attention.chosen])
    one, contour = plane.patches
    assert contour.width == pytest.approx(15**0.5 * one.width)
    variance, axis = (part[..., -1] for part in np.linalg.eigh(attention.plane.covariance))
    assert one.width == pytest.approx(2 * variance**0.5)
    assert np.tan(np.radians(one.angle)) == pytest.approx(axis[1] / axis[0])


def test_it_is_written_as_png_and_svg(tmp_path):
    png, svg = save_attention(made_attention(), tmp_path)
    with Image.open(png) as picture:
        assert min(picture.size) > 400
    assert "<svg" in svg.read_text()


def test_signs_of_formulas_are_text(tmp_path):
    """As formulas these could not be drawn."""
    attention = replace(made_attention(), question="Is it $5_$ or less?")
    save_attention(attention, tmp_path)
    attention.words[:] = ["$5_$", "or", "less"]
    save_attention(replace(attention, question="Which?"), tmp_path)
