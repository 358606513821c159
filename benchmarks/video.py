"""CPU time, peak memory and wrong pictures of our video reader and of others, in the same run.

    make bench-setup
    .venv-bench/bin/python benchmarks/video.py [--seconds 60] [--rounds 3] [--hour] [--only FILM]

One picture a second at 384 x 384, one decoder thread each. Every reading is a process of its own on
one and the same core, rounds are interleaved, and CPU time (without imports) is compared, so that
other work on the machine counts little. Readers that are not installed are left out. The films
(``video_films.py``) are made on first use.
"""

import argparse
import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy

import av
import numpy as np
from PIL import Image
from video_films import FILMS, read_number, repeat_film, write_film

SIZE = 384
BICUBIC = Image.Resampling.BICUBIC
HOUR = "h264-720p"
# The loader of LongVU and others, the same without keeping full-size pictures, and shrinking while
# decoding: what the others are compared with.
PEERS = ["decord_loader", "decord_full_size", "decord_shrinking"]


# Readers: each takes a path, the number of samples and pictures a second, and yields pictures.


def ntlbg_exact(path, count, rate, **options):
    from ntlbg.video import sample_frames

    for frames in sample_frames(path, size=SIZE, **({"threads": 1} | options)):
        yield from frames.data


def ntlbg_two_threads(path, count, rate):
    return ntlbg_exact(path, count, rate, threads=2)


def ntlbg_auto(path, count, rate):
    return ntlbg_exact(path, count, rate, mode="auto")


def ntlbg_keyframe(path, count, rate):
    return ntlbg_exact(path, count, rate, mode="keyframe")


def pyav_decode_all(path, count, rate):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        for number, frame in enumerate(container.decode(stream)):
            if number % rate == 0:
                rgb = frame.reformat(SIZE, SIZE, "rgb24", interpolation="BICUBIC")
                yield rgb.to_ndarray()


def opencv(path, count, rate):
    import cv2

    cv2.setNumThreads(1)
    parameters = [cv2.CAP_PROP_N_THREADS, 1]
    film, number = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, parameters), 0
    while film.grab():
        if number % rate == 0:
            small = cv2.resize(film.retrieve()[1], (SIZE, SIZE), interpolation=cv2.INTER_AREA)
            yield small[:, :, ::-1]
        number += 1


def decord_loader(path, count, rate):
    """As long-video models load: all pictures at full size, stacked, then Pillow."""
    import decord

    film = decord.VideoReader(str(path), num_threads=1)
    pictures = np.stack([film[number * rate].asnumpy() for number in range(count)])
    for picture in pictures:
        yield np.asarray(Image.fromarray(picture).resize((SIZE, SIZE), BICUBIC))


def decord_full_size(path, count, rate):
    """The same, one picture at a time."""
    import decord

    film = decord.VideoReader(str(path), num_threads=1)
    for number in range(count):
        picture = Image.fromarray(film[number * rate].asnumpy())
        yield np.asarray(picture.resize((SIZE, SIZE), BICUBIC))


def decord_shrinking(path, count, rate):
    """Shrunk while decoding, by its own filter graph; 32 pictures at a time."""
    import decord

    film = decord.VideoReader(str(path), num_threads=1, width=SIZE, height=SIZE)
    for start in range(0, count, 32):
        numbers = [number * rate for number in range(start, min(count, start + 32))]
        yield from film.get_batch(numbers).asnumpy()


def torchcodec(path, count, rate):
    import torch
    from torchcodec.decoders import VideoDecoder
    from torchcodec.transforms import Resize

    torch.set_num_threads(1)
    film = VideoDecoder(
        str(path), num_ffmpeg_threads=1, dimension_order="NHWC", transforms=[Resize((SIZE, SIZE))]
    )
    for start in range(0, count, 32):
        times = [float(second) for second in range(start, min(count, start + 32))]
        yield from film.get_frames_played_at(times).data.numpy()


READERS = {
    reader.__name__: reader
    for reader in (
        decord_loader,
        decord_full_size,
        ntlbg_exact,
        ntlbg_two_threads,
        ntlbg_auto,
        ntlbg_keyframe,
        pyav_decode_all,
        opencv,
        decord_shrinking,
        torchcodec,
    )
}
NEEDS = {"opencv": "cv2", "torchcodec": "torchcodec"} | dict.fromkeys(PEERS, "decord")
MOVES = {"ntlbg_auto", "ntlbg_keyframe"}  # other pictures than on the grid, by design


# Measuring


def measure(reader: str, path: str, count: int, rate: int) -> dict:
    """In this process: CPU seconds, peak memory, and which pictures came."""
    if hasattr(os, "sched_setaffinity"):  # cores differ in what else they do
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    next(iter(READERS[reader](path, 1, rate)), None)  # imports and code are not what is measured
    numbers, start = [], time.process_time()
    numbers.extend(map(read_number, READERS[reader](path, count, rate)))
    return {"cpu": time.process_time() - start, "peak": peak_megabytes(), "numbers": numbers}


def peak_megabytes() -> int:
    """Of this program; what getrusage gives also counts the process it was forked from."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def in_a_process(reader: str, path: Path, count: int, rate: int) -> dict | None:
    """None when the reader cannot read the file."""
    command = [sys.executable, __file__, "--measure", reader, str(path), str(count), str(rate)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        print(f"{reader}: {done.stderr.strip().splitlines()[-1][:150]}", file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def wrong_pictures(reader: str, runs: list[dict], count: int, rate: int) -> str:
    if reader in MOVES:
        return f"{len(runs[0]['numbers'])} pictures"
    wrong = max(
        abs(count - len(run["numbers"]))
        + sum(a != b * rate for a, b in zip(run["numbers"], range(count)))
        for run in runs
    )
    return f"{wrong} of {count}"


def compare(path: Path, rate: int, seconds: int, rounds: int) -> dict[str, list[dict]]:
    """What each reader that can read the film was measured to do, round by round."""
    results = {reader: [] for reader in READERS if is_installed(reader)}
    for _ in range(rounds):
        for reader in list(results):
            found = in_a_process(reader, path, seconds, rate)
            if found is None:
                del results[reader]
            else:
                results[reader].append(found)
    return results


def print_table(results: dict[str, list[dict]], rate: int, seconds: int) -> None:
    peers = [peer for peer in PEERS if peer in results]
    print(f"| reader | CPU s |{''.join(f' of {peer} |' for peer in peers)} wrong | peak MB |")
    print("|---|---|" + "---|" * len(peers) + "---|---|")
    for reader, runs in results.items():
        cpu = statistics.median(run["cpu"] for run in runs)
        shares = [f"{share(runs, results[peer]):.2f}" for peer in peers]
        wrong = wrong_pictures(reader, runs, seconds, rate)
        cells = [reader, f"{cpu:.2f}", *shares, wrong, str(max(run["peak"] for run in runs))]
        print(f"| {' | '.join(cells)} |", flush=True)


def share(runs: list[dict], others: list[dict]) -> float:
    """Of CPU time, within rounds: what else the machine does changes from one to the next."""
    return statistics.median(a["cpu"] / b["cpu"] for a, b in zip(runs, others, strict=True))


def is_installed(reader: str) -> bool:
    return importlib.util.find_spec(NEEDS.get(reader, "av")) is not None


def film_of(folder: Path, name: str, seconds: int) -> Path:
    path = folder / f"{name}-{seconds}.{FILMS[name].kind}"
    if not path.exists():
        unfinished = path.with_name("unfinished-" + path.name)
        write_film(unfinished, name, seconds)
        unfinished.rename(path)
    return path


def measure_hour(folder: Path, seconds: int) -> None:
    """Peak memory of one and the same film, five minutes and an hour long."""
    source = film_of(folder, HOUR, seconds)
    print(f"\n| {HOUR} | pictures | CPU s | peak MB |\n|---|---|---|---|")
    for minutes in (5, 60):
        path = folder / f"{HOUR}-{minutes}-minutes.mp4"
        if not path.exists():
            repeat_film(source, path, 60 * minutes // seconds)
        found = in_a_process("ntlbg_exact", path, 60 * minutes, FILMS[HOUR].rate)
        pictures = len(found["numbers"])
        print(f"| {minutes} min | {pictures} | {found['cpu']:.1f} | {found['peak']} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60, help="length of the films")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=FILMS, default=list(FILMS))
    parser.add_argument("--hour", action="store_true", help="also the memory for an hour of film")
    parser.add_argument("--folder", type=Path, default=Path("results/video-films"))
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        reader, path, count, rate = arguments.measure
        print(json.dumps(measure(reader, path, int(count), int(rate))))
        return
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for name in arguments.only:
        path, rate = film_of(arguments.folder, name, arguments.seconds), FILMS[name].rate
        size = path.stat().st_size / 1e6
        print(f"\n{name}, {arguments.seconds} s, {size:.1f} MB, median of {arguments.rounds}")
        results = compare(path, rate, arguments.seconds, arguments.rounds)
        print_table(results, rate, arguments.seconds)
    if arguments.hour:
        measure_hour(arguments.folder, arguments.seconds)


if __name__ == "__main__":
    main()
