"""Indexing a video: once, in constant steps, and as if nothing had happened after a kill."""

import os
import shutil
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from counter_videos import DATA, MeanColourEncoder, write_video
from ntlbg import errors, hashes
from ntlbg.encoders import ENCODERS
from ntlbg.hashes import HASHES
from ntlbg.index.index_video import BATCH_FRAMES, CHUNK_FRAMES, index_video
from ntlbg.index.store import FeatureIndex, Track
from ntlbg.types import VideoIndex
from ntlbg.video import ReadReport, probe, sample_frames
from processes import PATIENCE, finish, python, started, wait_for

PICTURES = 1000
FPS = 25.0


@pytest.fixture(scope="session")
def long_video(tmp_path_factory):
    """40 s, a keyframe every 2 s."""
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    return write_video(path, options={"x264-params": "keyint=50:scenecut=0"}, count=PICTURES)


@pytest.fixture(scope="session")
def uninterrupted(long_video, tmp_path_factory):
    index = FeatureIndex(tmp_path_factory.mktemp("uninterrupted"))
    report = ReadReport()
    return index_video(
        long_video, [MeanColourEncoder()], index=index, fps=FPS, report=report
    ), report


@pytest.fixture
def index(tmp_path):
    return FeatureIndex(tmp_path / "index")


class StoppingEncoder(MeanColourEncoder):
    """Raises after so many batches, as a power cut would."""

    def __init__(self, batches: int):
        self.batches = batches

    def encode_frames(self, frames: np.ndarray) -> np.ndarray:
        if self.batches == 0:
            raise KeyboardInterrupt
        self.batches -= 1
        return super().encode_frames(frames)


def same(one: VideoIndex, other: VideoIndex) -> bool:
    return (
        one.features["mean-colour"].tobytes() == other.features["mean-colour"].tobytes()
        and one.pts_seconds.tobytes() == other.pts_seconds.tobytes()
        and one.meta == other.meta
    )


def names(index: FeatureIndex) -> list[str]:
    found = index.root.iterdir() if index.root.exists() else ()
    return [path.name for path in found if path.name != HASHES]


def interrupt(index: FeatureIndex, path: Path, *, batches: int, **options) -> None:
    with pytest.raises(KeyboardInterrupt):
        index_video(path, [StoppingEncoder(batches)], index=index, **options)


class NotingEncoder(StoppingEncoder):
    """Notes the brightest value of every frame."""

    def encode_with_notes(self, frames: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        return self.encode_frames(frames), {"brightest": frames.max((1, 2, 3))}


def test_notes_are_kept_through_an_interruption(long_video, index, uninterrupted):
    stopping = NotingEncoder(CHUNK_FRAMES // BATCH_FRAMES + 2)
    with pytest.raises(KeyboardInterrupt):
        index_video(long_video, [stopping], index=index, fps=FPS)
    video = index_video(long_video, [NotingEncoder(1000)], index=index, fps=FPS)
    assert same(video, uninterrupted[0])
    assert uninterrupted[0].notes == {}
    brightest = np.concatenate(
        [
            frames.data.max((1, 2, 3))
            for frames in sample_frames(long_video, fps=FPS, size=NotingEncoder.image_size)
        ]
    )
    np.testing.assert_array_equal(video.notes["mean-colour"]["brightest"], brightest)
    again = index_video(long_video, [NotingEncoder(0)], index=index, fps=FPS)
    np.testing.assert_array_equal(again.notes["mean-colour"]["brightest"], brightest)


def test_features_are_those_of_the_sampled_frames(long_video, index):
    encoder = MeanColourEncoder()
    video = index_video(long_video, [encoder], index=index, fps=2.0, start=1.0, end=9.0)
    batches = list(sample_frames(long_video, fps=2.0, start=1.0, end=9.0, size=encoder.image_size))
    expected = np.concatenate([encoder.encode_frames(batch.data) for batch in batches])
    np.testing.assert_array_equal(video.features["mean-colour"], expected)
    np.testing.assert_allclose(
        video.pts_seconds, [start + at for start in range(1, 9) for at in (0, 0.48)]
    )
    assert video.meta == {
        "sampling_fps": 2.0,
        "max_frames": None,
        "start": 1.0,
        "end": 9.0,
        "codec": "h264",
        "width": 96,
        "height": 54,
        "duration_seconds": 40.0,
        "damaged": False,
    }


def test_a_ready_entry_decodes_nothing(long_video, index):
    first = index_video(long_video, [MeanColourEncoder()], index=index)
    report = ReadReport()
    key = index.key(long_video, encoder="mean-colour", fingerprint="mean-colour-1", fps=1.0)
    index.save_chunk(key, 0, index.load(key))  # left behind by a run killed at the very end
    again = index_video(long_video, [StoppingEncoder(0)], index=index, report=report)
    assert report == ReadReport(0, 0, 0)
    assert same(first, again)
    assert names(index) == [f"{key}.safetensors"]


def test_a_renamed_video_is_found_again(long_video, index, tmp_path):
    index_video(long_video, [MeanColourEncoder()], index=index)
    copy = shutil.copy(long_video, tmp_path / "holiday.mp4")
    report = ReadReport()
    index_video(copy, [StoppingEncoder(0)], index=index, report=report)
    assert report.packets == 0


def test_other_settings_or_encoders_are_other_entries(long_video, index):
    class OtherEncoder(MeanColourEncoder):
        fingerprint = "mean-colour-2"

    index_video(long_video, [MeanColourEncoder()], index=index)
    index_video(long_video, [MeanColourEncoder()], index=index, fps=0.5)
    index_video(long_video, [OtherEncoder()], index=index)
    assert len(names(index)) == 3


def test_a_damaged_entry_is_made_anew(long_video, index):
    first = index_video(long_video, [MeanColourEncoder()], index=index)
    entry = next(index.root.glob("*.safetensors"))
    content = bytearray(entry.read_bytes())
    content[-1] ^= 1
    entry.write_bytes(content)
    report = ReadReport()
    again = index_video(long_video, [MeanColourEncoder()], index=index, report=report)
    assert report.decoded + report.skipped > 900
    assert same(first, again)
    np.testing.assert_array_equal(index.load(entry.stem).features, first.features["mean-colour"])


# Being interrupted


@pytest.mark.parametrize("batches", [1, 7, 8, 20, 31])
def test_a_stopped_run_goes_on(long_video, index, uninterrupted, batches):
    expected, full = uninterrupted
    interrupt(index, long_video, batches=batches, fps=FPS)
    chunks = batches * BATCH_FRAMES // CHUNK_FRAMES
    report = ReadReport()
    video = index_video(long_video, [MeanColourEncoder()], index=index, fps=FPS, report=report)
    assert same(video, expected)
    assert names(index) == [path for path in names(index) if path.endswith(".safetensors")]
    # not decoded again: what is in chunks, but for the run-up from a keyframe and the start
    assert report.decoded <= full.decoded - chunks * CHUNK_FRAMES + 2 * 50 + 20


def test_a_killed_run_goes_on(long_video, index, uninterrupted):
    """SIGKILL: no handler, no cleaning up."""
    expected, full = uninterrupted
    code = f"""
import sys, time
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from counter_videos import MeanColourEncoder
from ntlbg.index.store import FeatureIndex
from ntlbg.index import store
from ntlbg.index.index_video import index_video
class Slow(MeanColourEncoder):
    def encode_frames(self, frames):
        time.sleep(0.02)
        return super().encode_frames(frames)
index_video({str(long_video)!r}, [Slow()], index=FeatureIndex({str(index.root)!r}), fps={FPS})
"""
    with started(python("-c", code)) as process:
        wait_for(lambda: len(list(index.root.glob("*.partial/0*.safetensors"))) >= 2, process)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not list(index.root.glob("*.safetensors"))
    report = ReadReport()
    video = index_video(long_video, [MeanColourEncoder()], index=index, fps=FPS, report=report)
    assert same(video, expected)
    assert report.decoded < full.decoded - 2 * CHUNK_FRAMES + 120
    assert len(names(index)) == 1


@pytest.mark.parametrize(
    "options",
    [
        {"fps": 24.3, "start": 0.7},
        {"fps": FPS, "max_frames": 600},
        {"fps": FPS, "start": 2.0, "end": 30.0},
        {"fps": FPS, "end": CHUNK_FRAMES / FPS},  # ends where a chunk does
        {"fps": FPS, "max_frames": 2 * CHUNK_FRAMES},
        {"fps": CHUNK_FRAMES / 40},  # so does the video
        {"fps": 29.97},
    ],
)
def test_the_grid_of_times_survives_an_interruption(long_video, tmp_path, options):
    whole = FeatureIndex(tmp_path / "whole")
    expected = index_video(long_video, [MeanColourEncoder()], index=whole, **options)
    index = FeatureIndex(tmp_path / "index")
    key = index.key(long_video, encoder="mean-colour", fingerprint="mean-colour-1", **options)
    chunk = slice(0, CHUNK_FRAMES)
    about = {"damaged": False}
    features = expected.features["mean-colour"][chunk]
    index.save_chunk(key, 0, Track(features, expected.pts_seconds[chunk], about))
    report = ReadReport()
    video = index_video(long_video, [MeanColourEncoder()], index=index, report=report, **options)
    assert same(video, expected)
    assert len(video) <= options.get("max_frames", 10**9)


@pytest.mark.parametrize("name", ["start_10s.ts", "bframes.avi", "corrupt_middle.mp4", "vfr.mp4"])
def test_formats_that_cannot_jump_resume_too(index, tmp_path, name):
    path, fps = DATA / name, 100.0
    whole = FeatureIndex(tmp_path / "whole")
    expected = index_video(path, [MeanColourEncoder()], index=whole, fps=fps)
    interrupt(index, path, batches=CHUNK_FRAMES // BATCH_FRAMES, fps=fps)
    video = index_video(path, [MeanColourEncoder()], index=index, fps=fps)
    assert len(video) > CHUNK_FRAMES
    assert same(video, expected)


def test_a_damaged_chunk_is_made_anew(long_video, index, uninterrupted):
    interrupt(index, long_video, batches=26, fps=FPS)
    chunks = sorted(index.root.glob("*.partial/*"))
    assert len(chunks) == 3
    chunks[1].write_bytes(chunks[1].read_bytes()[:-7])
    report = ReadReport()
    video = index_video(long_video, [MeanColourEncoder()], index=index, fps=FPS, report=report)
    assert same(video, uninterrupted[0])
    assert PICTURES - CHUNK_FRAMES <= report.decoded < PICTURES - CHUNK_FRAMES + 120


def test_two_processes_may_index_the_same_video(long_video, index, uninterrupted):
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from counter_videos import MeanColourEncoder
from ntlbg.index.store import FeatureIndex
from ntlbg.index import store
from ntlbg.index.index_video import index_video
index_video({str(long_video)!r}, [MeanColourEncoder()], index=FeatureIndex({str(index.root)!r}),
            fps={FPS})
"""
    with started(python("-c", code)) as one, started(python("-c", code)) as other:
        finish(one)
        finish(other)
    assert (one.returncode, other.returncode) == (0, 0)
    report = ReadReport()
    video = index_video(long_video, [StoppingEncoder(0)], index=index, fps=FPS, report=report)
    assert same(video, uninterrupted[0])


# Limits, damage, progress


class CountingEncoder(MeanColourEncoder):
    """Says how many pictures it was given."""

    def __init__(self):
        self.count = 0

    def encode_frames(self, frames: np.ndarray) -> np.ndarray:
        self.count += len(frames)
        return super().encode_frames(frames)


def test_a_picture_that_stays_on_screen_is_encoded_once(long_video, index):
    encoder, options = CountingEncoder(), {"fps": 1000.0, "end": 0.39}
    video = index_video(long_video, encoder, index=index, **options)
    assert encoder.count == 10
    assert len(video.pts_seconds) == 390
    pictures = np.concatenate([frames.data for frames in sample_frames(
        long_video, size=encoder.image_size, **options)])  # fmt: skip
    assert np.array_equal(video.features["mean-colour"], encoder.encode_frames(pictures))


@pytest.mark.parametrize("batches", [0, 1, 3])
def test_so_it_is_by_a_run_that_goes_on(long_video, tmp_path, batches):
    options = {"fps": 300.0, "end": 3.0}
    whole = index_video(
        long_video, MeanColourEncoder(), index=FeatureIndex(tmp_path / "whole"), **options
    )
    index = FeatureIndex(tmp_path / "parts")
    interrupt(index, long_video, batches=8 + batches, **options)
    assert same(index_video(long_video, MeanColourEncoder(), index=index, **options), whole)


@pytest.mark.parametrize("max_frames", [1, 40, 10_000])
def test_max_frames(long_video, index, max_frames):
    video = index_video(
        long_video, [MeanColourEncoder()], index=index, fps=4.0, max_frames=max_frames
    )
    assert len(video) == min(160, max_frames)
    assert video.meta["sampling_fps"] == min(4.0, max_frames / 40)


def test_damage_is_remembered(index):
    for name, damaged in [("corrupt_middle.mp4", True), ("vfr.mp4", False)]:
        for _ in range(2):
            video = index_video(DATA / name, [MeanColourEncoder()], index=index, fps=5.0)
            assert video.meta["damaged"] is damaged


def test_counts_of_an_earlier_video_are_not_damage_of_this_one(index):
    report = ReadReport(lost=7)
    video = index_video(DATA / "vfr.mp4", [MeanColourEncoder()], index=index, report=report)
    assert video.meta["damaged"] is False
    assert report.lost == 7


def test_progress_rises_to_all(long_video, index):
    calls = []
    index_video(
        long_video,
        [MeanColourEncoder()],
        index=index,
        fps=5.0,
        progress=lambda *call: calls.append(call),
    )
    done, fractions = zip(*calls)
    assert done == tuple(min(200, 32 * number) for number in range(1, 8))
    assert list(fractions) == sorted(fractions)
    assert fractions[-1] == 1.0
    assert fractions[0] == pytest.approx(32 / 200)


def test_progress_of_a_resumed_run_starts_where_it_stopped(long_video, index):
    interrupt(index, long_video, batches=10, fps=FPS)
    calls = []
    index_video(
        long_video,
        [MeanColourEncoder()],
        index=index,
        fps=FPS,
        progress=lambda *call: calls.append(call),
    )
    assert calls[0][0] == CHUNK_FRAMES + BATCH_FRAMES


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("missing.mp4", errors.VideoNotFound),
        ("audio_only.m4a", errors.NoVideoStreamError),
        ("zero_frames.mp4", errors.NoFramesError),
        ("not_a_video.mp4", errors.VideoOpenError),
    ],
)
def test_unusable_videos_leave_no_entry(index, name, error):
    with pytest.raises(error):
        index_video(DATA / name, [MeanColourEncoder()], index=index)
    assert names(index) == []


def test_a_start_after_the_end_is_refused(index):
    with pytest.raises(errors.NoFramesError, match="start=100 s"):
        index_video(DATA / "vfr.mp4", [MeanColourEncoder()], index=index, start=100.0)
    with pytest.raises(errors.ConfigError, match="fps"):
        index_video(DATA / "vfr.mp4", [MeanColourEncoder()], index=index, fps=0)
    assert probe(DATA / "vfr.mp4").duration_seconds < 100


def test_decoding_goes_on_while_the_encoder_works(long_video, index):
    """The first batches after this one are ready, and not many more."""
    report, decoded = ReadReport(), []

    class Waiting(MeanColourEncoder):
        def encode_frames(self, frames):
            before, deadline = report.decoded, time.monotonic() + PATIENCE
            if not decoded:
                while report.decoded < before + BATCH_FRAMES and time.monotonic() < deadline:
                    time.sleep(0.001)
                time.sleep(0.05)
                decoded.append(report.decoded)
            return super().encode_frames(frames)

    index_video(long_video, [Waiting()], index=index, fps=FPS, report=report)
    assert 2 * BATCH_FRAMES <= decoded[0] <= 3 * BATCH_FRAMES + 20
    assert not [thread for thread in threading.enumerate() if "prefetch" in thread.name]


def test_an_error_in_the_encoder_ends_the_decoding(long_video, index):
    interrupt(index, long_video, batches=1, fps=FPS)
    assert not [thread for thread in threading.enumerate() if "prefetch" in thread.name]


def test_no_frame_is_kept_in_memory(index):
    """A batch at a time reaches the encoder, whatever the video's length."""
    sizes = []

    class Watching(MeanColourEncoder):
        def encode_frames(self, frames):
            sizes.append(frames.shape)
            return super().encode_frames(frames)

    index_video(DATA / "start_10s.ts", [Watching()], index=index, fps=25.0)
    assert max(size[0] for size in sizes) == BATCH_FRAMES
    assert {size[1:] for size in sizes} == {(24, 48, 3)}


# Several encoders


class SmallEncoder(MeanColourEncoder):
    """The same of smaller pictures, under another name."""

    name, fingerprint, image_size = "small", "small-1", (9, 16)


def test_one_decode_feeds_several_encoders(long_video, index, tmp_path):
    counts, both = ReadReport(), [MeanColourEncoder(), SmallEncoder()]
    video = index_video(long_video, both, index=index, fps=5.0, report=counts)
    for encoder in both:
        alone, once = FeatureIndex(tmp_path / encoder.name), ReadReport()
        own = index_video(long_video, [encoder], index=alone, fps=5.0, report=once)
        assert video.features[encoder.name].tobytes() == own.features[encoder.name].tobytes()
        assert video.pts_seconds.tobytes() == own.pts_seconds.tobytes()
        assert video.meta == own.meta
        assert counts == once  # not one picture more for two than for one
    assert not np.array_equal(video.features["small"], video.features["mean-colour"])


def test_an_encoder_that_comes_later_adds_a_track(long_video, index):
    first = index_video(long_video, [MeanColourEncoder()], index=index)
    video = index_video(long_video, [StoppingEncoder(0), SmallEncoder()], index=index)
    assert same(first, video)  # the first one was not asked again
    assert len(names(index)) == 2


def test_pictures_are_decoded_for_those_alone_that_have_not_seen_them(long_video, index):
    """One, then it and another, then each again."""
    first, second = MeanColourEncoder(), SmallEncoder()
    counts = []
    for encoders in ([first], [first, second], [first], [second], [second, first]):
        report = ReadReport()
        index_video(long_video, encoders, index=index, report=report)
        counts.append(report.decoded)
    once = counts[0]
    assert once >= 40
    assert counts == [once, once, 0, 0, 0]


class ShapedEncoder(SmallEncoder):
    """Wants pictures in the shape that they are shown in, and says which."""

    name, fingerprint = "shaped", "shaped-1"

    def size_for(self, height: int, width: int) -> tuple[int, int]:
        return height // 6, width // 6

    def encode_with_notes(self, frames: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        size = np.tile(np.int64(frames.shape[1:3]), (len(frames), 1))
        return self.encode_frames(frames), {"size": size}


def test_pictures_come_at_the_size_that_an_encoder_wants_of_this_video(long_video, index):
    video = index_video(long_video, [SmallEncoder(), ShapedEncoder()], index=index)
    assert np.unique(video.notes["shaped"]["size"], axis=0).tolist() == [
        [9, 16]
    ]  # shown at 54 x 96
    batches = sample_frames(long_video, size=(9, 16))
    expected = np.concatenate([ShapedEncoder().encode_frames(batch.data) for batch in batches])
    np.testing.assert_array_equal(video.features["shaped"], expected)


def test_encoders_that_have_come_unlike_far_end_alike(long_video, index, tmp_path):
    whole = FeatureIndex(tmp_path / "whole")
    expected = index_video(long_video, [MeanColourEncoder(), SmallEncoder()], index=whole, fps=FPS)
    interrupt(index, long_video, batches=2 * CHUNK_FRAMES // BATCH_FRAMES, fps=FPS)
    calls = []
    found = index_video(
        long_video, [MeanColourEncoder(), SmallEncoder()], index=index, fps=FPS,
        progress=lambda *call: calls.append(call),
    )  # fmt: skip
    assert same(expected, found)
    assert found.features["small"].tobytes() == expected.features["small"].tobytes()
    assert calls[0][0] == BATCH_FRAMES  # from the start, for the second one


def test_encoders_of_one_name_are_told_apart_or_refused(long_video, index):
    class Other(MeanColourEncoder):
        fingerprint = "mean-colour-2"

    with pytest.raises(errors.ConfigError, match="both called 'mean-colour', with"):
        index_video(long_video, [MeanColourEncoder(), Other()], index=index)
    twice = index_video(long_video, [MeanColourEncoder(), MeanColourEncoder()], index=index)
    assert list(twice.features) == ["mean-colour"]


def test_encoders_of_one_fingerprint_do_not_get_each_others_features(long_video, index):
    class Inverse(MeanColourEncoder):
        name = "inverse"

        def encode_frames(self, frames):
            return 1 - super().encode_frames(frames)

    for _ in range(2):  # the second time from the index
        found = index_video(long_video, [MeanColourEncoder(), Inverse()], index=index)
        both = found.features["mean-colour"] + found.features["inverse"]
        np.testing.assert_allclose(both, 1, atol=1e-6)
    assert len(names(index)) == 2


def test_what_earlier_versions_kept_is_found_by_its_own_encoder_only(long_video, index):
    """Their keys did not tell the name of an encoder, and their entries did."""
    made = index_video(long_video, [MeanColourEncoder()], index=index)
    [entry] = index.root.glob("*.safetensors")
    track = index.load(entry.stem)
    entry.unlink()
    index.save(index.key(long_video, fingerprint="mean-colour-1", fps=1.0), track)
    assert same(index_video(long_video, [StoppingEncoder(0)], index=index), made)

    class Renamed(StoppingEncoder):
        name = "renamed"

    with pytest.raises(KeyboardInterrupt):  # it is asked itself
        index_video(long_video, [Renamed(0)], index=index)


@pytest.mark.parametrize("given", ["colour", ["colour"], ("colour",)])
def test_encoders_may_be_named(long_video, index, given, monkeypatch):
    monkeypatch.setitem(ENCODERS, "colour", MeanColourEncoder)
    by_name = index_video(long_video, given, index=index)
    assert same(by_name, index_video(long_video, StoppingEncoder(0), index=index))


def test_features_are_kept_in_the_users_cache(long_video, tmp_path, monkeypatch):
    monkeypatch.setenv("NTLBG_INDEX", str(tmp_path / "mine"))
    index_video(long_video, MeanColourEncoder())
    assert len(list((tmp_path / "mine").glob("*.safetensors"))) == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "no encoder; give one of your own, or a name: builtin"),
        (
            None,
            r"the encoder must be a name \(builtin, siglip2.*\) or an object of Encoder; got None",
        ),
        (MeanColourEncoder, "the class MeanColourEncoder: make one of it"),
        ([np.mean], "an object of "),
        ("nose", "no encoder 'nose'; there are: builtin"),
        ({"builtin"}, r"got \{'builtin'\}"),
    ],
)
def test_what_is_no_encoder_is_told(long_video, index, given, message):
    with pytest.raises(errors.ConfigError, match=message):
        index_video(long_video, given, index=index)
    assert names(index) == []


# What an encoder returns


class Saying(MeanColourEncoder):
    """Returns this of every batch of n frames."""

    def __init__(self, features=None, notes=None):
        self.features, self.notes = features, notes

    def encode_frames(self, frames):
        good = super().encode_frames(frames)
        return good if self.features is None else self.features(good)


class Noting(Saying):
    def encode_with_notes(self, frames):
        return self.encode_frames(frames), self.notes(len(frames))


def with_nan(features):
    features[3, 2] = np.nan
    return features


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (Saying(with_nan), "what encode_frames returns must be finite.*; row 3 is not"),
        (Saying(lambda f: f + np.inf), "encode_frames returns must be finite"),
        (Saying(lambda f: f[1:]), r"encode_frames returns must have shape \(32, 12\).*\(31, 12\)"),
        (Saying(lambda f: f[:, :5]), r"must have shape \(32, 12\), .* feature_size.*\(32, 5\)"),
        (Saying(lambda f: f[:, :, None]), r"got shape \(32, 12, 1\)"),
        (Saying(lambda f: None), "encode_frames returns cannot be read as an array of numbers"),
        (Saying(lambda f: f.astype(str)), "cannot be read as an array of numbers"),
        (Noting(with_nan, lambda n: {}), "what encode_with_notes returns must be finite"),
        (
            Noting(None, lambda n: None),
            "must return features and a dict of notes",
        ),
        (
            Noting(None, lambda n: {"a": np.ones(n - 1)}),
            r"32 rows.*'a', float64 of shape \(31,",
        ),
        (Noting(None, lambda n: {"a": 1.0}), r"got 'a', float64 of shape \(\)"),
        (Noting(None, lambda n: {"a": ["x"] * n}), "arrays of numbers with 32 rows"),
        (Noting(None, lambda n: {"features": np.ones(n)}), "not called features or pts_seconds"),
        (Noting(None, lambda n: {f"a{n}": np.ones(n)}), r"one form for all frames; got \{'a8': "),
    ],
)
def test_what_an_encoder_returns_is_checked_before_it_is_kept(long_video, index, encoder, message):
    with pytest.raises(errors.InvalidFeatures, match=f"encoder 'mean-colour'.*{message}"):
        index_video(long_video, encoder, index=index)
    assert names(index) == []


def test_lists_and_other_numbers_are_read(long_video, index, tmp_path):
    whole = FeatureIndex(tmp_path / "whole")
    plain = index_video(long_video, MeanColourEncoder(), index=whole)
    read = index_video(
        long_video, Noting(lambda f: f.tolist(), lambda n: {"n": [n] * n}), index=index
    )
    assert same(plain, read)
    assert read.notes["mean-colour"]["n"].tolist() == [32] * 32 + [8] * 8


# What is remembered of a file


@pytest.fixture
def settled(long_video, tmp_path):
    """A film that nobody has written to for an hour."""
    path = Path(shutil.copy(long_video, tmp_path / "film.mp4"))
    hour_ago = time.time() - 3600
    os.utime(path, (hour_ago, hour_ago))
    return path


def bytes_read(monkeypatch, work):
    """Of all files that are opened meanwhile, those read for their hash."""
    taken, real = [], hashes.hashlib.file_digest

    def counted(file, *how):
        found = real(file, *how)
        taken.append(file.tell())
        return found

    monkeypatch.setattr(hashes.hashlib, "file_digest", counted)
    work()
    return sum(taken)


def test_the_second_question_reads_nothing_of_the_film(settled, index, monkeypatch):
    monkeypatch.setattr(hashes, "SETTLED_SECONDS", -1.0)  # its entry was made just now
    index_video(settled, [MeanColourEncoder()], index=index)
    again = lambda: index_video(settled, [StoppingEncoder(0)], index=index)  # noqa: E731
    assert bytes_read(monkeypatch, again) == 0


@pytest.mark.parametrize("change", ["bytes", "same size", "replaced", "elsewhere"])
def test_another_film_is_never_taken_for_the_one_before(settled, index, change, monkeypatch):
    monkeypatch.setattr(hashes, "SETTLED_SECONDS", -1.0)
    key = index.key(settled, fingerprint="a", fps=1.0)
    times, content = settled.stat(), settled.read_bytes()
    if change == "bytes":
        settled.write_bytes(content + b"more")
    elif change == "same size":  # and the same time of change
        settled.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        os.utime(settled, ns=(times.st_atime_ns, times.st_mtime_ns))
    elif change == "replaced":
        other = settled.with_name("other.mp4")
        other.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
        other.replace(settled)
    else:  # the same film under another name is the same
        settled = settled.rename(settled.with_name("moved.mp4"))
        assert index.key(settled, fingerprint="a", fps=1.0) == key
        return
    assert index.key(settled, fingerprint="a", fps=1.0) != key


def test_a_film_that_was_just_written_is_read_again(long_video, index, tmp_path, monkeypatch):
    """It might be written to again within the same tick of the clock."""
    path = Path(shutil.copy(long_video, tmp_path / "film.mp4"))
    ask = lambda: index.key(path, fingerprint="a", fps=1.0)  # noqa: E731
    ask()
    assert bytes_read(monkeypatch, ask) == path.stat().st_size


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b'{"format": 1, "sha256": "x"}'])
def test_a_damaged_memory_is_no_memory(settled, index, content, monkeypatch):
    monkeypatch.setattr(hashes, "SETTLED_SECONDS", -1.0)
    key = index.key(settled, fingerprint="a", fps=1.0)
    [memory] = (index.root / HASHES).iterdir()
    memory.write_bytes(content)
    assert index.key(settled, fingerprint="a", fps=1.0) == key
