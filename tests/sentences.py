"""A text encoder that knows a few synonyms, a tiny model of sentence-transformers, and passages."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from ntlbg.models.quiet import quiet_transformers
from ntlbg.text.meaning import TextEncoder
from ntlbg.text.meaning.words import tokens
from ntlbg.types import Passage

SYNONYMS = {"glasshous": "greenhous", "cost": "price", "expens": "price", "kid": "child"}
WORDS = [
    "the", "a", "budget", "of", "seeds", "was", "greenhouse", "pays", "for", "red", "owl",
    "bus", "is", "it", "who", "when", "and",
]  # fmt: skip


class SynonymEncoder(TextEncoder):
    """A random direction for each stem, the same for synonyms; counts what it encoded."""

    name, fingerprint, feature_size = "synonyms", "synonyms-1", 64

    def __init__(self, languages=()):
        self.encoded, self.languages = [], languages

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        self.encoded += texts
        return np.stack([self._vector(text) for text in texts])

    def encode_questions(self, texts: Sequence[str]) -> np.ndarray:
        return np.stack([self._vector(text) for text in texts])

    def _vector(self, text: str) -> np.ndarray:
        whole = _direction("any text", self.feature_size)
        for token in tokens(text, "stems"):
            whole = whole + 3 * _direction(SYNONYMS.get(token, token), self.feature_size)
        return np.float32(whole / np.linalg.norm(whole))


def _direction(token: str, size: int) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(token.encode()).digest()[:8], "big")
    vector = np.random.default_rng(seed).standard_normal(size)
    return vector / np.linalg.norm(vector)


def passages(*texts: str, source: str = "subtitles", every: float = 10.0) -> list[Passage]:
    """Sentences of 4 s, one every so many seconds."""
    return [
        Passage(text, number * every, number * every + 4, source)
        for number, text in enumerate(texts)
    ]


def write_sentence_model(
    folder: Path, *, pooling: dict | None = None, modules: Sequence[str] = (), seed: int = 0
) -> BertModel:
    """A random BERT of two layers, in the files of sentence-transformers."""
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "query", "passage", ":", *WORDS]
    model = BertModel(
        BertConfig(
            vocab_size=len(vocabulary),
            hidden_size=16,
            num_hidden_layers=2,
            intermediate_size=32,
            num_attention_heads=2,
            max_position_embeddings=24,
        )
    ).eval()
    with quiet_transformers():
        model.save_pretrained(folder)
    tokenizer(vocabulary).save_pretrained(folder)
    if pooling is not None:
        kinds = ("Transformer", "Pooling", "Normalize", *modules)
        listed = [
            {"idx": n, "name": str(n), "path": f"{n}_{kind}" if n else "",
             "type": f"sentence_transformers.models.{kind}"}
            for n, kind in enumerate(kinds)
        ]  # fmt: skip
        write_json(folder / "modules.json", listed)
        write_json(folder / "1_Pooling" / "config.json", pooling)
    return model


def write_json(path: Path, content) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def tokenizer(vocabulary: list[str]) -> PreTrainedTokenizerFast:
    backend = Tokenizer(
        models.WordPiece({word: n for n, word in enumerate(vocabulary)}, unk_token="[UNK]")
    )
    backend.normalizer = normalizers.BertNormalizer()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
        pad_token="[PAD]", mask_token="[MASK]", model_max_length=24,
    )  # fmt: skip
