"""Which files are opened, how, and what is refused."""

import os
import shutil
from fractions import Fraction

import av
import pytest
from reading import sample

from counter_videos import DATA, read_numbers, write_video
from ntlbg import errors
from ntlbg.video import probe, read_frames_at


@pytest.mark.parametrize(
    "read",
    [probe, sample, lambda path, **options: read_frames_at(path, [0.0], **options)],
)
def test_pictures_above_the_limit_are_refused_before_decoding(read):
    with pytest.raises(errors.VideoTooLargeError, match="7680 x 4320"):
        read(DATA / "huge_7680x4320.mp4", max_pixels=7680 * 4320 - 1)


def test_a_header_that_lies_about_the_size_does_not_help(tmp_path):
    """It says 96 x 54, the pictures are 7680 x 4320."""
    path, content = tmp_path / "lie.mp4", (DATA / "huge_7680x4320.mp4").read_bytes()
    for old, new in ((b"\x1e\0\x10\xe0", b"\0\x60\0\x36"),):
        assert old in content
        content = content.replace(old, new)
    path.write_bytes(content)
    with pytest.raises(errors.VideoTooLargeError, match="Accepted: up to 1000000"):
        sample(path, max_pixels=10**6)


def test_the_limit_is_for_pictures_of_the_video_not_for_what_is_made_of_them():
    limit = {"max_pixels": 192 * 108}
    assert sample(DATA / "vfr.mp4", size=400, **limit).data.shape[1:3] == (400, 400)


def test_full_size_of_stretched_pixels_is_limited_too(tmp_path):
    path = write_video(tmp_path / "wide.mp4", size=(128, 192), pixel_aspect=Fraction(2, 1), count=2)
    limit = {"max_pixels": 128 * 192}
    assert read_numbers(sample(path, fps=25, **limit).data) == [0, 1]
    with pytest.raises(errors.VideoTooLargeError, match="384 x 128"):
        sample(path, size=None, **limit)


@pytest.mark.parametrize(
    "name", ["fil me.mp4", "ünï-视频.mp4", "concat:a|b.mp4", "-.mp4", "a%03d.mp4"]
)
def test_any_file_name(film, tmp_path, name, monkeypatch):
    shutil.copy(film, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert probe(name).num_packets == 150


def test_only_the_file_itself_is_read(film, monkeypatch):
    options = {}
    opened = av.open

    def spy(name, **keywords):
        options.update(keywords["options"])
        return opened(name, **keywords)

    monkeypatch.setattr(av, "open", spy)
    probe(film)
    assert options["protocol_whitelist"] == "file"
    assert not {"hls", "concat", "dash", "tty", "image2", "sdp"} & set(
        options["format_whitelist"].split(",")
    )


def test_missing_files_and_folders(tmp_path):
    dangling = tmp_path / "dangling.mp4"
    dangling.symlink_to(tmp_path / "nothing.mp4")
    nothing = tmp_path / "nothing.mp4"
    for path in (nothing, dangling, tmp_path, nothing / "deeper.mp4", "null\0.mp4", "x" * 5000):
        with pytest.raises(errors.VideoNotFound):
            probe(path)


def test_unreadable_files(film, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(film), "open", refuse)
    with pytest.raises(errors.VideoNotFound, match="permissions"):
        probe(film)


def test_pipes_and_devices_are_never_opened(tmp_path):
    pipe = tmp_path / "pipe.mp4"
    os.mkfifo(pipe)
    for path in (pipe, "/dev/zero"):
        with pytest.raises(errors.VideoOpenError, match="not a regular file"):
            probe(path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n{film}\n#EXT-X-ENDLIST\n"),
        ("list.ffconcat", "ffconcat version 1.0\nfile '{film}'\n"),
        ("session.sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=video 5004 RTP/AVP 96\n"),
        ("words.txt", "To be, or not to be, that is the question. " * 100),
        ("subtitles.srt", "1\n00:00:00,000 --> 00:00:02,000\nHello\n\n" * 50),
        ("drawing.svg", "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"),
    ],
)
def test_files_that_name_other_files_or_hold_text(film, tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text.format(film=film))
    with pytest.raises(errors.VideoOpenError, match="Accepted: a complete mp4"):
        probe(path)


def test_a_codec_without_decoder(film, tmp_path):
    path = tmp_path / "unknown.mp4"
    path.write_bytes(film.read_bytes().replace(b"avc1", b"zzzz"))
    with pytest.raises(errors.UnsupportedCodecError, match="libx264"):
        probe(path)
