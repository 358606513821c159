"""From names to parts: what is named is there, and what is not is told."""

import pytest

from fakes import ColourAnswerer, ColourEncoder, ColourRetriever
from ntlbg.encoders import ENCODERS, load_encoder
from ntlbg.errors import ConfigError
from ntlbg.retrievers import RETRIEVERS, load_retriever
from ntlbg.system import System, load_system


def test_parts_of_ones_own_are_taken_as_they_are():
    encoder, answerer = ColourEncoder(), ColourAnswerer()
    retriever = ColourRetriever(encoder)
    assert load_encoder(encoder) is encoder
    assert load_retriever(retriever) is retriever
    system = load_system(answerer, retriever=retriever)
    assert (system.answerer, system.retriever) == (answerer, retriever)
    assert load_system(system) is system


def test_names_are_those_of_the_menus(monkeypatch):
    monkeypatch.setitem(ENCODERS, "colour", ColourEncoder)
    monkeypatch.setitem(RETRIEVERS, "colours", lambda: ColourRetriever(ColourEncoder()))
    assert load_encoder("colour").name == "colour"
    assert load_system(ColourAnswerer(), retriever="colours").retriever.name == "colours"
    assert load_system(ColourAnswerer(), encoder="colour").retriever.name == "embedding"


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"retriever": "best"}, "no retriever 'best'; there are: builtin"),
        ({"encoder": "best"}, "no encoder 'best'; there are: builtin"),
        ({"encoder": "builtin", "retriever": "builtin"}, "both a retriever and an encoder"),
    ],
)
def test_what_is_not_there_is_told(how, message):
    with pytest.raises(ConfigError, match=message):
        load_system(ColourAnswerer(), **how)


def test_two_encoders_of_one_name_are_no_system():
    other = ColourEncoder()
    other.fingerprint = "colour-2"
    system = System(ColourRetriever(other), ColourAnswerer())
    with pytest.raises(ConfigError, match="two encoders that are both called 'colour'"):
        _ = system.encoders
