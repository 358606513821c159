"""Two files become one, packet for packet."""

from itertools import pairwise
from pathlib import Path

import av
import pytest

from film_server import VIDEOS
from ntlbg.errors import LinkError
from ntlbg.links.joining import join
from ntlbg.video import sample_frames
from sound_films import all_sound, click_times, clicks, write_film

SOUND = VIDEOS / "audio_only.m4a"


def packets(path: Path, kind: str) -> list[bytes]:
    """What a stream holds, as it is encoded."""
    with av.open(str(path)) as file:
        return [bytes(one) for one in file.demux(file.streams.best(kind)) if one.size]


@pytest.mark.parametrize("name", ["vfr.mp4", "odd_101x77.webm", "interlaced_h264.mp4"])
def test_nothing_is_encoded_anew(tmp_path, name):
    join(VIDEOS / name, SOUND, tmp_path / "film.mkv")
    assert packets(tmp_path / "film.mkv", "video") == packets(VIDEOS / name, "video")
    assert packets(tmp_path / "film.mkv", "audio") == packets(SOUND, "audio")


@pytest.mark.parametrize("name", ["vfr.mp4", "odd_101x77.webm", "bframes.avi", "start_10s.ts"])
def test_every_picture_is_there_in_its_order(tmp_path, name):
    join(VIDEOS / name, SOUND, tmp_path / "film.mkv")
    before, after = (list(sample_frames(path)) for path in (VIDEOS / name, tmp_path / "film.mkv"))
    assert len(before) == len(after)


def test_sound_and_pictures_stay_together(tmp_path):
    both, joined = tmp_path / "both.mp4", tmp_path / "film.mkv"
    write_film(both, clicks(6.0, [1.0, 4.0]))
    join(both, both, joined)
    # Matroska keeps times to a millisecond
    assert click_times(all_sound(joined)) == pytest.approx(click_times(all_sound(both)), abs=0.002)


def test_files_that_begin_at_other_times_begin_together(tmp_path):
    """As ffmpeg does it: segments of pictures begin at 10 s here, those of sound at 0."""
    join(VIDEOS / "start_10s.ts", SOUND, tmp_path / "film.mkv")
    with av.open(str(tmp_path / "film.mkv")) as file:
        starts = [stream.start_time * stream.time_base for stream in file.streams]
    assert max(starts) < 0.1


def test_packets_lie_in_the_order_of_their_times(tmp_path):
    write_film(tmp_path / "both.mp4", clicks(6.0, [1.0, 4.0]))
    join(tmp_path / "both.mp4", tmp_path / "both.mp4", tmp_path / "film.mkv")
    with av.open(str(tmp_path / "film.mkv")) as file:
        times = [float(packet.pts * packet.time_base) for packet in file.demux() if packet.size]
    # a player reads a second ahead at most
    assert all(later > earlier - 1.0 for earlier, later in pairwise(times))


@pytest.mark.parametrize(
    ("pictures", "sound"),
    [
        ("audio_only.m4a", "audio_only.m4a"), ("vfr.mp4", "vfr.mp4"), ("vfr.mp4", "empty.mp4"),
        ("not_a_video.mp4", "audio_only.m4a"),
    ],
)  # fmt: skip
def test_what_cannot_be_joined(tmp_path, pictures, sound):
    with pytest.raises(LinkError, match="cannot be put together"):
        join(VIDEOS / pictures, VIDEOS / sound, tmp_path / "film.mkv")


def test_a_half_that_names_files_of_this_machine_is_no_film(tmp_path):
    listed = f"ffconcat version 1.0\nfile '{VIDEOS / 'vfr.mp4'}'\n"
    (tmp_path / "half.mp4").write_text(listed)
    with pytest.raises(LinkError, match="cannot be put together"):
        join(tmp_path / "half.mp4", SOUND, tmp_path / "film.mkv")
