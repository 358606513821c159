"""No sentence is encoded twice, and what is kept is what was encoded."""

import numpy as np
import pytest

from ntlbg.errors import InvalidFeatures, OutputError
from ntlbg.text.meaning.kept import RUN, kept_vectors
from sentences import SynonymEncoder

TEXTS = [f"sentence number {number} of the owl" for number in range(RUN + 40)]


def test_vectors_are_those_of_the_encoder_and_are_read_back(tmp_path):
    encoder = SynonymEncoder()
    first = kept_vectors(encoder, TEXTS, tmp_path)
    np.testing.assert_allclose(first, SynonymEncoder().encode(TEXTS), atol=1e-6)
    assert encoder.encoded == TEXTS
    np.testing.assert_array_equal(kept_vectors(encoder, TEXTS, tmp_path), first)
    assert len(encoder.encoded) == len(TEXTS)


def test_a_transcript_that_grows_keeps_its_whole_runs(tmp_path):
    encoder = SynonymEncoder()
    kept_vectors(encoder, TEXTS, tmp_path)
    encoder.encoded.clear()
    grown = kept_vectors(encoder, [*TEXTS, "one more"], tmp_path)
    assert encoder.encoded == [*TEXTS[RUN:], "one more"]
    assert len(grown) == len(TEXTS) + 1


def test_another_encoder_has_its_own(tmp_path):
    kept_vectors(SynonymEncoder(), TEXTS[:3], tmp_path)
    other = SynonymEncoder()
    other.fingerprint = "synonyms-2"
    kept_vectors(other, TEXTS[:3], tmp_path)
    assert other.encoded == TEXTS[:3]


@pytest.mark.parametrize("damage", [b"", b"x" * 50, None])
def test_a_damaged_entry_is_made_anew(tmp_path, damage):
    encoder = SynonymEncoder()
    whole = kept_vectors(encoder, TEXTS[:3], tmp_path)
    [path] = tmp_path.iterdir()
    content = path.read_bytes()
    path.write_bytes(content[:-9] + bytes(9) if damage is None else damage)
    np.testing.assert_array_equal(kept_vectors(encoder, TEXTS[:3], tmp_path), whole)
    assert path.read_bytes() == content


def test_no_passages_no_vectors(tmp_path):
    assert kept_vectors(SynonymEncoder(), [], tmp_path).shape == (0, 64)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.ones((2, 64)), r"must have shape \(3, 64\)"),
        (np.full((3, 64), np.nan), "must be finite"),
        (np.zeros((3, 64)), "must point somewhere; row 0 is all zeros"),
        (None, "cannot be read as an array"),
    ],
)
def test_what_is_no_vector_for_each_text_is_refused(tmp_path, vectors, message):
    encoder = SynonymEncoder()
    encoder.encode = lambda texts: vectors
    with pytest.raises(InvalidFeatures, match=f"text encoder 'synonyms': what it .*{message}"):
        kept_vectors(encoder, TEXTS[:3], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="what passages mean cannot be kept there"):
        kept_vectors(SynonymEncoder(), ["a"], tmp_path / "file")
