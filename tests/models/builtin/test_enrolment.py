"""Pictures become prototypes, which are kept, listed, removed and renewed."""

import io
import os
import stat
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from ntlbg.errors import ConfigError, DataError, OutputError
from ntlbg.models.builtin import enrolment
from ntlbg.models.builtin.enrolment import EnrolledObject

SIZE = (64, 112)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NTLBG_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "objects"


def cut_out(colour=(255, 0, 0, 255), size=(90, 120)) -> Image.Image:
    picture = Image.new("RGBA", size)
    ImageDraw.Draw(picture).ellipse((10, 20, size[0] - 10, size[1] - 20), fill=colour)
    return picture


def png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def mean_colour(frames: np.ndarray) -> np.ndarray:
    return frames.astype(np.float32).mean((1, 2)) / 255


def made(name="red blob", fingerprint="w1", encode=mean_colour, pictures=None) -> EnrolledObject:
    pictures = [png(cut_out())] if pictures is None else pictures
    return enrolment.enrol(name, pictures, encode, image_size=SIZE, fingerprint=fingerprint)


# Names and pictures


@pytest.mark.parametrize("name", ["zorblat", "red  blob", "R2-D2", "grandma's old vase", "Ünü 3"])
def test_names_of_one_to_three_words(name):
    assert enrolment.check_name(name) == " ".join(name.split())


@pytest.mark.parametrize("name", ["", " ", "one two three four", "a/b", "../x", "-x", "a_b.c", "?"])
def test_other_names_are_refused(name):
    with pytest.raises(ConfigError, match="one to three words"):
        enrolment.check_name(name)


@given(st.text(max_size=30))
def test_a_name_that_passes_is_a_file_name(name):
    try:
        plain = enrolment.check_name(name)
    except ConfigError:
        return
    path = enrolment._file(plain)
    assert path.parent == enrolment.enrolment_folder()
    assert plain == enrolment.check_name(plain)


def test_pictures_are_cropped_and_made_small(tmp_path):
    canvas = Image.new("RGBA", (1000, 800))
    canvas.paste(cut_out(size=(600, 500)), (200, 100))
    canvas.save(tmp_path / "blob.png")
    picture = enrolment.decode_picture(enrolment.read_picture(tmp_path / "blob.png"))
    assert max(picture.size) == enrolment.LARGEST_SIDE
    assert picture.getchannel("A").getbbox() == (0, 0, *picture.size)
    Image.new("RGB", (40, 30), (1, 2, 3)).save(tmp_path / "photo.jpg")
    assert enrolment.decode_picture(enrolment.read_picture(tmp_path / "photo.jpg")).size == (40, 30)


def test_what_is_no_picture_is_named(tmp_path):
    (tmp_path / "note.png").write_text("not a picture")
    whole = png(cut_out())
    (tmp_path / "half.png").write_bytes(whole[: len(whole) // 2])
    cut_out(colour=(0, 0, 0, 0)).save(tmp_path / "empty.png")
    for file, reason in [
        ("note.png", "not a picture"),
        ("half.png", "not a picture"),
        ("missing.png", "No such file"),
        ("empty.png", "transparent"),
    ]:
        with pytest.raises(DataError, match=reason) as caught:
            enrolment.read_picture(tmp_path / file)
        assert file in str(caught.value)


@pytest.mark.parametrize("side", [8000, 10_000, 20_000])
def test_monstrous_pictures_are_refused_before_they_are_decoded(tmp_path, side):
    header = struct.pack(">II5B", side, side, 8, 6, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n"
    for kind, data in ((b"IHDR", header), (b"IDAT", b""), (b"IEND", b"")):
        content += struct.pack(">I", len(data)) + kind + data
        content += struct.pack(">I", zlib.crc32(kind + data))
    (tmp_path / "huge.png").write_bytes(content)
    with pytest.raises(
        DataError, match=r"huge\.png: .* pixels.*; give a picture of at most 50 mil"
    ):
        enrolment.read_picture(tmp_path / "huge.png")


# Examples and prototypes


def test_examples_show_the_picture_on_backgrounds():
    rng = np.random.default_rng(0)
    backgrounds = np.zeros((24, *SIZE, 3), np.uint8)
    frames = enrolment.draw_examples(cut_out(), backgrounds, rng)
    assert frames.shape == backgrounds.shape
    red = (frames[..., 0] > 150).mean((1, 2))
    assert (red > 0.01).all()
    assert (red < 0.9).all()  # a cut-out never fills the frame
    photo = Image.new("RGBA", (50, 50), (255, 0, 0, 255))
    filled = enrolment.draw_examples(photo, backgrounds, rng)[1::2]
    assert ((filled[..., 0] > 150).mean((1, 2)) == 1).all()


def test_a_prototype_points_away_from_the_backgrounds():
    red, blue = made(), made(pictures=[png(cut_out((0, 0, 255, 255)))])
    for thing, channel in ((red, 0), (blue, 2)):
        assert thing.prototypes.dtype == np.float32
        assert thing.prototypes.shape == (1, 3)
        assert np.linalg.norm(thing.prototypes) == pytest.approx(1)
        assert thing.prototypes[0].argmax() == channel
    both = made(pictures=[*red.pictures, *blue.pictures])
    assert both.prototypes.argmax(1).tolist() == [0, 2]
    np.testing.assert_allclose(np.linalg.norm(both.prototypes, axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(made().prototypes, red.prototypes)  # no chance in it


# Keeping


def test_what_is_kept_comes_back(folder):
    assert enrolment.load_objects() == []
    path = enrolment.save_object(made("red blob"))
    enrolment.save_object(made("another"))
    assert path == folder / "red_blob.safetensors"
    assert [thing.name for thing in enrolment.load_objects()] == ["another", "red blob"]
    thing, expected = enrolment.load_objects()[1], made("red blob")
    np.testing.assert_array_equal(thing.prototypes, expected.prototypes)
    assert thing.pictures == expected.pictures
    assert thing.fingerprint == "w1"
    enrolment.save_object(made("Red Blob", fingerprint="w2"))  # the same name: replaced
    assert [thing.fingerprint for thing in enrolment.load_objects()] == ["w1", "w2"]
    assert len(list(folder.iterdir())) == 2


def test_removing():
    enrolment.save_object(made())
    with pytest.raises(ConfigError, match=r"'blue'.*there are: red blob"):
        enrolment.remove_object("blue")
    enrolment.remove_object("Red blob")
    assert enrolment.load_objects() == []
    with pytest.raises(ConfigError, match="there are: none"):
        enrolment.remove_object("red blob")


def test_new_weights_look_at_the_pictures_again():
    enrolment.save_object(made())
    renew = {"image_size": SIZE, "fingerprint": "w2"}
    [thing] = enrolment.load_or_reencode_objects(lambda frames: -mean_colour(frames), **renew)
    np.testing.assert_allclose(thing.prototypes, -made().prototypes, rtol=1e-6)
    assert enrolment.load_objects()[0].fingerprint == "w2"

    def never(_):
        raise AssertionError("nothing has changed")

    assert enrolment.load_or_reencode_objects(never, **renew)[0].pictures == thing.pictures


def test_a_damaged_file_is_named(folder):
    path = enrolment.save_object(made())
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match=r"red_blob\.safetensors: a damaged enrolment"):
        enrolment.load_objects()


def test_every_bit_of_a_file_is_checked(folder):
    """Some bits of its header, as the order of keys, mean nothing."""
    path, right = enrolment.save_object(made()), made()
    whole, named = path.read_bytes(), 0
    for place in range(0, 8 * len(whole), 8 * len(whole) // 400):
        flipped = bytearray(whole)
        flipped[place // 8] ^= 1 << place % 8
        path.write_bytes(flipped)
        try:
            [thing] = enrolment.load_objects()
        except DataError:
            named += 1
            continue
        assert (thing.name, thing.pictures) == (right.name, right.pictures), place
        np.testing.assert_array_equal(thing.prototypes, right.prototypes)
    assert named > 300


def test_an_object_of_an_earlier_version_is_looked_at_again(folder, monkeypatch):
    thing, renew = made(), {"image_size": SIZE, "fingerprint": "w1"}

    def save_as_before(**changes):
        with monkeypatch.context() as before:
            before.setattr(enrolment, "_checksum", lambda thing: None)
            return enrolment.save_object(replace(thing, **changes))

    path = save_as_before(prototypes=np.full_like(thing.prototypes, np.nan))
    [found] = enrolment.load_or_reencode_objects(mean_colour, **renew)
    np.testing.assert_array_equal(found.prototypes, thing.prototypes)
    save_as_before(pictures=(thing.pictures[0][:60],))
    with pytest.raises(DataError, match=path.name):
        enrolment.load_objects()


def test_a_folder_that_cannot_be_written(folder):
    folder.parent.mkdir()
    folder.write_text("not a folder")
    with pytest.raises(OutputError):
        enrolment.save_object(made())
    assert stat.S_ISREG(folder.stat().st_mode)


def test_a_failed_write_leaves_the_old_object(monkeypatch):
    enrolment.save_object(made())

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(enrolment, "save_file", full)
    with pytest.raises(OutputError, match="No space left"):
        enrolment.save_object(made(fingerprint="w2"))
    assert enrolment.load_objects()[0].fingerprint == "w1"


def test_a_pipe_is_no_object(tmp_path, monkeypatch):
    monkeypatch.setenv("NTLBG_DATA", str(tmp_path))
    (tmp_path / "objects").mkdir()
    os.mkfifo(tmp_path / "objects" / "a.safetensors")
    with pytest.raises(DataError, match=r"a\.safetensors: is not a regular file"):
        enrolment.load_objects()
