"""Seconds and memory of 7B models that answer about an hour of video, on a GPU.

    python benchmarks/gpu.py                # Qwen2.5-VL-7B and LongVU-7B, bfloat16, one GPU
    python benchmarks/gpu.py --only qwen --json > gpu.json
    python benchmarks/gpu.py --tiny         # the same code with tiny sizes, on a processor

The models have the published sizes and random weights, made on the device: nothing is downloaded,
and their answers mean nothing. The hour is made up: 3,600 pictures, one a second, in scenes of
eight seconds. Of them Qwen2.5-VL reads those that NTLBG chooses, as many and as large as the
planner fits into 8,192 visual tokens, as it is and with a quarter of the tokens kept (--compress);
LongVU looks at all and fills its context of 8,192 itself.

Printed are the medians of --rounds: seconds until the pictures are seen (vision), until the prompt
is read (prefill), and for each further token; and beside them the highest memory of the model's
own answer and what the planner says it is. On a GPU torch.cuda.max_memory_allocated counts; with
--tiny torch's profiler does, but not what NumPy holds, which of tiny models is most.
Without a GPU and without --tiny it says so and ends with 2.
"""

import argparse
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from gpu_models import longvu_answerer, qwen_answerer

from measured_memory import measure
from ntlbg.answerers import Answerer
from ntlbg.budget import plan_frames
from ntlbg.generation import Generation
from ntlbg.memory.devices import GIGABYTE
from ntlbg.question import parse_question
from ntlbg.selectors import select_frames
from ntlbg.types import AnswerInput, Frames, Plan, VideoIndex

QUESTION = parse_question("What happens after the red car has left?")
SCENE_SECONDS = 8
VISUAL_TOKENS = 8192


@dataclass(frozen=True)
class Sizes:
    """Of what is measured.

    Attributes:
        device: of the models.
        full: published sizes; else those of the tests' models.
        seconds: of video, a frame each.
        picture: (height, width) of the video that Qwen reads.
        small: of the one that LongVU reads whole; it makes squares of 378 pixels of any.
        visual_tokens: cap for the chosen frames.
        tokens: written after the first.
        rounds: of which medians are told.
    """

    device: str
    full: bool
    seconds: int
    picture: tuple[int, int]
    small: tuple[int, int]
    visual_tokens: int
    tokens: int
    rounds: int


@dataclass(frozen=True)
class Measured:
    """One model. Times in seconds; ``planned_bytes`` and ``peak_bytes`` include the weights."""

    model: str
    parameters: int
    frames_seen: int
    frames_given: int
    picture: str
    visual_tokens: int
    prompt_tokens: int
    vision_seconds: float
    prefill_seconds: float
    token_seconds: float
    planned_bytes: int
    peak_bytes: int


def main(given: list[str] | None = None) -> int:
    arguments = parse(given)
    if not (arguments.tiny or torch.cuda.is_available()):
        print(
            "benchmarks/gpu.py: there is no GPU that PyTorch can use; run it where there is one, "
            "or give --tiny to run the same code with tiny sizes on the processor",
            file=sys.stderr,
        )
        return 2
    sizes = chosen_sizes(arguments)
    names = [arguments.only] if arguments.only else list(MODELS)
    found = [alone(MODELS[name], sizes) for name in names]
    machine = {
        "device": torch.cuda.get_device_name() if sizes.device == "cuda" else "CPU, tiny sizes",
        "dtype": "bfloat16", "torch": torch.__version__, "transformers": transformers.__version__,
        "seconds_of_video": sizes.seconds, "rounds": sizes.rounds,
    }  # fmt: skip
    if arguments.json:
        print(json.dumps(machine | {"models": [asdict(one) for one in found]}, indent=2))
    else:
        print_table(machine, found)
    return 0


def alone(measure_one: Callable[[Sizes], Measured], sizes: Sizes) -> Measured:
    """Before the next model is made, this one has gone."""
    found = measure_one(sizes)
    gc.collect()
    if sizes.device == "cuda":
        torch.cuda.empty_cache()
    return found


def parse(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tiny", action="store_true", help="tiny sizes, on the processor")
    parser.add_argument("--only", choices=MODELS, help="one of the models")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--rounds", type=positive, default=3, help="medians of so many (3)")
    parser.add_argument(
        "--tokens", type=positive, default=32, help="written after the first one (32)"
    )
    return parser.parse_args(given)


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"give 1 or more, got {number}")
    return number


def chosen_sizes(arguments: argparse.Namespace) -> Sizes:
    how = {"tokens": arguments.tokens, "rounds": arguments.rounds}
    if arguments.tiny:
        return Sizes("cpu", False, 64, (90, 160), (45, 80), 256, **how)
    return Sizes("cuda", True, 3600, (720, 1280), (180, 320), VISUAL_TOKENS, **how)


def print_table(machine: dict[str, Any], found: list[Measured]) -> None:
    print(", ".join(f"{name} {value}" for name, value in machine.items()))
    print("\n| model | frames | visual tokens | vision s | prefill s | s per token | planned GB "
          "| measured GB | ratio |\n|---|---|---|---|---|---|---|---|---|")  # fmt: skip
    for one in found:
        planned, peak = (number / GIGABYTE for number in (one.planned_bytes, one.peak_bytes))
        print(
            f"| {one.model}, {one.parameters / 1e9:.3g} B | {one.frames_given} of "
            f"{one.frames_seen}, {one.picture} | {one.visual_tokens} of {one.prompt_tokens} "
            f"| {one.vision_seconds:.3f} | {one.prefill_seconds:.3f} | {one.token_seconds:.4f} "
            f"| {planned:.3g} | {peak:.3g} | {planned / peak:.3f} |"
        )


def made_pictures(seconds: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """uint8 (n, H, W, 3) at these times: noise in blocks, another in each scene."""
    height, width = size
    blocks = [
        np.random.default_rng(int(time) // SCENE_SECONDS).integers(0, 256, (9, 16, 3), np.uint8)
        for time in seconds
    ]
    each = (-(-height // 9), -(-width // 16))
    grown = np.stack(blocks).repeat(each[0], 1).repeat(each[1], 2)
    return np.ascontiguousarray(grown[:, :height, :width])


def chosen_input(answerer: Answerer, sizes: Sizes) -> AnswerInput:
    """Frames of the video that NTLBG chooses, as many and as large as are planned."""
    times = np.arange(float(sizes.seconds))
    plan, _ = plan_frames(
        answerer, QUESTION, sizes.picture, sizes.seconds, last_seconds=times[-1],
        max_visual_tokens=sizes.visual_tokens,
    )  # fmt: skip
    # nothing was trained to know these pictures: features are their blocks' colours
    features = made_pictures(times, (9, 16)).reshape(len(times), -1).astype(np.float32)
    scores = np.random.default_rng(0).normal(size=len(times))
    selection = select_frames(
        "ntlbg", features, plan.num_frames, pts_seconds=times, scores=scores
    )  # fmt: skip
    pictures = made_pictures(times[selection.indices], (plan.height, plan.width))
    frames = Frames(pictures, times[selection.indices])
    how = Generation(max_new_tokens=sizes.tokens + 1)
    return AnswerInput(VideoIndex(times, {}), features, selection, frames, plan=plan,
                       generation=how)  # fmt: skip


def whole_input(sizes: Sizes) -> AnswerInput:
    """All frames of the video."""
    times = np.arange(float(sizes.seconds))
    features = np.zeros((len(times), 1), np.float32)
    selection = select_frames("uniform", features, len(times), pts_seconds=times)
    frames = Frames(made_pictures(times, sizes.small), times)
    how = Generation(max_new_tokens=sizes.tokens + 1)
    plan = Plan(len(times), *sizes.small, 0)
    return AnswerInput(VideoIndex(times, {}), features, selection, frames, plan=plan,
                       generation=how)  # fmt: skip


class Clock:
    """Seconds of each part of the work, when the device has done it."""

    def __init__(self, device: str):
        self.device, self.seconds = device, dict[str, list[float]]()

    @contextmanager
    def part(self, name: str):
        began = self._now()
        yield
        self.seconds.setdefault(name, []).append(self._now() - began)

    def median(self, name: str) -> float:
        return statistics.median(self.seconds[name])

    def _now(self) -> float:
        if self.device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()


def read_and_write(model: Any, inputs: dict[str, Any], clock: Clock, tokens: int) -> None:
    """The likeliest tokens, whatever they are: an end would end the measuring."""
    with clock.part("prefill"):
        out = model(**inputs, use_cache=True, logits_to_keep=1)
    with clock.part("tokens"):
        for _ in range(tokens):
            latest = out.logits[:, -1:].argmax(-1)
            out = model(
                input_ids=latest, past_key_values=out.past_key_values, use_cache=True,
                logits_to_keep=1,
            )  # fmt: skip


def peak_of(answerer: Any, given: AnswerInput, device: str) -> int:
    """Bytes of the model's own answer, weights included."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        answerer.answer(QUESTION, given)
        return torch.cuda.max_memory_allocated()
    highest, _ = measure(lambda: answerer.answer(QUESTION, given))
    weights = sum(one.nbytes for one in (*answerer.model.parameters(), *answerer.model.buffers()))
    return weights + highest


def measured(
    answerer: Any, given: AnswerInput, sizes: Sizes, once: Callable[[Clock], tuple[int, int]]
) -> Measured:
    """Rounds of the parts, after one that does not count, and then the memory of an answer.

    Args:
        once: does all of it, and returns the visual tokens and those of the prompt.
    """
    clock = Clock(sizes.device)
    with torch.inference_mode():
        once(Clock(sizes.device))
        for _ in range(sizes.rounds):
            visual, prompt = once(clock)
    number, (height, width) = len(given.times), given.pictures.shape[1:3]
    text = prompt - visual + sizes.tokens + 1
    return Measured(
        model=answerer.name,
        parameters=sum(one.numel() for one in answerer.model.parameters()),
        frames_seen=sizes.seconds,
        frames_given=number,
        picture=f"{width}x{height}",
        visual_tokens=visual,
        prompt_tokens=prompt,
        vision_seconds=clock.median("vision"),
        prefill_seconds=clock.median("prefill"),
        token_seconds=clock.median("tokens") / sizes.tokens,
        planned_bytes=answerer.peak_bytes(number, sizes.seconds, (height, width), text),
        peak_bytes=peak_of(answerer, given, sizes.device),
    )


def measure_qwen(sizes: Sizes, compress: str = "none") -> Measured:
    answerer = qwen_answerer(sizes.device, compress, full=sizes.full)
    given = chosen_input(answerer, sizes)

    def once(clock: Clock) -> tuple[int, int]:
        with ExitStack() as stack:
            with clock.part("vision"):
                (prompt,) = answerer.shown.prompts(given, [QUESTION.text])
                inputs = stack.enter_context(prompt.reading())
            read_and_write(answerer.model, inputs, clock, sizes.tokens)
        return prompt.visual_tokens, prompt.tokens

    return measured(answerer, given, sizes, once)


def measure_longvu(sizes: Sizes) -> Measured:
    answerer, given = longvu_answerer(sizes.device, full=sizes.full), whole_input(sizes)

    def once(clock: Clock) -> tuple[int, int]:
        with clock.part("vision"):
            inputs, visual = answerer._prepare(answerer._prompt(QUESTION), given.pictures)
        read_and_write(answerer.model, inputs, clock, sizes.tokens)
        return visual, inputs["inputs_embeds"].shape[1]

    return measured(answerer, given, sizes, once)


MODELS = {
    "qwen": measure_qwen,
    "qwen-longvu": partial(measure_qwen, compress="longvu"),
    "qwen-vidcom2": partial(measure_qwen, compress="vidcom2"),
    "longvu": measure_longvu,
}


if __name__ == "__main__":
    sys.exit(main())
