from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from fakes import made_answer, many_passages, with_words
from ntlbg.errors import OutputError
from ntlbg.views.plots import (
    Bars,
    draw_bars,
    draw_heatmap,
    draw_timeline,
    save_bars,
    save_timeline,
)


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


@pytest.fixture(scope="module")
def spoken_answer():
    passages = many_passages() + many_passages(9, "screen")
    return with_words(made_answer(pictures=False), passages, [passages[3]])


def test_what_is_said_lies_below_the_curve(spoken_answer):
    axes = next(axes for axes in draw_timeline(spoken_answer).axes if axes.lines)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["speech", "screen"]
    entries = [text.get_text() for text in axes.get_legend().get_texts()]
    assert entries == ["relevance", "selected frame", "said or written", "quoted"]
    speech, quoted, screen = [one for one in axes.collections
                              if one.get_label() in ("said or written", "quoted")]  # fmt: skip
    boxes = [one.get_paths()[0].get_extents() for one in (speech, quoted, screen)]
    low, high = axes.get_ylim()
    assert high == 1.06
    assert all(low < box.y0 < box.y1 <= 0 for box in boxes)
    assert boxes[2].y1 < min(boxes[0].y0, boxes[1].y0)
    passage = spoken_answer.quotations[0]
    assert boxes[1].x0 == pytest.approx(passage.start_seconds)
    assert len(screen.get_paths()) <= 9
    assert 20 < len(speech.get_paths()) <= 240


def test_where_nothing_is_said_the_plot_has_no_lanes(spoken_answer):
    """And the curve is the same with them."""
    plain, spoken = (
        next(axes for axes in draw_timeline(answer).axes if axes.lines)
        for answer in (made_answer(pictures=False), spoken_answer)
    )
    assert plain.get_ylim() == (0, 1.06)
    assert plain.get_yticks().size == 0
    np.testing.assert_array_equal(plain.lines[0].get_xydata(), spoken.lines[0].get_xydata())


def test_a_long_quotation_does_not_widen_the_plot(tmp_path, spoken_answer):
    spoken = replace(spoken_answer, text="\n".join(["12:40 said: " + "word " * 80] * 5))
    widths = []
    for name, answer in (("long", spoken), ("short", spoken_answer)):
        with Image.open(save_timeline(answer, tmp_path / name)[0]) as picture:
            widths.append(picture.size)
    assert widths[0] == pytest.approx(widths[1], abs=15)


def panel(groups=("ntlbg", "uniform"), series=("8", "16")):
    numbers = {name: np.array([[0.6, 0.5, 0.7], [0.2, 0.1, 0.4]]) for name in series}
    return Bars("event recall", groups, numbers)


def test_bars_have_the_means_and_their_intervals():
    axes = draw_bars([panel(), panel()], legend="frames").axes[0]
    assert [bar.get_width() for bar in axes.patches] == [0.6, 0.2, 0.6, 0.2]
    (interval, *_), *_ = [container.lines[2] for container in axes.containers if hasattr(
        container, "lines")]  # fmt: skip
    (left, _), (right, _) = interval.get_segments()[0]
    assert (left, right) == pytest.approx((0.5, 0.7))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["ntlbg", "uniform"]


def test_bars_of_the_first_group_are_on_top_and_do_not_overlap():
    axes = draw_bars([panel(series=("4", "8", "16"))], legend="frames").axes[0]
    places = sorted((bar.get_y(), bar.get_y() + bar.get_height()) for bar in axes.patches)
    assert all(end <= start + 1e-9 for (_, end), (start, _) in pairwise(places))
    assert axes.yaxis_inverted()


@pytest.mark.parametrize("number", [1, 2, 3, 4, 7])
def test_series_are_told_apart_as_far_as_there_are_shades(number):
    axes = draw_bars([panel(series=[str(k) for k in range(number)])], legend="frames").axes[0]
    shades = [container[0].get_facecolor() for container in axes.containers[1::2]]
    assert len(set(shades)) == min(number, 4)


def test_missing_values_leave_gaps(tmp_path):
    empty = Bars("recall", ["a", "b"], {"8": np.full((2, 3), np.nan)})
    assert len(save_bars([empty], tmp_path, name="bars", legend="frames")) == 2


def test_a_heat_map_writes_its_numbers():
    values = np.array([[0.0, 1.0, np.nan], [0.25, 0.5, 0.75]])
    axes = draw_heatmap(values, ["a", "b"], ["x", "y", "z"], title="recall").axes[0]
    assert [text.get_text() for text in axes.texts] == ["0.00", "1.00", "0.25", "0.50", "0.75"]
    dark, light = axes.texts[1].get_color(), axes.texts[0].get_color()
    assert dark == "white" != light
