"""A whole film is listened to once: what is kept of a killed run is not heard again."""

import os
import signal
from pathlib import Path

import av
import numpy as np
import pytest
from slow_listener import SlowListener

from counter_videos import read_numbers, write_video
from ntlbg.errors import NoSoundError, VideoChanged
from ntlbg.index.listening import hear, losses
from ntlbg.index.store import FeatureIndex
from ntlbg.index.text_tracks import text_track
from ntlbg.text import Listener, Piece
from ntlbg.types import Passage
from processes import python, started, wait_for
from sound_films import click_times, clicks, write_film


class Watcher(Listener):
    """Notes the numbers of the pictures, and gives a piece for each batch."""

    name, fingerprint, source, wants, fps = "watcher", "1", "screen", "frames", 2.0

    def __init__(self, dies_at=None):
        self.seen, self.shapes, self.dies_at = [], set(), dies_at

    def listen(self, stream, after_seconds, state):
        for frames in stream:
            numbers = read_numbers(frames.data)
            if self.dies_at is not None and numbers[0] >= self.dies_at:
                raise Killed
            self.seen += numbers
            self.shapes.add(frames.data.shape[1:])
            last = float(frames.pts_seconds[-1])
            done = after_seconds + len(self.seen) / self.fps
            yield Piece((Passage(f"{numbers[0]}", last, last, "screen"),), done)


class Killed(Exception):
    """Stands for the end of a process."""


@pytest.fixture
def index(tmp_path):
    return FeatureIndex(tmp_path / "index")


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Twelve seconds, a click at every full one."""
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    times = [float(second) for second in range(1, 12)]
    return write_film(path, clicks(12, times), codec="flac", pictures=300)


class Hearer(Listener):
    """Hears clicks, and gives a piece for every four seconds."""

    name, fingerprint, source, wants = "hearer", "1", "speech", "sound"

    def listen(self, stream, after_seconds, state):
        for number, sound in enumerate(stream):
            found = [Passage("Click.", at, at, "speech") for at in click_times(sound)]
            yield Piece(tuple(found), sound.start_seconds + len(sound.samples) / 16_000)
            if number > 1e3:
                raise AssertionError("no end")


def delayed(source, path, seconds, by_seconds):
    """The same packets; from a time on those of the sound are told for later."""
    with av.open(str(source)) as given, av.open(str(path), "w") as made:
        streams = {one.index: made.add_stream_from_template(one) for one in given.streams}
        for packet in given.demux():
            if packet.dts is None:
                continue
            if packet.stream.type == "audio" and packet.pts * packet.time_base >= seconds:
                packet.pts += round(by_seconds / packet.time_base)
                packet.dts = packet.pts
            packet.stream = streams[packet.stream.index]
            made.mux(packet)
    return path


def sound_of_a_day_later(folder):
    film = write_film(folder / "film.mp4", clicks(20, list(range(1, 20))), pictures=500)
    return delayed(film, folder / "jumping.mp4", 10, 25 * 3600)


def sound_of_another_codec(folder):
    parts = [
        write_film(
            folder / f"{codec}.ts", clicks(10, list(range(1, 10))), codec=codec, pictures=250
        )
        for codec in ("aac", "mp2")
    ]
    joined = folder / "joined.ts"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    return joined


@pytest.mark.parametrize("make", [sound_of_a_day_later, sound_of_another_codec])
def test_sound_that_is_lost_is_told(tmp_path, index, make):
    film = make(tmp_path)
    for _ in range(2):  # what is kept tells it again
        track = hear(film, Hearer(), index=index)
        assert max(one.start_seconds for one in track.passages()) < 10.5
        assert track.lost_seconds() == pytest.approx(
            10, abs=1.5
        )  # some of another codec sounds like the first
        [note] = losses(track)
        assert note.startswith("speech: ")
        assert " s of the sound could not be read" in note
        assert "ffmpeg -i IN -c:v copy -c:a aac OUT.mp4" in note


def joined_of_one_codec(folder):
    parts = [
        write_film(folder / f"{n}.ts", clicks(10.4, list(range(1, 10))), pictures=250)
        for n in range(2)
    ]
    joined = folder / "joined.ts"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    return joined


@pytest.mark.parametrize("made", ["film", "joined"])
def test_of_sound_that_is_whole_nothing_is_told(tmp_path, index, film, made):
    path = film if made == "film" else joined_of_one_codec(tmp_path)
    track = hear(path, Hearer(), index=index)
    assert len(track.passages()) == {"film": 11, "joined": 18}[made]
    assert losses(track) == ()


def test_a_process_that_is_killed_loses_one_piece_at_most(tmp_path, index, film):
    log, script = tmp_path / "log", Path(__file__).with_name("slow_listener.py")
    command = python(script, film, index.root, log, 3)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, _paths()))}
    with started(command, env=environment) as process:
        wait_for(lambda: log.exists() and log.read_text().endswith("3\n"), process)
        process.send_signal(signal.SIGKILL)
        process.wait()
    listener = SlowListener(log)
    kept = text_track(index, film, listener)
    assert [one.start_seconds for one in kept.passages()] == [0, 2, 4]
    assert not kept.is_complete
    track = hear(film, listener, index=index)
    # the piece that it was at is heard again, and no other
    assert log.read_text().split() == ["0", "1", "2", "3", "3", "4", "5"]
    assert [one.text for one in track.passages()] == [f"Sentence {n}." for n in range(0, 12, 2)]
    assert track.is_complete


def _paths():
    import ntlbg

    return Path(__file__).parents[1], Path(ntlbg.__file__).parents[1]


def test_progress_goes_up_to_the_length_of_the_film(index, film, tmp_path):
    told = []
    hear(film, SlowListener(tmp_path / "log"), index=index, progress=lambda *now: told.append(now))
    assert [done for done, _ in told] == [2, 4, 6, 8, 10, 12]
    assert {total for _, total in told} == {12.0}


def test_what_is_complete_is_not_opened_again(index, film, tmp_path, monkeypatch):
    hear(film, SlowListener(tmp_path / "log"), index=index)
    monkeypatch.setattr("ntlbg.index.listening.read_sound", None)
    monkeypatch.setattr("ntlbg.index.listening.probe", None)
    assert len(hear(film, SlowListener(tmp_path / "log"), index=index).passages()) == 6


def test_frames_come_at_their_rate_in_their_own_size(index, tmp_path):
    film = write_video(tmp_path / "film.mp4", count=500, size=(72, 128))
    whole = Watcher()
    track = hear(film, whole, index=index)
    assert whole.seen == [int(number * 12.5) for number in range(40)]
    assert whole.shapes == {(72, 128, 3)}
    dying, other = Watcher(dies_at=200), FeatureIndex(tmp_path / "other")
    with pytest.raises(Killed):
        hear(film, dying, index=other)
    rest = Watcher()
    assert hear(film, rest, index=other).passages() == track.passages()
    assert dying.seen + rest.seen == whole.seen


def test_frames_that_ended_with_the_last_piece(index, tmp_path):
    """Killed between the last piece and the note that it was the last."""
    film = write_video(tmp_path / "film.mp4", count=100)
    track = hear(film, Watcher(), index=index)
    lines = track.path.read_bytes().splitlines(keepends=True)
    track.path.write_bytes(b"".join(lines[:-1]))
    again = Watcher()
    assert hear(film, again, index=index).is_complete
    assert again.seen == []


def test_a_listener_of_files_gets_the_path(index, film):
    class Reader(SlowListener):
        name, wants, given = "reader", "file", None

        def listen(self, stream, after_seconds, state):
            self.given = stream
            yield Piece((), 12.0)

    reader = Reader("")
    hear(film, reader, index=index)
    assert reader.given == film


def test_sound_is_that_of_the_film_on_its_clock(index, film):
    class Clicks(SlowListener):
        name = "clicks"

        def listen(self, stream, after_seconds, state):
            for sound in stream:
                end = sound.start_seconds + len(sound.samples) / 16_000
                found = [Passage("click", at, at, "speech") for at in click_times(sound)]
                yield Piece(tuple(found), end)

    found = [one.start_seconds for one in hear(film, Clicks(""), index=index).passages()]
    np.testing.assert_allclose(found, np.arange(1, 12), atol=0.05)


def test_a_film_without_sound_says_so(index, tmp_path):
    film, listener = write_video(tmp_path / "silent.mp4", count=25), SlowListener(tmp_path / "log")
    with pytest.raises(NoSoundError):
        hear(film, listener, index=index)
    assert not text_track(index, film, listener).is_complete


def test_of_a_film_that_changes_nothing_more_is_kept(index, film, tmp_path):
    copy = tmp_path / "copy.mkv"
    copy.write_bytes(film.read_bytes())
    listener = SlowListener(tmp_path / "log")
    track = text_track(index, copy, listener)

    def change(done, total):
        if done == 4:
            copy.write_bytes(film.read_bytes() + b"\0")

    with pytest.raises(VideoChanged):
        hear(copy, listener, index=index, progress=change)
    assert len(track.passages()) == 2
