"""What may be quoted, and what is not said."""

from dataclasses import asdict, replace

import pytest

from ntlbg.question import parse_question
from ntlbg.text.meaning import decision
from ntlbg.text.meaning.decision import (
    Decision,
    asks_about_whole,
    decide,
    either,
    evidence_of,
    reader_note,
    spread_out,
)
from ntlbg.text.meaning.ranking import Signs
from ntlbg.text.meaning.sure import Logistic, fit_name, fitted_to, least_chance
from ntlbg.types import Passage
from sentences import SynonymEncoder, passages

TALK = [
    "We begin with the minutes of last time.", "Nobody has a question so far.",
    "The greenhouse has a broken pane.", "Our treasurer is on holiday.",
    "Let us open a window.", "Seeds have become too expensive for the club.",
    "Hands up, please.", "The bus to the fair leaves early.", "I will write that down.",
    "Mister Okonedo keeps key 4417.", "Coffee is at the back.", "That was all for today.",
]  # fmt: skip
CHINESE = ["我们开始开会。", "窗户坏了。", "请把名单交给欧阳海燕。", "明天下雨。", "大家休息一下。"]


def test_what_is_said_is_quoted_with_its_time_and_source(tmp_path):
    said = passages(*TALK)
    found = decide(said, "Who keeps key 4417?", SynonymEncoder(), folder=tmp_path)
    assert found == Decision("said", (said[9],), found.chance, ("subtitles",))
    assert found.chance >= 0.5


def test_a_passage_is_found_by_what_it_means(tmp_path):
    said = passages(*TALK)
    found = decide(said, "glasshouse", SynonymEncoder(), folder=tmp_path)
    assert found.kind in ("said", "nearest")
    assert found.passages[0] == said[2]
    assert decide(said, "glasshouse", None).kind == "not said"


def test_what_nobody_says_is_not_said(tmp_path):
    found = decide(passages(*TALK), "How is glass recycled in Peru?", None)
    assert (found.kind, found.passages, found.sources) == ("not said", (), ())
    assert 0 <= found.chance < least_chance(["subtitles"])


@pytest.mark.parametrize(
    ("above_the_limit", "kind", "number"), [(-0.01, "not said", 0), (0.01, "nearest", 3)]
)
def test_below_one_half_the_nearest_three_are_shown_down_to_the_limit(
    monkeypatch, above_the_limit, kind, number
):
    said, limit = passages(*TALK), least_chance(["subtitles"])
    stream = evidence_of(said, parse_question("the bus, key 4417"), None)["subtitles"]
    doubtful = replace(stream, chance=limit + above_the_limit)
    monkeypatch.setattr(decision, "evidence_of", lambda *_, **__: {"subtitles": doubtful})
    found = decide(said, "the bus, key 4417", None)
    assert (found.kind, len(found.passages), found.sources) == (kind, number, ())
    assert limit < 0.5
    if found.passages:
        assert found.passages[:2] == (said[9], said[7])


@pytest.mark.parametrize("silence", [[], passages("", "  ")])
def test_where_nothing_is_said(silence):
    assert decide(silence, "Who is it?", SynonymEncoder()) == Decision("not said", (), 0.0)


def test_a_question_about_all_of_it_gets_passages_from_all_of_it(tmp_path):
    said = passages(*TALK)
    found = decide(said, "What is this video about?", SynonymEncoder(), folder=tmp_path)
    assert found.kind == "whole"
    assert found.passages == (said[2], said[5], said[9])
    assert decide(said, "请总结视频的内容。", None).kind == "whole"
    assert not asks_about_whole(parse_question("Who keeps the key?"), None)


def test_fewer_passages_than_parts_are_each_shown_once():
    [one] = passages("Hello.")
    assert spread_out([one]) == [one]


def test_sources_are_judged_apart_and_joined(tmp_path):
    said, written = passages(*TALK), passages("Agenda", "Key 4417: Okonedo", source="screen")
    heard = [Passage(one.text, one.start_seconds, one.end_seconds, "speech") for one in said]
    question = parse_question("Who keeps key 4417?")
    alone = {
        of[0].source: evidence_of(of, question, None)[of[0].source].chance
        for of in (said, heard, written)
    }
    together = decide([*written, *heard, *said], question, None)
    assert together.chance == pytest.approx(either(alone.values()))
    assert set(together.sources) == {of for of, chance in alone.items() if chance >= 0.5}
    assert together.passages[0].source == max(alone, key=alone.__getitem__)


def test_evidence_is_in_order_of_time_and_shares_sum_to_one():
    said = passages(*TALK)
    stream = evidence_of(said[::-1], parse_question("Who keeps key 4417?"), None)["subtitles"]
    assert list(stream.passages) == said
    assert stream.shares.sum() == pytest.approx(1)
    assert stream.shares.argmax() == stream.scores.argmax() == 9
    assert (stream.shares >= 0).all()


def test_the_same_sentence_is_quoted_once():
    said = passages("Key 4417 is here.", *TALK, "Key 4417 is here.")
    stream = evidence_of(said, parse_question("Key 4417?"), None)["subtitles"]
    assert len({one.text for one in stream.best}) == len(stream.best) == 3
    assert stream.best[0] == said[0]


def test_a_language_that_the_encoder_does_not_read_is_compared_by_characters(tmp_path):
    english = SynonymEncoder(("en",))
    said = passages(*CHINESE, *[f"第{n}个问题以后再谈。" for n in range(8)])
    found = decide(said, "名单交给谁？", english, folder=tmp_path)
    assert english.encoded == []
    assert found.passages[0] == said[2]
    note = reader_note(parse_question("名单交给谁？"), english)
    assert "shared characters" in note
    assert "--text-encoder" in note
    assert "ntlbg fetch text" in reader_note(parse_question("Who?"), None)
    assert "synonyms" in reader_note(parse_question("Who?"), english)


def test_constants_are_those_fitted_to_what_finds_the_passages():
    assert fit_name(None, "letters", "en") == "letters"
    assert fit_name(None, "stems", "zh") == "characters"
    assert fit_name(SynonymEncoder(), "letters", "en") == "encoder"


@pytest.mark.parametrize("encoder", [None, SynonymEncoder()])
@pytest.mark.parametrize("scheme", ["stems", "letters"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_stands_out_more_is_never_less_sure(encoder, scheme, language):
    fitted, signs = fitted_to(encoder, scheme, language), Signs(0.4, 1.0, 0.3, 0.4, 1.5, 2.0)
    before = fitted.chance(signs)
    assert 0 < before < 1
    for sign, value in asdict(signs).items():
        assert fitted.chance(replace(signs, **{sign: value + 0.2})) >= before
    assert fitted.chance(Signs(1.2, 9.0, 1.0, 1.0, 5.0, 5.0)) > 0.9
    assert fitted.chance(Signs(0.1, 0.0, 0.0, 0.0, 0.0, 0.0)) < 0.2


def test_there_is_a_limit_for_every_set_of_streams():
    streams = ["pictures", "screen", "speech", "subtitles"]
    for number in range(1, 16):
        chosen = [stream for bit, stream in enumerate(streams) if number >> bit & 1]
        assert 0 < least_chance(chosen[::-1]) == least_chance(chosen) < 1
        fewer = [least_chance([one]) for one in chosen]
        assert least_chance(chosen) >= max(fewer) - 1e-9  # false alarms add up


def test_the_union_of_chances():
    assert either([]) == 0
    assert either([0.5, 0.5]) == pytest.approx(0.75)
    assert either([1.0, 0.2]) == 1


PAGES = [
    Passage("Minutes", 0.0, 20.0, "screen"), Passage("Repairs", 20.0, 50.0, "screen"),
    Passage("Pane: 80 pounds", 20.0, 50.0, "screen"), Passage("Keys", 50.0, 300.0, "screen"),
]  # fmt: skip


def test_what_is_written_while_something_is_said(tmp_path):
    shown = [*passages(*TALK), *PAGES]
    asked = "What is on the slide while key 4417 is talked about?"
    found = decide(shown, asked, SynonymEncoder(), folder=tmp_path)
    [said] = [one for one in shown if "4417" in one.text]
    assert (found.kind, found.sources) == ("said", ("screen",))
    at_once = [one for one in PAGES if one.start_seconds <= said.start_seconds < one.end_seconds]
    assert found.passages == tuple(at_once) != ()
    # of the words that are shown none tells when: there is no key on the slide of that time
    assert set(evidence_of(shown, parse_question(asked), None)) == {"subtitles"}


def test_and_what_is_said_while_something_is_written(tmp_path):
    shown = [*passages(*TALK), *PAGES]
    found = decide(shown, 'What is said while the slide "Pane: 80 pounds" is shown?', None)
    assert found.kind == "said"
    assert found.sources == ("subtitles",)
    assert all(20.0 <= one.start_seconds <= 50.0 for one in found.passages)


def test_where_nothing_is_written_at_that_time_what_is_said_is_near(tmp_path):
    said, late = passages(*TALK), Passage("The end", 900.0, 905.0, "screen")
    asked = "What is on the slide while key 4417 is talked about?"
    found = decide([*said, late], asked, SynonymEncoder(), folder=tmp_path)
    assert (found.kind, found.passages[0], found.sources) == ("nearest", said[9], ())


def test_what_goes_on_meanwhile_is_taken_for_granted():
    """So the nearest of it tells when, however far that is; and is not called the answer."""
    shown = [*passages(*TALK), *PAGES]
    assert decide(passages(*TALK), "How is glass recycled in Peru?", None).kind == "not said"
    asked = "What is on the slide while recycling in Peru is talked about?"
    found = decide(shown, asked, None)
    assert (found.kind, found.sources) == ("nearest", ())
    assert {one.source for one in found.passages} == {"screen"}


def test_one_stream_alone_is_asked_as_any_question():
    asked = parse_question("What is on the slide while Pane: 80 pounds is talked about?")
    assert set(evidence_of(PAGES, asked, None)) == {"screen"}
    assert decide(PAGES, asked, None).passages[0] in PAGES


SLIDES = ["Cast list", "Inspector", "Doctor: Kwame Boateng", "Licence", "Box office", "Interval"]


@pytest.mark.parametrize("question", ["Who plays the inspector?", "How is a licence renewed?"])
def test_a_heading_that_repeats_the_question_is_no_answer(question, monkeypatch):
    """However sure it is that it fits; it may come nearest."""
    monkeypatch.setattr(decision, "fitted_to", lambda *_: Logistic(4.0, {}, 20.0))
    assert decide(passages(*SLIDES, source="screen"), "Who is Kwame?", None).kind == "said"
    found = decide(passages(*SLIDES, source="screen"), question, None)
    assert found.kind == "nearest"
    assert found.passages[0].text in ("Inspector", "Licence")
    assert found.sources == ()


def test_another_source_that_says_more_answers_instead():
    written = passages(*SLIDES, source="screen")
    spoken = passages(*TALK, "The inspector was called Winslow.", source="subtitles")
    found = decide([*written, *spoken], "What was the inspector called?", None)
    assert (found.kind, found.sources) == ("said", ("subtitles",))
    assert [one.text for one in found.passages] == ["The inspector was called Winslow."]


@pytest.mark.parametrize(
    "question",
    ["inspector", "Who is the doctor, Kwame Boateng?", "Is the inspector in the cast?",
     "When does the inspector come?", "How often is the inspector shown?"],
)  # fmt: skip
def test_where_it_may_be_all_there_is_to_say_it_does_not_count_as_repeated(question):
    asked = parse_question(question)
    [inspector, doctor] = passages("Inspector", "Doctor Kwame Boateng")
    assert not decision.repeats(doctor if "doctor" in question else inspector, asked)
