# ruff: noqa: E402  (the measuring code is that of the tests, which have to be found first)
"""Estimated against measured peaks over a grid of models, tokens, batch and ways to train.

    python benchmarks/memory.py            # tiny models, some minutes on one core
    python benchmarks/memory.py --builtin  # and the built-in model, which needs its parts

Measured is what torch's profiler counts on the CPU, temporary tensors inside operations included.
"""

import argparse
import itertools
import sys
from functools import partial
from pathlib import Path

import torch
from torch.nn import functional as F

TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "memory")]

from test_peaks import language_model, trained
from test_reader_peaks import builtin_config, measured_answer, measured_step

from measured_memory import measure
from ntlbg.memory.activations import Pass, Setup, prefill_peak, step_peak

TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
READ = tuple(itertools.product((1, 4), (64, 256, 1024)))
TRAINED = tuple(itertools.product((1, 2), (64, 256)))
BUILTIN_ANSWERS = ((64, 8), (3600, 16), (3600, 128), (3600, 512))
BUILTIN_STEPS = (("bf16", 600, 16, 1, False), ("bf16", 600, 64, 2, True), ("no", 200, 8, 2, True))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--builtin", action="store_true", help="measure the built-in model too")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print("| what | estimated MB | measured MB | ratio |\n|---|---|---|---|")
    ratios = [*read_grid(), *training_grid()]
    if arguments.builtin:
        ratios += builtin_grid()
    print(f"\n{len(ratios)} cells, ratios from {min(ratios):.3f} to {max(ratios):.3f}")
    return 0


def row(what: str, estimated: int, measured: int) -> float:
    ratio = estimated / measured
    print(f"| {what} | {estimated / 1e6:.2f} | {measured / 1e6:.2f} | {ratio:.3f} |", flush=True)
    return ratio


def read_grid():
    for (name, dtype), fused in itertools.product(TYPES.items(), (True, False)):
        model, text = language_model(dtype=dtype, fused=fused)
        for batch, tokens in READ:
            embeds = torch.randn(batch, tokens, text.hidden, dtype=dtype)
            with torch.inference_mode():
                model(inputs_embeds=embeds[:, :2])
                work = partial(model, inputs_embeds=embeds, use_cache=True, logits_to_keep=1)
                measured, _ = measure(work)
            run = Pass(batch, tokens, Setup(dtype.itemsize, fused), labelled=batch)
            kind = "fused" if fused else "eager"
            what = f"read, {name}, {kind}, {batch} x {tokens} tokens"
            yield row(what, prefill_peak(text, run), measured)


def training_grid():
    ways = itertools.product(("full", "lora", "frozen"), TYPES.items(), (True, False), (0, 1))
    for how, (name, dtype), fused, checkpointing in ways:
        model, text = language_model(dtype=dtype, fused=fused)
        trained(model, how)
        if checkpointing:
            model.activation_checkpointing_enable({"use_reentrant": False})
        for batch, tokens in TRAINED:
            setup = Setup(dtype.itemsize, fused, how, 8, bool(checkpointing), accumulated=False)
            run = Pass(batch, tokens, setup, labelled=4 * batch)
            work = make_step(model, how, batch, tokens)
            work()
            model.zero_grad(set_to_none=True)
            measured, _ = measure(work)
            model.zero_grad(set_to_none=True)
            kind = ("fused" if fused else "eager") + (", recomputed" if checkpointing else "")
            what = f"train {how}, {name}, {kind}, {batch} x {tokens} tokens"
            yield row(what, step_peak(text, run), measured)


def make_step(model, how: str, batch: int, tokens: int):
    ids = torch.arange(batch * tokens).view(batch, tokens) % 1000

    def work():
        embeds = model.get_input_embeddings()(ids)
        if how != "full":
            embeds = embeds.detach().requires_grad_()
        last = torch.arange(tokens - 4, tokens)
        logits = model(inputs_embeds=embeds, use_cache=False, logits_to_keep=last).logits
        F.cross_entropy(logits.flatten(0, 1).float(), ids[:, :4].flatten()).backward()

    return work


def builtin_grid():
    for frames, chosen in BUILTIN_ANSWERS:
        what = f"built-in answers, {chosen} of {frames} frames"
        yield row(what, *measured_answer(frames, chosen))
    for precision, frames, chosen, batch, checkpointing in BUILTIN_STEPS:
        config = builtin_config(precision)
        what = f"built-in trains, {precision}, {batch} x {chosen} of {frames} frames"
        yield row(what, *measured_step(config, 576, frames, chosen, batch, checkpointing))


if __name__ == "__main__":
    sys.exit(main())
