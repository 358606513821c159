"""The page about parts of one's own: its code runs, and each toy keeps the contract of its role."""

import systems
import toys
from fakes import MOMENTS
from ntlbg.selectors import SELECTORS


def test_the_toys_are_in_the_menus_of_the_contract_tests():
    made = toys.names()
    assert isinstance(systems.answerer("toy"), made["ToyAnswerer"])
    assert isinstance(systems.retriever("toy"), made["ToyRetriever"])
    assert isinstance(systems.encoder("toy"), made["ToyEncoder"])
    assert made["toy_selector"].name not in SELECTORS  # a toy is not shipped


def test_a_system_of_toys_finds_and_names_the_colour(colour_video):
    found = toys.ask(colour_video)
    best = max(found["answer"].evidence, key=lambda item: item.score)
    start, end = MOMENTS["red"]
    assert start <= best.pts_seconds < end
    assert found["answer"].model == "toy"
    assert found["answer"].text in ("red", "grey")  # of three frames some show something else
