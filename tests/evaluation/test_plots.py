import numpy as np
import pytest
from PIL import Image

from fakes import made_answer
from ntlbg.errors import OutputError
from ntlbg.evaluation.plots import draw_timeline, save_timeline


def test_png_and_svg_are_written(tmp_path):
    png, svg = save_timeline(made_answer(), tmp_path / "plots", truth=[(1200.0, 1203.0)])
    with Image.open(png) as picture:
        assert picture.width > 1000
        assert np.asarray(picture.convert("L")).std() > 5  # not an empty sheet
    assert svg.read_text(encoding="utf-8").lstrip().startswith("<?xml")
    assert sorted(path.name for path in png.parent.iterdir()) == ["timeline.png", "timeline.svg"]


def test_same_answer_same_file(tmp_path):
    one, other = (save_timeline(made_answer(), tmp_path / name)[1] for name in "ab")
    assert one.read_bytes() == other.read_bytes()


def test_selected_frames_are_drawn_at_their_times_and_levels():
    answer = made_answer(pictures=False)
    axes = next(axes for axes in draw_timeline(answer).axes if axes.lines)
    (dots,) = axes.lines
    np.testing.assert_array_equal(dots.get_xdata(), [item.pts_seconds for item in answer.evidence])
    best = int(np.argmax([item.score for item in answer.evidence]))
    assert dots.get_ydata()[best] == 1
    assert axes.get_xlim() == (0, 3599)


def test_truth_is_shaded_and_stays_visible_in_an_hour():
    axes = next(a for a in draw_timeline(made_answer(), truth=[(1200.0, 1203.0)]).axes if a.lines)
    (band,) = axes.patches
    assert band.get_x() < 1200
    assert band.get_width() == pytest.approx(3599 / 250)


@pytest.mark.parametrize("changes", [{"scored": False}, {"pictures": False}])
def test_plots_without_scores_or_pictures(tmp_path, changes):
    assert len(save_timeline(made_answer(**changes), tmp_path)) == 2


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "plots").write_text("")
    with pytest.raises(OutputError, match="plots: cannot be written"):
        save_timeline(made_answer(), tmp_path / "plots")
