"""From a folder or a name of the hub to a sentence encoder that others trained."""

import hashlib
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoTokenizer, PreTrainedConfig

from ntlbg.downloads import index_root
from ntlbg.errors import ConfigError
from ntlbg.hub import (
    VOCABULARIES,
    find_model,
    folder_fingerprint,
    model_type,
    wanted_files,
    weight_files,
)
from ntlbg.models.pretrained_parts import Loading, load_config, load_weights
from ntlbg.models.quiet import quiet_transformers
from ntlbg.text.meaning import TextEncoder
from ntlbg.text.meaning.recipe import BESIDE, Recipe, read_recipe

# Change this when the same model would give other vectors of the same texts.
FORMAT = 1
# Of 600 sentences of MiniLM on one core 8 to 64 at once cost the same; 32 take less memory.
BATCH_SIZE = 32
# Questions; with those that are shipped, some 90, there is room for a long list of them. 2 MB.
MOST_REMEMBERED = 1000
# Positions before the first token, which the families of RoBERTa count.
_OFFSETS = {"roberta": 2, "xlm-roberta": 2, "camembert": 2, "mpnet": 2}
# What only the training of the model read; folders may lack it.
_OF_TRAINING = ("pooler.",)


class SentenceEncoder(TextEncoder):
    """A model of sentence-transformers, read by transformers.

    Args:
        model: of transformers; it computes where it is, in its own numbers.
        tokenizer: of the same folder.
        recipe: what is made of its tokens.
        about: the attributes of a ``TextEncoder``.
    """

    def __init__(self, model: Any, tokenizer: Any, recipe: Recipe, max_tokens: int, **about: Any):
        self.model, self.tokenizer, self.recipe = model.eval(), tokenizer, recipe
        self.max_tokens = max_tokens
        self.name, self.fingerprint = about["name"], about["fingerprint"]
        self.languages = about.get("languages", ())
        self.feature_size = model.config.hidden_size
        self._asked: dict[str, np.ndarray] = {}

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """float32 (N, D) of unit length; a text longer than the model reads is cut off."""
        return self._encode([self.recipe.passage + text for text in texts])

    def encode_questions(self, texts: Sequence[str]) -> np.ndarray:
        """The same, with what the model wants before a question.

        Vectors are remembered: each part of an answer asks about each source, again and again.
        """
        if len(self._asked) > MOST_REMEMBERED:
            self._asked.clear()
        if new := [text for text in dict.fromkeys(texts) if text not in self._asked]:
            vectors = self._encode([self.recipe.question + text for text in new])
            self._asked.update(zip(new, vectors))
        found = [self._asked[text] for text in texts]
        return np.stack(found) if found else np.zeros((0, self.feature_size), np.float32)

    def reads_all_of(self, question: str) -> bool:
        """Whether it has positions for all its tokens."""
        whole = self.tokenizer(self.recipe.question + question, truncation=False, verbose=False)
        return len(whole["input_ids"]) <= self.max_tokens

    @torch.inference_mode()
    def _encode(self, texts: list[str]) -> np.ndarray:
        vectors = np.zeros((len(texts), self.feature_size), np.float32)
        for rows, tokens in self._batches(texts):
            states = self.model(**tokens).last_hidden_state.float()
            pooled = _pooled(states, tokens["attention_mask"], self.recipe.pooling)
            vectors[rows] = torch.nn.functional.normalize(pooled, dim=1).cpu().numpy()
        return vectors

    def _batches(self, texts: list[str]) -> Iterator[tuple[list[int], dict[str, torch.Tensor]]]:
        """Texts of like length together, so that little is padded."""
        if self.recipe.lower_case:
            texts = [text.lower() for text in texts]
        cut: dict[str, Any] = {"truncation": True, "max_length": self.max_tokens}
        lengths = [len(ids) for ids in self.tokenizer(texts, **cut)["input_ids"]] if texts else []
        order = sorted(range(len(texts)), key=lengths.__getitem__)
        for start in range(0, len(order), BATCH_SIZE):
            rows = order[start : start + BATCH_SIZE]
            batch = [texts[row] for row in rows]
            tokens = self.tokenizer(batch, padding=True, return_tensors="pt", **cut)
            yield rows, {name: one.to(self.model.device) for name, one in tokens.items()}


def _pooled(states: torch.Tensor, mask: torch.Tensor, pooling: str) -> torch.Tensor:
    """(N, D) of states (N, L, D) and mask (N, L)."""
    if pooling == "cls":
        # the first that is no padding: some tokenizers pad on the left
        return states[torch.arange(len(states)), mask.argmax(1)]
    shown = mask[..., None].float()
    return (states * shown).sum(1) / shown.sum(1)


def load_sentence_encoder(
    source: str, *, name: str | None = None, languages: tuple[str, ...] = ()
) -> SentenceEncoder:
    """The sentence encoder in a folder, or of a name of the hub; the last two stay in memory.

    Args:
        source: a folder, ``organisation/model`` or ``organisation/model@revision``.
        name: by default the source.
        languages: that it reads; by default any.

    Raises:
        ConfigError: there is no such model, or of another kind.
        WeightsError: its weights are missing, damaged or cannot be fetched.
    """
    folder = find_model(source, check_files, partial(wanted_files, also=BESIDE))
    where = "cuda" if torch.cuda.is_available() else "cpu"
    recipe = read_recipe(folder, source)
    written = f"{folder_fingerprint(folder, index_root())} {recipe} {FORMAT}"
    fingerprint = hashlib.sha256(written.encode()).hexdigest()
    return _loaded(folder, fingerprint, name or source, recipe, where, languages)


def check_files(folder: Path) -> None:
    """Whether all that is needed is in a folder; the weights are not opened.

    Raises:
        ConfigError, WeightsError: as :func:`load_sentence_encoder`.
    """
    model_type(folder)
    read_recipe(folder, str(folder))
    if not any((folder / name).is_file() for name in VOCABULARIES):
        raise ConfigError(f"{folder}: has no vocabulary; there has to be {', '.join(VOCABULARIES)}")
    weight_files(folder)


@lru_cache(maxsize=2)
def _loaded(
    folder: Path, fingerprint: str, name: str, recipe: Recipe, where: str, languages: tuple
) -> SentenceEncoder:
    with quiet_transformers():
        config = _config(folder)
        tokenizer = _tokenizer(folder)
        model = load_weights(folder, config, torch.float32, _is_of_training).to(where)
    return SentenceEncoder(
        model, tokenizer, recipe, _max_tokens(recipe, config, tokenizer),
        name=name, fingerprint=fingerprint, languages=languages,
    )  # fmt: skip


def _config(folder: Path) -> PreTrainedConfig:
    config = load_config(folder)
    if config.is_encoder_decoder or not hasattr(config, "hidden_size"):
        raise ConfigError(
            f"{folder}: a model of type {config.model_type!r} makes no sentence vectors here; take "
            "a model of sentence-transformers with an encoder such as BERT or XLM-RoBERTa"
        )
    return config


def _tokenizer(folder: Path) -> Any:
    with Loading(ConfigError, f"{folder}: its tokenizer cannot be read", ""):
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)


def _max_tokens(recipe: Recipe, config: PreTrainedConfig, tokenizer: Any) -> int:
    """What the folder says, within what the model has positions for."""
    places = getattr(config, "max_position_embeddings", None) or tokenizer.model_max_length
    places -= _OFFSETS.get(config.model_type, 0)
    return int(min(recipe.max_tokens or tokenizer.model_max_length, places))


def _is_of_training(tensor: str) -> bool:
    return tensor.startswith(_OF_TRAINING)
