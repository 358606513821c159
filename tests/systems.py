"""One of every implementation of every role, small and random, for tests of what they promise."""

import tempfile
from functools import cache, partial
from pathlib import Path

import toys
from fakes import ColourAnswerer, ColourEncoder, ColourRetriever
from longvu_models import tiny_longvu_processor, tiny_model
from ntlbg.answerers import Answerer
from ntlbg.answerers.echo import EchoAnswerer
from ntlbg.answerers.gguf import load_gguf_answerer
from ntlbg.answerers.longvu import LongVUAnswerer
from ntlbg.answerers.transformers import load_transformers_answerer
from ntlbg.encoders import Encoder
from ntlbg.encoders.loading import load_pretrained_encoder
from ntlbg.retrievers import Retriever
from ntlbg.retrievers.coverage import CoverageRetriever
from ntlbg.retrievers.embedding import EmbeddingRetriever
from ntlbg.retrievers.fuse import FusedRetriever
from ntlbg.retrievers.passages import PassagesRetriever
from tiny_encoders import FAMILIES as ENCODER_FAMILIES
from tiny_encoders import write_tiny_encoder
from tiny_gguf import write_tiny_gguf
from tiny_models import tiny_answerer
from tiny_vlms import FAMILIES as VLM_FAMILIES
from tiny_vlms import make_vlm


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


@cache
def _gguf() -> Answerer:
    with tempfile.TemporaryDirectory() as folder:
        files = write_tiny_gguf(Path(folder))
        return load_gguf_answerer(files.model, {"mmproj": files.projector, "threads": 1})


@cache
def _pretrained(family: str) -> Encoder:
    with tempfile.TemporaryDirectory() as folder:
        write_tiny_encoder(family, Path(folder))
        return load_pretrained_encoder(folder, name=family, device="cpu")


# Called anew for every test; models are made once.
ANSWERERS = {
    "echo": EchoAnswerer,
    "echo-pictures": lambda: EchoAnswerer(pictures=True),
    "colours": ColourAnswerer,
    "ntlbg": _ntlbg,
    "longvu": _longvu,
    "toy": lambda: toys.names()["ToyAnswerer"](),
    "gguf": _gguf,
    **{family: partial(_vlm, family) for family in VLM_FAMILIES},
}
RETRIEVERS = {
    "colours": lambda: ColourRetriever(ColourEncoder()),
    "embedding": lambda: EmbeddingRetriever(ColourEncoder()),
    "embedding-clip": lambda: EmbeddingRetriever(_pretrained("clip")),
    "coverage": lambda: CoverageRetriever(_pretrained("dinov2")),
    "ntlbg": lambda: _ntlbg().own_retriever(),
    "longvu": lambda: _longvu().own_retriever(),
    "toy": lambda: toys.names()["ToyRetriever"](),
}
# Those that read what is said and written as well.
READING_RETRIEVERS = {
    "passages": lambda: PassagesRetriever(lambda: None, (ColourEncoder(),)),
    "fuse": lambda: FusedRetriever(RETRIEVERS["colours"](), READING_RETRIEVERS["passages"]()),
}
ENCODERS = {
    "colour": ColourEncoder,
    "longvu": lambda: RETRIEVERS["longvu"]().encoders[0],
    "toy": lambda: toys.names()["ToyEncoder"](),
    **{family: partial(_pretrained, family) for family in ENCODER_FAMILIES},
}


def encoder(name: str) -> Encoder:
    return ENCODERS[name]()


def retriever(name: str) -> Retriever:
    return (RETRIEVERS | READING_RETRIEVERS)[name]()


def answerer(name: str) -> Answerer:
    return ANSWERERS[name]()
