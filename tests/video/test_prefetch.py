"""Decoding in a thread: the same items, bounded, errors included, and the thread ends."""

import itertools
import threading
import time

import pytest
from reading import SIZE

from counter_videos import DATA, read_numbers
from ntlbg import errors
from ntlbg.video import prefetch, sample_frames
from processes import PATIENCE


def workers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if "prefetch" in thread.name]


@pytest.mark.parametrize("depth", [1, 2, 7])
def test_the_same_items_in_the_same_order(film, depth):
    plain = list(sample_frames(film, fps=25, size=SIZE, batch_size=8))
    ahead = list(prefetch(sample_frames(film, fps=25, size=SIZE, batch_size=8), depth=depth))
    assert [read_numbers(frames.data) for frames in ahead] == [
        read_numbers(frames.data) for frames in plain
    ]
    assert list(prefetch([], depth=depth)) == []
    assert not workers()


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_no_more_is_made_than_fits(depth):
    made = []

    def numbers():
        for number in itertools.count():
            made.append(number)
            yield number

    ahead = prefetch(numbers(), depth=depth)
    assert made == []  # nothing before the first is asked for
    for number in range(4):
        assert next(ahead) == number
        deadline = time.monotonic() + PATIENCE
        while len(made) < number + 1 + depth and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.01)
        assert len(made) == number + 1 + depth
    ahead.close()
    assert not workers()


def test_work_overlaps():
    """The next item is made while one is in use: each side waits for the other once."""
    in_use, making = threading.Event(), threading.Event()

    def items():
        yield 1
        making.set()
        assert in_use.wait(PATIENCE)
        yield 2

    ahead = prefetch(items(), depth=1)
    assert next(ahead) == 1
    assert making.wait(PATIENCE)
    in_use.set()
    assert next(ahead) == 2
    assert list(ahead) == []


def test_closing_early_ends_the_thread_and_the_source(film):
    closed = []

    def watched():
        try:
            yield from sample_frames(film, fps=25, size=SIZE, batch_size=1)
        finally:
            closed.append(threading.current_thread())

    ahead = prefetch(watched())
    next(ahead)
    assert len(workers()) == 1
    ahead.close()
    assert not workers()
    assert len(closed) == 1
    ahead = prefetch(watched())
    next(ahead)
    del ahead
    assert not workers()


def test_exceptions_cross_the_thread():
    def items():
        yield 1
        raise errors.VideoDamagedError("in the middle")

    ahead = prefetch(items())
    assert next(ahead) == 1
    with pytest.raises(errors.VideoDamagedError, match="in the middle"):
        next(ahead)
    assert not workers()
    with pytest.raises(errors.NoFramesError):
        next(prefetch(sample_frames(DATA / "zero_frames.mp4")))


def test_depth_is_checked():
    with pytest.raises(errors.ConfigError, match="depth is 0"):
        prefetch([], depth=0)
