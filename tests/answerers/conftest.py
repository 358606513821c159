"""Small random vision-language models, made once: of each family in a folder, and as GGUF."""

import pytest

from tiny_gguf import write_tiny_gguf
from tiny_vlms import FAMILIES, make_vlm


@pytest.fixture(scope="session")
def vlm_folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("vlms")
    return {family: make_vlm(family, place / family) for family in FAMILIES}


@pytest.fixture(scope="session")
def tiny_gguf(tmp_path_factory):
    return write_tiny_gguf(tmp_path_factory.mktemp("gguf"))
