"""Small copies of films: every picture at its time, on the clock of players."""

import av
import numpy as np
import pytest
from PIL import Image

from counter_videos import packet_places, read_numbers, write_video
from ntlbg.errors import ConfigError, OutputError
from ntlbg.video import probe, sample_frames
from ntlbg.video.start import file_start
from ntlbg.views.clips.preview import MOST_RATE, thinned, write_preview
from sound_films import all_sound, click_times, clicks, write_film

QUIET = {"x265-params": "log-level=none"}


def told(seen):
    return lambda share: seen.append(share)


def pictures(path):
    """Numbers and times of all pictures that are stored."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    numbers = read_numbers(np.stack([frame.to_ndarray(format="rgb24") for frame in frames]))
    return numbers, [float(frame.pts * frame.time_base) for frame in frames]


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("hevc.mp4", "libx265", QUIET),
        ("hevc.mkv", "libx265", {"x265-params": "log-level=none:bframes=3:keyint=40"}),
        ("part2.avi", "mpeg4", {"bf": "2"}),
        ("part2.mp4", "mpeg4", {}),
        ("odd.mkv", "ffv1", {}),
    ],
)
def test_every_picture_has_its_time(tmp_path, name, codec, options):
    film = write_video(tmp_path / name, codec=codec, options=options, count=60)
    shares = []
    write_preview(film, tmp_path / "p.mp4", told(shares))
    numbers, times = pictures(tmp_path / "p.mp4")
    expected = [
        (seconds, number)
        for frames in sample_frames(film, fps=25.0)
        for seconds, number in zip(frames.pts_seconds, read_numbers(frames.data), strict=True)
    ]
    assert numbers == [number for _, number in expected]
    np.testing.assert_allclose(times, [seconds for seconds, _ in expected], atol=2e-3)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    about = probe(tmp_path / "p.mp4")
    assert about.codec == "h264"
    assert about.duration_seconds == pytest.approx(probe(film).duration_seconds, abs=0.04)


def test_an_uneven_rhythm_is_kept(tmp_path):
    times = [0, 40, 500, 540, 2000, 2040, 5000]
    film = write_video(tmp_path / "f.mkv", codec="mpeg4", times=times)
    write_preview(film, tmp_path / "p.mp4", told([]))
    numbers, shown = pictures(tmp_path / "p.mp4")
    assert numbers == list(range(7))
    np.testing.assert_allclose(shown, np.array(times) / 1000, atol=1e-3)


def test_films_of_many_pictures_lose_some_and_no_time(tmp_path):
    film = write_video(tmp_path / "f.mp4", codec="mpeg4", count=121, fps=60)
    write_preview(film, tmp_path / "p.mp4", told([]))
    numbers, shown = pictures(tmp_path / "p.mp4")
    assert numbers == list(range(0, 121, 2))
    np.testing.assert_allclose(shown, np.arange(0, 121, 2) / 60, atol=1e-3)
    assert probe(tmp_path / "p.mp4").average_fps <= MOST_RATE + 0.5


def test_thinned_keeps_the_first_and_leaves_at_least_so_much():
    assert thinned([0, 16, 33, 50, 66], 30) == (0, 33, 66)
    assert thinned([5, 5, 6], 1) == (5, 6)
    assert thinned([], 3) == ()


@pytest.mark.parametrize("size", [(1080, 1920), (1920, 1080), (100, 77), (481, 640)])
def test_its_sides_are_small_even_and_of_one_shape(tmp_path, size):
    film = write_video(tmp_path / "f.mkv", codec="mpeg4", count=3, size=size)
    write_preview(film, tmp_path / "p.mp4", told([]))
    about = probe(tmp_path / "p.mp4")
    assert max(about.height, about.width) <= 480
    assert about.height % 2 == about.width % 2 == 0
    assert about.width / about.height == pytest.approx(size[1] / size[0], rel=0.02)


@pytest.mark.parametrize(("sound_at", "pictures_at"), [(0.0, 0.0), (0.0, 1.0), (0.6, 0.0)])
def test_sound_and_pictures_are_where_a_player_of_the_film_has_them(
    tmp_path, sound_at, pictures_at
):
    """A flash and a click at 2.4 s of the film's own clock."""
    film = write_film(
        tmp_path / "f.mkv", clicks(4, [2.4 - sound_at]), sound_at=sound_at,
        pictures_at=pictures_at, flashes=[2.4], video_codec="mpeg4",
    )  # fmt: skip
    write_preview(film, tmp_path / "p.mp4", told([]))
    start = file_start(film)
    expected = 2.4 - start.first_stream
    with av.open(str(tmp_path / "p.mp4")) as container:
        light = [
            float(frame.pts * frame.time_base)
            for frame in container.decode(video=0)
            if frame.to_ndarray(format="gray").mean() > 150
        ]
    assert light[0] == pytest.approx(expected, abs=0.041)
    own = file_start(tmp_path / "p.mp4")
    assert own.first_picture == pytest.approx(own.first_stream, abs=0.03)  # shown from the start
    [click] = click_times(all_sound(tmp_path / "p.mp4"))
    assert click == pytest.approx(expected, abs=0.03)


def test_damage_is_left_out_and_times_stay(tmp_path):
    film = write_video(tmp_path / "f.mkv", codec="mpeg4", options={"g": "10"}, count=100)
    content = bytearray(film.read_bytes())
    for position, size, _ in packet_places(film)[33:36]:
        content[position : position + size] = bytes(size)
    film.write_bytes(bytes(content))
    write_preview(film, tmp_path / "p.mp4", told([]))
    numbers, times = pictures(tmp_path / "p.mp4")
    right = [number for number, seconds in zip(numbers, times) if abs(number / 25 - seconds) < 0.02]
    assert right == [*range(33), *range(40, 100)]
    assert times == sorted(times)


class Enough(Exception):
    pass


def test_who_tells_may_stop_it_and_nothing_is_left(tmp_path):
    film = write_video(tmp_path / "f.mkv", codec="mpeg4", count=50)

    def stop(share):
        if share > 0.3:
            raise Enough

    (tmp_path / "out").mkdir()
    with pytest.raises(Enough):
        write_preview(film, tmp_path / "out" / "p.mp4", stop)
    assert list((tmp_path / "out").iterdir()) == []


def test_pictures_have_none_and_other_files_are_not_replaced(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "p.png")
    with pytest.raises(ConfigError, match="picture"):
        write_preview(tmp_path / "p.png", tmp_path / "p.mp4", told([]))
    film = write_video(tmp_path / "f.mkv", codec="mpeg4", count=3)
    (tmp_path / "mine.mp4").write_text("mine")
    with pytest.raises(OutputError):
        write_preview(film, tmp_path / "mine.mp4", told([]))
    with pytest.raises(OutputError):
        write_preview(film, film, told([]))
