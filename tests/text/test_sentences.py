"""Words and cues become passages of one sentence: nothing lost, nothing twice, times inside."""

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ntlbg.text.sentences import Fragment, sentences


def texts(*cues: str, seconds: float = 3.0) -> list[str]:
    """Of cues of some seconds that follow each other."""
    fragments = [Fragment(cue, seconds * n, seconds * (n + 1)) for n, cue in enumerate(cues)]
    return [passage.text for passage in sentences(fragments, "subtitles")]


def letters(text: str) -> str:
    return re.sub(r"\s", "", text)


@pytest.mark.parametrize(
    ("cues", "expected"),
    [
        (["One. Two!", "Three?"], ["One.", "Two!", "Three?"]),
        (
            ["It goes on", "in the next cue. And", "ends."],
            ["It goes on in the next cue.", "And ends."],
        ),
        (["Dr. Smith met Mrs. Jones."], ["Dr. Smith met Mrs. Jones."]),
        (["It costs 3.5 million. Cheap."], ["It costs 3.5 million.", "Cheap."]),
        (
            ["The U.S. Senate met at 5 p.m. yesterday."],
            ["The U.S. Senate met at 5 p.m. yesterday."],
        ),
        (["He lives in the U.S. He likes it."], ["He lives in the U.S.", "He likes it."]),
        (["See Fig. 3 and No. 5. No. Never."], ["See Fig. 3 and No. 5.", "No.", "Never."]),
        (["John F. Kennedy, e.g. in 1961."], ["John F. Kennedy, e.g. in 1961."]),
        (["So... it goes on... Then it ends."], ["So... it goes on...", "Then it ends."]),
        (['He said "Stop!" Then he left.'], ['He said "Stop!"', "Then he left."]),
        (["(Really?) Yes."], ["(Really?)", "Yes."]),
        (["Open example.com now. Done."], ["Open example.com now.", "Done."]),
        (["«C'est ça.» Oui… Non."], ["«C'est ça.»", "Oui…", "Non."]),
        (["¿Qué? ¡Nada! Bien."], ["¿Qué?", "¡Nada!", "Bien."]),
        (["Das ist z.B. gut. Am 3. Mai."], ["Das ist z.B. gut.", "Am 3. Mai."]),
        (
            ["你好，世界。今天我们讨论", "预算。好吗？"],
            ["你好，世界。", "今天我们讨论预算。", "好吗？"],
        ),
        (["他说：“好吧。”“是！”"], ["他说：“好吧。”", "“是！”"]),
        (["用Python 3.5写。OK。对"], ["用Python 3.5写。", "OK。", "对"]),
        (
            ["こんにちは。今日は", "「予算」の話です。"],
            ["こんにちは。", "今日は「予算」の話です。"],
        ),
        (
            ["안녕하세요. 오늘은", "예산 이야기입니다."],
            ["안녕하세요.", "오늘은 예산 이야기입니다."],
        ),
        (["यह ठीक है। चलो।"], ["यह ठीक है।", "चलो।"]),
        (["هل أنت بخير؟ نعم."], ["هل أنت بخير؟", "نعم."]),
        (["- Who is it\n- Me"], ["- Who is it", "- Me"]),
        ([">> THE NEWS", ">> GOOD", "EVENING"], [">> THE NEWS", ">> GOOD EVENING"]),
        (["a well-\nknown line"], ["a well- known line"]),
        (["one\ntwo"], ["one two"]),
        (
            ["Turn to page 3. Look. 1. Open it. 2. Close it."],
            ["Turn to page 3.", "Look.", "1. Open it.", "2. Close it."],
        ),
        (["", "  \n ", "one"], ["one"]),
        ([], []),
    ],
)
def test_where_sentences_end(cues, expected):
    assert texts(*cues) == expected


def test_a_cue_is_parted_by_its_letters():
    [one, two] = sentences([Fragment("Four. Nine more.", 10.0, 24.0)], "subtitles")
    # 5 letters of 14 in the first sentence, spaces apart
    assert (one.start_seconds, two.end_seconds) == (10.0, 24.0)
    assert one.end_seconds == two.start_seconds == pytest.approx(10 + 14 * 5 / 14)


def test_times_of_words_are_kept():
    words = [
        Fragment(" Hello", 1.0, 1.4),
        Fragment(" there", 1.5, 1.8),
        Fragment(".", 1.8, 1.9, is_glued=True),
        Fragment(" It", 2.5, 2.6),
        Fragment("'s", 2.6, 2.7, is_glued=True),
        Fragment(" late.", 2.8, 3.25),
    ]
    found = sentences(words, "speech")
    assert [(p.text, p.start_seconds, p.end_seconds, p.source) for p in found] == [
        ("Hello there.", 1.0, 1.9, "speech"),
        ("It's late.", 2.5, 3.25, "speech"),
    ]


def test_chinese_words_are_joined_without_spaces():
    words = [
        Fragment(word, n, n + 1.0, is_glued=n > 0)
        for n, word in enumerate(("今天", "讨论", "预算。", "好"))
    ]
    assert [(p.text, p.start_seconds) for p in sentences(words, "speech")] == [
        ("今天讨论预算。", 0.0),
        ("好", 3.0),
    ]


def test_a_pause_ends_a_sentence():
    near = [Fragment("it goes", 0.0, 2.0), Fragment("on", 4.0, 5.0)]
    assert [p.text for p in sentences(near, "subtitles")] == ["it goes on"]
    far = [Fragment("it goes", 0.0, 2.0), Fragment("on", 4.5, 5.0)]
    assert [p.text for p in sentences(far, "subtitles")] == ["it goes", "on"]


def test_a_long_sentence_is_cut_after_a_comma():
    text = " ".join(["word"] * 30) + ", " + " ".join(["more"] * 28)
    [one, two] = sentences([Fragment(text, 0.0, 20.0)], "subtitles")
    assert one.text.endswith("word,")
    assert two.text.startswith("more")


def test_captions_without_punctuation_are_cut_between_cues():
    cues = [Fragment(f"{n} and so they went on and on", 3.0 * n, 3.0 * n + 3) for n in range(40)]
    found = sentences(cues, "subtitles")
    assert all(5 < p.end_seconds - p.start_seconds <= 15 for p in found)
    assert all(p.text[0].isdigit() for p in found)


def test_what_stays_for_long_counts_from_its_beginning():
    [passage] = sentences([Fragment("The end.", 100.0, 190.0)], "subtitles")
    assert (passage.start_seconds, passage.end_seconds) == (100.0, 115.0)


def test_lines_that_stay_while_the_next_is_said_end_there():
    cues = [Fragment("First one.", 0.0, 4.0), Fragment("Second one.", 2.0, 6.0)]
    assert [(p.start_seconds, p.end_seconds) for p in sentences(cues, "subtitles")] == [
        (0, 2),
        (2, 6),
    ]


def test_voices_are_not_mixed():
    cues = [
        Fragment("We begin", 0, 2, "top"),
        Fragment("Nous", 0, 2, "bottom"),
        Fragment("now.", 2, 4, "top"),
        Fragment("commençons.", 2, 4, "bottom"),
    ]
    assert [p.text for p in sentences(cues, "subtitles")] == ["We begin now.", "Nous commençons."]


WORDS = st.one_of(
    st.text("abcXY.,!?…\"'()-“”0 ", min_size=1, max_size=30),
    st.text("今天我们。，！？“”《》讨论 A1", min_size=1, max_size=30),
    st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12),
)


@st.composite
def fragments(draw, max_gap=4.0):
    """Cues one after another, sometimes crossing; each has a number of its own in it."""
    found, start = [], 0.0
    for number in range(draw(st.integers(1, 12))):
        start = max(0.0, start + draw(st.floats(-2.0, max_gap)))
        text = f"{draw(WORDS)} <{number}> {draw(WORDS)}"
        end = start + draw(st.one_of(st.just(0.0), st.floats(0.01, 40.0)))
        found.append(Fragment(text, start, end, draw(st.sampled_from(["", "", "B"]))))
        start = end
    return found


@settings(max_examples=300, deadline=None)
@given(fragments())
def test_promises_for_any_cues(cues):
    found = sentences(cues, "subtitles")
    assert all(a.start_seconds <= b.start_seconds for a, b in pairwise(found))
    first, last = min(c.start_seconds for c in cues), max(c.end_seconds for c in cues)
    for passage in found:
        assert first <= passage.start_seconds <= passage.end_seconds <= last
        assert passage.end_seconds - passage.start_seconds <= 15 + 1e-9
        assert passage.text == passage.text.strip() != ""
    # every letter is there once: of one voice in the order of the cues
    both = "".join(letters(p.text) for p in found)
    assert sorted(both) == sorted(letters("".join(c.text for c in cues)))
    for number in range(len(cues)):
        assert both.count(f"<{number}>") == "".join(letters(c.text) for c in cues).count(
            f"<{number}>"
        )


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from(["Yes it is.", "We went on", "你好。", "and then, perhaps,"]),
        min_size=1,
        max_size=30,
    )
)
def test_order_of_cues_that_do_not_cross_is_kept(words):
    cues = [Fragment(f"{word} {n}", 2.0 * n, 2.0 * n + 1.5) for n, word in enumerate(words)]
    found = sentences(cues, "subtitles")
    assert letters("".join(p.text for p in found)) == letters("".join(c.text for c in cues))
    for cue in cues:  # and a passage that holds a cue's number is on while the cue is
        assert any(
            p.start_seconds <= cue.end_seconds and p.end_seconds >= cue.start_seconds
            and str(round(cue.start_seconds / 2)) in p.text
            for p in found
        )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["(" * 50_000, "。" * 50_000, "“你" * 20_000, "." * 50_000, "a" * 50_000, "a, " * 30_000],
)
def test_no_text_takes_for_ever(text):
    found = sentences([Fragment(text, 0.0, 3000.0)], "subtitles")
    assert letters("".join(p.text for p in found)) == letters(text)


def test_many_cues_at_one_time():
    cues = [Fragment(f"word{n} and", 0.0, 100.0 + n / 7) for n in range(3000)]
    assert sum(p.text.count("word") for p in sentences(cues, "subtitles")) == 3000
