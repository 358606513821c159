# ruff: noqa: E402  (small models are those of the tests, which have to be found first)
"""An hour in 8,192 visual tokens: few frames of all their tokens, or more frames of fewer.

    python benchmarks/hour_in_8k.py [--rounds 3] [--keep 0.25 0.125]
    python benchmarks/hour_in_8k.py --tiny      # the same code in seconds

Of 3,600 frames, one a second, a stock Qwen2.5-VL reads as many as the planner fits into the cap:
"uniform", evenly spread and uncompressed; and those that NTLBG chooses by relevance, compressed by
longvu or vidcom2 (--compress). Each reads the same number of visual tokens, or the run fails; so it
does if one reads other than what was planned.

The film is made when its frames are asked for, and its index is made up, so that neither decoding
nor encoding is in the figures. The model has the proportions of Qwen2.5-VL-3B at an eighth of its
width and layers, and random weights: what it answers means nothing, what it costs does. One thread.
Printed are medians of CPU seconds: until the frames are seen and compressed (vision), until the
prompt is read (prefill); and the highest memory of the process, the frames included, above what it
has with the model loaded, by that of "uniform". Each row has a process of its own.
"""

import argparse
import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import transformers
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

sys.path[:0] = [str(Path(__file__).parents[1] / "tests"), str(Path(__file__).parent)]

from gpu import made_pictures, positive

from ntlbg.answerers.transformers import TransformersAnswerer, load_transformers_answerer
from ntlbg.budget import check_used, plan_frames
from ntlbg.compressors import COMPRESSORS
from ntlbg.question import parse_question
from ntlbg.selectors import select_frames
from ntlbg.types import AnswerInput, Frames, VideoIndex
from tiny_vlms import QWEN_MARKS, save, text_config, tokenizer

# With options the model reads and does not write, so that an answer is one pass.
QUESTION = parse_question("What happens after the red car has left?", ["a race", "nothing"])
# An eighth of config.json of Qwen2.5-VL-3B-Instruct; heads keep their numbers, 128 and 80.
TEXT = {"hidden_size": 256, "intermediate_size": 1376, "num_hidden_layers": 5,
        "num_attention_heads": 2, "num_key_value_heads": 1,
        "max_position_embeddings": 32768}  # fmt: skip
TOWER = {"depth": 4, "hidden_size": 160, "num_heads": 2, "intermediate_size": 428,
         "out_hidden_size": 256, "window_size": 112, "fullatt_block_indexes": [3],
         "tokens_per_second": 2}  # fmt: skip


@dataclass(frozen=True)
class Sizes:
    """Of what is measured.

    Attributes:
        seconds: of video, a frame each.
        side: of its square pictures, in pixels. 448 are 256 tokens, so that 32 frames, and a
            quarter of the tokens of 128, fill the cap to the token.
        cap: visual tokens.
        rounds: of which medians are told.
    """

    seconds: int
    side: int
    cap: int
    rounds: int


@dataclass(frozen=True)
class Measured:
    """One way to read the hour. ``least`` and ``most`` are tokens of a frame.

    ``peak_bytes`` is above what the process has with the model loaded.
    """

    name: str
    frames: int
    seen: int
    read: int
    prompt: int
    least: int
    most: int
    vision_seconds: float
    prefill_seconds: float
    peak_bytes: int


def main(given: list[str] | None = None) -> int:
    arguments = parse(given)
    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()
    sizes = Sizes(3600, 448, 8192, arguments.rounds)
    if arguments.tiny:
        sizes = Sizes(256, 112, 256, arguments.rounds)
    with tempfile.TemporaryDirectory(prefix="ntlbg-") as place:
        make_model(Path(place))
        rows = [alone("uniform", Path(place), None, sizes)]
        for keep in arguments.keep:
            rows += [alone(name, Path(place), keep, sizes) for name in COMPRESSORS]
    assert len({row.read for row in rows}) == 1, [row.read for row in rows]
    print_table(rows, sizes)
    return 0


def parse(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tiny", action="store_true", help="256 small frames, 256 tokens")
    parser.add_argument("--rounds", type=positive, default=3, help="medians of so many (3)")
    parser.add_argument(
        "--keep", type=float, nargs="+", default=[0.25, 0.125], help="shares read (.25 .125)"
    )
    return parser.parse_args(given)


def make_model(folder: Path) -> None:
    """Its words are those of the tests: text is a small part of such prompts."""
    words = tokenizer(QWEN_MARKS)
    names = ("vision_start_token_id", "vision_end_token_id", "image_token_id", "video_token_id")
    ids = dict(zip(names, words.convert_tokens_to_ids(QWEN_MARKS)))
    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]}
    text = text_config(words) | TEXT | {"rope_parameters": rope}
    torch.manual_seed(0)
    model = transformers.Qwen2_5_VLForConditionalGeneration(
        transformers.Qwen2_5_VLConfig(text_config=text, vision_config=TOWER, **ids)
    )
    size = {"shortest_edge": 4 * 28**2, "longest_edge": 16384 * 28**2}
    mark = "<|vision_start|><|image_pad|><|vision_end|>"
    words.model_max_length = TEXT["max_position_embeddings"]
    save(folder, model, Qwen2VLImageProcessorPil(size=size, patch_size=14), words,
         "Qwen2_5_VLProcessor", mark, video=mark.replace("image", "video"))  # fmt: skip


def alone(name: str, folder: Path, keep: float | None, sizes: Sizes) -> Measured:
    """In a process that ends, so that its highest memory is this row's."""
    # a copy of this process, which has not computed anything yet but the weights
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(1, mp_context=fork) as pool:
        return pool.submit(measured, name, folder, keep, sizes).result()


def measured(name: str, folder: Path, keep: float | None, sizes: Sizes) -> Measured:
    """An answer as ``ask`` makes it, which does not count, and then rounds of its parts.

    Raises:
        BudgetError: other tokens are read than were planned.
    """
    options = {} if keep is None else {"compress": name, "keep_tokens": keep}
    answerer = load_transformers_answerer(str(folder), options)
    before = highest_bytes()
    given = chosen(answerer, "uniform" if keep is None else "ntlbg", sizes)
    plan, reply = given.plan, answerer.answer(QUESTION, given)
    assert plan is not None
    check_used(plan, reply, answerer, sizes.cap)
    with torch.inference_mode():
        rounds = [read(answerer, given) for _ in range(sizes.rounds)]
    prompt, counts = rounds[0][2:]
    assert reply.visual_tokens == plan.visual_tokens == prompt.visual_tokens == int(counts.sum())
    return Measured(
        name if keep is None else f"{name}, {keep:g}",
        plan.num_frames, prompt.seen_tokens, prompt.visual_tokens, prompt.tokens,
        int(counts.min()), int(counts.max()), statistics.median(one[0] for one in rounds),
        statistics.median(one[1] for one in rounds), highest_bytes() - before,
    )  # fmt: skip


def highest_bytes() -> int:
    """Of this process until now."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def chosen(answerer: TransformersAnswerer, selector: str, sizes: Sizes) -> AnswerInput:
    """Frames that the selector chooses, as many and as large as are planned."""
    times, side = np.arange(float(sizes.seconds)), sizes.side
    plan, _ = plan_frames(
        answerer, QUESTION, (side, side), sizes.seconds, last_seconds=times[-1],
        max_visual_tokens=sizes.cap,
    )  # fmt: skip
    # nothing was trained to know these pictures: features are their blocks' colours
    features = made_pictures(times, (9, 16)).reshape(len(times), -1).astype(np.float32)
    scores = np.random.default_rng(0).normal(size=len(times))
    selection = select_frames(selector, features, plan.num_frames, pts_seconds=times, scores=scores)
    frames = Frames(
        made_pictures(times[selection.indices], (plan.height, plan.width)),
        times[selection.indices],
    )
    return AnswerInput(VideoIndex(times, {}), features, selection, frames, plan=plan)


def read(answerer: TransformersAnswerer, given: AnswerInput):
    """CPU seconds of vision and of prefill, the prompt, and the tokens of each frame."""
    began = time.process_time()
    (prompt,) = answerer.prompts(QUESTION, given, [QUESTION.text])
    with prompt.reading() as inputs:
        seen = time.process_time()
        answerer.model(**inputs, use_cache=True, logits_to_keep=1)
        done = time.process_time()
    ids = inputs["input_ids"][0]
    frame = (ids == answerer.model.config.vision_start_token_id).cumsum(0)
    of_frames = frame[ids == answerer.processor.image_token_id]
    return seen - began, done - seen, prompt, of_frames.bincount(minlength=len(given.times) + 1)[1:]


def print_table(rows: list[Measured], sizes: Sizes) -> None:
    print(f"{sizes.seconds} frames of {sizes.side} x {sizes.side} looked at, cap {sizes.cap}, "
          f"float32, one thread, CPU seconds, medians of {sizes.rounds}")  # fmt: skip
    print("\n| read | frames | tokens a frame | visual tokens, planned = read | of seen | prompt "
          "| vision s | prefill s | memory | by uniform |\n"
          "|---|---|---|---|---|---|---|---|---|---|")  # fmt: skip
    for row in rows:
        print(
            f"| {row.name} | {row.frames} | {row.least} to {row.most} | {row.read} | {row.seen} "
            f"| {row.prompt} | {row.vision_seconds:.2f} | {row.prefill_seconds:.2f} "
            f"| {row.peak_bytes / 2**20:.0f} MB | {row.peak_bytes / rows[0].peak_bytes:.2f} |"
        )


if __name__ == "__main__":
    sys.exit(main())
