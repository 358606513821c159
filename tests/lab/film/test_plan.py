"""A made film's plan keeps what its questions rely on, whatever the seed and length."""

import itertools

import numpy as np
import pytest

from ntlbg_lab.film.plan import SHARES, SLIDE_SECONDS, plan_film
from ntlbg_lab.film.questions import KINDS, ask_about, slide_at, when_said

FILMS = [(minutes, seed) for minutes in (1, 2, 9.5, 60, 130) for seed in range(4)]


@pytest.fixture(params=FILMS, ids=str, scope="module")
def planned(request):
    minutes, seed = request.param
    rng = np.random.default_rng(seed)
    film = plan_film(rng, minutes)
    return minutes, film, ask_about(film, rng)


def test_parts_follow_each_other_without_a_gap(planned):
    minutes, film, _ = planned
    parts = [part for chapter in film.chapters for part in chapter.parts.values()]
    assert [part.kind for part in parts] == [*SHARES] * len(film.chapters)
    assert parts[0].start == 0
    assert all(one.end == other.start for one, other in itertools.pairwise(parts))
    assert all(part.start < part.end for part in parts)
    assert film.seconds == parts[-1].end == round(60 * minutes)


def test_one_voice_speaks_at_a_time_and_within_lectures_and_news(planned):
    _, film, _ = planned
    spoken = film.spoken
    assert all(one.end < other.start for one, other in itertools.pairwise(spoken))
    for chapter in film.chapters:
        spans = [chapter.parts[kind] for kind in ("lecture", "news")]
        for one in chapter.spoken:
            assert any(part.start < one.start < one.end <= part.end for part in spans)


def test_no_sentence_is_heard_twice(planned):
    _, film, _ = planned
    texts = [(one.talk, one.sentence.text) for one in film.spoken]
    assert len(texts) == len(set(texts))


def test_a_slide_is_on_screen_throughout_lectures(planned):
    _, film, _ = planned
    for chapter in film.chapters:
        lecture, pause = chapter.parts["lecture"], chapter.parts["break"]
        *slides, last = chapter.slides
        assert slides[0].start == lecture.start
        assert slides[-1].end == lecture.end
        assert all(one.end == other.start for one, other in itertools.pairwise(slides))
        assert all(slide.end - slide.start >= SLIDE_SECONDS[0] - 1 for slide in slides)
        assert all((4 * slide.start).is_integer() for slide in slides)  # a frame begins there
        assert (last.start, last.end) == (pause.start, pause.end)


def test_objects_are_shown_for_seconds_over_pictures_and_apart(planned):
    _, film, _ = planned
    scenes = [chapter.parts["scenes"] for chapter in film.chapters]
    assert 3 <= len(film.events) <= 8
    assert all(one.end < other.start for one, other in zip(film.events, film.events[1:]))
    for event in film.events:
        assert 1 <= event.end - event.start <= 5
        assert any(part.start <= event.start and event.end <= part.end for part in scenes)


def test_backgrounds_fill_the_scenes(planned):
    _, film, _ = planned
    for chapter in film.chapters:
        scenes, shots = chapter.parts["scenes"], chapter.shots
        assert (shots[0].start, shots[-1].end) == (scenes.start, scenes.end)
        assert all(one.end == other.start for one, other in itertools.pairwise(shots))


def test_there_is_a_question_of_each_kind_and_its_evidence_is_in_the_film(planned):
    _, film, samples = planned
    assert tuple(sample.answer_type for sample in samples) == KINDS
    for sample in samples:
        for start, end in sample.evidence:
            assert 0 <= start < end <= film.seconds


def test_truths_are_where_the_evidence_says(planned):
    _, film, samples = planned
    asked = {sample.answer_type: sample for sample in samples}
    for kind in ("said", "reworded"):
        [span] = asked[kind].evidence
        [one] = [one for one in film.spoken if (one.start, one.end) == span]
        assert asked[kind].answer.lower() in one.sentence.text.lower()
    [(start, _)] = asked["slide"].evidence
    [slide] = [one for chapter in film.chapters for one in chapter.slides if one.start == start]
    assert asked["slide"].answer.lower() in " ".join(slide.page.lines).lower()
    [(start, _)] = asked["ticker"].evidence
    [chapter] = [one for one in film.chapters if one.parts["news"].start == start]
    assert asked["ticker"].answer.lower() in chapter.ticker[0]["text"].lower()


def test_the_heading_asked_for_is_that_of_the_slide_meanwhile(planned):
    _, film, samples = planned
    [(start, end)] = samples[-1].evidence
    [chapter] = [
        one
        for one in film.chapters
        if one.parts["lecture"].start < start < one.parts["lecture"].end
    ]
    assert when_said(chapter, "while") == (start, end)
    # from its first word to nearly its last: a slide may change with the next sentence
    shown = {slide_at(chapter, time).page.heading for time in np.arange(start, end - 0.3, 0.1)}
    assert shown == {samples[-1].answer}


def test_an_hour_has_half_an_hour_of_speech_of_six_voices():
    film = plan_film(np.random.default_rng(0), 60)
    assert len({one.talk for one in film.spoken}) == 6
    assert 22 * 60 < sum(one.sentence.seconds for one in film.spoken) < 32 * 60


def test_a_seed_names_a_film():
    plans = [plan_film(np.random.default_rng(seed), 5) for seed in (1, 1, 2)]
    assert plans[0] == plans[1]
    assert plans[0] != plans[2]
