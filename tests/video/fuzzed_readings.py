"""Reads each of the files that it is given in every way, and says how that ended, line by line."""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from ntlbg.errors import DataError, VideoError
from ntlbg.index.listening import hear
from ntlbg.index.store import FeatureIndex
from ntlbg.text import Listener, Piece
from ntlbg.text.subtitles import load_subtitles
from ntlbg.video import probe, read_frames_at, sample_frames
from ntlbg.video.audio import read_sound

RATE = 16_000
# An intact small film takes a third of it; damage may announce the largest picture that is read.
MOST_BYTES = 2**31


def whole(path, **options):
    times = [
        seconds
        for frames in sample_frames(path, size=(27, 48), max_frames=40, **options)
        for seconds in frames.pts_seconds
    ]
    assert 1 <= len(times) <= 40
    assert (np.diff(times) >= 0).all()


def checked(sounds):
    """The same blocks of sound, which follow each other without a gap."""
    due = None
    for sound in sounds:
        begin, samples = sound.start_seconds, sound.samples
        assert due is None or abs(begin - due) < 1e-6
        assert samples.dtype == np.float32
        assert 0 < len(samples) <= RATE
        assert np.abs(samples).max() <= 1  # not so where one is no number
        due = begin + len(samples) / RATE
        yield sound


class Ear(Listener):
    """Hears everything to the end, and understands nothing."""

    name, fingerprint, source, wants = "ear", "1", "speech", "sound"

    def listen(self, stream, after_seconds, state):
        until = after_seconds
        for sound in checked(stream):
            until = sound.start_seconds + len(sound.samples) / RATE
        yield Piece((), max(until, after_seconds))


def heard(path):
    with tempfile.TemporaryDirectory() as folder:
        assert hear(path, Ear(), index=FeatureIndex(folder)).is_complete


def sound_from(path):
    for number, sound in enumerate(checked(read_sound(path, start=1.0))):
        assert number or sound.start_seconds == 1.0


def subtitles(path):
    starts = [passage.start_seconds for passage in load_subtitles(path, path).passages]
    assert starts == sorted(starts)
    assert np.isfinite(starts).all()


def peak_bytes():
    """Of this program; what getrusage tells begins with that of the process that started it."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


READINGS = {
    "exact": whole,
    "dense": lambda path: whole(path, fps=50.0, threads=1),
    "auto": lambda path: whole(path, mode="auto"),
    "keyframe": lambda path: whole(path, mode="keyframe"),
    "raise": lambda path: whole(path, on_damage="raise"),
    "times": lambda path: read_frames_at(path, [0.0, 2.6, 1.1], size=48, fit="letterbox"),
    "probe": probe,
    "heard": heard,
    "sound": sound_from,
    "subtitles": subtitles,
}
for path in sys.argv[1:]:
    print(json.dumps([path, "start"]), flush=True)
    for name, read in READINGS.items():
        outcome = name
        try:
            read(path)
        except (VideoError, DataError) as error:
            outcome = f"{name} {type(error).__name__}"
        print(json.dumps([path, outcome]), flush=True)
        assert peak_bytes() < MOST_BYTES
