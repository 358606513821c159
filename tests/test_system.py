"""One of each role, from a few words."""

import numpy as np
import pytest

from fakes import ColourAnswerer, ColourEncoder
from ntlbg import answerers
from ntlbg.answerers.echo import EchoAnswerer
from ntlbg.encoders import ENCODERS, Encoder
from ntlbg.errors import ConfigError
from ntlbg.retrievers import RETRIEVERS, Retriever
from ntlbg.retrievers.coverage import CoverageRetriever
from ntlbg.retrievers.embedding import EmbeddingRetriever
from ntlbg.system import System, load_system
from ntlbg.types import VideoIndex


class Grey(Encoder):
    """Knows pictures only."""

    name, fingerprint, feature_size, image_size = "grey", "grey-1", 1, (8, 8)

    def encode_frames(self, frames):
        return frames.mean((1, 2, 3), np.float32)[:, None]


@pytest.fixture
def colours(monkeypatch):
    """An answerer of this name, and, under the same name, what is natural to it."""
    answerer = ColourAnswerer()
    monkeypatch.setitem(answerers.ANSWERERS, "system colours", lambda choice: answerer)
    monkeypatch.setitem(ENCODERS, "colour", ColourEncoder)
    monkeypatch.setitem(RETRIEVERS, "colours", lambda: answerer.retriever)
    return answerer


def test_a_model_comes_with_its_own_retriever(colours):
    system = load_system("system colours")
    assert (system.answerer, system.retriever) == (colours, colours.retriever)
    assert (system.name, system.fingerprint) == (colours.name, colours.fingerprint)
    assert system.encoders == [colours.encoder]
    assert load_system(system) is system
    assert load_system(colours).answerer is colours


def test_a_model_without_one_gets_the_builtin_one(colours, monkeypatch):
    monkeypatch.setitem(RETRIEVERS, "builtin", lambda: colours.retriever)
    assert load_system(EchoAnswerer()).retriever is colours.retriever


def test_what_is_named_goes_over_what_is_natural(colours):
    named = load_system(EchoAnswerer(), retriever="colours")
    assert named.retriever is load_system(EchoAnswerer(), retriever=colours.retriever).retriever
    assert isinstance(load_system(colours, encoder="colour").retriever, EmbeddingRetriever)
    own = ColourEncoder()
    assert load_system(colours, encoder=own).retriever.encoders == (own,)


def test_encoders_come_once_and_first_what_tells_frames_apart(colours):
    class Two(ColourAnswerer):
        def __init__(self):
            super().__init__()
            self.encoders = (Grey(), self.encoder)

    system = System(EmbeddingRetriever(ColourEncoder()), Two())
    assert [encoder.name for encoder in system.encoders] == ["colour", "grey"]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"retriever": "colours", "encoder": "colour"}, "both a retriever and an encoder"),
        ({"retriever": "psychic"}, "no retriever 'psychic'; there are: builtin, colours"),
        ({"encoder": "nose"}, "no encoder 'nose'; there are: builtin, siglip2"),
    ],
)
def test_what_cannot_be_is_explained(colours, wanted, message):
    with pytest.raises(ConfigError, match=message):
        load_system(colours, **wanted)


def test_an_encoder_that_knows_no_texts_covers_the_video(colours):
    grey = Grey()
    retriever = load_system(colours, encoder=grey).retriever
    assert isinstance(retriever, CoverageRetriever)
    assert retriever.encoders == (grey,)
    with pytest.raises(ConfigError, match="encoder 'grey' knows pictures only"):
        EmbeddingRetriever(grey)  # by likeness it can find nothing


@pytest.mark.parametrize("beside", [{"retriever": "colours"}, {"encoder": ColourEncoder()}])
def test_a_system_takes_no_other_retriever(colours, beside):
    with pytest.raises(ConfigError, match="system 'colours' has its retriever, 'colours'; give"):
        load_system(load_system(colours), **beside)


A_MODEL = r"the answerer must be a name \(builtin.*\), the folder .* or a System; got "
A_RETRIEVER = r"the retriever must be a name \(builtin.*\) or an object of Retriever; got "
AN_ENCODER = r"the encoder must be a name \(builtin.*\) or an object of Encoder; got "


@pytest.mark.parametrize(
    ("model", "beside", "message"),
    [
        (None, {}, A_MODEL + "None"),
        ([], {}, A_MODEL + r"\[\]"),
        (ColourAnswerer, {}, A_MODEL + r"the class ColourAnswerer: make one of it, ColourAnswerer"),
        (ColourEncoder(), {}, A_MODEL + "an object of ColourEncoder"),
        ("system colours", {"retriever": ColourEncoder()}, A_RETRIEVER + "an object of Colour"),
        ("system colours", {"retriever": EmbeddingRetriever}, A_RETRIEVER + "the class Embedding"),
        ("system colours", {"retriever": ["colours"]}, A_RETRIEVER + r"\['colours'\]"),
        (
            "system colours",
            {"encoder": ColourEncoder},
            AN_ENCODER + "the class ColourEncoder:",
        ),
        ("system colours", {"encoder": ColourAnswerer()}, AN_ENCODER + "an object of ColourA"),
        ("system colours", {"encoder": dict}, AN_ENCODER + "the class dict$"),
    ],
)
def test_what_is_no_part_is_told_in_one_line(colours, model, beside, message):
    with pytest.raises(ConfigError, match=message):
        load_system(model, **beside)


@pytest.mark.parametrize("parts", [(None, EchoAnswerer()), (ColourEncoder(), EchoAnswerer())])
def test_a_system_is_made_of_its_parts(parts):
    with pytest.raises(ConfigError, match=A_RETRIEVER):
        System(*parts)


def test_a_part_that_does_not_say_what_it_is(colours):
    class Odd(Retriever):
        name = "odd"

        def score(self, index, text):
            return np.zeros(len(index))

    for missing, parts in {
        "encoders": {"unit": "similarity"},
        "unit": {"encoders": ()},
        "unit, encoders": {},
    }.items():
        retriever = Odd()
        vars(retriever).update(parts)
        with pytest.raises(ConfigError, match=f"retriever Odd has no {missing}; give the class"):
            load_system(colours, retriever=retriever)
    odd = Odd()
    for unit, encoders, message in [
        ("nats", (), "'odd': unit must be similarity or log_odds; got 'nats'"),
        ("similarity", Grey(), "'odd': encoders must be a tuple of Encoder objects.*Grey"),
        ("similarity", ("builtin",), "'odd': encoders must be .* got .'builtin'"),
    ]:
        odd.unit, odd.encoders = unit, encoders
        with pytest.raises(ConfigError, match=message):
            load_system(colours, retriever=odd)
    single = EchoAnswerer()
    single.encoders = Grey()
    with pytest.raises(ConfigError, match="answerer 'echo': encoders must be a tuple of Encoder"):
        load_system(single, retriever="colours")
    nameless = type("Nameless", (Encoder,), {"encode_frames": Grey.encode_frames})()
    missing = "name, fingerprint, feature_size, image_size"
    with pytest.raises(ConfigError, match=f"encoder Nameless has no {missing}"):
        load_system(colours, encoder=nameless)


def test_relevance_of_an_encoder_is_the_cosine():
    """Against the angle between vectors of two dimensions."""

    class Plane(Grey):
        feature_size = 2

        def encode_text(self, texts):
            return np.array([[3.0, 0.0] for _ in texts], np.float32)

    angles = np.radians([0.0, 60.0, 90.0, 180.0])
    features = 5 * np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    index = VideoIndex(np.arange(4.0), {"grey": features})
    scores = EmbeddingRetriever(Plane()).score(index, "east")
    np.testing.assert_allclose(scores, [1.0, 0.5, 0.0, -1.0], atol=1e-6)
