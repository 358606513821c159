"""Which stream is the film, where a file holds several."""

from fractions import Fraction

import av
import numpy as np
import pytest
from av.stream import Disposition
from reading import sample

from counter_videos import HEIGHT, WIDTH, numbered_picture, read_numbers
from ntlbg.video import film_stream, probe
from ntlbg.video.audio import read_sound

PREVIEW, FILM = 999, 0  # numbers that the first pictures of a stream carry


def write_streams(path, counts, *, codecs=None, default=None, sound=False):
    """Streams of so many pictures; the longest is counted from FILM on, others from PREVIEW."""
    with av.open(str(path), "w") as container:
        codecs = codecs or ["libx264"] * len(counts)
        streams = [container.add_stream(codec, rate=25) for codec in codecs]
        packets = []
        if sound:
            packets += _silence(container.add_stream("aac", rate=16_000, layout="mono"))
        for number, (stream, count) in enumerate(zip(streams, counts, strict=True)):
            stream.width, stream.height = WIDTH, HEIGHT
            stream.pix_fmt = "yuvj420p" if stream.name == "mjpeg" else "yuv420p"
            stream.codec_context.time_base = Fraction(1, 25)
            if default is not None:
                stream.disposition = Disposition.default if number == default else Disposition(0)
            packets += _pictures(stream, count, FILM if count == max(counts) else PREVIEW)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            container.mux(packet)
    return path


def _pictures(stream, count, first):
    packets = []
    for number in range(count):
        picture = numbered_picture(first if first == PREVIEW else number)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = number, Fraction(1, 25)
        packets += stream.encode(frame)
    return packets + list(stream.encode())


def _silence(stream):
    packets = []
    for number in range(40):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.rate, frame.pts, frame.time_base = 16_000, number * 1024, Fraction(1, 16_000)
        packets += stream.encode(frame)
    return packets + list(stream.encode())


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "avi", "nut"])
@pytest.mark.parametrize("default", [None, 0, 1])
def test_a_preview_before_the_film_is_not_the_film(tmp_path, ending, default):
    path = tmp_path / f"film.{ending}"
    write_streams(path, [1, 100], codecs=["mjpeg", "libx264"], default=default)
    assert probe(path).num_packets == 100
    assert read_numbers(sample(path, fps=1).data) == [0, 25, 50, 75]


@pytest.mark.parametrize("ending", ["mkv", "avi", "ts", "nut"])
def test_without_a_flag_the_one_with_most_pictures(tmp_path, ending):
    path = write_streams(tmp_path / f"film.{ending}", [30, 100, 40])
    assert read_numbers(sample(path, fps=1).data) == [0, 25, 50, 75]


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_the_default_flag_decides_between_films(tmp_path, ending):
    path = write_streams(tmp_path / f"film.{ending}", [100, 30], default=1)
    assert read_numbers(sample(path, fps=25).data) == [PREVIEW] * 30


def test_pictures_are_counted_once(tmp_path, monkeypatch):
    path, opened = write_streams(tmp_path / "film.mkv", [30, 100], sound=True), []
    counted = film_stream._counted

    def watched(*arguments):
        misses = counted.cache_info().misses
        found = counted(*arguments)
        opened.extend(range(counted.cache_info().misses - misses))
        return found

    monkeypatch.setattr(film_stream, "_counted", watched)
    probe(path), sample(path, fps=1), list(read_sound(path))
    assert len(opened) == 1
    write_streams(path, [100, 30])
    assert read_numbers(sample(path, fps=1).data) == [0, 25, 50, 75]
    assert len(opened) == 2


def test_a_film_that_is_cut_off(tmp_path):
    path = write_streams(tmp_path / "film.mkv", [1, 100], codecs=["mjpeg", "libx264"])
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert read_numbers(sample(path, fps=1).data)[:2] == [0, 25]
