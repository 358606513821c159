"""What can be asked for: rate, span, mode, size, batches; and that nonsense is refused."""

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading import SIZE, needs_linux, on_screen, sample

from counter_videos import HEIGHT, WIDTH, read_numbers, write_video
from ntlbg import errors
from ntlbg.video import (
    ReadReport,
    probe,
    read_frames_at,
    sample_frames,
    sampling,
    sampling_fps,
)


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
    with pytest.raises(errors.NoFramesError, match="start="):
        sample(film, fps=5, start=1e18)  # more ticks than 64 bits hold


def test_times_come_back_in_the_order_asked_for(film):
    frames = read_frames_at(film, [4.0, 1.0, 1.03, 99.0, 4.0], size=SIZE)
    assert read_numbers(frames.data) == [100, 25, 25, 149, 100]
    np.testing.assert_allclose(frames.pts_seconds, [4.0, 1.0, 1.0, 5.96, 4.0])


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


def test_two_videos_at_once(encodings):
    one = sample_frames(encodings["h264.mp4"], fps=25, size=SIZE, batch_size=1)
    two = sample_frames(encodings["vp9.webm"], fps=25, size=SIZE, batch_size=1)
    for number, (first, second) in enumerate(zip(one, two)):
        assert read_numbers(first.data) == read_numbers(second.data) == [number]


def test_auto_takes_a_keyframe_nearby_or_else_the_earliest(encodings):
    """Keyframes every second; 0.4 s may be added or taken away."""
    frames = sample(encodings["h264.mp4"], fps=1, start=0.3, mode="auto", tolerance=0.4)
    assert read_numbers(frames.data) == [0, 25, 50, 75, 100, 125]
    frames = sample(encodings["h264.mp4"], fps=1, start=0.5, mode="auto", tolerance=0.2)
    assert read_numbers(frames.data) == [8, 33, 58, 83, 108, 133]  # 0.3 s is within 7.5 pictures
    np.testing.assert_allclose(frames.pts_seconds, np.arange(6) + 0.32)


@pytest.mark.parametrize("tolerance", [None, 0.0, 0.1, 3.0])
@pytest.mark.parametrize("name", ["pyramid.mp4", "hevc.mp4", "mpeg4.avi", "h264.ts", "raw.h264"])
def test_auto_stays_within_its_tolerance(encodings, name, tolerance):
    fps, report = 1.3, ReadReport()
    exact = sample(encodings[name], fps=fps)
    frames = sample(encodings[name], fps=fps, mode="auto", tolerance=tolerance, report=report)
    reach = 0.5 / fps if tolerance is None else tolerance
    times = np.arange(len(frames)) / fps
    assert len(frames) == len(exact)
    assert (np.diff(frames.pts_seconds) >= 0).all()
    near = np.abs(frames.pts_seconds - times) <= reach + 1e-3
    assert (near | (frames.pts_seconds == exact.pts_seconds)).all()
    assert read_numbers(frames.data) == np.round(frames.pts_seconds * 25).astype(int).tolist()
    assert report.lost == 0


def test_auto_saves_decoding(encodings):
    work = {}
    for mode in ("exact", "auto"):
        work[mode] = ReadReport()
        sample(encodings["pyramid.mp4"], fps=0.7, start=0.7, mode=mode, report=work[mode])
    assert work["auto"].decoded < 0.7 * work["exact"].decoded


@pytest.mark.parametrize("name", ["h264.mp4", "open-gop.ts", "vp9.webm", "hevc.mp4", "av1.mkv"])
def test_keyframe_mode_decodes_keyframes_alone(encodings, name):
    report = ReadReport()
    frames = sample(encodings[name], fps=0.5, mode="keyframe", report=report)
    assert len(frames) == 3
    assert read_numbers(frames.data) == np.round(frames.pts_seconds * 25).astype(int).tolist()
    every = sample(encodings[name], fps=25, mode="keyframe")
    assert len(every) == 6  # fewer than asked for: only those there are
    assert set(frames.pts_seconds) <= set(every.pts_seconds)
    assert report.decoded == 3
    exact = read_frames_at(encodings[name], every.pts_seconds, size=SIZE)
    assert np.array_equal(exact.data, every.data)


@pytest.mark.parametrize("name", ["h264-in.avi", "raw.h264"])
def test_keyframe_mode_without_presentation_times(encodings, name):
    frames = sample(encodings[name], fps=1, mode="keyframe")
    assert read_numbers(frames.data) == [0, 25, 50, 75, 100, 125]


def test_keyframe_mode_says_when_there_is_none(encodings):
    with pytest.raises(errors.NoFramesError, match="no keyframe"):
        sample(encodings["h264.mp4"], start=1.2, end=1.8, mode="keyframe")


def test_the_longest_time_between_keyframes_is_told(encodings):
    assert probe(encodings["h264.mp4"]).longest_gop_seconds == pytest.approx(1.0)
    assert probe(encodings["intra-refresh.mkv"]).longest_gop_seconds == pytest.approx(6.0)


def test_a_picture_that_stays_is_given_again_without_decoding(tmp_path):
    path = write_video(tmp_path / "slides.mp4", times=[0, 40, 60_000, 60_040])
    report = ReadReport()
    frames = sample(path, fps=10, report=report)
    assert read_numbers(frames.data[[0, 1, 599, 600]]) == [0, 1, 1, 2]
    assert report.decoded == 4


def test_counts_add_up(film):
    report = ReadReport(packets=1, decoded=2, lost=3)
    sample(film, fps=25, report=report)
    assert report == ReadReport(packets=151, decoded=152, lost=3)


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
        {"size": 0},
        {"threads": 0},
        {"max_pixels": 0},
        {"mode": "fast"},
        {"mode": "exact", "tolerance": 0.5},
        {"mode": "auto", "tolerance": -1},
        {"fit": "crop"},
        {"fit": "letterbox"},
        {"on_damage": "ignore"},
    ],
)
def test_arguments_are_checked_before_reading(options):
    with pytest.raises(errors.ConfigError, match=list(options)[-1]):
        sample_frames("never-opened.mp4", **options)


@pytest.mark.parametrize("options", [{"threads": 0}, {"size": -1}, {"on_damage": "no"}])
def test_arguments_of_reading_at_times_are_checked_too(options):
    with pytest.raises(errors.ConfigError, match=next(iter(options))):
        read_frames_at("never-opened.mp4", [0.0], **options)


@pytest.mark.parametrize("times", [[], [-1.0], [float("nan")], [[1.0]]])
def test_times_are_checked_before_reading(times):
    with pytest.raises(errors.ConfigError, match="times"):
        read_frames_at("never-opened.mp4", times)
