"""Texts of an encoder that are no vectors. Of pictures: tests/index/test_index_video.py."""

import numpy as np
import pytest

from fakes import ColourEncoder
from ntlbg.encoders.checked import encode_texts
from ntlbg.errors import InvalidFeatures
from ntlbg.retrievers.embedding import EmbeddingRetriever


class Saying(ColourEncoder):
    """Returns this of every text."""

    def __init__(self, vectors):
        super().__init__()
        self.vectors = vectors

    def encode_text(self, texts):
        return self.vectors


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        ([[1.0, np.nan, 0, 0]], "must be finite .*; row 0 is not"),
        ([[np.inf, 1, 0, 0]], "must be finite"),
        ([1.0, 0, 0, 0], r"must have shape \(1, 4\).*got shape \(4,\)"),
        ([[1.0, 0, 0]], r"got shape \(1, 3\)"),
        ([[1.0, 0, 0, 0]] * 2, r"got shape \(2, 4\)"),
        ("red", "cannot be read as an array of numbers"),
    ],
)
def test_the_encoder_and_its_method_are_named(vectors, message):
    with pytest.raises(InvalidFeatures, match=f"'colour': what encode_text returns .*{message}"):
        EmbeddingRetriever(Saying(vectors))


def test_no_vectors_are_no_error():
    assert encode_texts(Saying(None), ["red"]) is None
    np.testing.assert_array_equal(encode_texts(Saying([[1, 2, 3, 4]]), ["red"]), [[1, 2, 3, 4]])
