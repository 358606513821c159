"""Where films are cut: compared with the rule applied to every picture in turn."""

import numpy as np
import pytest
from PIL import Image

from counter_videos import read_number, write_video
from ntlbg.errors import ConfigError
from ntlbg.video import ReadReport
from ntlbg.video.cutting import FilmCutter

SPANS = np.random.default_rng(7).uniform(0, 9, (200, 2))


def by_rule(times, end_of_film, start, end):
    """Start, end and pictures of a stretch, in milliseconds."""
    shown = [number for number, time in enumerate(times) if time <= start + 1][-1:]
    shown += [n for n, time in enumerate(times) if start + 1 < time < end - 1]
    begin = times[shown[0]] if start - times[shown[0]] <= 500 else start
    after = min([time for time in times if time > times[shown[-1]]], default=end_of_film)
    return begin, after if after - end <= 500 else end, shown


@pytest.mark.parametrize("seed", range(3))
def test_cuts_of_an_uneven_film(tmp_path, seed):
    draw = np.random.default_rng(seed)
    times = [0, *np.cumsum(draw.choice([17, 33, 40, 300, 900, 1700], 12)).tolist()]
    film = write_video(tmp_path / "film.mkv", times=times)
    cutter = FilmCutter(film, ReadReport())
    film_end = round(1000 * cutter.end_seconds)
    for start, end in np.sort(np.round(1000 * SPANS) / 1000, axis=1).tolist():
        if start < end - 0.002 and end <= cutter.end_seconds:
            cut = cutter.cut(start, end)
            found = cut.start, cut.end, [times.index(tick) for tick in cut.shown]
            assert found == by_rule(times, film_end, round(1000 * start), round(1000 * end))


def test_stretches_are_read_in_one_go_without_what_is_between_them(tmp_path):
    film = write_video(tmp_path / "film.mp4", count=1000, options={"x264-params": "keyint=25"})
    report = ReadReport()
    cutter = FilmCutter(film, report)
    cuts = [cutter.cut(second, second + 0.4) for second in (2.0, 20.0, 36.52)]
    found = [
        [(picture.pts, picture.duration, read_number(picture.frame.to_ndarray(format="rgb24")))
         for picture in pictures]
        for pictures in cutter.pictures(cuts)
    ]  # fmt: skip
    tick = round(1 / (25 * cutter.time_base))
    for pictures, first in zip(found, (50, 500, 913)):
        assert pictures == [(tick * number, tick, first + number) for number in range(10)]
    assert report.decoded < 200


def test_pictures_have_no_stretches(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "red.png")
    with pytest.raises(ConfigError, match="give a film"):
        FilmCutter(tmp_path / "red.png", ReadReport())
