# ruff: noqa: E402  (films and small models are those of the tests, which have to be found first)
"""Seconds to a first and a second question about a film, with and without ``keep_vision``.

    python benchmarks/vision_features.py [--like 3B 7B] [--frames 8] [--side 224] [--repeats 5]

One thread, random weights: what is answered means nothing, what it costs does. Each model is a
published Qwen2.5-VL at a quarter of its width and its layers, so that tower and language model
share out the work as they do there, and a question takes seconds on one core. Prompts are short
(64 tokens a frame): attention, which grows faster than they do, counts for less than in long ones.

Printed are medians of CPU seconds of all that ``ask`` does once the film is indexed and the model
is loaded, in turns in the same process, and the bytes that are kept of a frame.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import transformers
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(TESTS))

from counter_videos import write_video
from ntlbg import Answer, FeatureIndex, ask
from ntlbg.answerers.transformers import TransformersAnswerer, load_transformers_answerer
from tiny_vlms import QWEN_MARKS, Colours, save, text_config, tokenizer

OPTIONS = ["a car", "a dog", "a house", "none of these"]
QUESTIONS = ("What is shown first?", "What is shown most often?")
# A quarter of the width and of the layers of config.json of Qwen2.5-VL-3B-Instruct and
# -7B-Instruct; heads keep their 128 numbers, and at least one is for keys and values.
TEXT = {
    "3B": {"hidden_size": 512, "intermediate_size": 2752, "num_hidden_layers": 9,
           "num_attention_heads": 4, "num_key_value_heads": 1},
    "7B": {"hidden_size": 896, "intermediate_size": 4736, "num_hidden_layers": 7,
           "num_attention_heads": 7, "num_key_value_heads": 1},
}  # fmt: skip
# The tower is the same in both: 32 layers of 1280, every eighth with attention to all.
TOWER = {"depth": 8, "hidden_size": 320, "num_heads": 4, "intermediate_size": 855,
         "window_size": 112, "fullatt_block_indexes": [1, 3, 5, 7],
         "tokens_per_second": 2}  # fmt: skip


def make_model(like: str, folder: Path) -> None:
    """Its words are those of the tests: text is a small part of such prompts."""
    words = tokenizer(QWEN_MARKS)
    names = ("vision_start_token_id", "vision_end_token_id", "image_token_id", "video_token_id")
    ids = dict(zip(names, words.convert_tokens_to_ids(QWEN_MARKS)))
    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]}
    text = text_config(words) | TEXT[like] | {"rope_parameters": rope}
    tower = TOWER | {"out_hidden_size": text["hidden_size"]}
    torch.manual_seed(0)
    model = transformers.Qwen2_5_VLForConditionalGeneration(
        transformers.Qwen2_5_VLConfig(text_config=text, vision_config=tower, **ids)
    )
    size = {"shortest_edge": 4 * 28**2, "longest_edge": 16384 * 28**2}
    mark = "<|vision_start|><|image_pad|><|vision_end|>"
    save(folder, model, Qwen2VLImageProcessorPil(size=size, patch_size=14), words,
         "Qwen2_5_VLProcessor", mark, video=mark.replace("image", "video"))  # fmt: skip


@dataclass
class Asked:
    """One film, in an index that knows its features already."""

    film: Path
    index: FeatureIndex
    frames: int

    def __call__(self, answerer: TransformersAnswerer, question: str) -> tuple[float, Answer]:
        """CPU seconds, and the answer."""
        start = time.process_time()
        answer = ask(
            self.film, question, options=OPTIONS, model=answerer, encoder=Colours(),
            index=self.index, num_frames=self.frames, selector="uniform",
        )  # fmt: skip
        return time.process_time() - start, answer

    @property
    def kept(self) -> Path:
        return self.index.root / "kept"


def measure(asked: Asked, plain, keeping, repeats: int) -> dict[str, list[float]]:
    """CPU seconds of each question both ways; the answers are the same to the bit, or it fails."""
    asked(plain, QUESTIONS[0])  # the film is indexed, and memory is there
    rows: dict[str, list[float]] = {}
    for _ in range(repeats):
        shutil.rmtree(asked.kept, ignore_errors=True)
        for question, which in zip(QUESTIONS, ("first", "second")):
            found = {name: asked(one, question) for name, one in
                     (("without", plain), ("with", keeping))}  # fmt: skip
            scores = [answer.option_scores for _, answer in found.values()]
            assert scores[0] == scores[1], scores
            for name, (seconds, _) in found.items():
                rows.setdefault(f"{which} {name}", []).append(seconds)
    return rows


def run(like: str, asked: Asked, folder: Path, repeats: int) -> None:
    make_model(like, folder)
    plain, keeping = (
        load_transformers_answerer(str(folder), {"frames_as": "video", "keep_vision": kept})
        for kept in (False, True)
    )
    rows = measure(asked, plain, keeping, repeats)
    medians = {name: statistics.median(seconds) for name, seconds in rows.items()}
    for which in ("first", "second"):
        without, kept = medians[f"{which} without"], medians[f"{which} with"]
        spread = max(rows[f"{which} with"]) - min(rows[f"{which} with"])
        print(f"{like:6}{which:>9}{without:11.3f}{kept:9.3f}{spread:9.3f}{kept / without:8.3f}")
    files = list(asked.kept.rglob("*.safetensors"))
    size = sum(file.stat().st_size for file in files) / len(files)
    tokens = plain.cost(1, *_picture(keeping, asked))
    print(f"{like:6} {len(files)} frames kept, {size:,.0f} bytes each, {tokens} tokens each")


def _picture(answerer: TransformersAnswerer, asked: Asked) -> tuple[int, int]:
    plan = asked(answerer, QUESTIONS[0])[1].context.plan
    return plan.height, plan.width


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--like", nargs="+", default=list(TEXT), choices=list(TEXT))
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--side", type=int, default=224, help="of a frame, in pixels")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()
    print(f"{arguments.frames} frames of {arguments.side} x {arguments.side}, float32, one thread, "
          f"median of {arguments.repeats}")  # fmt: skip
    print(f"{'like':6}{'question':>9}{'without s':>11}{'with s':>9}{'spread':>9}{'ratio':>8}")
    with tempfile.TemporaryDirectory(prefix="ntlbg-") as place:
        folder, size = Path(place), (arguments.side, arguments.side)
        film = write_video(folder / "film.mkv", count=2 * arguments.frames, fps=1, size=size)
        for like in arguments.like:
            asked = Asked(film, FeatureIndex(folder / f"index-{like}"), arguments.frames)
            run(like, asked, folder / like, arguments.repeats)


if __name__ == "__main__":
    main()
