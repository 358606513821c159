"""What is asked about a film of held-out talks: answers and moments are known from its plan."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ntlbg.data import Sample
from ntlbg_lab.film.held_out import FOREIGN, SAID, Asked, Written, line_of
from ntlbg_lab.film.pages import font
from ntlbg_lab.film.painting import BETWEEN, SIZE, TICKER_LETTERS, ticker_at, ticker_strip
from ntlbg_lab.film.plan import FPS, Chapter, Film
from ntlbg_lab.film.questions import slide_at
from ntlbg_lab.haystack.pictures import STYLES, drawable_names
from ntlbg_lab.haystack.questions import make_question

Spans = list[tuple[float, float]]
# About pictures; as the haystack asks.
SEEN, SEEN_KINDS = "V", ("when", "after", "before", "count", "first", "last")
# How kinds are judged, see ntlbg.judging.
JUDGED = {"N": "said", "E": "said", "P": "reworded", "S": "slide", "T": "ticker", "C": "while"}


@dataclass(frozen=True)
class Question:
    """A question about a film.

    Attributes:
        kind: as of ``held_out``, or SEEN.
        sample: what is asked; of FOREIGN questions the answer says so, and there is no evidence.
        talk: which talk it is about; empty of pictures.
    """

    kind: str
    sample: Sample
    talk: str = ""


def ask_about(film: Film, texts: Mapping[str, Written], rng: np.random.Generator) -> list[Question]:
    """All questions about a film, with ids of their own; ``video`` is for the caller to replace."""
    found = [
        Question(asked.kind, _sample(chapter, asked), chapter.talk.name)
        for chapter in film.chapters
        for asked in texts[chapter.talk.name].asked
    ]
    names = drawable_names(STYLES)
    found += [Question(SEEN, make_question(film.events, rng, names, kind=kind))
              for kind in SEEN_KINDS]  # fmt: skip
    return [
        Question(one.kind, one.sample.model_copy(update={"id": f"{place:03d}"}), one.talk)
        for place, one in enumerate(found)
    ]


def _sample(chapter: Chapter, asked: Asked) -> Sample:
    if asked.kind == FOREIGN:
        return Sample(video="?", question=asked.question, answer="nothing", answer_type="foreign")
    answer, spans = asked.answer, spans_of(chapter, asked)
    if not answer:
        answer = slide_at(chapter, sum(spans[0]) / 2).page.heading
    return Sample(video="?", question=asked.question, answer=answer, evidence=spans,
                  answer_type=JUDGED[asked.kind])  # fmt: skip


def spans_of(chapter: Chapter, asked: Asked) -> Spans:
    """When what answers a question is heard or can be read."""
    if asked.kind in SAID:
        return [(one.start, one.end) for one in chapter.spoken if one.sentence.text == asked.about]
    where, text = line_of(asked) if asked.kind == "T" else ("slide", asked.about)
    if where == "ticker":
        return list(_seen_in_ticker(chapter, text))
    if where == "lower":
        return [(one.start, one.end) for one in chapter.captions if f"{one.name}, " in text]
    heading = text.split("; ")[0]
    return [(one.start, one.end) for one in chapter.slides if one.page.heading == heading]


def _seen_in_ticker(chapter: Chapter, text: str) -> Iterator[tuple[float, float]]:
    """From when the item begins to be seen until it is gone, each time."""
    items, news = [item["text"] for item in chapter.ticker], chapter.parts["news"]
    look = chapter.talk.look
    length = ticker_strip(items, look).shape[1]
    letters = font(look.face[1] if look else "DejaVuSans", TICKER_LETTERS)
    left = letters.getlength(BETWEEN.join([*items[: items.index(text)], ""]))
    right, seconds = left + letters.getlength(text), news.end - news.start
    firsts = np.array([ticker_at(number) for number in range(FPS * seconds)])
    for turn in range(int(firsts[-1] + SIZE[1]) // length + 1):
        at = turn * length
        seen = np.flatnonzero((at + left < firsts + SIZE[1]) & (at + right > firsts))
        if len(seen):
            yield news.start + float(seen[0]) / FPS, news.start + float(seen[-1] + 1) / FPS
