"""A made film as a file: what its plan says is seen and heard when it says."""

from itertools import islice, pairwise

import av
import numpy as np
import pytest
from PIL import ImageColor

from ntlbg.data import read_samples
from ntlbg.errors import ConfigError, OutputError
from ntlbg.video import sample_frames
from ntlbg.video.audio import read_sound
from ntlbg_lab.film import make_film
from ntlbg_lab.film.pages import COLOURS, FACES, LAYOUTS, Look, Page, draw_page
from ntlbg_lab.film.painting import (
    BETWEEN,
    SIZE,
    STRIP,
    TICKER_PIXELS_A_SECOND,
    _news,
    ticker_strip,
)
from ntlbg_lab.film.plan import FPS, plan_film
from ntlbg_lab.film.sound import music, seconds_of_sound
from ntlbg_lab.film.talks import RATE, load_talks, voice

SEED = 3
pytestmark = pytest.mark.slow  # a background is a part that is fetched


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    calls = []
    folder = tmp_path_factory.mktemp("film")
    path = make_film(folder, minutes=1, seed=SEED, progress=lambda *done: calls.append(done))
    return path, calls, plan_film(np.random.default_rng(SEED), 1)


def test_it_has_pictures_and_sound_of_its_length(made):
    path, _, film = made
    with av.open(str(path)) as file:
        video, sound = file.streams.video[0], file.streams.audio[0]
        assert (video.frames, video.height, video.width) == (FPS * film.seconds, *SIZE)
        for stream in (video, sound):
            length = float(stream.duration * stream.time_base)
            assert length == pytest.approx(film.seconds, abs=0.1)


def test_progress_reaches_the_end(made):
    _, calls, film = made
    assert [done for done, _ in calls] == list(range(FPS, FPS * film.seconds + 1, FPS))
    assert calls[-1][1] == 1.0


def test_questions_are_read_as_any(made):
    path, _, film = made
    samples = list(read_samples(path.parent / "questions.jsonl"))
    assert len(samples) == len({sample.id for sample in samples}) == 8
    assert {sample.video for sample in samples} == {path.name}
    assert {sample.duration for sample in samples} == {film.seconds}


def test_slides_are_seen_when_the_plan_says(made):
    path, _, film = made
    batches = list(sample_frames(path, fps=4))
    frames = np.concatenate([batch.data for batch in batches])
    [chapter] = film.chapters
    for slide in chapter.slides:
        page = draw_page(slide.page, SIZE).astype(int)
        first, last = round(slide.start * FPS), round(slide.end * FPS) - 1
        for number in (first, last):
            assert abs(frames[number] - page).mean() < 1.5  # levels, as coding leaves them
        assert abs(frames[last + 1 if last + 1 < len(frames) else first - 1] - page).mean() > 3


def test_speech_is_heard_when_the_plan_says(made):
    path, _, film = made
    sound = np.concatenate([block.samples for block in read_sound(path)])
    [chapter] = film.chapters
    times = np.arange(len(sound)) / 16_000
    spoken = np.zeros(len(sound), bool)
    near = np.zeros(len(sound), bool)
    for one in chapter.spoken:
        spoken |= (times >= one.start) & (times < one.end)
        near |= (times >= one.start - 0.06) & (times < one.end + 0.06)
    music = (times >= chapter.parts["scenes"].start - 0.1) & (
        times < chapter.parts["scenes"].end + 0.1
    )
    level = [float(np.sqrt(np.mean(sound[rows] ** 2))) for rows in (spoken, ~near & ~music)]
    assert level[0] > 0.05
    assert level[1] < 0.005


def test_sound_does_not_depend_on_where_seconds_are_cut():
    """Sentences that go over the border of a second come together again."""
    film = plan_film(np.random.default_rng(SEED), 1)
    sound = np.concatenate(list(islice(seconds_of_sound(film), 25)))
    for one in film.chapters[0].spoken[:4]:
        start, end = (round(time * RATE) for time in (one.sentence.start, one.sentence.end))
        expected, at = voice(one.sound)[start:end], round(one.start * RATE)
        np.testing.assert_allclose(sound[at : at + len(expected)], expected, atol=0.003)


def test_music_has_a_key_and_fades():
    chord = music(5, 0)
    assert abs(chord).max() < 0.25
    assert np.square(chord[: RATE // 4]).mean() > 2 * np.square(chord[-RATE // 4 :]).mean()
    assert (music(5, 4) == chord).all()
    assert (music(6, 0) != chord).any()


def test_the_ticker_moves_evenly_to_the_left():
    [chapter] = plan_film(np.random.default_rng(SEED), 1).chapters
    strips = [picture[-STRIP:] for picture in islice(_news(chapter, chapter.parts["news"]), 40)]
    step = TICKER_PIXELS_A_SECOND // FPS
    for one, other in pairwise(strips):
        assert (one[:, step:] == other[:, :-step]).all()
        assert (one != other).any()


def test_a_ticker_is_as_wide_as_its_items():
    short, long = (ticker_strip(["news"] * number) for number in (1, 20))
    assert short.shape == (STRIP, SIZE[1], 3)
    assert long.shape[1] > 10 * len(BETWEEN) * 20


@pytest.mark.parametrize("layout", range(len(LAYOUTS)))
@pytest.mark.parametrize("face", range(len(FACES)))
def test_no_slide_is_cut_off(layout, face):
    """Nothing is drawn on the last columns and rows but the ground."""
    for talk in load_talks():
        for about in talk.slides:
            look = Look(LAYOUTS[layout], FACES[face], COLOURS[0])
            page = draw_page(Page(about["heading"], tuple(about["lines"]), look), SIZE)
            ground = draw_page(Page("", (), look), SIZE)
            changed = (page != ground).any(2)
            assert changed.any()
            assert not changed[-8:].any()
            assert not changed[:, -8:].any()


def test_every_colour_can_be_read():
    """Letters differ from their ground by half the scale of grey at least."""

    def grey(colour):
        return float(np.dot(ImageColor.getrgb(colour), (0.299, 0.587, 0.114)))

    for paper, heading, band, text in COLOURS:
        assert abs(grey(text) - grey(paper)) > 110
        assert abs(grey(heading) - grey(band)) > 85


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"minutes": 0.5}, "1 or more"),
        ({"minutes": float("nan")}, "nan"),
        ({"seed": -1}, "seed -1"),
    ],
)
def test_what_cannot_be_made_is_refused(tmp_path, options, said):
    with pytest.raises(ConfigError, match=said):
        make_film(tmp_path / "out", **{"minutes": 1} | options)
    assert not (tmp_path / "out").exists()


def test_a_film_of_somebody_else_is_kept(tmp_path):
    mine = tmp_path / "haystack-film-0.mp4"
    mine.write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"haystack-film-0\.mp4"):
        make_film(tmp_path, minutes=1)
    assert mine.read_bytes() == b"mine"
