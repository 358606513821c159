"""Eight questions about a made film, of as many kinds, whose answers are known from its plan."""

from collections.abc import Callable

import numpy as np

from ntlbg.data import Sample
from ntlbg_lab.film.plan import Chapter, Film, Slide
from ntlbg_lab.haystack.pictures import STYLES, drawable_names
from ntlbg_lab.haystack.questions import make_question

SHOWN = ("when", "after", "count")  # answered by pictures


def ask_about(film: Film, rng: np.random.Generator) -> list[Sample]:
    """One question of each kind, pictures first; ``video`` is for the caller to replace."""
    names = drawable_names(STYLES)
    asked = [make_question(film.events, rng, names, kind=kind) for kind in SHOWN]
    for kind, about in HEARD_AND_READ.items():
        chapter = film.chapters[int(rng.integers(len(film.chapters)))]
        asked.append(about(chapter, kind))
    return asked


def _spoken(chapter: Chapter, kind: str) -> Sample:
    about = chapter.asked[kind]
    return _sample(kind, about["question"], about["answer"], [when_said(chapter, kind)])


def _on_slide(chapter: Chapter, kind: str) -> Sample:
    slide = chapter.slides[0]  # the lecture begins with a page that is asked about
    page = slide.page
    assert page.question is not None
    assert page.answer is not None
    return _sample(kind, page.question, page.answer, [(slide.start, slide.end)])


def _in_ticker(chapter: Chapter, kind: str) -> Sample:
    about, news = chapter.ticker[0], chapter.parts["news"]
    return _sample(kind, about["question"], about["answer"], [(news.start, news.end)])


def _on_slide_while(chapter: Chapter, kind: str) -> Sample:
    """Across the streams: neither what is said nor what is written answers it alone."""
    start, end = when_said(chapter, kind)
    slide = slide_at(chapter, (start + end) / 2)
    question = chapter.asked[kind]["question"]
    return _sample(kind, question, slide.page.heading, [(start, end)])


def when_said(chapter: Chapter, kind: str) -> tuple[float, float]:
    """When the sentence is heard that a kind of question is about."""
    text = chapter.asked[kind]["sentence"]
    [one] = [one for one in chapter.spoken if one.sentence.text == text]
    return one.start, one.end


def slide_at(chapter: Chapter, seconds: float) -> Slide:
    """The one that is on screen."""
    [slide] = [slide for slide in chapter.slides if slide.start <= seconds < slide.end]
    return slide


def _sample(kind: str, question: str, answer: str, evidence: list[tuple[float, float]]) -> Sample:
    return Sample(video="?", question=question, answer=answer, answer_type=kind, evidence=evidence)


HEARD_AND_READ: dict[str, Callable[[Chapter, str], Sample]] = {
    "said": _spoken,
    "reworded": _spoken,
    "slide": _on_slide,
    "ticker": _in_ticker,
    "while": _on_slide_while,
}
KINDS = (*SHOWN, *HEARD_AND_READ)
