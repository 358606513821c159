"""What happens when in a made film, before anything is drawn or heard.

A film has chapters, one for each talk: a lecture with slides, pictures with music in which objects
are shown for seconds, news with a ticker, and a break. All times are seconds from its beginning.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ntlbg_lab.film.pages import Page, break_page, fact_page, look_of, subject_page
from ntlbg_lab.film.talks import Sentence, Talk, load_talks
from ntlbg_lab.haystack import backgrounds
from ntlbg_lab.haystack.pictures import STYLES, drawable_names
from ntlbg_lab.haystack.questions import Event
from ntlbg_lab.haystack.timeline import Needle, Shot, plan_needle

PartKind = Literal["lecture", "scenes", "news", "break"]
# Of a chapter: about two thirds are speech, as in people's recordings of meetings and broadcasts.
SHARES: dict[PartKind, float] = {"lecture": 0.42, "scenes": 0.28, "news": 0.22, "break": 0.08}
# A chapter has at least so many minutes, so that a lecture has room for several slides.
CHAPTER_MINUTES = 4
# Of a lecture's slide, in seconds; it changes with the next sentence.
SLIDE_SECONDS = (10.0, 28.0)
PAUSES = (0.4, 0.7, 1.2, 2.5)  # seconds after a sentence
CAPTION_SECONDS = 8.0  # as on television: so long that it is read twice
SHOT_SECONDS = (8.0, 25.0)  # no longer, since a shot is in memory at once
# In each chapter, by number of chapters; together as many as in a haystack, 3 to 8.
OBJECTS, OBJECTS_ELSE = {1: 3, 2: 2, 3: 2}, 1
FPS = 4
SPLIT = "test"  # backgrounds that the built-in model was not trained on


@dataclass(frozen=True)
class Part:
    """A stretch of one kind, whole seconds ``[start, end)``; what is random in it has its seed."""

    kind: PartKind
    start: int
    end: int
    seed: int


@dataclass(frozen=True)
class Spoken:
    """A sentence and when it is heard."""

    talk: str
    sentence: Sentence
    start: float
    sound: Path

    @property
    def end(self) -> float:
        """When it is over."""
        return self.start + self.sentence.seconds


@dataclass(frozen=True)
class Slide:
    """A page and when it is shown, ``[start, end)``."""

    page: Page
    start: float
    end: float


@dataclass(frozen=True)
class Caption:
    """A name, what that one does, and when both are shown, ``[start, end)``."""

    name: str
    does: str
    start: float
    end: float


@dataclass(frozen=True)
class Chapter:
    """One talk and what surrounds it; all in order of time.

    Attributes:
        parts: a part of each kind, in the order of SHARES.
        spoken: in the lecture and the news.
        slides: of the lecture, then that of the break.
        ticker: items that run through below the news.
        shots, needles: backgrounds of the scenes, and objects shown on them.
        asked: by kind of question a sentence that is spoken in the lecture, and what is asked.
        captions: in the news.
    """

    talk: Talk
    parts: dict[PartKind, Part]
    spoken: tuple[Spoken, ...]
    slides: tuple[Slide, ...]
    ticker: tuple[dict[str, str], ...]
    shots: tuple[Shot, ...]
    needles: tuple[Needle, ...]
    asked: dict[str, dict[str, str]]
    captions: tuple[Caption, ...] = ()


@dataclass(frozen=True)
class Film:
    """Chapters, each of which begins where the one before ends."""

    chapters: tuple[Chapter, ...]

    @property
    def seconds(self) -> int:
        """Length."""
        return self.chapters[-1].parts["break"].end

    @property
    def spoken(self) -> list[Spoken]:
        """All sentences, in order of time."""
        return [one for chapter in self.chapters for one in chapter.spoken]

    @property
    def events(self) -> list[Event]:
        """Appearances of objects, in order of time."""
        return [needle.event for chapter in self.chapters for needle in chapter.needles]


def plan_film(
    rng: np.random.Generator, minutes: float, talks: Sequence[Talk] | None = None
) -> Film:
    """A random film; the same for the same state of ``rng``.

    Args:
        minutes: at least one.
        talks: as many of them as there is room for; None: those that are shipped.
    """
    talks = _shuffled(rng, load_talks() if talks is None else talks)
    number = max(1, min(len(talks), int(minutes // CHAPTER_MINUTES)))
    borders = np.linspace(0, round(minutes * 60), number + 1)
    objects = _object_names(rng, number, OBJECTS.get(number, OBJECTS_ELSE))
    return Film(
        tuple(
            _chapter(rng, talk, float(start), float(end), names)
            for talk, start, end, names in zip(talks, borders, borders[1:], objects)
        )
    )


def _object_names(rng: np.random.Generator, chapters: int, number: int) -> list[list[str]]:
    """Of each chapter; the second is there twice, if there are several chapters."""
    total = chapters * number
    names = rng.choice(drawable_names(STYLES), total, replace=False).tolist()
    if chapters > 1:
        names[-1] = names[1]
    return [names[first : first + number] for first in range(0, total, number)]


def _chapter(
    rng: np.random.Generator, talk: Talk, start: float, end: float, objects: list[str]
) -> Chapter:
    parts, asked = _parts(rng, start, end), _asked(rng, talk)
    lecture, scenes, news, pause = parts.values()
    said, told = _share_out(rng, talk, asked, lecture, news)
    heard = _speak(rng, talk, said, lecture)
    slides = _slides(rng, lecture, talk, heard)
    title = break_page(talk.title, talk.look or look_of(rng))
    slides.append(Slide(title, pause.start, pause.end))
    return Chapter(
        talk, parts, (*heard, *_speak(rng, talk, told, news)), tuple(slides),
        _shuffled(rng, talk.ticker), _shots(rng, scenes), _objects(rng, scenes, objects), asked,
        _captions(talk, news),
    )  # fmt: skip


def _parts(rng: np.random.Generator, start: float, end: float) -> dict[PartKind, Part]:
    inner = start + (end - start) * np.cumsum([0, *SHARES.values()])
    times = [round(float(time)) for time in inner]
    return {
        kind: Part(kind, first, last, int(rng.integers(2**31)))
        for kind, first, last in zip(SHARES, times, times[1:])
    }


def _asked(rng: np.random.Generator, talk: Talk) -> dict[str, dict[str, str]]:
    """One of each kind that there is."""
    kinds = {"said": talk.said, "reworded": talk.reworded, "while": talk.asked_while}
    return {kind: _shuffled(rng, given)[0] for kind, given in kinds.items() if given}


def _share_out(
    rng: np.random.Generator,
    talk: Talk,
    asked: dict[str, dict[str, str]],
    lecture: Part,
    news: Part,
) -> tuple[list[Sentence], list[Sentence]]:
    """Sentences of both parts with room for pauses; what is asked is in the lecture."""
    wanted = talk.always | {about["sentence"] for about in asked.values()}
    first = [sentence for sentence in talk.sentences if sentence.text in wanted]
    others = [sentence for sentence in talk.sentences if sentence.text not in wanted]
    rest = list(_shuffled(rng, others))
    room = lecture.end - lecture.start
    said = first + _fitting(rest, room - sum(map(_most_seconds, first)))
    told = _fitting(rest[len(said) - len(first) :], news.end - news.start)
    return list(_shuffled(rng, said)), told


def _fitting(sentences: Sequence[Sentence], room: float) -> list[Sentence]:
    """The first ones that there is room for."""
    lengths = np.cumsum([_most_seconds(sentence) for sentence in sentences])
    return list(sentences[: int(np.searchsorted(lengths, room - 1, side="right"))])


def _most_seconds(sentence: Sentence) -> float:
    return sentence.seconds + float(np.mean(PAUSES))


def _speak(
    rng: np.random.Generator, talk: Talk, sentences: Sequence[Sentence], part: Part
) -> list[Spoken]:
    """One after the other, with pauses that add up to no more than there is room for."""
    pauses = rng.choice(PAUSES, len(sentences))
    pauses *= min(1.0, len(sentences) * np.mean(PAUSES) / max(pauses.sum(), 1e-9))
    time, found = part.start + 0.5, []
    for sentence, pause in zip(sentences, pauses):
        found.append(Spoken(talk.name, sentence, round(time, 3), talk.sound))
        time += sentence.seconds + float(pause)
    return found


def _slides(
    rng: np.random.Generator, part: Part, talk: Talk, heard: Sequence[Spoken]
) -> list[Slide]:
    """Each begins with a sentence, a little before it; what is asked comes first."""
    starts, (short, long) = [float(part.start)], SLIDE_SECONDS
    long = max(short, min(long, (part.end - part.start) / 2))  # two slides at least
    least = float(rng.uniform(short, long))
    for one in heard:
        if one.start - starts[-1] >= least and part.end - one.start >= short:
            starts.append(float(np.floor(FPS * one.start)) / FPS)  # a frame begins there
            least = float(rng.uniform(short, long))
    pages = _pages(rng, talk, len(starts))
    ends = [*starts[1:], float(part.end)]
    return [Slide(*slide) for slide in zip(pages, starts, ends)]


def _pages(rng: np.random.Generator, talk: Talk, number: int) -> list[Page]:
    """Facts and subjects by turns, then subjects alone; one look for all of a talk."""
    facts, look = list(_shuffled(rng, talk.slides)), talk.look or look_of(rng)
    subjects = list(_shuffled(rng, talk.subjects))
    pages: list[Page] = []
    while len(pages) < number:
        if facts and len(pages) % 2 == 0:
            pages.append(fact_page(facts.pop(), look))
        else:
            pages.append(subject_page(tuple(subjects[:4]), look))
            subjects = subjects[1:] + subjects[:1]
    return pages


def _captions(talk: Talk, part: Part) -> tuple[Caption, ...]:
    """Each in the middle of its share of the part; frames begin where it does."""
    slot = (part.end - part.start) / max(1, len(talk.captions))
    starts = [round(part.start + (place + 0.5) * slot) for place in range(len(talk.captions))]
    return tuple(
        Caption(name, does, start, min(start + CAPTION_SECONDS, part.end))
        for (name, does), start in zip(talk.captions, starts)
    )


def _shots(rng: np.random.Generator, part: Part) -> tuple[Shot, ...]:
    shots, start = [], float(part.start)
    sources = len(backgrounds.sources(SPLIT))
    while start < part.end:
        end = min(float(part.end), start + float(rng.uniform(*SHOT_SECONDS)))
        shots.append(Shot(start, end, int(rng.integers(sources)), int(rng.integers(2**31))))
        start = end
    return tuple(shots)


def _objects(rng: np.random.Generator, part: Part, names: list[str]) -> tuple[Needle, ...]:
    slot = (part.end - part.start) / len(names)
    return tuple(
        plan_needle(rng, name, part.start + place * slot, slot, STYLES)
        for place, name in enumerate(names)
    )


def _shuffled(rng: np.random.Generator, things: Sequence) -> tuple:
    return tuple(things[int(place)] for place in rng.permutation(len(things)))
