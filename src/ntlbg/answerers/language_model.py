"""What a language model writes after a prompt, and how likely it finds given texts there."""

import copy
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import TextStreamer

from ntlbg.errors import WeightsError
from ntlbg.generation import Generation

LEAST_KNOWN_CHANCE = 1e-6  # the frames do not rule out an answer altogether
# Read at once: on a CPU more are not faster, and their logits take 25 MB of a vocabulary of 49,152.
MOST_TOKENS = 128


def option_chances(
    model, processor, inputs, options: list[str], known: dict[str, float] | None = None
) -> list[float]:
    """Softmax over the log-likelihoods of the options' texts, each with its end.

    The prompt is read once. Options never see each other, so their order cannot matter.
    ``known`` are chances of texts from other evidence; likelihoods are multiplied by them.

    Raises:
        WeightsError: they are no numbers.
    """
    read = _Prompt(model, inputs)
    likelihoods = read.log_likelihoods([processor.answer_ids(option) for option in options])
    return (likelihoods + _log_chances(options, known)).softmax(0).tolist()


def likeliest_option(
    model, processor, inputs, options: list[str], known: dict[str, float] | None = None
) -> int:
    """Which of the options has the largest chance, as :func:`option_chances` counts it.

    Those are read first that begin likeliest, and the others only while they could still win: no
    text is likelier than its first token.

    Raises:
        WeightsError: likelihoods are no numbers.
    """
    read, log_chances = _Prompt(model, inputs), _log_chances(options, known)
    texts = [processor.answer_ids(option) for option in options]
    most = read.first[[ids[0] for ids in texts]] + log_chances
    order = most.argsort(descending=True, stable=True).tolist()
    best, largest = order[0], -math.inf
    while order and most[order[0]] > largest:
        taken = order[: _num_at_once([texts[place] for place in order])]
        order = order[len(taken) :]
        found = read.log_likelihoods([texts[place] for place in taken]) + log_chances[taken]
        if float(found.max()) > largest:
            best, largest = taken[int(found.argmax())], float(found.max())
    return best


def _log_chances(options: list[str], known: dict[str, float] | None) -> Tensor:
    chances = [1.0 if known is None else known.get(option, 0.0) for option in options]
    return torch.tensor(chances, dtype=torch.float64).clamp_min(LEAST_KNOWN_CHANCE).log()


def _num_at_once(texts: Sequence[Sequence[int]]) -> int:
    """How many of the first texts are read together: one at least."""
    ends = itertools.accumulate(len(ids) - 1 for ids in texts)
    return max(1, sum(end <= MOST_TOKENS for end in ends))


class _Prompt:
    """A prompt that was read, and texts that may follow it.

    Attributes:
        first: float64 (V,), log-chances of the token after it.

    Raises:
        WeightsError: they are no numbers.
    """

    def __init__(self, model, inputs: Mapping[str, Any]):
        self._model = model
        read = model(**inputs, use_cache=True, logits_to_keep=1)
        self._kept = read.past_key_values
        self._length = inputs["input_ids"].shape[1]
        self.first = _numbers(read.logits[0, -1].double().log_softmax(-1).cpu())

    def log_likelihoods(self, texts: Sequence[list[int]]) -> Tensor:
        """float64 (N,) of texts of token ids, to the bit the same in whatever order they come.

        Raises:
            WeightsError: they are no numbers.
        """
        rest = sorted(set(map(tuple, texts)))
        found: dict[tuple[int, ...], float] = {}
        while rest:
            number = _num_at_once(rest)
            found |= zip(rest[:number], self._read(rest[:number]).tolist())
            rest = rest[number:]
        return _numbers(torch.tensor([found[tuple(ids)] for ids in texts], dtype=torch.float64))

    def _read(self, texts: Sequence[Sequence[int]]) -> Tensor:
        """Texts in one row: each sees the prompt and itself, as if it were alone."""
        likelihoods = self.first[[ids[0] for ids in texts]]
        owner = torch.tensor([row for row, ids in enumerate(texts) for _ in ids[1:]])
        if not len(owner):
            return likelihoods
        # chances of all tokens but the first, by those before them
        log_chances = self._logits(texts, owner).double().log_softmax(-1).cpu()
        following = torch.tensor([token for ids in texts for token in ids[1:]])
        own = log_chances.gather(-1, following[:, None])[:, 0]
        return likelihoods.index_add(0, owner, own)

    def _logits(self, texts: Sequence[Sequence[int]], owner: Tensor) -> Tensor:
        """(L, V) after each token but the last of each text, which is of ``owner`` (L,)."""
        device, size = self._model.device, len(owner)
        places = [self._length + place for ids in texts for place in range(len(ids) - 1)]
        sees = torch.ones(size, self._length + size, dtype=torch.bool)
        sees[:, self._length :] = (owner[:, None] == owner).tril()
        ids = torch.tensor([[token for ids in texts for token in ids[:-1]]])
        return self._model(
            input_ids=ids.to(device),
            position_ids=torch.tensor([places]).to(device),
            attention_mask=sees[None, None].to(device),
            past_key_values=copy.deepcopy(self._kept),
            use_cache=True,
        ).logits[0]


def _numbers(log_chances: Tensor) -> Tensor:
    if not log_chances.isfinite().all():
        raise WeightsError(
            "what the model says is no number: its weights went astray in training, or were "
            "damaged; train or copy them again"
        )
    return log_chances


def write(
    model,
    inputs: dict[str, Tensor],
    generation: Generation,
    *,
    longest: int,
    end: int | list[int],
    pad: int,
    streamer: TextStreamer | None = None,
) -> Tensor:
    """Token ids (1, L) as ``model.generate`` gives them: the likeliest, or drawn as asked for.

    The same seed draws the same; random numbers of the caller stay as they are.

    Args:
        longest: tokens where ``generation`` says nothing.
        end, pad: token ids; any of several ends the text.
        streamer: is handed the words as they are written.
    """
    limits: dict[str, Any] = {
        "max_new_tokens": generation.max_new_tokens or longest,
        "eos_token_id": end,
        "pad_token_id": pad,
        "streamer": streamer,
    }
    if not generation.temperature:
        return model.generate(**inputs, **limits, do_sample=False)
    gpus = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(gpus):
        torch.manual_seed(generation.seed or 0)
        return model.generate(
            **inputs,
            **limits,
            do_sample=True,
            temperature=generation.temperature,
            top_p=1.0 if generation.top_p is None else generation.top_p,
            top_k=0,  # none but what was asked for: transformers' own default is 50
        )
