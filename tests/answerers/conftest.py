"""A small random vision-language model of each family, in a folder, made once."""

import pytest

from tiny_vlms import FAMILIES, make_vlm


@pytest.fixture(scope="session")
def vlm_folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("vlms")
    return {family: make_vlm(family, place / family) for family in FAMILIES}
