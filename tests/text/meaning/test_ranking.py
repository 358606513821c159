"""How well passages answer, against the formulas written out."""

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ntlbg.text.meaning.questions import foreign_questions
from ntlbg.text.meaning.ranking import Ranking
from ntlbg.text.meaning.words import Cover, tokens
from ntlbg.types import Passage
from sentences import SynonymEncoder, passages

TEXTS = [
    "The greenhouse leaks.", "We meet on Monday.", "The children sang.", "Seeds have a high price.",
    "Nobody likes the red gate.", "The bus was late.", "We meet on Monday.",
]  # fmt: skip
QUESTION = "What is wrong with the glasshouse?"


def unit(vector):
    return vector / np.linalg.norm(vector)


def test_scores_are_half_centred_cosines_and_a_fifth_of_the_cover(tmp_path):
    encoder = SynonymEncoder()
    found = Ranking(passages(*TEXTS), encoder, tmp_path).scores(QUESTION)
    vectors, [query] = encoder.encode(TEXTS), encoder.encode([QUESTION])
    middle = sum(vectors) / len(vectors)
    cover = Cover(TEXTS, lambda text: tokens(text, "stems")).of(QUESTION)
    expected = [
        unit(vector - middle / 2) @ unit(query - middle / 2) + 0.2 * share
        for vector, share in zip(vectors, cover, strict=True)
    ]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert found.dtype == np.float64
    assert found.argmax() == 0  # though no word is shared


def test_signs_are_those_of_the_formulas(tmp_path):
    encoder = SynonymEncoder()
    said = passages(*TEXTS, *(f"Filler number {n} of many." for n in range(6)), every=20)
    ranking = Ranking(said, encoder, tmp_path)
    signs, scores = ranking.signs(QUESTION, "en"), ranking.scores(QUESTION)
    foreign = np.array([ranking.scores(one).max() for one in foreign_questions("en")])
    spread = 1.4826 * np.median(abs(foreign - np.median(foreign)))
    # the first passage is from 0 to 4 s, so what begins within 34 s is beside it
    elsewhere = {one.text: score for one, score in zip(said[:1:-1], scores[:1:-1], strict=True)}
    best = sorted(elsewhere.values(), reverse=True)
    assert scores.argmax() == 0
    assert signs.largest == scores[0]
    assert signs.distance == pytest.approx((scores[0] - np.median(foreign)) / spread, rel=1e-4)
    assert signs.lead == pytest.approx(np.sqrt(scores[0] - best[0]), rel=1e-4)
    assert signs.gap == pytest.approx(np.sqrt(scores[0] - best[2]), rel=1e-4)
    assert signs.lead_in_deviations == pytest.approx(signs.lead / np.sqrt(spread), rel=1e-4)
    assert signs.gap_in_deviations == pytest.approx(signs.gap / np.sqrt(spread), rel=1e-4)


@pytest.mark.parametrize("texts", [("The key is here.",) * 2, ("The key is here.", "A key, yes.")])
@pytest.mark.parametrize("apart", [10, 100])
def test_only_another_text_elsewhere_is_a_rival(texts, apart):
    others = [Passage(f"filler {n}", 1000 + 50 * n, 1004 + 50 * n, "speech") for n in range(9)]
    said = [Passage(text, n * apart, n * apart + 4, "subtitles") for n, text in enumerate(texts)]
    both = Ranking([*said, *others], None).signs("key", "en")
    assert (both.lead < 0.5) == (apart > 30 and texts[0] != texts[1])


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(len(TEXTS))))
def test_what_comes_first_does_not_matter(order):
    ordered = passages(*TEXTS)
    one = Ranking(ordered, None)
    other = Ranking([ordered[row] for row in order], None)
    np.testing.assert_allclose(other.scores(QUESTION), one.scores(QUESTION)[list(order)])
    assert other.signs(QUESTION, "en") == one.signs(QUESTION, "en")


def test_what_was_heard_is_compared_by_letters(tmp_path):
    texts = ["Ask Miss Greenhalk.", "Ask nobody.", "The bus was late."]
    question = "Who is Greenhalgh?"
    heard, read = (Ranking(passages(*texts, source=of), None) for of in ("speech", "subtitles"))
    assert heard.scores(question).argmax() == 0
    assert read.scores(question).max() == 0


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("encoder", [None, SynonymEncoder()])
def test_a_few_passages_are_enough(tmp_path, number, encoder):
    ranking = Ranking(passages(*TEXTS[:number]), encoder, tmp_path)
    signs = ranking.signs(QUESTION, "en")
    assert np.isfinite(astuple(signs)).all()
    assert signs.gap >= signs.lead >= 0
    assert np.isfinite(ranking.scores(QUESTION)).all()


def test_foreign_questions_are_many_and_distinct():
    for language in ("en", "zh"):
        questions = foreign_questions(language)
        assert len(set(questions)) == len(questions) >= 60
    assert foreign_questions("other") == foreign_questions("en")
