"""Scaling, colour, the shape of pictures."""

import itertools
from fractions import Fraction

import av
import numpy as np
import pytest
from odd_films import with_matrix
from PIL import Image
from reading import sample

from counter_videos import DATA, HEIGHT, WIDTH, read_numbers, write_video
from ntlbg import errors
from ntlbg.video import probe, read_frames_at
from ntlbg.video.convert import SCALING, Layout, RgbConverter


def test_scaling_is_as_good_as_converting_first(tmp_path):
    """Against full-size conversion and Pillow's bicubic: colour edges tell the flags apart."""
    path = write_video(tmp_path / "large.mp4", size=(360, 640), options={"crf": "5"}, count=3)
    full = read_frames_at(path, [0.0]).data[0]
    expected = np.asarray(Image.fromarray(full).resize((160, 90), Image.Resampling.BICUBIC))
    found = read_frames_at(path, [0.0], size=(90, 160)).data[0]
    error = np.square(found.astype(float) - expected).mean()
    assert 10 * np.log10(255**2 / error) > 40


@pytest.mark.parametrize("size", [(54, 96), (57, 101), (108, 192), (200, 33)])
@pytest.mark.parametrize(
    "pixels",
    ["yuv420p", "yuvj420p", "yuv422p10le", "yuva444p", "nv12", "gray", "rgb24", "bgra", "rgb565le"],
)
def test_conversion_is_that_to_packed_rgb(pixels, size):
    noise = np.random.default_rng(0).integers(0, 256, (108, 192, 3), dtype=np.uint8)
    stored = av.VideoFrame.from_ndarray(noise, format="rgb24").reformat(format=pixels)
    for matrix in (1, 5, 9):  # BT.709, BT.601, BT.2020
        stored.colorspace = matrix
        packed = stored.reformat(size[1], size[0], "rgb24", interpolation=SCALING, threads=1)
        found = RgbConverter(stored, Layout(size, *size))(stored)
        assert np.array_equal(found, packed.to_ndarray())


@pytest.mark.parametrize("aspect", [Fraction(1, 2), Fraction(2, 1), Fraction(1, 1)])
def test_pixels_are_shown_square(tmp_path, aspect):
    path = write_video(tmp_path / "film.mp4", pixel_aspect=aspect, count=3)
    info = probe(path)
    assert info.height == (2 * HEIGHT if aspect < 1 else HEIGHT)
    assert info.width == (2 * WIDTH if aspect > 1 else WIDTH)
    assert read_numbers(sample(path, fps=25, size=None).data) == [0, 1, 2]


@pytest.mark.parametrize("size", [40, (40, 40), (90, 30), (20, 200)])
@pytest.mark.parametrize("name", ["anamorphic.mp4", "rotate90.mp4", "odd_101x77.webm"])
def test_fits(name, size):
    """Sizes by the rules' own words; the picture in the letterbox is the one scaled alone."""
    info = probe(DATA / name)
    pair = (size, size) if isinstance(size, int) else size

    def read(fit, size=size):
        return read_frames_at(DATA / name, [0.5], size=size, fit=fit).data[0]

    assert read("squash").shape[:2] == pair
    scales = [side / shown for side, shown in zip(pair, (info.height, info.width), strict=True)]
    height, width = read("shortest").shape[:2]
    assert height >= pair[0]
    assert width >= pair[1]
    assert (height, width) == (round(info.height * max(scales)), round(info.width * max(scales)))

    boxed = read("letterbox")
    assert boxed.shape[:2] == pair
    height, width = round(info.height * min(scales)), round(info.width * min(scales))
    top, left = (pair[0] - height) // 2, (pair[1] - width) // 2
    inside = boxed[top : top + height, left : left + width]
    assert np.array_equal(inside, read("squash", size=(height, width)))
    outside = boxed.copy()
    outside[top : top + height, left : left + width] = 0
    assert not outside.any()


def test_one_number_is_the_shortest_side():
    path = DATA / "vfr.mp4"  # 192 x 108
    assert read_frames_at(path, [0.0], size=54, fit="shortest").data.shape[1:3] == (54, 96)
    assert read_frames_at(path, [0.0], size=54, fit="squash").data.shape[1:3] == (54, 54)


def test_extreme_shapes_keep_a_pixel(tmp_path):
    path = write_video(tmp_path / "ribbon.mkv", codec="ffv1", size=(2, 400), count=1)
    assert read_frames_at(path, [0.0], size=20, fit="letterbox").data.shape[1:3] == (20, 20)
    assert read_frames_at(path, [0.0], size=20, fit="shortest").data.shape[1:3] == (20, 4000)
    with pytest.raises(errors.VideoTooLargeError, match="1600000 x 8000"):
        read_frames_at(path, [0.0], size=8000, fit="shortest")


# Rows of a display matrix, and the filters that FFmpeg's player puts in for it: see its
# configure_video_filters. An all-zero matrix has no angle there, and no filter.
PLAYED = {
    (1, 0, 0, 1): [],
    (-1, 0, 0, -1): [("hflip", ""), ("vflip", "")],
    (-1, 0, 0, 1): [("hflip", "")],
    (1, 0, 0, -1): [("vflip", "")],
    (0, 1, -1, 0): [("transpose", "clock")],
    (0, -1, 1, 0): [("transpose", "cclock")],
    (0, 1, 1, 0): [("transpose", "cclock_flip")],
    (0, -1, -1, 0): [("transpose", "clock_flip")],
    (0, 0, 0, 0): [],
    (1, 0, 0, 0): [],
    (0, 1, 0, 0): [],
    (1, 1, 1, 1): [],  # all on one line
    (0.999, 0.01, -0.01, 0.999): [],
    (0.01, 2, -2, 0.01): [("transpose", "clock")],
}


def filtered(frame, filters):
    graph = av.filter.Graph()
    form = {name: getattr(frame, name) for name in ("width", "height", "format", "time_base")}
    chain = [graph.add_buffer(**form)]
    chain += [graph.add(name, options or None) for name, options in filters]
    chain.append(graph.add("buffersink"))
    for one, other in itertools.pairwise(chain):
        one.link_to(other)
    graph.configure()
    graph.push(frame)
    return graph.pull()


@pytest.mark.parametrize("rows", PLAYED)
def test_the_way_up_that_ffmpegs_player_shows(tmp_path, rows):
    path = with_matrix(write_video(tmp_path / "film.mp4", count=3), rows)
    with av.open(str(path)) as file:
        stored = next(file.decode(video=0))
    expected = filtered(stored.reformat(format="rgb24", interpolation=SCALING), PLAYED[rows])
    found = read_frames_at(path, [0.0]).data[0]
    assert found.shape == expected.to_ndarray().shape
    assert np.abs(found.astype(int) - expected.to_ndarray()).max() <= 1
    info = probe(path)
    assert (info.height, info.width) == found.shape[:2]
