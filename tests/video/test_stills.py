"""A picture file is a video of one frame."""

import io
import random
from contextlib import suppress

import av
import numpy as np
import pytest
from PIL import Image
from reading import sample

from ntlbg import errors
from ntlbg.video import ReadReport, probe, read_frames_at, sample_frames

LOSSLESS = {"png": {}, "webp": {"lossless": True}, "bmp": {}, "gif": {}}
FORMATS = [*LOSSLESS, "jpg"]
# What a viewer makes of a stored picture, by the EXIF standard's words for the first row and column
# of the stored one: top left, top right, bottom right, bottom left, then the same by columns.
SHOWN = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: stored.swapaxes(0, 1)[:, ::-1],
    7: lambda stored: stored.swapaxes(0, 1)[::-1, ::-1],
    8: lambda stored: stored.swapaxes(0, 1)[::-1],
}


def blocks(height=36, width=60, seed=0):
    """uint8 (H, W, 3): squares of 12 pixels, each in a colour of its own."""
    colours = np.random.default_rng(seed).integers(0, 256, (height // 12, width // 12, 3))
    return np.kron(colours, np.ones((12, 12, 1))).astype(np.uint8)


def save(path, pixels=None, **options):
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(
        blocks() if pixels is None else pixels
    )  # fmt: skip
    image.save(path, **(LOSSLESS.get(path.suffix[1:], {}) | options))
    return path


def shown(path, **options):
    """The one frame, in its own size."""
    frames = sample(path, size=None, **options)
    assert frames.pts_seconds.tolist() == [0.0]
    return frames.data[0]


@pytest.mark.parametrize("ending", LOSSLESS)
def test_the_frame_is_the_picture(tmp_path, ending):
    assert np.array_equal(shown(save(tmp_path / f"p.{ending}")), blocks())


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_a_jpeg_is_what_others_decode(tmp_path, options):
    path = save(tmp_path / "p.jpg", quality=95, **options)
    with av.open(str(path)) as container:
        other = next(container.decode(video=0)).to_ndarray(format="rgb24")
    for decoded in (np.asarray(Image.open(path)), other):
        # decoders differ in how they spread colour that is stored at half the resolution
        difference = np.abs(shown(path).astype(int) - decoded)
        assert np.median(difference) <= 2
        assert difference.mean() < 6


@pytest.mark.parametrize("ending", FORMATS)
def test_facts_about_a_picture(tmp_path, ending):
    path = save(tmp_path / f"p.{ending}")
    info = probe(path)
    assert (info.width, info.height, info.num_packets) == (60, 36, 1)
    assert (info.duration_seconds, info.average_fps, info.longest_gop_seconds) == (0.0, None, 0.0)
    assert info.codec == {"jpg": "jpeg"}.get(ending, ending)


@pytest.mark.parametrize("orientation", SHOWN)
def test_the_way_up_a_viewer_shows_it(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    expected = SHOWN[orientation](blocks())
    for ending in ("png", "webp"):
        path = save(tmp_path / f"p.{ending}", exif=exif)
        assert np.array_equal(shown(path), expected)
        assert (probe(path).height, probe(path).width) == expected.shape[:2]
    photo = shown(save(tmp_path / "p.jpg", exif=exif, quality=95, subsampling=0))
    assert np.abs(photo.astype(int) - expected).mean() < 4


def test_a_picture_has_one_time(tmp_path):
    path, report = save(tmp_path / "p.png"), ReadReport()
    for options in ({"fps": 1000.0}, {"fps": 0.01}, {"max_frames": 9}, {"mode": "keyframe"},
                    {"mode": "auto", "fps": 30.0}, {"end": 5.0}):  # fmt: skip
        assert np.array_equal(shown(path, **options), blocks())
    frames = read_frames_at(path, [7.0, 0.0], report=report)
    assert frames.pts_seconds.tolist() == [0.0, 0.0]  # after the end, the last picture
    assert np.array_equal(frames.data, [blocks()] * 2)
    assert report == ReadReport(packets=1, decoded=1)
    for mode in ("exact", "keyframe"):
        with pytest.raises(errors.NoFramesError, match=r"p\.png"):
            shown(path, start=1.0, mode=mode)


def test_sizes_are_those_of_videos(tmp_path):
    path = save(tmp_path / "p.png")
    small = sample(path, size=(12, 20)).data
    assert small.shape == (1, 12, 20, 3)
    middles = (small[0, 2::4, 2::4].astype(int), blocks()[6::12, 6::12])
    assert np.abs(middles[0] - middles[1]).max() < 24  # bicubic: neighbours ring
    assert sample(path, size=72, fit="shortest").data.shape == (1, 72, 120, 3)


def test_transparency_is_white_paper(tmp_path):
    pixels = np.dstack([blocks(), np.repeat([[0, 255, 128]], 36, 0).repeat(20, 1)]).astype(np.uint8)
    expected = blocks().copy()
    expected[:, :20] = 255
    expected[:, 40:] = np.round(expected[:, 40:] * (128 / 255) + 255 * (127 / 255))
    frame = shown(save(tmp_path / "p.png", pixels))
    assert np.abs(frame.astype(int) - expected).max() <= 1
    palette = Image.fromarray(np.kron([[0, 1]], np.ones((9, 9))).astype(np.uint8), "P")
    palette.putpalette([200, 0, 0, 0, 0, 200])
    frame = shown(save(tmp_path / "p.gif", palette, transparency=1))
    assert frame[0, 0].tolist() == [200, 0, 0]
    assert frame[0, -1].tolist() == [255, 255, 255]


def test_other_kinds_of_pixels(tmp_path):
    grey = blocks()[..., 0]
    as_rgb = np.dstack([grey] * 3)
    assert np.array_equal(shown(save(tmp_path / "grey.png", grey)), as_rgb)
    assert np.array_equal(shown(save(tmp_path / "deep.png", grey * np.uint16(256))), as_rgb)
    inks = Image.fromarray(as_rgb).convert("CMYK")
    frame = shown(save(tmp_path / "inks.jpg", inks, quality=98))
    assert np.abs(frame.astype(int) - as_rgb).mean() < 4


@pytest.mark.parametrize("ending", FORMATS)
def test_a_picture_that_is_cut_off_is_refused_by_name(tmp_path, ending):
    path = save(tmp_path / f"holiday.{ending}")
    content = path.read_bytes()
    for share in (0.4, 0.9):
        path.write_bytes(content[: int(len(content) * share)])
        for read in (probe, shown):
            with pytest.raises(errors.VideoOpenError, match=rf"holiday\.{ending}: .*cut off"):
                read(path)


@pytest.mark.parametrize("ending", FORMATS)
def test_large_pictures_are_refused_before_decoding(tmp_path, ending, monkeypatch):
    path = save(tmp_path / f"p.{ending}")
    assert shown(path, max_pixels=60 * 36).shape == (36, 60, 3)
    monkeypatch.setattr(Image.Image, "convert", lambda *_: pytest.fail("decoded"))
    with pytest.raises(errors.VideoTooLargeError, match="60 x 36"):
        shown(path, max_pixels=60 * 36 - 1)


def test_a_header_of_a_huge_picture(tmp_path):
    """Beyond what Pillow warns of (89 million pixels) and refuses (179 million)."""
    for side in (8192 + 4, 10_000, 60_000):
        content = bytearray(save(tmp_path / "p.bmp").read_bytes())
        content[18:26] = np.array([side, side], "<i4").tobytes()
        (tmp_path / "huge.bmp").write_bytes(content)
        with pytest.raises(errors.VideoTooLargeError, match=f"{side} x {side}"):
            probe(tmp_path / "huge.bmp")


@pytest.mark.parametrize("ending", ["gif", "png"])
def test_an_animation_stays_a_video(tmp_path, ending):
    frames = [Image.fromarray(blocks(seed=seed)) for seed in range(3)]
    path = save(
        tmp_path / f"p.{ending}", frames[0],
        save_all=True, append_images=frames[1:], duration=500,
    )  # fmt: skip
    found = sample(path, size=None, fps=2.0)
    assert found.pts_seconds == pytest.approx([0.0, 0.5, 1.0])
    assert all(np.abs(picture.astype(int) - blocks(seed=seed)).max() <= 4
               for seed, picture in enumerate(found.data))  # fmt: skip


def test_an_animated_webp_is_refused_as_such(tmp_path):
    frames = [Image.fromarray(blocks(seed=seed)) for seed in range(2)]
    path = save(tmp_path / "p.webp", frames[0], save_all=True, append_images=frames[1:])
    with pytest.raises(errors.VideoOpenError, match=r"p\.webp: is an animated WebP"):
        probe(path)


def test_the_content_counts_and_not_the_name(tmp_path):
    path = save(tmp_path / "p.png")
    assert np.array_equal(shown(path.rename(tmp_path / "photo%03d.mp4")), blocks())
    second = io.BytesIO()  # two pictures in a row are a film, as their name says
    Image.fromarray(blocks(seed=1)).save(second, "JPEG")
    first = save(tmp_path / "p.jpg").read_bytes()
    (tmp_path / "film.mjpeg").write_bytes(first + second.getvalue())
    assert probe(tmp_path / "film.mjpeg").num_packets == 2


@pytest.mark.parametrize("ending", FORMATS)
def test_damaged_pictures_are_read_or_refused(tmp_path, ending):
    rng, path = random.Random(7), save(tmp_path / f"p.{ending}", exif=Image.Exif())
    whole = path.read_bytes()
    for _ in range(60):
        content = bytearray(whole)
        for _ in range(rng.randrange(1, 30)):
            content[rng.randrange(min(len(content), 400))] = rng.randrange(256)
        path.write_bytes(content)
        with suppress(errors.VideoError):
            assert next(sample_frames(path, size=(9, 15))).data.shape == (1, 9, 15, 3)
