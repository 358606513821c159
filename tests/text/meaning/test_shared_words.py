"""The words that a text and a question share."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntlbg.text.meaning.words import Cover, likeness, tokens

TEXTS = [
    "The owl hunts mice.",
    "Seeds cost $1,420 in May.",
    "The owl sleeps.",
    "猫在树上睡觉。",
    "",
]


def stems(text):
    return tokens(text, "stems")


@pytest.mark.parametrize(
    ("text", "scheme", "expected"),
    [
        ("Who ordered the seeds?", "stems", ["order", "seed"]),
        (
            "1,420 kg at 12.5 °C, room B-214",
            "stems",
            ["1420", "kg", "12.5", "c", "room", "b", "214"],
        ),
        ("ＯＷＬ", "stems", ["owl"]),
        ("owl 48", "letters", [" ow", "owl", "wl ", " owl", "owl ", "48"]),
        ("猫睡了", "letters", ["猫", "睡", "猫睡", "睡了"]),
        ("编号TS", "stems", ["ts", "编", "号", "编号"]),
        ("что это", "stems", ["что", "это"]),
        ("... ?!", "stems", []),
    ],
)
def test_what_is_compared(text, scheme, expected):
    assert tokens(text, scheme) == expected


def test_stems_are_those_of_another_implementation():
    nltk = pytest.importorskip("nltk.stem.snowball", reason="an independent stemmer")
    other = nltk.SnowballStemmer("english")
    words = ["running", "flies", "happily", "nationality", "argued", "skies", "generously"]
    assert [stems(word) for word in words] == [[other.stem(word)] for word in words]


def test_cover_is_the_share_of_the_weights_of_its_words():
    cover = Cover(TEXTS, stems)

    def weight(held):
        return math.log(1 + (5 - held + 0.5) / (held + 0.5))

    owl, seeds, zebra = weight(2), weight(1), weight(0)
    expected = np.array([owl, seeds, owl, 0, 0]) / (owl + seeds + zebra)
    np.testing.assert_allclose(cover.of("owl, seeds or zebra, seeds?"), expected)


@given(st.text(max_size=60))
def test_a_cover_is_a_share(question):
    found = Cover(TEXTS, stems).of(question)
    assert found.shape == (5,)
    assert ((found >= 0) & (found <= 1 + 1e-9)).all()


@given(st.lists(st.text(alphabet="abc defg", max_size=12), min_size=1, max_size=6), st.data())
def test_a_text_covers_itself_and_order_does_not_matter(texts, data):
    cover = Cover(texts, stems)
    text = data.draw(st.sampled_from(texts))
    if stems(text):
        assert cover.of(text)[texts.index(text)] == pytest.approx(1)
    order = data.draw(st.permutations(range(len(texts))))
    other = Cover([texts[row] for row in order], stems)
    np.testing.assert_allclose(other.of("ab cd"), cover.of("ab cd")[list(order)])


def test_letters_forgive_what_was_misheard():
    texts = ["Miss Greenhalk will call.", "Nobody will call.", "Call Mister Grey."]
    by_letters = Cover(texts, lambda text: tokens(text, "letters")).of("Who is Greenhalgh?")
    assert by_letters.argmax() == 0
    assert by_letters[0] > 2 * by_letters[2]
    assert Cover(texts, stems).of("Who is Greenhalgh?").max() == 0


def test_a_digit_makes_another_number():
    cover = Cover(["code 7731", "code 7732"], lambda text: tokens(text, "letters"))
    one, other = cover.of("What is 7732?")
    assert (one, other) == (0, pytest.approx(1))


def test_likeness_of_texts_that_no_encoder_reads():
    assert likeness("请总结视频", "请总结视频") == pytest.approx(1)
    assert likeness("请总结视频", "怎么种西红柿") == 0
    assert 0 < likeness("总结一下视频", "请总结视频") < 1
    assert likeness("", "x") == 0
