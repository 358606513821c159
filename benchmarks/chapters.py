"""How many borders of made films are found as chapters, by both streams and by one alone.

    python benchmarks/chapters.py [--films 45] [--fitted 15] [--fit]

Two kinds of film, planned and drawn as ``ntlbg demo`` does, looked at every two seconds by the
built-in encoder. What is said and written is taken from the plan, so that no recogniser errs here:

programme: lectures with slides, scenes with music, news and breaks; the borders of all parts.
talks: the lectures alone, one after the other. In each there is a cut-away (20 to 35 seconds of
    scenes while the talk goes on) and an aside (as long, sentences of another talk while the slides
    stay), which are no borders.

A border is found if a chapter begins within ten seconds of it; F1, precision and recall are means
of films. The first films are those that constants were fitted on, and here the price of a border
for one stream alone; the table is of the others. ``--fit`` prints what constants do to the first.
"""

import argparse
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy

import numpy as np
from PIL import Image

from ntlbg.encoders import Encoder, load_encoder
from ntlbg.text.meaning import text_encoder_at_hand
from ntlbg.types import Passage
from ntlbg.video_chapters import dividing, topics
from ntlbg.views.tables import markdown_table
from ntlbg_lab.film.pages import draw_page
from ntlbg_lab.film.painting import SIZE, STRIP, TICKER_PIXELS_A_SECOND, _studio, ticker_strip
from ntlbg_lab.film.plan import SPLIT, Chapter, Film, Part, plan_film
from ntlbg_lab.haystack.timeline import Timeline, draw_frames
from ntlbg_lab.statistics import mean_interval

STEP = 2  # seconds between frames
MINUTES = (8, 16, 24)  # by seed: two, four and six talks
WITHIN = 10.0
PRICES = (3, 5, 8, 12, 17, 25, 40)


@dataclass(frozen=True, eq=False)
class Watched:
    """A film as chapters are found in it; frames (T, D) every STEP seconds, and true borders."""

    seconds: float
    times: np.ndarray
    features: np.ndarray
    passages: tuple[Passage, ...]
    borders: tuple[float, ...]


def slides_of(chapter: Chapter, part: Part) -> Iterator[np.ndarray]:
    drawn: dict[float, np.ndarray] = {}
    for seconds in steps(part):
        [slide] = [one for one in chapter.slides if one.start <= seconds < one.end]
        if slide.start not in drawn:
            drawn[slide.start] = draw_page(slide.page, SIZE)
        yield drawn[slide.start]


def scenes_of(chapter: Chapter, part: Part) -> Iterator[np.ndarray]:
    timeline = Timeline(part.end, chapter.shots, chapter.needles, SPLIT)
    for seconds, picture in draw_frames(timeline, SIZE, 1 / STEP):
        if seconds in steps(part):
            yield picture


def news_of(chapter: Chapter, part: Part) -> Iterator[np.ndarray]:
    studio = _studio(np.random.default_rng(part.seed), chapter.talk.title)
    strip = ticker_strip([item["text"] for item in chapter.ticker])
    for seconds in steps(part):
        first = (seconds - part.start) * TICKER_PIXELS_A_SECOND - SIZE[1] // 2
        picture = studio.copy()
        picture[-STRIP:] = strip[:, np.arange(first, first + SIZE[1]) % strip.shape[1]]
        yield picture


PAINTERS = {"lecture": slides_of, "scenes": scenes_of, "news": news_of, "break": slides_of}


def steps(part: Part) -> range:
    return range(part.start + -part.start % STEP, part.end, STEP)


def programme(film: Film, encoder: Encoder) -> Watched:
    """As it is planned."""
    parts = [(chapter, part) for chapter in film.chapters for part in chapter.parts.values()]
    height, width = encoder.size_for(*SIZE)
    features = []
    for chapter, part in parts:
        pictures = [
            np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR))
            for picture in PAINTERS[part.kind](chapter, part)
        ]
        features.append(encoder.encode_frames(np.stack(pictures)))
    times = np.concatenate([steps(part) for _, part in parts]).astype(np.float64)
    borders = tuple(float(part.start) for _, part in parts[1:])
    return Watched(
        film.seconds, times, np.concatenate(features), tuple(written_and_said(film)), borders
    )


def written_and_said(film: Film) -> Iterator[Passage]:
    """All passages; the ticker is read item by item."""
    for one in film.spoken:
        yield Passage(one.sentence.text, one.start, one.end, "speech")
    for chapter in film.chapters:
        for slide in chapter.slides:
            for line in (slide.page.heading, *slide.page.lines):
                yield Passage(line, slide.start, slide.end, "screen")
        news = chapter.parts["news"]
        yield Passage(chapter.talk.title, news.start, news.end, "screen")
        for number, item in enumerate(chapter.ticker):
            yield Passage(item["text"], news.start + 5.0 * number, news.end, "screen")


def talks(film: Film, watched: Watched, rng: np.random.Generator) -> Watched:
    """The lectures of a film one after the other, each with a cut-away and an aside."""
    lectures = [chapter.parts["lecture"] for chapter in film.chapters]
    begins = np.cumsum([0, *(part.end - part.start for part in lectures)]).astype(float)
    times, features, passages = [], [], []
    for number, (part, begin) in enumerate(zip(lectures, begins)):
        length = part.end - part.start
        away, aside = (
            place + np.array([0.0, rng.uniform(20, 35)])
            for place in rng.uniform([0.15, 0.55], [0.25, 0.6]) * length
        )
        rows = inside(watched.times, part)
        shown = watched.features[rows].copy()
        cut = np.flatnonzero(within(watched.times[rows] - part.start, away))
        scenes = watched.features[inside(watched.times, film.chapters[number].parts["scenes"])]
        shown[cut] = scenes[np.arange(len(cut)) % len(scenes)]
        times.append(watched.times[rows] - part.start + begin)
        features.append(shown)
        others = said_in(watched, lectures[(number + 1) % len(lectures)])
        for place, one in enumerate(words_in(watched, part)):
            start, end = one.start_seconds - part.start, min(one.end_seconds - part.start, length)
            if one.source == "screen" and within(np.array(start), away):
                continue
            is_aside = one.source == "speech" and within(np.array(start), aside)
            text = others[place % len(others)].text if is_aside else one.text
            passages.append(
                replace(one, text=text, start_seconds=begin + start, end_seconds=begin + end)
            )
    return Watched(
        begins[-1], np.concatenate(times), np.concatenate(features), tuple(passages),
        tuple(begins[1:-1].tolist()),
    )  # fmt: skip


def inside(times: np.ndarray, part: Part) -> np.ndarray:
    return np.flatnonzero((times >= part.start) & (times < part.end))


def within(times: np.ndarray, span: np.ndarray) -> np.ndarray:
    return (times >= span[0]) & (times < span[1])


def words_in(watched: Watched, part: Part) -> list[Passage]:
    return [one for one in watched.passages if part.start <= one.start_seconds < part.end]


def said_in(watched: Watched, part: Part) -> list[Passage]:
    return [one for one in words_in(watched, part) if one.source == "speech"]


def score(found: Sequence[float], borders: Sequence[float]) -> tuple[float, float, float]:
    """F1, precision and recall; a beginning counts for one border."""
    left, hits = list(found), 0
    for border in borders:
        near = [one for one in left if abs(one - border) <= WITHIN]
        if near:
            left.remove(min(near, key=lambda one: abs(one - border)))
            hits += 1
    precision, recall = hits / max(len(found), 1), hits / len(borders)
    return 2 * precision * recall / max(precision + recall, 1e-9), precision, recall


def begins(watched: Watched, *, seen: bool = True, heard: bool = True) -> list[float]:
    """What ``ntlbg chapters`` finds by both streams, or by one."""
    features = watched.features if seen else np.ones((len(watched.times), 1))
    about = topics.topics_of(watched.passages if heard else (), lambda: READER)
    division = dividing.divide(watched.seconds, features, watched.times, about)
    return [start for start, _ in division.spans[1:]]


def equal(watched: Watched) -> list[float]:
    """As many as by both streams, of one length."""
    number = len(begins(watched)) + 1
    return np.linspace(0, watched.seconds, number + 1)[1:-1].tolist()


READER = text_encoder_at_hand()
METHODS: dict[str, Callable[[Watched], list[float]]] = {
    "pictures and words": begins,
    "pictures alone": lambda film: begins(film, heard=False),
    "words alone": lambda film: begins(film, seen=False),
    "equal parts, as many": equal,
}


def mean_f1(method: Callable[[Watched], list[float]], films: Sequence[Watched]) -> float:
    return float(np.mean([score(method(film), film.borders)[0] for film in films]))


def fitted_price(method: Callable[[Watched], list[float]], kinds: Sequence[list[Watched]]) -> float:
    """The best of PRICES for the mean of the kinds."""
    usual, found = dividing.PRICE_SECONDS, {}
    for price in PRICES:
        dividing.PRICE_SECONDS = price
        found[price] = np.mean([mean_f1(method, films) for films in kinds])
    dividing.PRICE_SECONDS = usual
    return max(found, key=found.__getitem__)


def print_fit(kinds: dict[str, list[Watched]]) -> None:
    rows = [["around, s", "share", "price, s", *kinds]]
    for around, share, price in itertools.product((3, 5, 8), (0.2, 0.3, 0.4), PRICES[2:5]):
        topics.AROUND_SECONDS, topics.FAR = around, 3 * around
        dividing.PICTURES_SHARE, dividing.PRICE_SECONDS = share, price
        values = [mean_f1(begins, films) for films in kinds.values()]
        rows.append([str(around), str(share), str(price), *(f"{one:.2f}" for one in values)])
    print(markdown_table(rows))


def table(kinds: dict[str, list[Watched]], fitted: int) -> list[list[str]]:
    rows = [["films", "by", "F1", "95 %", "precision", "recall"]]
    for name, method in METHODS.items():
        usual = dividing.PRICE_SECONDS
        if name.endswith("alone"):
            dividing.PRICE_SECONDS = fitted_price(method, [one[:fitted] for one in kinds.values()])
        for kind, films in kinds.items():
            values = np.array([score(method(film), film.borders) for film in films[fitted:]])
            (low, *_), (high, *_) = mean_interval(values)
            f1, precision, recall = values.mean(0)
            rows.append([kind, name, f"{f1:.2f}", f"{low:.2f}-{high:.2f}", f"{precision:.2f}",
                         f"{recall:.2f}"])  # fmt: skip
        dividing.PRICE_SECONDS = usual
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--films", type=int, default=45)
    parser.add_argument("--fitted", type=int, default=15)
    parser.add_argument("--fit", action="store_true")
    given = parser.parse_args()
    encoder = load_encoder("builtin")
    kinds: dict[str, list[Watched]] = {"programme": [], "talks": []}
    for seed in range(given.fitted if given.fit else given.films):
        film = plan_film(np.random.default_rng(seed), MINUTES[seed % len(MINUTES)])
        watched = programme(film, encoder)
        kinds["programme"].append(watched)
        kinds["talks"].append(talks(film, watched, np.random.default_rng(seed)))
    if given.fit:
        print_fit(kinds)
    else:
        print(markdown_table(table(kinds, given.fitted)))


if __name__ == "__main__":
    main()
