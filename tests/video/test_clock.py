"""Times: uneven, joined, impossible, missing."""

import heapq
import itertools
from fractions import Fraction
from types import SimpleNamespace

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from odd_films import with_times
from reading import SIZE, decode_everything, on_screen, sample

from counter_videos import DATA, HEIGHT, WIDTH, read_numbers, write_video
from ntlbg.video import ReadReport, clock, probe, read_frames_at
from ntlbg.video.clock import Clock
from sound_films import write_film


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


FAR = 25 * 3600 * 1000  # a day is the longest that a picture stays
STEPS = [40 * number for number in range(60)]
JUMPS = {
    "and goes on": [*STEPS[:30], *(FAR + time for time in STEPS[30:])],
    "by years": [*STEPS[:30], *(10**12 + time for time in STEPS[30:])],
    "in one time": [*STEPS[:30], FAR + STEPS[30], *STEPS[31:]],
    "in one time by seconds": [*STEPS[:30], 4_000 + STEPS[30], *STEPS[31:]],
    "in one time by hours": [*STEPS[:30], 72_000_000 + STEPS[30], *STEPS[31:]],
    "in two times": [*STEPS[:20], 9_000, *STEPS[21:30], 72_000_000, *STEPS[31:]],
    "and comes back": [*STEPS[:20], *(FAR + time for time in STEPS[20:40]), *STEPS[40:]],
    "twice": [*STEPS[:20], *(FAR + t for t in STEPS[20:40]), *(4 * FAR + t for t in STEPS[40:])],
}


@pytest.mark.parametrize("bframes", ["0", "2"])
@pytest.mark.parametrize("jump", JUMPS)
def test_a_clock_that_jumps_loses_no_picture(tmp_path, jump, bframes):
    """Nor does it give years of samples of one picture."""
    film = write_video(tmp_path / "film.mkv", options={"bf": bframes, "g": "20"}, times=STEPS)
    path = with_times(film, tmp_path / "jump.mkv", dict(zip(STEPS, JUMPS[jump], strict=True)))
    report = ReadReport()
    frames = sample(path, fps=25, report=report)
    assert read_numbers(frames.data) == list(range(60))
    np.testing.assert_allclose(frames.pts_seconds, np.array(STEPS) / 1000, atol=2e-3)
    assert report.lost == 0
    info = probe(path)
    assert info.num_packets == 60
    assert info.duration_seconds == pytest.approx(2.4, abs=0.1)
    found = read_frames_at(path, [2.2, 0.5], size=(HEIGHT, WIDTH))
    assert read_numbers(found.data) == [55, 12]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    gaps=st.lists(st.sampled_from([40, 80, 900, 5_000, 60_000]), min_size=20, max_size=40),
    bframes=st.integers(0, 3),
)
def test_pauses_are_no_jumps(tmp_path_factory, gaps, bframes):
    times = np.cumsum([0, *gaps])
    path = tmp_path_factory.mktemp("pauses") / "slides.mkv"
    write_video(path, options={"bf": str(bframes), "preset": "ultrafast"}, times=times.tolist())
    found = read_frames_at(path, times / 1000, size=SIZE)
    np.testing.assert_allclose(found.pts_seconds, times / 1000, atol=1e-6)
    assert read_numbers(found.data) == list(range(len(times)))


def test_a_wrong_time_after_a_pause(tmp_path):
    """It is not taken for another pause, which would hide what follows."""
    steps = [*STEPS[:30], *(60_000 + time for time in STEPS[30:])]
    film = write_video(tmp_path / "film.mkv", options={"bf": "0"}, times=steps)
    wrong = {time: time + 9_000 * (place == 31) for place, time in enumerate(steps)}
    path = with_times(film, tmp_path / "wrong.mkv", wrong)
    found = read_frames_at(path, np.array(steps[33:]) / 1000, size=SIZE)
    assert read_numbers(found.data) == list(range(33, 60))


@pytest.mark.parametrize("bframes", ["0", "2", "5"])
def test_pictures_that_begin_long_after_the_sound(tmp_path, bframes):
    """FFmpeg guesses when pictures are decoded, wrongly where it met none at opening."""
    path = tmp_path / "late.mkv"
    sound = np.zeros(48_000 * 12, np.float32)
    options = f"keyint=25:bframes={bframes}:b-adapt=0"
    write_film(path, sound, pictures_at=8.0, pictures=100, options={"x264-params": options})
    pts_seconds = decode_everything(path).pts_seconds
    times = np.random.default_rng(0).uniform(0, 3.9, 60)
    for seconds in [2.101, *times]:
        found = read_frames_at(path, [seconds], size=SIZE).pts_seconds[0]
        assert found == pytest.approx(pts_seconds[on_screen(pts_seconds, seconds)]), seconds


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


def between(first: int, last: int) -> list[int]:
    """Pictures between two that are decoded already, in order of decoding: a pyramid."""
    if first > last:
        return []
    middle = (first + last) // 2
    return [middle, *between(first, middle - 1), *between(middle + 1, last)]


@pytest.mark.parametrize("depth", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("lost", [0, 1, 7, 40])
def test_without_stored_times_lost_pictures_leave_theirs_unused(depth, lost):
    """Two runs of pictures in groups of 2^depth; between them, packets that give none."""
    group, ticks, numbers = 2**depth, 3, itertools.count()
    codec = SimpleNamespace(name="h264", reorder_depth=depth)
    stream = SimpleNamespace(
        time_base=Fraction(1, 25 * ticks), average_rate=Fraction(25), codec_context=codec
    )
    times = Clock(SimpleNamespace(format=SimpleNamespace(name="avi")), stream)

    def feed() -> int:
        number = next(numbers)
        packet = SimpleNamespace(pts=1000 + number, dts=ticks * number, is_discard=False)
        times.expect(packet, times.read(packet))
        return packet.pts

    def play() -> list[int]:
        """Decode 32 pictures; each comes out as soon as none can overtake it."""
        waiting, shown = [], []
        for first in range(0, 32, group):
            for place in (first + group - 1, *between(first, first + group - 2)):
                heapq.heappush(waiting, (place, feed()))
                if len(waiting) > depth:
                    _, pts = heapq.heappop(waiting)
                    shown.append(times.show(SimpleNamespace(pts=pts)))
        rest = [times.show(SimpleNamespace(pts=pts)) for _, pts in sorted(waiting)]
        return shown + rest

    assert play() == [ticks * n for n in range(32)]
    for _ in range(lost):
        feed()
    assert play() == [ticks * (32 + lost + n) for n in range(32)]
