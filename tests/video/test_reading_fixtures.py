"""A folder of files with a quirk each, and what must come of them, as `expected.json` there says.

NTLBG_VIDEO_FIXTURES names another folder of the same make. Besides the facts listed there, the
oracles are the number in every picture and, for damaged files, plain decoding by PyAV.
"""

import json
import os
import signal
from pathlib import Path

import av
import numpy as np
import pytest
from reading import SIZE, on_screen, same, sample

from counter_videos import DATA, read_number, read_numbers
from ntlbg import errors
from ntlbg.video import ReadReport, probe, read_frames_at, skipping

FIXTURES = Path(os.environ.get("NTLBG_VIDEO_FIXTURES", DATA))
EXPECTED = json.loads((FIXTURES / "expected.json").read_text(encoding="utf-8"))
GOOD = [name for name, facts in EXPECTED.items() if "pts" in facts]
DAMAGED = [name for name, facts in EXPECTED.items() if facts.get("damaged")]
BAD = [name for name, facts in EXPECTED.items() if "error" in facts]
ERRORS = {
    "no video stream": errors.NoVideoStreamError,
    "no frames": errors.NoFramesError,
    "cannot be opened as a video": errors.VideoOpenError,
    "not found": errors.VideoNotFound,
    "too large": errors.VideoTooLargeError,
    "no decoder": errors.UnsupportedCodecError,
}
LONGEST_SECONDS = 10


@pytest.fixture(autouse=True)
def nothing_takes_long():
    """In CPU time, so that a busy machine does not fail; waiting is limited by `nothing_hangs`."""

    def give_up(*_):
        raise TimeoutError(f"more than {LONGEST_SECONDS} s of work")

    signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, LONGEST_SECONDS)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)


def pts_of(name: str) -> np.ndarray:
    """Seconds from the first picture."""
    return np.array(EXPECTED[name]["pts"]) - EXPECTED[name]["pts"][0]


def numbers_of(name: str, shown: np.ndarray) -> list[int]:
    facts = EXPECTED[name]
    return (facts["first_counter"] + facts["counter_step"] * shown).tolist()


def test_every_file_says_what_is_expected():
    assert set(GOOD + DAMAGED + BAD) == set(EXPECTED)
    assert {path.name for path in FIXTURES.iterdir()} >= set(EXPECTED)


@pytest.mark.parametrize("fps", [0.5, 1, 5, 13])
@pytest.mark.parametrize("name", GOOD)
def test_the_picture_on_screen_is_read_with_its_own_time(name, fps):
    report, pts_seconds = ReadReport(), pts_of(name)
    frames = sample(FIXTURES / name, fps=fps, report=report)
    shown = on_screen(pts_seconds, np.arange(len(frames)) / fps)
    np.testing.assert_allclose(frames.pts_seconds, pts_seconds[shown], atol=6e-4)
    assert read_numbers(frames.data) == numbers_of(name, shown)
    assert report.lost == 0
    assert report.decoded + report.skipped <= report.packets
    # the last sample falls into the last picture's time, the next one would not
    assert len(frames) == max(1, np.ceil(probe(FIXTURES / name).duration_seconds * fps - 1e-4))


@pytest.mark.parametrize("name", GOOD)
def test_every_picture_can_be_had(name):
    """Each at its own time; never more than were stored."""
    report, pts_seconds = ReadReport(), pts_of(name)
    frames = read_frames_at(FIXTURES / name, pts_seconds, size=SIZE, report=report)
    assert read_numbers(frames.data) == numbers_of(name, np.arange(len(pts_seconds)))
    assert report.decoded == EXPECTED[name]["frames"]


@pytest.mark.parametrize("mode", ["auto", "keyframe"])
@pytest.mark.parametrize("name", GOOD)
def test_other_modes_give_true_times(name, mode):
    pts_seconds, fps = pts_of(name), 4
    frames = sample(FIXTURES / name, fps=fps, mode=mode)
    shown = np.abs(frames.pts_seconds[:, None] - pts_seconds).argmin(axis=1)
    np.testing.assert_allclose(frames.pts_seconds, pts_seconds[shown], atol=6e-4)
    assert read_numbers(frames.data) == numbers_of(name, shown)
    assert (np.diff(frames.pts_seconds) >= 0).all()
    if mode == "auto":
        times = np.arange(len(frames)) / fps
        exact = pts_seconds[on_screen(pts_seconds, times)]
        near = np.abs(frames.pts_seconds - times) <= 0.5 / fps + 2e-3
        assert (near | (np.abs(frames.pts_seconds - exact) < 1e-3)).all()


@pytest.mark.parametrize("name", GOOD)
def test_probe_measures(name):
    facts, info = EXPECTED[name], probe(FIXTURES / name)
    with av.open(str(FIXTURES / name)) as container:
        stream = container.streams[facts["stream_index"]]
        aspect, decoder = stream.sample_aspect_ratio or 1, stream.codec_context.name
    width, height = facts["shown_size"]  # upright, in pixels as stored
    if facts["rotation_ccw"] % 180:
        aspect = 1 / aspect
    shown = [round(width * max(1, aspect)), round(height / min(1, aspect))]
    assert [info.width, info.height] in (shown, [width, height] if aspect == 1 else shown)
    assert facts["codec"] in (info.codec, decoder)
    assert info.rotation == facts["rotation_ccw"]
    assert info.num_packets == facts["frames"]
    span = facts["last_pts"] - facts["first_pts"]
    assert span < info.duration_seconds <= span + 1.01  # the last picture stays a little
    assert info.average_fps == pytest.approx(info.num_packets / info.duration_seconds)
    assert 0 < info.longest_gop_seconds <= info.duration_seconds


@pytest.mark.parametrize("name", [name for name in GOOD if "huge" not in name])
def test_full_size_is_the_size_shown(name):
    info = probe(FIXTURES / name)
    frames = sample(FIXTURES / name, fps=2, size=None)
    assert frames.data.shape[1:] == (info.height, info.width, 3)
    assert read_numbers(frames.data[:1]) == [EXPECTED[name]["first_counter"]]


@pytest.mark.parametrize("jump_seconds", [skipping.SHORTEST_JUMP_SECONDS, 0.1])
@pytest.mark.parametrize("name", GOOD + DAMAGED)
def test_reading_at_times_gives_what_sampling_gives(name, jump_seconds, monkeypatch):
    monkeypatch.setattr(skipping, "SHORTEST_JUMP_SECONDS", jump_seconds)
    frames = sample(FIXTURES / name, fps=7)
    order = np.random.default_rng(0).permutation(len(frames))
    found = read_frames_at(FIXTURES / name, frames.pts_seconds[order], size=SIZE)
    assert same(found, frames[order])


def numbers_before_damage(path: Path) -> dict[float, int]:
    """By time: the number in every picture that PyAV delivers before the first error."""
    numbers = {}
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        try:
            for frame in container.decode(stream):
                if frame.is_corrupt:
                    break
                picture = frame.reformat(*reversed(SIZE), format="rgb24").to_ndarray()
                numbers[frame.time] = read_number(picture)
        except av.FFmpegError:
            pass
    start = min(numbers)
    return {time - start: number for time, number in numbers.items()}


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_counted_and_the_rest_delivered(name):
    facts, report = EXPECTED[name], ReadReport()
    frames = sample(FIXTURES / name, fps=100, report=report)
    assert abs(report.decoded - facts["frames"]) <= 0.1 * facts["frames"]
    assert (report.lost > 0) == (facts["decode_errors"] > 0)  # a cut Matroska file just ends
    assert (np.diff(frames.pts_seconds) >= 0).all()
    assert frames.pts_seconds[-1] <= facts["last_pts"] - facts["first_pts"] + 1e-3
    assert read_number(frames.data[0]) == facts["first_counter"]
    intact = numbers_before_damage(FIXTURES / name)
    found = dict(zip(frames.pts_seconds, read_numbers(frames.data), strict=True))
    assert all(found[time] == number for time, number in intact.items())
    assert len(intact) > 10


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_refused_when_asked_to(name):
    if EXPECTED[name]["decode_errors"]:
        with pytest.raises(errors.VideoDamagedError, match=name):
            sample(FIXTURES / name, fps=100, on_damage="raise")
    else:
        assert len(sample(FIXTURES / name, fps=1, on_damage="raise")) > 1


@pytest.mark.skipif("corrupt_middle.mp4" not in DAMAGED, reason="not in this folder")
def test_pictures_after_the_damage_are_right_again():
    frames = sample(FIXTURES / "corrupt_middle.mp4", fps=25)
    intact = (frames.pts_seconds < 2.4) | (frames.pts_seconds >= 4.2)
    expected = np.round(frames.pts_seconds[intact] * 25).astype(int).tolist()
    assert read_numbers(frames.data[intact]) == expected == [*range(60), *range(105, 150)]


@pytest.mark.parametrize("name", BAD)
def test_unusable_files_say_why(name):
    said = EXPECTED[name]["error"]
    expected = ERRORS[said] if said in ERRORS else getattr(errors, said)
    for read in (probe, sample, lambda path: read_frames_at(path, [0.0])):
        with pytest.raises(errors.VideoError, match=name) as caught:
            read(FIXTURES / name)
        assert type(caught.value) is expected
