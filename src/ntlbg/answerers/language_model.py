"""What a language model writes after a prompt, and how likely it finds given texts there."""

import copy
from typing import Any

import torch
from torch import Tensor
from transformers import TextStreamer

from ntlbg.errors import WeightsError
from ntlbg.generation import Generation

LEAST_KNOWN_CHANCE = 1e-6  # the frames do not rule out an answer altogether


def option_chances(
    model, processor, inputs, options: list[str], known: dict[str, float] | None = None
) -> list[float]:
    """Softmax over the log-likelihoods of the options' texts, each with its end.

    The prompt is read once. Options never see each other, so their order cannot matter.
    ``known`` are chances of texts from other evidence; likelihoods are multiplied by them.

    Raises:
        WeightsError: they are no numbers.
    """
    prompt = model(**inputs, use_cache=True, logits_to_keep=1)
    likelihoods = torch.tensor(
        [_log_likelihood(model, processor, prompt, option) for option in options],
        dtype=torch.float64,
    )
    if not likelihoods.isfinite().all():
        raise WeightsError(
            "what the model says is no number: its weights went astray in training, or were "
            "damaged; train or copy them again"
        )
    if known is not None:
        chances = [max(known.get(option, 0.0), LEAST_KNOWN_CHANCE) for option in options]
        likelihoods += torch.tensor(chances, dtype=torch.float64).log()
    return likelihoods.softmax(0).tolist()


def _log_likelihood(model, processor, prompt, option: str) -> float:
    ids = torch.tensor([processor.answer_ids(option)], device=prompt.logits.device)
    rest = model(
        input_ids=ids[:, :-1],
        past_key_values=copy.deepcopy(prompt.past_key_values),
        use_cache=True,
    )
    logits = torch.cat([prompt.logits[:, -1:], rest.logits], dim=1).double()
    return float(logits.log_softmax(-1).gather(-1, ids.unsqueeze(-1)).sum())


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
