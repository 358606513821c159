"""Made transcripts: the same for the same seed, and every question with its sentence."""

import random

import pytest

from ntlbg.text.meaning.words import tokens
from ntlbg_lab.transcripts import (
    FITTED,
    FITTED_CHINESE,
    HELD_OUT,
    HELD_OUT_CHINESE,
    TEXTS,
    make_transcript,
    misheard,
)

ALL = FITTED + HELD_OUT + FITTED_CHINESE + HELD_OUT_CHINESE


def test_every_text_is_fitted_or_held_out():
    assert {path.stem for path in TEXTS.iterdir()} - {"sentences"} == set(ALL)
    assert len(set(ALL)) == len(ALL)


@pytest.mark.parametrize("name", ALL)
def test_a_transcript_is_a_film_of_passages_and_questions(name):
    made = make_transcript(name)
    assert made == make_transcript(name)
    assert made.passages != make_transcript(name, seed=1).passages
    assert all(0 < one.end_seconds - one.start_seconds < 16 for one in made.passages)
    ends = [one.end_seconds for one in made.passages]
    starts = [one.start_seconds for one in made.passages]
    assert starts == sorted(starts)
    assert all(start > end for start, end in zip(starts[1:], ends))
    assert 20 * 60 < ends[-1] < 60 * 60
    assert {asked.kind for asked in made.questions} == set("PNXW")
    assert {asked.row is None for asked in made.questions if asked.kind in "PN"} == {False}
    assert {asked.row for asked in made.questions if asked.kind in "XW"} == {None}


@pytest.mark.parametrize("name", FITTED + HELD_OUT)
def test_names_share_words_with_their_sentences_and_paraphrases_hardly_any(name):
    made = make_transcript(name)
    shared = {"P": [], "N": []}
    for asked in made.questions:
        if asked.row is not None:
            said = tokens(made.passages[asked.row].text, "stems")
            shared[asked.kind].append(bool(set(tokens(asked.text, "stems")) & set(said)))
    assert all(shared["N"])
    assert sum(shared["P"]) <= 2


def test_what_was_heard_is_nearly_what_was_said():
    said, heard = (make_transcript("roads", source=of) for of in ("subtitles", "speech"))
    assert heard.questions == said.questions
    pairs = [
        (one, other)
        for a, b in zip(said.passages, heard.passages, strict=True)
        for one, other in zip(a.text.split(), b.text.split(), strict=True)
    ]
    assert 0.05 < sum(one != other for one, other in pairs) / len(pairs) < 0.15
    assert misheard("85", random.Random(0)) == "85"
