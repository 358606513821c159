"""One of every implementation of every role, small and random, for tests of what they promise."""

import tempfile
from functools import cache, partial
from pathlib import Path

import toys
from fakes import ColourAnswerer, ColourEncoder, ColourRetriever
from longvu_models import tiny_longvu_processor, tiny_model
from ntlbg.answerers import Answerer
from ntlbg.answerers.echo import EchoAnswerer
from ntlbg.answerers.longvu import LongVUAnswerer
from ntlbg.answerers.transformers import load_transformers_answerer
from ntlbg.encoders import Encoder
from ntlbg.retrievers import Retriever
from ntlbg.retrievers.embedding import EmbeddingRetriever
from tiny_models import tiny_answerer
from tiny_vlms import FAMILIES, make_vlm


@cache
def _ntlbg() -> Answerer:
    return tiny_answerer("owl", "bus", feature_size=4)


@cache
def _longvu() -> Answerer:
    model, processor = tiny_model(context_length=600), tiny_longvu_processor()
    return LongVUAnswerer(model, processor, "tiny-1", name="longvu")


@cache
def _vlm(family: str) -> Answerer:
    with tempfile.TemporaryDirectory() as folder:
        return load_transformers_answerer(str(make_vlm(family, Path(folder) / family)), {})


# Called anew for every test; models are made once.
ANSWERERS = {
    "echo": EchoAnswerer,
    "echo-pictures": lambda: EchoAnswerer(pictures=True),
    "colours": ColourAnswerer,
    "ntlbg": _ntlbg,
    "longvu": _longvu,
    "toy": lambda: toys.names()["ToyAnswerer"](),
    **{family: partial(_vlm, family) for family in FAMILIES},
}
RETRIEVERS = {
    "colours": lambda: ColourRetriever(ColourEncoder()),
    "embedding": lambda: EmbeddingRetriever(ColourEncoder()),
    "ntlbg": lambda: _ntlbg().own_retriever(),
    "longvu": lambda: _longvu().own_retriever(),
    "toy": lambda: toys.names()["ToyRetriever"](),
}
ENCODERS = {
    "colour": ColourEncoder,
    "longvu": lambda: RETRIEVERS["longvu"]().encoders[0],
    "toy": lambda: toys.names()["ToyEncoder"](),
}


def encoder(name: str) -> Encoder:
    return ENCODERS[name]()


def retriever(name: str) -> Retriever:
    return RETRIEVERS[name]()


def answerer(name: str) -> Answerer:
    return ANSWERERS[name]()
