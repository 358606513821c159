"""Reading videos: which picture, at which time, in how many steps, and what is refused.

The main oracle is the number burnt into every picture; a second one is plain full decoding.
"""

import os
import shutil
import signal
import subprocess
import sys
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from counter_videos import (
    DATA,
    EXPECTED,
    HEIGHT,
    WIDTH,
    packet_places,
    read_numbers,
    write_video,
)
from ntlbg import errors
from ntlbg.video import (
    Frames,
    ReadReport,
    clock,
    opening,
    pictures,
    probe,
    read_frames_at,
    sample_frames,
    sampling,
    sampling_fps,
)
from ntlbg.video.convert import SCALING
from ntlbg.video.keyframes import is_clean_entry

GOOD = [name for name, facts in EXPECTED.items() if "pts" in facts]
DAMAGED = [name for name, facts in EXPECTED.items() if facts.get("damaged")]
BAD = [name for name, facts in EXPECTED.items() if "error" in facts]
ERRORS = {
    "no video stream": errors.NoVideoStreamError,
    "no frames": errors.NoFramesError,
    "cannot be opened as a video": errors.VideoOpenError,
}
SIZE = (HEIGHT, WIDTH)
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
GOP = "keyint=25:min-keyint=25:scenecut=0"
# file name: codec and its options. Every one has a keyframe (or refresh) a second, 25 pictures.
ENCODINGS = {
    "h264.mp4": ("libx264", {"x264-params": GOP}),
    "h264.mkv": ("libx264", {"x264-params": GOP}),
    "h264.mov": ("libx264", {"x264-params": GOP}),
    "open-gop.mp4": ("libx264", {"x264-params": f"{GOP}:open-gop=1:bframes=4"}),
    "intra-refresh.mkv": ("libx264", {"x264-params": "keyint=25:intra-refresh=1"}),
    "h264-in.avi": ("libx264", {"x264-params": GOP}),
    "mpeg4.avi": ("mpeg4", {"g": "25", "bf": "2"}),
    "mpeg4.mp4": ("mpeg4", {"g": "25", "bf": "2"}),
    "hevc-open-gop.mkv": ("libx265", {"x265-params": "log-level=none:keyint=25:open-gop=1"}),
    "hevc.mp4": ("libx265", {"x265-params": "log-level=none:keyint=25"}),
    "vp9.webm": ("libvpx-vp9", {"g": "25", "cpu-used": "8", "lag-in-frames": "16"}),
    "h264.ts": ("libx264", {"x264-params": GOP}),
    "h264.flv": ("libx264", {"x264-params": GOP}),
    "mpeg2.mpg": ("mpeg2video", {"g": "12", "bf": "2"}),
    "raw.h264": ("libx264", {"x264-params": GOP}),
}
SEEKS = ["h264.mp4", "h264.mkv", "h264.mov", "open-gop.mp4", "mpeg4.mp4", "hevc.mp4", "vp9.webm"]


@pytest.fixture(autouse=True)
def nothing_hangs():
    """A test that waits for a pipe or a thread fails after a minute instead of waiting on."""

    def give_up(*_):
        raise TimeoutError("a video hung")

    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(60)
    yield
    signal.alarm(0)


@pytest.fixture(scope="session")
def encodings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encodings")
    return {
        name: write_video(folder / name, codec=codec, options=options, count=150)
        for name, (codec, options) in ENCODINGS.items()
    }


@pytest.fixture
def film(encodings):
    return encodings["h264.mp4"]


def sample(path, **options) -> Frames:
    batches = list(sample_frames(path, **({"size": SIZE} | options)))
    return Frames(
        np.concatenate([batch.data for batch in batches]),
        np.concatenate([batch.pts_seconds for batch in batches]),
    )


def on_screen(pts_seconds: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Index of the last picture shown at or before each time, or a millisecond later."""
    return np.searchsorted(pts_seconds, times + 0.001 + 1e-9, side="right") - 1


def same(one: Frames, other: Frames) -> bool:
    return np.array_equal(one.data, other.data) and np.array_equal(
        one.pts_seconds, other.pts_seconds
    )


# Files with a quirk each


@pytest.mark.parametrize("fps", [1, 5, 13])
@pytest.mark.parametrize("name", GOOD)
def test_the_picture_on_screen_is_read_with_its_own_time(name, fps):
    facts, report = EXPECTED[name], ReadReport()
    pts_seconds = np.array(facts["pts"]) - facts["pts"][0]
    frames = sample(DATA / name, fps=fps, report=report)
    shown = on_screen(pts_seconds, np.arange(len(frames)) / fps)
    np.testing.assert_allclose(frames.pts_seconds, pts_seconds[shown], atol=6e-4)
    numbers = facts["first_counter"] + facts["counter_step"] * shown
    assert read_numbers(frames.data) == numbers.tolist()
    assert report.lost == 0
    # the last sample falls into the last picture's time, the next one would not
    assert len(frames) == max(1, np.ceil(probe(DATA / name).duration_seconds * fps - 1e-4))


@pytest.mark.parametrize("name", GOOD)
def test_probe_measures(name):
    facts, info = EXPECTED[name], probe(DATA / name)
    shown = [192, 108] if name == "anamorphic.mp4" else facts["shown_size"]
    assert [info.width, info.height] == shown
    assert info.codec == facts["codec"]
    assert info.rotation == facts["rotation_ccw"]
    assert info.num_packets == facts["frames"]
    span = facts["last_pts"] - facts["first_pts"]
    assert span < info.duration_seconds <= span + 1.01  # the last picture stays a little
    assert info.average_fps == pytest.approx(info.num_packets / info.duration_seconds)


@pytest.mark.parametrize("name", [name for name in GOOD if "huge" not in name])
def test_full_size_is_the_size_shown(name):
    info = probe(DATA / name)
    frames = sample(DATA / name, fps=2, size=None)
    assert frames.data.shape[1:] == (info.height, info.width, 3)
    facts = EXPECTED[name]
    assert read_numbers(frames.data[:1]) == [facts["first_counter"]]


@pytest.mark.parametrize("jump_seconds", [pictures.SHORTEST_JUMP_SECONDS, 0.1])
@pytest.mark.parametrize("name", GOOD + DAMAGED)
def test_reading_at_times_gives_what_sampling_gives(name, jump_seconds, monkeypatch):
    monkeypatch.setattr(pictures, "SHORTEST_JUMP_SECONDS", jump_seconds)
    frames = sample(DATA / name, fps=7)
    order = np.random.default_rng(0).permutation(len(frames))
    assert same(read_frames_at(DATA / name, frames.pts_seconds[order], size=SIZE), frames[order])


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_counted_and_the_rest_delivered(name):
    report = ReadReport()
    frames = sample(DATA / name, fps=25, report=report)
    fewest, most = {
        "corrupt_middle.mp4": (110, 150),
        "truncated_faststart.mp4": (77, 80),
        "truncated.mkv": (70, 71),
    }[name]
    assert fewest <= report.decoded <= most
    if name == "truncated_faststart.mp4":
        assert report.decoded == 79  # all but the one that is cut through
    assert (report.lost > 0) == ("mp4" in name)  # a cut Matroska file just ends
    assert (np.diff(frames.pts_seconds) >= 0).all()
    intact = frames.pts_seconds < 2.4
    assert read_numbers(frames.data[intact]) == list(range(60))
    if name == "corrupt_middle.mp4":
        after = frames.pts_seconds >= 4.2
        numbers = np.round(frames.pts_seconds[after] * 25).astype(int).tolist()
        assert read_numbers(frames.data[after]) == numbers
        assert len(numbers) == 45


@pytest.mark.parametrize("name", BAD)
def test_unusable_files_say_why(name):
    expected = ERRORS[EXPECTED[name]["error"]]
    for read in (probe, sample, lambda path: read_frames_at(path, [0.0])):
        with pytest.raises(errors.VideoError, match=name) as caught:
            read(DATA / name)
        assert type(caught.value) is expected


def peak_megabytes(code: str, *arguments) -> list[int]:
    """What a fresh process prints with `print_peak()`: its highest memory use so far."""
    code = f"""
import sys
from ntlbg.video import sample_frames
def print_peak():
    lines = open("/proc/self/status").read().split("VmHWM:")[1]
    print(int(lines.split()[0]) // 1024)
{code}
"""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [int(line) for line in done.stdout.split()]


@needs_linux
def test_a_huge_picture_is_shrunk_within_little_memory():
    code = """
assert sum(len(frames) for frames in sample_frames(sys.argv[1], size=(224, 224))) == 3
print_peak()
"""
    assert peak_megabytes(code, DATA / "huge_7680x4320.mp4")[0] < 400


def test_pictures_above_the_limit_are_refused_before_decoding(monkeypatch):
    monkeypatch.setattr(opening, "MAX_PIXELS", 7680 * 4320 - 1)
    with pytest.raises(errors.VideoTooLargeError, match="7680 x 4320"):
        probe(DATA / "huge_7680x4320.mp4")


def test_full_size_of_stretched_pixels_is_limited_too(monkeypatch, tmp_path):
    path = write_video(tmp_path / "wide.mp4", size=(128, 192), pixel_aspect=Fraction(2, 1), count=2)
    monkeypatch.setattr(opening, "MAX_PIXELS", 128 * 192)
    assert read_numbers(sample(path, fps=25).data) == [0, 1]
    with pytest.raises(errors.VideoTooLargeError, match="384 x 128"):
        sample(path, size=None)


@needs_linux
def test_a_decompression_bomb_takes_no_memory(tmp_path):
    bomb = tmp_path / "bomb.gif"  # 12000 x 12000 pixels, so the header says
    side = b"\xe0\x2e\xe0\x2e"
    header = b"GIF89a" + side + b"\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0" + side
    bomb.write_bytes(header + b"\0\x02\x02D\x01\0;")
    code = """
from ntlbg.errors import VideoError
try:
    list(sample_frames(sys.argv[1], size=(24, 24)))
except VideoError:
    print_peak()
"""
    assert peak_megabytes(code, bomb)[0] < 150


# Containers and codecs


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
    monkeypatch.setattr(pictures, "SHORTEST_JUMP_SECONDS", 0.1)
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
    monkeypatch.setattr(pictures, "SHORTEST_JUMP_SECONDS", 0.1)
    read_frames_at(encodings["intra-refresh.mkv"], [1.5, 2.7, 3.9, 5.1], report=report)
    assert report.decoded <= 150


@pytest.mark.parametrize("name", ["h264.mp4", "hevc.mp4", "mpeg4.mp4"])
def test_files_that_flag_every_picture_as_keyframe(encodings, tmp_path, name, monkeypatch):
    """Without a table of keyframes (stss) all of them count as such."""
    monkeypatch.setattr(pictures, "SHORTEST_JUMP_SECONDS", 0.1)
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
        packets = [packet for packet in container.demux(stream) if packet.size]
        flagged = sum(packet.is_keyframe for packet in packets)
        entries = sum(is_clean_entry(packet, stream.codec_context) for packet in packets)
    assert flagged >= 6
    assert entries == (1 if name == "intra-refresh.mkv" else flagged)


@pytest.mark.parametrize("kept", [0, 5])
@pytest.mark.parametrize("name", ["h264.mp4", "h264.mkv"])
def test_a_refused_keyframe_is_not_jumped_to(encodings, tmp_path, name, kept, monkeypatch):
    """Whether or not the bytes that are kept still say that it is a keyframe."""
    monkeypatch.setattr(pictures, "SHORTEST_JUMP_SECONDS", 0.1)
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


def test_joined_recordings_play_one_after_the_other(tmp_path):
    path = tmp_path / "joined.ts"
    path.write_bytes((DATA / "start_10s.ts").read_bytes() * 2)
    frames = sample(path, fps=25)
    assert read_numbers(frames.data) == [*range(120), *range(120)]
    np.testing.assert_allclose(frames.pts_seconds, np.arange(240) / 25, atol=1e-3)
    assert probe(path).duration_seconds == pytest.approx(9.6)


def test_pictures_may_change_size_in_the_middle(tmp_path):
    path = tmp_path / "sizes.ts"
    small = write_video(tmp_path / "small.ts", count=50)
    large = write_video(tmp_path / "large.ts", count=50, size=(2 * HEIGHT, 2 * WIDTH))
    path.write_bytes(small.read_bytes() + large.read_bytes())
    frames = sample(path, fps=25, size=None)
    assert frames.data.shape[1:3] == (HEIGHT, WIDTH)
    assert read_numbers(frames.data) == [*range(50), *range(50)]


def test_a_fragmented_file_without_an_index(tmp_path):
    path = write_video(
        tmp_path / "live.mp4",
        options={"x264-params": GOP},
        count=150,
        container_options={"movflags": "frag_keyframe+empty_moov"},
    )
    assert read_numbers(read_frames_at(path, [5.0, 0.0, 2.96], size=SIZE).data) == [125, 0, 74]


def test_a_stream_that_shows_up_late(tmp_path):
    """An audio tag at the end of a file whose header announced no sound."""
    path = write_video(tmp_path / "late.flv", count=500)
    sound = b"\x3e" + bytes(64)
    header = b"\x08" + len(sound).to_bytes(3, "big") + (20_000).to_bytes(3, "big") + bytes(4)
    path.write_bytes(path.read_bytes() + header + sound + (11 + len(sound)).to_bytes(4, "big"))
    report = ReadReport()
    assert read_numbers(sample(path, fps=1, report=report).data) == list(range(0, 500, 25))
    assert (report.decoded, report.lost) == (500, 0)


# Times


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    gaps=st.lists(st.integers(5, 900), min_size=1, max_size=20),
    fps=st.floats(0.2, 20),
    start=st.floats(0, 1),
)
@example(gaps=[1, 999, 1001, 3000], fps=1.0, start=0.0)
def test_any_rhythm_of_pictures(tmp_path_factory, gaps, fps, start):
    """Variable frame rate: against a search in the list of times."""
    times = np.cumsum([0, *gaps])
    path = tmp_path_factory.mktemp("rhythm") / "vfr.mkv"
    write_video(path, codec="mpeg4", options={"bf": "2"}, times=times.tolist())
    duration = probe(path).duration_seconds
    assert duration >= times[-1] / 1000
    if start >= duration:
        return
    frames = sample(path, fps=fps, start=start)
    wanted = start + np.arange(len(frames)) / fps
    shown = on_screen(times / 1000, wanted)
    np.testing.assert_allclose(frames.pts_seconds, times[shown] / 1000, atol=1e-6)
    assert read_numbers(frames.data) == shown.tolist()
    assert wanted[-1] < duration <= wanted[-1] + 1 / fps + 1e-5


def test_a_picture_a_millisecond_late_is_on_screen(tmp_path):
    path = write_video(tmp_path / "ntsc.mkv", times=[0, 500, 1001, 1500, 2002, 2502, 3003])
    assert read_numbers(sample(path, fps=1).data) == [0, 2, 3, 5]


@pytest.mark.parametrize("max_frames", [1, 2, 7, 149, 150, 151, 1000])
def test_max_frames_spreads_evenly(film, max_frames):
    frames = sample(film, fps=25, max_frames=max_frames)
    assert len(frames) == min(150, max_frames)
    times = np.arange(len(frames)) * 6 / max_frames if max_frames < 150 else np.arange(150) / 25
    assert read_numbers(frames.data) == on_screen(np.arange(150) / 25, times).tolist()


@given(
    duration=st.floats(0.01, 1e5),
    fps=st.floats(0.01, 100),
    max_frames=st.integers(1, 10_000),
    start=st.floats(0, 100),
)
def test_sampling_fps_keeps_to_the_limit(duration, fps, max_frames, start):
    rate = sampling_fps(duration, fps=fps, max_frames=max_frames, start=start)
    assert 0 < rate <= fps
    span = duration - start
    assert rate == fps if span * fps <= max_frames else rate * span == pytest.approx(max_frames)


def test_start_and_end(film):
    frames = sample(film, fps=5, start=1.2, end=2.4)
    assert read_numbers(frames.data) == [30, 35, 40, 45, 50, 55]
    assert frames.pts_seconds[0] == pytest.approx(1.2)
    assert len(sample(film, fps=5, start=1.2, end=2.4, max_frames=3)) == 3
    assert len(sample(film, fps=5, start=5, end=100)) == 5
    with pytest.raises(errors.NoFramesError, match="start=6 s"):
        sample(film, fps=5, start=6.0)


def test_times_come_back_in_the_order_asked_for(film):
    frames = read_frames_at(film, [4.0, 1.0, 1.03, 99.0, 4.0], size=SIZE)
    assert read_numbers(frames.data) == [100, 25, 25, 149, 100]
    np.testing.assert_allclose(frames.pts_seconds, [4.0, 1.0, 1.0, 5.96, 4.0])


def test_impossible_times_are_damage(tmp_path):
    """A flipped bit in a time must not give years of samples of one picture."""
    hours_later = 25 * 3600 * 1000
    path = write_video(tmp_path / "jump.mkv", times=[0, 40, 80 + hours_later, 120 + hours_later])
    report = ReadReport()
    assert read_numbers(sample(path, fps=25, report=report).data) == [0, 1]
    assert report.lost == 2
    assert probe(path).duration_seconds == pytest.approx(0.08)


def test_an_impossible_last_duration_is_not_believed(tmp_path, monkeypatch):
    film = write_video(tmp_path / "film.mp4", options={"bf": "0"}, times=[0, 40, 120, 160, 280])
    path = tmp_path / "years.mp4"
    with av.open(str(film)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        packets = [packet for packet in source.demux(video=0) if packet.size]
        packets[-1].duration = round(30 * 3600 / packets[-1].time_base)
        for packet in packets:
            packet.stream = stream
            target.mux(packet)
    assert probe(path).duration_seconds > 3600  # a day is the limit
    monkeypatch.setattr(clock, "MAX_HOLD_SECONDS", 3600)
    assert probe(path).duration_seconds < 0.4
    assert read_numbers(sample(path, fps=25).data)[:8] == [0, 1, 1, 2, 3, 3, 3, 4]
    assert len(sample(path, fps=1)) == 1


# Scaling


def test_scaling_is_as_good_as_converting_first(tmp_path):
    """Against full-size conversion and Pillow's bicubic: colour edges tell the flags apart."""
    path = write_video(tmp_path / "large.mp4", size=(360, 640), options={"crf": "5"}, count=3)
    full = read_frames_at(path, [0.0]).data[0]
    expected = np.asarray(Image.fromarray(full).resize((160, 90), Image.Resampling.BICUBIC))
    found = read_frames_at(path, [0.0], size=(90, 160)).data[0]
    error = np.square(found.astype(float) - expected).mean()
    assert 10 * np.log10(255**2 / error) > 40


@pytest.mark.parametrize("aspect", [Fraction(1, 2), Fraction(2, 1), Fraction(1, 1)])
def test_pixels_are_shown_square(tmp_path, aspect):
    path = write_video(tmp_path / "film.mp4", pixel_aspect=aspect, count=3)
    info = probe(path)
    assert info.height == (2 * HEIGHT if aspect < 1 else HEIGHT)
    assert info.width == (2 * WIDTH if aspect > 1 else WIDTH)
    assert read_numbers(sample(path, fps=25, size=None).data) == [0, 1, 2]


# Batches, threads, files


@pytest.mark.parametrize("batch_size", [1, 7, 150, 1000])
def test_batches(film, batch_size):
    batches = list(sample_frames(film, fps=25, size=SIZE, batch_size=batch_size))
    sizes = [len(batch) for batch in batches]
    assert sum(sizes) == 150
    assert all(size == batch_size for size in sizes[:-1])
    assert sizes[-1] <= batch_size


def test_large_pictures_come_in_smaller_batches(film, monkeypatch):
    monkeypatch.setattr(sampling, "MAX_BATCH_BYTES", 3 * 10 * HEIGHT * WIDTH)
    assert {len(batch) for batch in sample_frames(film, fps=25)} == {10}


def test_batches_do_not_share_memory(film):
    first, second, *_ = sample_frames(film, fps=25, size=SIZE, batch_size=10)
    assert read_numbers(first.data) == list(range(10))
    assert read_numbers(second.data) == list(range(10, 20))


@needs_linux
def test_stopping_early_ends_the_decoder_threads(film):
    threads = len(os.listdir("/proc/self/task"))
    for _ in range(20):
        reader = sample_frames(film, fps=25, size=SIZE, batch_size=1)
        next(reader)
        assert len(os.listdir("/proc/self/task")) > threads
        reader.close()
        assert len(os.listdir("/proc/self/task")) == threads


@pytest.mark.parametrize("name", ["h264.mp4", "h264.mkv", "h264.ts", "hevc.mp4"])
def test_threads_do_not_change_what_damage_looks_like(encodings, tmp_path, name, monkeypatch):
    """Pictures predicted from one that is missing would differ from run to run."""
    path, content = tmp_path / name, bytearray(encodings[name].read_bytes())
    if name == "h264.ts":
        content[len(content) // 2 :: 1000] = bytes(len(content[len(content) // 2 :: 1000]))
    else:
        for number in (25, 75, 80):
            position, size, _ = packet_places(encodings[name])[number]
            content[position + 5 : position + size] = bytes(size - 5)
    path.write_bytes(content)
    report = ReadReport()
    with_threads = sample(path, fps=25, report=report)
    assert report.lost > 0
    monkeypatch.setattr(pictures, "DECODER_THREADS", 1)
    assert same(sample(path, fps=25), with_threads)


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("name", ["h264.mp4", "hevc.mp4", "h264-in.avi", "vp9.webm"])
def test_threads_do_not_change_pictures(encodings, name, threads, monkeypatch):
    frames = sample(encodings[name], fps=9)
    monkeypatch.setattr(pictures, "DECODER_THREADS", threads)
    assert same(sample(encodings[name], fps=9), frames)


def test_two_videos_at_once(encodings):
    one = sample_frames(encodings["h264.mp4"], fps=25, size=SIZE, batch_size=1)
    two = sample_frames(encodings["vp9.webm"], fps=25, size=SIZE, batch_size=1)
    for number, (first, second) in enumerate(zip(one, two)):
        assert read_numbers(first.data) == read_numbers(second.data) == [number]


@needs_linux
def test_memory_stays_the_same(tmp_path):
    """Ten times as long, hardly a megabyte more (a batch alone is 9 MB)."""
    short = write_video(tmp_path / "short.mp4", count=100)
    long = write_video(tmp_path / "long.mp4", count=1000)
    code = """
for path in sys.argv[1:]:
    for frames in sample_frames(path, fps=25, size=(300, 300)):
        pass
    print_peak()
"""
    peak_short, peak_long = peak_megabytes(code, short, long)
    assert peak_long - peak_short < 5


def test_counts_add_up(film):
    report = ReadReport(packets=1, decoded=2, lost=3)
    sample(film, fps=1, report=report)
    assert report == ReadReport(packets=151, decoded=152, lost=3)


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


# What is refused


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


@settings(max_examples=40, deadline=None, derandomize=True)
@given(data=st.data())
def test_any_damage_ends_in_pictures_or_a_video_error(tmp_path_factory, data):
    name = data.draw(st.sampled_from(["single_frame.mp4", "vfr.mp4", "odd_101x77.webm"]))
    content = bytearray((DATA / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 20))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damage") / name
    path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    try:
        frames = sample(path, max_frames=50)
    except errors.VideoError:
        return
    assert 1 <= len(frames) <= 50
    assert (np.diff(frames.pts_seconds) >= 0).all()


@pytest.mark.parametrize(
    "options",
    [
        {"fps": 0},
        {"fps": -1},
        {"fps": float("nan")},
        {"max_frames": 0},
        {"start": -1},
        {"start": float("inf")},
        {"start": 3, "end": 3},
        {"end": float("nan")},
        {"size": (0, 10)},
        {"size": (10, 10, 3)},
        {"size": (2**14, 2**14)},
        {"batch_size": 0},
    ],
)
def test_arguments_are_checked_before_reading(options):
    with pytest.raises(errors.ConfigError, match=list(options)[-1]):
        sample_frames("never-opened.mp4", **options)


@pytest.mark.parametrize("times", [[], [-1.0], [float("nan")], [[1.0]]])
def test_times_are_checked_before_reading(times):
    with pytest.raises(errors.ConfigError, match="times"):
        read_frames_at("never-opened.mp4", times)


# Frames


def test_frames_check_themselves():
    data, pts_seconds = np.zeros((3, 4, 5, 3), np.uint8), np.arange(3.0)
    frames = Frames(data, pts_seconds)
    assert len(frames) == 3
    assert frames[1:].pts_seconds.tolist() == [1, 2]
    assert frames[np.array([2, 0])].pts_seconds.tolist() == [2, 0]
    for bad_data, bad_times in [
        (data.astype(np.float32), pts_seconds),
        (data[..., :1], pts_seconds),
        (data[0], pts_seconds),
        (data, pts_seconds[:2]),
        (data, pts_seconds.astype(np.float32)),
        (data, np.array([0, np.nan, 1])),
    ]:
        with pytest.raises(ValueError, match=r"(data|pts_seconds) must"):
            Frames(bad_data, bad_times)
    with pytest.raises(TypeError, match="slice"):
        frames[1]
