"""CPU time, peak memory and wrong pictures of our video reader and of others, in the same run.

    make bench-setup
    .venv-bench/bin/python benchmarks/video.py [--seconds 60] [--rounds 3] [--hour] [--only FILM]

One picture a second at 384 x 384, one decoder thread each. Every reading is a process of its own,
rounds are interleaved, and CPU time (without imports) is compared, so that other work on the
machine counts little. Readers that are not installed are left out. The films are made here:
textures that pan, things that move, cuts and grain, and a number in every picture that tells
which one it is.
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

SIZE = 384
BITS = 20
X264 = {"preset": "veryfast", "crf": "23"}
# name: container, codec, (height, width), pictures a second, options of the encoder
FILMS = {
    "h264-720p": ("mp4", "libx264", (720, 1280), 25, X264 | {"g": "250"}),
    "h264-1080p": ("mp4", "libx264", (1080, 1920), 30, X264 | {"g": "250"}),
    "h264-1080p-gop60": (
        "mp4",
        "libx264",
        (1080, 1920),
        30,
        X264 | {"x264-params": "keyint=60:min-keyint=60:scenecut=0"},
    ),
    "hevc-720p": ("mp4", "libx265", (720, 1280), 25, {"preset": "ultrafast"}),
    "vp9-720p": ("webm", "libvpx-vp9", (720, 1280), 25, {"deadline": "realtime", "cpu-used": "8"}),
    "calm-720p": ("mp4", "libx264", (720, 1280), 25, X264 | {"g": "250"}),  # for the hour
    "mpeg4-720p": ("avi", "mpeg4", (720, 1280), 25, {"q:v": "5", "g": "12"}),
}
BITRATE = {"vp9-720p": 2_500_000, "mpeg4-720p": 6_000_000}


# Films


def write_film(path: Path, name: str, seconds: int) -> None:
    kind, codec, (height, width), rate, options = FILMS[name]
    if "x265" in codec:
        options = options | {"x265-params": "log-level=none"}
    with av.open(str(path), "w", format={"mkv": "matroska"}.get(kind, kind)) as container:
        stream = container.add_stream(codec, rate=rate, options=options)
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        stream.bit_rate = BITRATE.get(name, 0)
        grain = 0 if name == "calm-720p" else 1
        for number, planes in enumerate(pictures(height, width, seconds * rate, rate, grain)):
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def pictures(height: int, width: int, count: int, rate: int, strength: int):
    """uint8 (3/2 height, width): brightness, then both colours at half size."""
    rng = np.random.default_rng(7)
    grain = rng.integers(-strength, strength + 1, (height + 64, width + 64), dtype=np.int16)
    boxes = rng.uniform(0, 1, (12, 4))
    for number in range(count):
        within = number % (4 * rate)
        if within == 0:
            scene = texture(rng, height, width)
            colour = [texture(rng, height // 2, width // 2) // 2 + 64 for _ in "uv"]
            speed = rng.uniform(-3, 3, 2)
        top, left = (int(32 + 30 * np.sin(s * within / 40)) for s in speed)
        bright = scene[top : top + height, left : left + width].astype(np.int16)
        for y, x, dy, dx in boxes:
            row = int((y + (dy - 0.5) * within / rate / 4) % 1 * height * 0.8)
            column = int((x + (dx - 0.5) * within / rate / 4) % 1 * width * 0.8)
            bright[row : row + height // 9, column : column + width // 12] = int(255 * (y + x) / 2)
        shift = rng.integers(0, 64, 2)
        bright += grain[shift[0] : shift[0] + height, shift[1] : shift[1] + width]
        bright[: height // 10] = 16
        for bit in range(BITS):
            edges = [round((bit + place) * width / (BITS + 4)) for place in (0, 1)]
            bright[: height // 10, slice(*edges)] = 235 if number >> bit & 1 else 16
        half = [plane[top : top + height // 2, left : left + width // 2] for plane in colour]
        rows = [plane.reshape(-1, width) for plane in half]
        yield np.concatenate([np.clip(bright, 16, 235).astype(np.uint8), *rows])


def texture(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Noise at several scales, a little larger than a picture."""
    shape = height + 64, width + 64
    total = np.zeros(shape)
    for scale in (4, 16, 64):
        coarse = rng.normal(size=(shape[0] // scale + 2, shape[1] // scale + 2))
        fine = coarse.repeat(scale, axis=0).repeat(scale, axis=1)
        total += scale**0.5 * fine[: shape[0], : shape[1]]
    return np.clip(128 + 12 * total, 16, 235).astype(np.uint8)


def read_number(picture: np.ndarray) -> int:
    row = picture[picture.shape[0] // 20].mean(axis=-1)
    places = (np.arange(BITS) + 0.5) / (BITS + 4) * picture.shape[1]
    return int(sum(1 << bit for bit, place in enumerate(places.astype(int)) if row[place] > 127))


def repeat_film(source: Path, target: Path, times: int) -> None:
    """Copies of the packets, one film after the other."""
    with av.open(str(target), "w") as output:
        stream, start = None, 0
        for _ in range(times):
            with av.open(str(source)) as film:
                template = film.streams.video[0]
                stream = stream or output.add_stream_from_template(template)
                length = template.duration
                for packet in film.demux(template):
                    if packet.size:
                        packet.pts, packet.dts = packet.pts + start, packet.dts + start
                        packet.stream = stream
                        output.mux(packet)
            start += length


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


def decord_full_size(path, count, rate):
    """As long-video models load: full-size pictures, then Pillow."""
    import decord
    from PIL import Image

    film = decord.VideoReader(str(path), num_threads=1)
    for number in range(count):
        picture = Image.fromarray(film[number * rate].asnumpy())
        yield np.asarray(picture.resize((SIZE, SIZE), Image.Resampling.BICUBIC))


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
NEEDS = {"opencv": "cv2", "decord_full_size": "decord", "decord_shrinking": "decord"}
NEEDS |= {"torchcodec": "torchcodec"}
MOVES = {"ntlbg_auto", "ntlbg_keyframe"}  # other pictures than on the grid, by design


# Measuring


def measure(reader: str, path: str, count: int, rate: int) -> dict:
    """In this process: CPU seconds, peak memory, and which pictures came."""
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


def wrong_pictures(reader: str, numbers: list[int], count: int, rate: int) -> str:
    if reader in MOVES:
        return f"{len(numbers)} pictures"
    wrong = sum(a != b * rate for a, b in zip(numbers, range(count)))
    return f"{wrong + abs(count - len(numbers))} of {count}"


def compare(folder: Path, name: str, seconds: int, rounds: int) -> None:
    kind, _, _, rate, _ = FILMS[name]
    path = folder / f"{name}-{seconds}.{kind}"
    if not path.exists():
        write_film(path, name, seconds)
    results = {reader: [] for reader in READERS if is_installed(reader)}
    for _ in range(rounds):
        for reader in list(results):
            found = in_a_process(reader, path, seconds, rate)
            if found is None:
                del results[reader]
            else:
                results[reader].append(found)
    print(f"\n{name}, {seconds} s, {path.stat().st_size / 1e6:.1f} MB, median of {rounds}")
    print("| reader | CPU s | of decord_full_size | of decord_shrinking | wrong | peak MB |")
    print("|---|---|---|---|---|---|")
    cpu = {
        reader: statistics.median(run["cpu"] for run in runs) for reader, runs in results.items()
    }
    for reader, runs in results.items():
        ratios = [
            f"{cpu[reader] / cpu[peer]:.2f}" if peer in cpu else "-"
            for peer in ("decord_full_size", "decord_shrinking")
        ]
        wrong = wrong_pictures(reader, runs[0]["numbers"], seconds, rate)
        peak = max(run["peak"] for run in runs)
        print(
            f"| {reader} | {cpu[reader]:.2f} | {' | '.join(ratios)} | {wrong} | {peak} |",
            flush=True,
        )


def is_installed(reader: str) -> bool:
    return importlib.util.find_spec(NEEDS.get(reader, "av")) is not None


def measure_hour(folder: Path, seconds: int) -> None:
    """Peak memory of one and the same film, five minutes and an hour long."""
    source = folder / f"calm-720p-{seconds}.mp4"
    if not source.exists():
        write_film(source, "calm-720p", seconds)
    print("\n| calm-720p | pictures | CPU s | peak MB |\n|---|---|---|---|")
    for minutes in (5, 60):
        path = folder / f"calm-720p-{minutes}-minutes.mp4"
        if not path.exists():
            repeat_film(source, path, 60 * minutes // seconds)
        found = in_a_process("ntlbg_exact", path, 60 * minutes, 25)
        pictures = len(found["numbers"])
        print(f"| {minutes} min | {pictures} | {found['cpu']:.1f} | {found['peak']} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60, help="length of the films")
    parser.add_argument("--rounds", type=int, default=3)
    films = [name for name in FILMS if name != "calm-720p"]
    parser.add_argument("--only", nargs="*", choices=films, default=films)
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
        compare(arguments.folder, name, arguments.seconds, arguments.rounds)
    if arguments.hour:
        measure_hour(arguments.folder, arguments.seconds)


if __name__ == "__main__":
    main()
