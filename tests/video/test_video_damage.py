"""What is damaged is counted, the rest is given, whatever the number of threads."""

from itertools import count

import numpy as np
import pytest
from reading import SIZE, same, sample

from counter_videos import packet_places, read_numbers, write_video
from ntlbg.video import ReadReport, pictures, read_frames_at, skipping
from ntlbg.video.decoder import Decoder
from ntlbg.video.packet_queue import Unexpected


@pytest.mark.parametrize("fps", [1.0, 5.0, 25.0])
@pytest.mark.parametrize("name", ["h264.mp4", "h264.ts", "hevc.mp4", "vp9.webm", "mpeg4.mp4"])
def test_after_damage_decoding_goes_on_plainly(encodings, tmp_path, name, fps, monkeypatch):
    """As decoding everything would; from the last keyframe on, so that little is done twice."""
    path, content = tmp_path / name, bytearray(encodings[name].read_bytes())
    if name == "h264.ts":
        middle = len(content) // 2 // 188 * 188
        content[middle + 10 : middle + 4000] = bytes(3990)
    else:
        position, size, _ = packet_places(encodings[name])[80]
        content[position + 5 : position + size] = bytes(size - 5)
    path.write_bytes(content)
    report = ReadReport()
    frames = sample(path, fps=fps, report=report)
    monkeypatch.setattr(pictures, "SkippingReader", RefusingReader)
    plain = ReadReport()
    assert same(sample(path, fps=fps, report=plain), frames)
    if fps == 25:
        assert 0 <= report.lost <= 2 * plain.lost
        assert report.lost or name == "mpeg4.mp4"  # whose decoder says nothing
        assert abs(report.decoded - plain.decoded) <= 2
        assert report.packets == plain.packets


class RefusingReader(skipping.SkippingReader):
    """Gives up before the first picture."""

    def pictures(self, times):
        raise Unexpected
        yield


@pytest.mark.parametrize("call", [0, 1, 9, 30, 55])
def test_giving_up_at_any_point_changes_nothing(encodings, monkeypatch, call):
    """As if something odd were met at some packet: same pictures, counted once."""
    whole, calls = ReadReport(), count()
    expected = sample(encodings["open-gop.mp4"], fps=7, report=whole)
    feed = Decoder.feed

    def odd(self, item, **options):
        if next(calls) == call:
            raise Unexpected
        feed(self, item, **options)

    monkeypatch.setattr(Decoder, "feed", odd)
    report = ReadReport()
    assert same(sample(encodings["open-gop.mp4"], fps=7, report=report), expected)
    assert next(calls) > call
    assert (report.packets, report.lost) == (whole.packets, 0)
    assert report.decoded + report.skipped <= whole.packets
    assert report.decoded > whole.decoded


@pytest.mark.parametrize("kept", [0, 5])
@pytest.mark.parametrize("name", ["h264.mp4", "h264.mkv"])
def test_a_refused_keyframe_is_not_jumped_to(encodings, tmp_path, name, kept, monkeypatch):
    """Whether or not the bytes that are kept still say that it is a keyframe."""
    monkeypatch.setattr(skipping, "SHORTEST_JUMP_SECONDS", 0.1)
    path, content = tmp_path / name, bytearray(encodings[name].read_bytes())
    position, size, flag = packet_places(encodings[name])[75]
    assert flag
    content[position + kept : position + size] = bytes(size - kept)
    path.write_bytes(content)
    report = ReadReport()
    frames = sample(path, fps=25, report=report)
    assert report.lost > 0
    for number in (20, 74, 76, 90, 99, 110):
        found = read_frames_at(path, [frames.pts_seconds[number]], size=SIZE)
        assert same(found, frames[[number]]), number


@pytest.mark.parametrize("bframes", ["0", "2"])
def test_packets_that_repeat_a_picture_take_their_time(tmp_path, bframes):
    """MPEG-4 in AVI skips pictures with packets that say "not coded"; later times stay right."""
    path = write_video(
        tmp_path / "skips.avi", codec="mpeg4", options={"g": "25", "bf": bframes}, count=150
    )
    content = bytearray(path.read_bytes())
    for position, size, _ in packet_places(path)[30:45]:
        content[position : position + size] = bytes.fromhex("000001b6504f").ljust(size, b"\0")
    path.write_bytes(content)
    report = ReadReport()
    frames = sample(path, fps=25, report=report)
    assert report.lost == 0
    assert 134 <= report.decoded <= 135
    intact = (frames.pts_seconds < 1.1) | (frames.pts_seconds > 2.1)
    late = np.array(read_numbers(frames.data)) - np.round(frames.pts_seconds * 25)
    assert np.abs(late[intact]).max() == 0
    assert intact.sum() > 120


def test_refused_packets_do_not_delay_the_rest(encodings, tmp_path):
    path, content = tmp_path / "refused.avi", bytearray(encodings["h264-in.avi"].read_bytes())
    for position, size, _ in packet_places(encodings["h264-in.avi"])[55:60]:
        content[position : position + size] = bytes(size)
    path.write_bytes(content)
    report = ReadReport()
    frames = sample(path, fps=25, report=report)
    assert report.lost == 5
    after = frames.pts_seconds > 3.2
    assert read_numbers(frames.data[after]) == list(range(81, 150))


@pytest.mark.parametrize("name", ["h264.mp4", "h264.mkv", "h264.ts", "hevc.mp4"])
def test_threads_do_not_change_what_damage_looks_like(encodings, tmp_path, name):
    """Pictures predicted from one that is missing would differ from run to run."""
    path, content = tmp_path / name, bytearray(encodings[name].read_bytes())
    if name == "h264.ts":
        content[len(content) // 2 :: 400] = bytes(len(content[len(content) // 2 :: 400]))
    else:
        for number in (25, 75, 80):
            position, size, _ = packet_places(encodings[name])[number]
            content[position + 5 : position + size] = bytes(size - 5)
    path.write_bytes(content)
    report = ReadReport()
    with_threads = sample(path, fps=25, report=report)
    assert report.lost > 0
    assert same(sample(path, fps=25, threads=1), with_threads)


def test_a_stream_that_shows_up_late(tmp_path):
    """An audio tag at the end of a file whose header announced no sound."""
    path = write_video(tmp_path / "late.flv", count=500)
    sound = b"\x3e" + bytes(64)
    header = b"\x08" + len(sound).to_bytes(3, "big") + (20_000).to_bytes(3, "big") + bytes(4)
    path.write_bytes(path.read_bytes() + header + sound + (11 + len(sound)).to_bytes(4, "big"))
    report = ReadReport()
    assert read_numbers(sample(path, fps=1, report=report).data) == list(range(0, 500, 25))
    assert (report.packets, report.lost) == (500, 0)
