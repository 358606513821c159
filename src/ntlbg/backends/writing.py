"""The text that a language model writes after a prompt."""

import torch
from torch import Tensor

from ntlbg.backends.generation import Generation


def write(
    model, inputs: dict[str, Tensor], generation: Generation, *, longest: int, end: int, pad: int
) -> Tensor:
    """Token ids (1, L) as ``model.generate`` gives them: the likeliest, or drawn as asked for.

    The same seed draws the same; random numbers of the caller stay as they are.

    Args:
        longest: tokens where ``generation`` says nothing.
        end, pad: token ids.
    """
    limits = {
        "max_new_tokens": generation.max_new_tokens or longest,
        "eos_token_id": end,
        "pad_token_id": pad,
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
