"""What is left out makes no difference: bit by bit what decoding everything gives."""

from pathlib import Path

import av
import numpy as np
import pytest
from field_pictures import write_fields
from odd_films import write_palette_film
from reading import SIZE, decode_everything, on_screen, same, sample

from conftest import ENCODINGS, GOP
from counter_videos import DATA, read_numbers, write_video
from ntlbg.video import ReadReport, probe, read_frames_at, skipping
from ntlbg.video.bitstream import Bitstream
from ntlbg.video.convert import SCALING

SEEKS = ["h264.mp4", "h264.mkv", "h264.mov", "open-gop.mp4", "mpeg4.mp4", "hevc.mp4", "vp9.webm"]
# Decoded from the beginning: too little is known of when pictures are shown, or of the codec.
NEVER_SKIPS = {"h264-in.avi", "raw.h264", "wmv2.wmv", "ffv1.mkv", "av1-forward-keys.mp4"}


@pytest.fixture(scope="session")
def everything(encodings):
    """Each film decoded packet by packet, once."""
    decoded = {}

    def decode(name):
        if name not in decoded:
            decoded[name] = decode_everything(encodings[name])
        return decoded[name]

    return decode


def repacked(source: Path, target: Path) -> Path:
    """The same packets in the container of another ending."""
    with av.open(str(source)) as film, av.open(str(target), "w") as output:
        stream = output.add_stream_from_template(film.streams.video[0])
        for packet in film.demux(video=0):
            if packet.size:
                packet.stream = stream
                output.mux(packet)
    return target


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("jump_seconds", [skipping.SHORTEST_JUMP_SECONDS, 0.1])
@pytest.mark.parametrize("name", ENCODINGS)
def test_skipping_is_exact(everything, encodings, name, jump_seconds, threads, monkeypatch):
    full = everything(name)
    monkeypatch.setattr(skipping, "SHORTEST_JUMP_SECONDS", jump_seconds)
    for fps in (0.4, 1, 3, 7):
        report = ReadReport()
        frames = sample(encodings[name], fps=fps, threads=threads, report=report)
        assert len(frames) == int(6 * fps) + (fps == 0.4)
        assert same(frames, full[on_screen(full.pts_seconds, np.arange(len(frames)) / fps)])
        assert report.lost == 0
        assert report.decoded + report.skipped <= report.packets
        if fps == 1:
            assert (report.decoded > 100) == (name in NEVER_SKIPS)


@pytest.mark.parametrize("name", ["h264.mp4", "hevc.mp4", "mpeg2.mpg", "mpeg4.avi", "pyramid.mp4"])
def test_pictures_that_none_is_built_on_are_left_out(encodings, name):
    """Half a second after each keyframe: what comes between is decoded only where needed."""
    report = ReadReport()
    sample(encodings[name], fps=1, start=0.48, report=report)
    assert report.decoded < 6 * 12
    assert report.skipped > 6 * 12


@pytest.mark.parametrize("name", ENCODINGS)
def test_every_picture_of_every_container(encodings, name):
    report = ReadReport()
    frames = sample(encodings[name], fps=25, report=report)
    assert read_numbers(frames.data) == list(range(150))
    np.testing.assert_allclose(frames.pts_seconds, np.arange(150) / 25, atol=6e-4)
    assert (report.packets, report.decoded, report.lost) == (150, 150, 0)
    assert probe(encodings[name]).duration_seconds == pytest.approx(6.0, abs=1e-3)


@pytest.mark.parametrize("name", ENCODINGS)
def test_jumps_are_exact(encodings, name, monkeypatch):
    monkeypatch.setattr(skipping, "SHORTEST_JUMP_SECONDS", 0.1)
    frames = sample(encodings[name], fps=25)
    rng = np.random.default_rng(1)
    for _ in range(8):
        chosen = rng.integers(0, 150, size=rng.integers(1, 5))
        found = read_frames_at(encodings[name], frames.pts_seconds[chosen], size=SIZE)
        assert same(found, frames[chosen])
    for first in (1, 24, 25, 26, 74, 99, 149):
        assert same(sample(encodings[name], fps=25, start=first / 25), frames[first:])
    for fps in (0.4, 1.7):
        sparse = sample(encodings[name], fps=fps)
        times = np.arange(len(sparse)) / fps
        assert same(sparse, frames[on_screen(frames.pts_seconds, times)])


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
def test_interlaced_h264_is_exact(container, tmp_path, monkeypatch):
    """Macroblocks of frames and of fields mixed, which no encoder of the wheel writes."""
    monkeypatch.setattr(skipping, "SHORTEST_JUMP_SECONDS", 0.1)
    path = repacked(DATA / "interlaced_h264.mp4", tmp_path / f"film.{container}")
    with av.open(str(path)) as film:
        assert next(film.decode(video=0)).interlaced_frame
    full = decode_everything(path)
    for fps in (1, 3, 7, 25):
        report = ReadReport()
        frames = sample(path, fps=fps, report=report)
        assert same(frames, full[on_screen(full.pts_seconds, np.arange(2 * fps) / fps)])
        assert report.lost == 0
        assert (report.decoded < 50) == (fps < 25)
    for number in (0, 7, 19, 20, 38, 49):
        found = read_frames_at(path, [full.pts_seconds[number]], size=SIZE)
        assert same(found, full[[number]])


@pytest.mark.parametrize(
    ("container", "apart"), [("mp4", False), ("mkv", False), ("ts", False), ("ts", True)]
)
def test_pictures_of_two_fields_are_exact(container, apart, tmp_path, monkeypatch):
    monkeypatch.setattr(skipping, "SHORTEST_JUMP_SECONDS", 0.1)
    path = write_fields(tmp_path / f"film.{container}", count=50, apart=apart)
    full = decode_everything(path)
    assert read_numbers(full.data) == list(range(50))
    for fps in (1, 3, 7, 25):
        report = ReadReport()
        frames = sample(path, fps=fps, report=report)
        assert same(frames, full[on_screen(full.pts_seconds, np.arange(2 * fps) / fps)])
        assert report.lost == 0
    for number in (0, 5, 11, 12, 40, 49):
        found = read_frames_at(path, [full.pts_seconds[number]], size=SIZE)
        assert same(found, full[[number]])


@pytest.mark.parametrize("name", ["open-gop.mp4", "intra-refresh.mkv", "hevc-open-gop.mkv"])
def test_pictures_equal_full_decoding(encodings, name):
    with av.open(str(encodings[name])) as container:
        decoded = sorted(container.decode(video=0), key=lambda frame: frame.pts)
    for number in (3, 30, 77, 120):
        rgb = decoded[number].reformat(format="rgb24", interpolation=SCALING, threads=1)
        found = read_frames_at(encodings[name], [number / 25])
        assert np.array_equal(found.data[0], rgb.to_ndarray())


@pytest.mark.parametrize("seconds", [5.5, 4.96, 4.92, 5.0])
@pytest.mark.parametrize("name", SEEKS)
def test_jumping_saves_decoding(encodings, name, seconds):
    report = ReadReport()
    read_frames_at(encodings[name], [seconds], size=SIZE, report=report)
    assert report.decoded < 60


def test_few_samples_of_a_long_video_do_not_decode_it_all(tmp_path):
    path = write_video(tmp_path / "long.mp4", options={"x264-params": GOP}, count=1000)
    report = ReadReport()
    frames = sample(path, max_frames=5, report=report)
    assert read_numbers(frames.data) == [0, 200, 400, 600, 800]
    assert report.decoded < 300


def test_without_usable_keyframes_one_pass_is_enough(encodings, monkeypatch):
    """Jumps that find no clean entry are given up, not tried for every time again."""
    report = ReadReport()
    monkeypatch.setattr(skipping, "SHORTEST_JUMP_SECONDS", 0.1)
    read_frames_at(encodings["intra-refresh.mkv"], [1.5, 2.7, 3.9, 5.1], report=report)
    assert report.decoded <= 150


@pytest.mark.parametrize("name", ["h264.mp4", "hevc.mp4", "mpeg4.mp4"])
def test_files_that_flag_every_picture_as_keyframe(encodings, tmp_path, name, monkeypatch):
    """Without a table of keyframes (stss) all of them count as such."""
    monkeypatch.setattr(skipping, "SHORTEST_JUMP_SECONDS", 0.1)
    path = tmp_path / name
    path.write_bytes(encodings[name].read_bytes().replace(b"stss", b"free"))
    frames = sample(path, fps=25)
    assert read_numbers(frames.data) == list(range(150))
    report = ReadReport()
    for number in range(5, 150, 8):
        assert same(read_frames_at(path, [number / 25], size=SIZE, report=report), frames[[number]])
    assert report.decoded < 18 * 45  # the keyframes that are some are found


@pytest.mark.parametrize(
    "name",
    [
        "h264.mp4",
        "open-gop.mp4",
        "h264.ts",
        "hevc.mp4",
        "mpeg4.mp4",
        "vp9.webm",
        "intra-refresh.mkv",
    ],
)
def test_clean_entries(encodings, name):
    """Intra refresh flags keyframes too, but only the first is one."""
    with av.open(str(encodings[name])) as container:
        stream = container.streams.video[0]
        bitstream = Bitstream(stream.codec_context)
        packets = [packet for packet in container.demux(stream) if packet.size]
        flagged = sum(packet.is_keyframe for packet in packets)
        entries = sum(bitstream.is_entry(packet) for packet in packets)
    assert flagged >= 6
    assert entries == (1 if name == "intra-refresh.mkv" else flagged)


def test_a_fragmented_file_without_an_index(tmp_path):
    path = write_video(
        tmp_path / "live.mp4",
        options={"x264-params": GOP},
        count=150,
        container_options={"movflags": "frag_keyframe+empty_moov"},
    )
    assert read_numbers(read_frames_at(path, [5.0, 0.0, 2.96], size=SIZE).data) == [125, 0, 74]


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("name", ["h264.mp4", "hevc.mp4", "h264-in.avi", "vp9.webm"])
def test_threads_do_not_change_pictures(encodings, name, threads):
    frames = sample(encodings[name], fps=9)
    assert same(sample(encodings[name], fps=9, threads=threads), frames)


@pytest.mark.parametrize(
    ("name", "codec"), [("raw.avi", "rawvideo"), ("raw.mov", "rawvideo"), ("rle.avi", "msrle")]
)
def test_colours_that_came_with_the_first_picture_hold(tmp_path, name, codec):
    path = write_palette_film(tmp_path / name, codec=codec)
    everything = decode_everything(path)
    assert read_numbers(everything.data) == list(range(60))
    assert same(sample(path, fps=10, start=3), everything[30:])
    assert same(read_frames_at(path, [4.0, 2.0], size=SIZE), everything[[40, 20]])
    assert same(sample(path, fps=1), everything[::10])
