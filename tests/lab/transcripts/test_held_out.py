"""What is promised of words, on transcripts that were not fitted."""

import numpy as np
import pytest

from ntlbg.text.meaning import DEFAULT_TEXT_ENCODER, load_text_encoder
from ntlbg.text.meaning.decision import decide
from ntlbg.text.meaning.questions import likeness_to_whole
from ntlbg.text.meaning.sure import SAID, fitted_to, is_about_whole
from ntlbg_lab.transcripts import HELD_OUT, HELD_OUT_CHINESE, make_transcript
from ntlbg_lab.transcripts.measuring import Remembering, area, cases_of, found_within

SEED = 7  # other sentences between than those that constants were fitted or told on


def measured(cases, encoder, scheme, language="en"):
    """Chances and whether the first passage is right."""
    fitted = fitted_to(encoder, scheme, language)
    chances = np.array([fitted.chance(case.signs) for case in cases])
    return chances, np.array([case.is_right for case in cases])


@pytest.mark.slow
def test_meaning_finds_what_no_word_tells():
    encoder = load_text_encoder(DEFAULT_TEXT_ENCODER)
    cases = cases_of(HELD_OUT[:3], Remembering(encoder), seeds=[SEED])
    alone = cases_of(HELD_OUT[:3], None, seeds=[SEED])
    assert found_within(cases, "N", 1) >= 0.9
    assert found_within(cases, "P", 3) >= 0.45
    assert found_within(alone, "P", 3) <= 0.2
    chances, right = measured(cases, encoder, "stems")
    assert area(chances[right], chances[~right]) >= 0.85
    said = chances >= SAID
    assert said.sum() >= 10
    assert right[said].mean() >= 0.8


def test_names_are_found_by_shared_words_alone():
    cases = cases_of(HELD_OUT[:2], None, seeds=[SEED])
    assert found_within(cases, "N", 1) >= 0.9
    chances, right = measured(cases, None, "stems")
    assert area(chances[right], chances[~right]) >= 0.95
    assert right[chances >= SAID].mean() >= 0.8


def test_misheard_names_are_found_by_their_letters():
    heard = cases_of(HELD_OUT[:2], None, source="speech", seeds=[SEED, SEED + 1])
    assert found_within(heard, "N", 1) >= 0.85


def test_chinese_is_found_by_its_characters():
    cases = cases_of(HELD_OUT_CHINESE, None, seeds=[SEED])
    assert found_within(cases, "N", 1) >= 0.9
    chances, right = measured(cases, None, "stems", "zh")
    assert area(chances[right], chances[~right]) >= 0.75


@pytest.mark.slow
def test_questions_about_the_whole_are_told_from_others():
    encoder = load_text_encoder(DEFAULT_TEXT_ENCODER)
    asked = [one for name in HELD_OUT for one in make_transcript(name).questions]
    about = {
        kind: [
            is_about_whole(likeness_to_whole(one.text, "en", encoder), encoder)
            for one in asked
            if (one.kind == "W") == (kind == "W")
        ]
        for kind in ("W", "other")
    }
    assert np.mean(about["W"]) >= 0.75
    assert np.mean(about["other"]) <= 0.03


def test_a_whole_film_is_decided_as_its_parts_are():
    made = make_transcript(HELD_OUT[0], seed=SEED)
    for asked in made.questions:
        found = decide(made.passages, asked.text, None)
        if asked.kind == "N" and found.kind == "said":
            assert found.passages[0].text == made.passages[asked.row].text
