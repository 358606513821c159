"""Speed and memory of the built-in model, beside its goals for two cores.

    python benchmarks/builtin.py [VIDEO] [--rounds 5] [--only encoding|index|load|question|ask]

Every number is a median over rounds; those of one table are taken in turns, so that other work on
the machine weighs on all of them. Without a video, ten minutes of 720p are made by repeating the
packets of a clip. An hour of features is those of ten minutes, six times, with a little noise.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av
import numpy as np
import torch

from ntlbg.answerers import load_answerer
from ntlbg.downloads import part_path
from ntlbg.encoders.builtin import BuiltinEncoder, load_builtin_encoder
from ntlbg.index.index_video import index_video
from ntlbg.index.store import FeatureIndex, Track
from ntlbg.models.builtin.imagenet_expert import load_imagenet_expert
from ntlbg.models.builtin.loading import load_vision_tower, weights_fingerprint
from ntlbg.models.builtin.vision_tower import normalize_pixels
from ntlbg.models.precision import inference_dtype
from ntlbg.pipeline import ask
from ntlbg.video import sample_frames

FRAMES = 64  # encoded in a round
MINUTES, HOUR_SECONDS = 10, 3600
NOISE = 0.02
QUESTIONS = (
    "What appears first?",
    "What is shown right after the guitar?",
    "When does the dog appear?",
    "How many times does the car appear?",
)
TYPES = {"bf16": torch.bfloat16, "f32": torch.float32}
NAIVE = "naive: f32, one by one, channels first"
GOALS = {  # by the beginning of a row
    "encoding": "at least 150 frames/s",
    f"encoding, 2 threads, {NAIVE}": "",
    f"encoding, 1 thread, {NAIVE}": "",
    "load": "under 3 s",
    "indexed hour": "under 3 s",
    "peak memory": "under 1.5 GB",
}
LOAD = """
import time
began = time.perf_counter()
from ntlbg.answerers import load_answerer
load_answerer("builtin")
print(time.perf_counter() - began)
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", nargs="?", type=Path, help="to index instead of the made one")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=PARTS, help="one table")
    parser.add_argument("--folder", type=Path, help="keep what was made here, for the next run")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        video = arguments.video or repeated_clip(folder / "ten-minutes.mp4", "bunny", MINUTES * 60)
        print(f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, default ", end="")
        print(f"{inference_dtype()}, PyTorch {torch.__version__}\n\n| what | median | goal |")
        print("|---|---|---|", flush=True)
        for name, measure in PARTS.items():
            if arguments.only in (None, name):
                for what, median in measure(video, folder, arguments.rounds):
                    print(f"| {what} | {median} | {goal(what)} |", flush=True)
    return 0


def goal(what: str) -> str:
    """Of a row: the longest beginning that has one."""
    return GOALS.get(max(filter(what.startswith, GOALS), key=len, default=""), "")


def repeated_clip(path: Path, part: str, seconds: float) -> Path:
    """A clip over and over, without encoding it again."""
    if path.is_file():
        return path
    with av.open(str(part_path(part))) as source:
        stream = source.streams.video[0]
        packets = [packet for packet in source.demux(stream) if packet.dts is not None]
        length = max(packet.pts + packet.duration for packet in packets)
        begin = min(packet.pts for packet in packets)
        times = [(packet.pts, packet.dts) for packet in packets]
        with av.open(str(path), "w") as target:
            copy = target.add_stream_from_template(stream)
            for turn in range(round(seconds / float((length - begin) * stream.time_base))):
                for packet, (pts, dts) in zip(packets, times):
                    packet.pts, packet.dts = (t + turn * (length - begin) for t in (pts, dts))
                    packet.time_base, packet.stream = stream.time_base, copy
                    target.mux(packet)
    return path


def interleaved(works: dict, rounds: int) -> dict[str, list[float]]:
    """Seconds of each, a round after the other; a first one does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(rounds + 1):
        for name, work in works.items():
            began = time.perf_counter()
            work()
            if turn:
                seconds[name].append(time.perf_counter() - began)
    return seconds


def measure_encoding(video: Path, folder: Path, rounds: int):
    frames = first_frames(video)
    towers = {name: load_vision_tower(dtype=dtype) for name, dtype in TYPES.items()}
    default = next(name for name, dtype in TYPES.items() if dtype == inference_dtype())
    expert = load_imagenet_expert(towers[default].config, inference_dtype())
    works = {name: BuiltinEncoder(tower, "").encode_frames for name, tower in towers.items()}
    with_expert = BuiltinEncoder(towers[default], weights_fingerprint(), expert)
    works[f"{default}, with the photograph expert"] = with_expert.encode_with_notes
    works[NAIVE] = lambda frames: naive(towers["f32"], frames)
    before = torch.get_num_threads()
    for threads in (2, 1):
        torch.set_num_threads(threads)
        seconds = interleaved(
            {name: lambda work=work: work(frames) for name, work in works.items()}, rounds
        )
        medians = {name: statistics.median(times) for name, times in seconds.items()}
        slowest = medians[NAIVE]
        for name, median in medians.items():
            what = f"encoding, {threads} thread{'s' * (threads > 1)}, {name}"
            yield what, f"{FRAMES / median:.0f} frames/s ({slowest / median:.1f} x naive)"
    torch.set_num_threads(before)


def first_frames(video: Path) -> np.ndarray:
    """uint8 (FRAMES, H, W, 3)."""
    size = tuple(load_vision_tower().config.image_size)
    return next(iter(sample_frames(video, fps=1.0, size=size, batch_size=FRAMES))).data


@torch.inference_mode()
def naive(tower, frames: np.ndarray) -> np.ndarray:
    """The same layers as one would write them first."""
    features = []
    for frame in frames:
        x = tower.enlarge(normalize_pixels(frame[None])).contiguous()
        for block in (tower.stem, *tower.trunk):
            x = block(x)
        features.append(tower.forward_rest(x))
    return torch.cat(features).numpy()


def measure_index(video: Path, folder: Path, rounds: int):
    encoder = load_builtin_encoder()
    seconds, frames = [], 0
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as empty:
            began = time.perf_counter()
            frames = len(index_video(video, [encoder], index=FeatureIndex(empty)))
            seconds.append(time.perf_counter() - began)
    median = statistics.median(seconds)
    yield f"index {frames} s of video: decode and encode", f"{median:.2f} s"


def measure_load(video: Path, folder: Path, rounds: int):
    def load() -> float:
        done = subprocess.run(
            [sys.executable, "-c", LOAD], capture_output=True, text=True, check=True
        )
        return float(done.stdout)

    load()  # so that files are in memory
    median = statistics.median(load() for _ in range(rounds))
    yield "load in a fresh process, imports and weights", f"{median:.2f} s"


def measure_question(video: Path, folder: Path, rounds: int):
    index, hour = indexed_hour(video, folder)
    answerer = load_answerer("builtin")
    works = {
        question: lambda question=question: ask(hour, question, model=answerer, index=index)
        for question in QUESTIONS
    }
    for question, times in interleaved(works, rounds).items():
        median = statistics.median(times)
        yield f"indexed hour, 16 frames, after load: {question}", f"{median:.2f} s"


def measure_ask(video: Path, folder: Path, rounds: int):
    index, hour = indexed_hour(video, folder)
    command = [sys.executable, "-m", "ntlbg.cli", "ask", str(hour), QUESTIONS[0]]
    environment = os.environ | {"NTLBG_INDEX": str(index.root)}
    seconds, peaks = [], []
    for _ in range(rounds):
        began = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"{command} ended with status {status}")
        seconds.append(time.perf_counter() - began)
        peaks.append(usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))
    yield "peak memory of `ntlbg ask`, indexed hour", f"{statistics.median(peaks) / 1e9:.2f} GB"
    yield (
        "all of `ntlbg ask`, indexed hour, imports included",
        f"{statistics.median(seconds):.2f} s",
    )


def indexed_hour(video: Path, folder: Path) -> tuple[FeatureIndex, Path]:
    """An index that knows an hour of video."""
    index = FeatureIndex(folder / "index")
    hour = repeated_clip(folder / "hour.mp4", "bikes", HOUR_SECONDS)
    encoder = load_builtin_encoder()
    key = index.key(hour, fingerprint=encoder.fingerprint, fps=1.0)
    if index.load(key) is None:
        short = index_video(video, [encoder], index=index)
        rows = np.arange(HOUR_SECONDS) % len(short)
        features = short.features[encoder.name][rows]
        features += NOISE * np.random.default_rng(0).standard_normal(features.shape, np.float32)
        features /= np.linalg.norm(features, axis=1, keepdims=True)
        notes = {name: note[rows] for name, note in short.notes[encoder.name].items()}
        meta = short.meta | {"duration_seconds": float(HOUR_SECONDS)}
        index.save(key, Track(features, np.arange(HOUR_SECONDS, dtype=float), meta, notes))
    return index, hour


PARTS = {
    "encoding": measure_encoding,
    "index": measure_index,
    "load": measure_load,
    "question": measure_question,
    "ask": measure_ask,
}

if __name__ == "__main__":
    sys.exit(main())
