# ruff: noqa: E402  (the sample is that of the tests, which have to be found first)
"""Speech in our own pieces, against faster-whisper's own ways on the same sound.

    python benchmarks/speech.py                     # the shipped sample, repeated to ten minutes
    python benchmarks/speech.py talk.mp4 talk.txt   # a film, and what is said in it

Each way has a process of its own, on one core, whose CPU seconds are counted without loading, and
whose highest memory is told. The text is one file; without it no word errors are counted.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(TESTS))

from ntlbg.text.speech import SpeechListener
from ntlbg.text.voice import RATE
from ntlbg.text.whisper_models import load_whisper
from ntlbg.types import Sound
from ntlbg.video.audio import read_sound
from speech_sample import PATH, SAID, SECONDS, word_error_rate

REPEATS = round(600 / SECONDS)


def sounds(path: str):
    """The sound of a film; the sample one after the other where none is given."""
    if path:
        yield from read_sound(path)
        return
    for number in range(REPEATS):
        for sound in read_sound(PATH):
            yield Sound(sound.samples, sound.start_seconds + number * SECONDS)


def own_pieces(path: str):
    listener = SpeechListener()
    _ = listener._whisper  # loading is not counted
    yield
    for piece in listener.listen(sounds(path), 0.0, {}):
        for passage in piece.passages:
            yield passage.start_seconds, passage.end_seconds, passage.text


def of_faster_whisper(path: str, *, batched: bool = False, **options):
    from faster_whisper import BatchedInferencePipeline

    model = load_whisper("base", threads=1)
    model = BatchedInferencePipeline(model) if batched else model
    yield
    whole = np.concatenate([sound.samples for sound in sounds(path)])
    for segment in model.transcribe(whole, **options)[0]:
        yield segment.start, segment.end, segment.text


WAYS = {
    "own pieces, beam 1": own_pieces,
    "no voice filter, beam 5": of_faster_whisper,
    "vad_filter, beam 5": lambda path: of_faster_whisper(path, vad_filter=True),
    "vad_filter, beam 1": lambda path: of_faster_whisper(
        path, vad_filter=True, beam_size=1, temperature=0.0, condition_on_previous_text=False
    ),
    "batches of 8": lambda path: of_faster_whisper(path, batched=True, batch_size=8),
}


def measure(way: str, path: str) -> dict:
    found = WAYS[way](path)
    next(found)
    before = time.process_time()
    segments = list(found)
    return {
        "cpu": time.process_time() - before,
        "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "text": " ".join(text for *_, text in segments),
        "longest": max(end - start for start, end, _ in segments),
    }


def row(way: str, path: str, said: str | None, seconds: float) -> str:
    command = [sys.executable, __file__, path, "--way", way]
    got = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    wrong = "" if said is None else f"{word_error_rate(said, got['text']):.3f}"
    cells = [way, f"{60 * got['cpu'] / seconds:.2f}", got["mb"], wrong, f"{got['longest']:.0f}"]
    return f"| {' | '.join(map(str, cells))} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("film", nargs="?", default="", help="a film; the sample without")
    parser.add_argument("text", nargs="?", type=Path, help="what is said in it")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        print(json.dumps(measure(arguments.way, arguments.film)))
        return 0
    said = arguments.text.read_text(encoding="utf-8") if arguments.text else None
    if not arguments.film:
        said = " ".join(text for _, text, _ in SAID * REPEATS)
    seconds = sum(len(sound.samples) for sound in sounds(arguments.film)) / RATE
    print(f"{seconds:.0f} s of sound\n")
    print("| way | CPU s a minute of sound | MB | word errors | longest segment, s |")
    print("|---|---|---|---|---|")
    for way in WAYS:
        print(row(way, arguments.film, said, seconds), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
