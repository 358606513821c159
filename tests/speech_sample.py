"""The spoken sample in data/speech: its text and times; run this file to make it again.

Two made voices of espeak-ng (a Debian package; tests do not need it), a pause, and made music.
"""

import re
import subprocess
from pathlib import Path

import av
import numpy as np

PATH = Path(__file__).parent / "data" / "speech" / "meeting.opus"
# voice, text, and when it begins in the file, in seconds
SAID = (
    ("en-us", "Good morning, and welcome to the meeting of the garden club.", 0.5),
    ("en-us", "Last month we paid four hundred dollars for seeds.", 4.7),
    ("en-gb+f3", "The new greenhouse will be built in October.", 11.5),
    ("en-gb+f3", "Please send your ideas to the secretary before Friday.", 15.2),
)
MUSIC = (19.5, 23.5)  # nobody speaks there
SECONDS = 24.0
RATE = 48_000


def word_error_rate(said: str, heard: str) -> float:
    """Words left out, put in and mistaken, for each that was said; spelling of numbers aside."""
    # as the model writes them
    said = said.lower().replace("four hundred dollars", "$400")
    truth, found = (re.sub(r"[^\w\s$']", "", text.lower()).split() for text in (said, heard))
    row = list(range(len(found) + 1))
    for number, word in enumerate(truth, start=1):
        last, row = row, [number]
        for place, other in enumerate(found, start=1):
            row.append(min(last[place] + 1, row[-1] + 1, last[place - 1] + (word != other)))
    return row[-1] / len(truth)


def make(path: Path) -> None:
    samples = np.zeros(round(SECONDS * RATE), np.float32)
    for voice, text, begin in SAID:
        _put(samples, _spoken(voice, text), begin)
    _put(samples, _music(MUSIC[1] - MUSIC[0]), MUSIC[0])
    with av.open(str(path), "w", format="ogg") as file:
        stream = file.add_stream("libopus", rate=RATE, layout="mono", options={"b": "20000"})
        stream.bit_rate = 20_000
        resampler = av.AudioResampler(stream.codec_context.format, "mono", RATE, frame_size=960)
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = RATE
        for whole in (frame, None):
            for piece in resampler.resample(whole):
                file.mux(stream.encode(piece))
        file.mux(stream.encode(None))


def _spoken(voice: str, text: str) -> np.ndarray:
    """float32 (N,), without the silence around it."""
    command = ["espeak-ng", "-v", voice, "-s", "155", "--stdout", text]
    wave = subprocess.run(command, capture_output=True, check=True).stdout
    body = wave[wave.index(b"data") + 8 :]
    sound = np.frombuffer(body[: len(body) // 2 * 2], "<i2").astype(np.float32) / 32768
    times = np.arange(round(len(sound) * RATE / 22050)) * 22050 / RATE  # what espeak-ng makes
    sound = np.interp(times, np.arange(len(sound)), sound).astype(np.float32)
    loud = np.flatnonzero(np.abs(sound) > 0.01)
    return sound[loud[0] : loud[-1] + 1]


def _music(seconds: float) -> np.ndarray:
    """Chords of four tones, one a second, that fade."""
    times = np.arange(round(seconds * RATE)) / RATE
    roots = 110 * 2 ** (np.array([0, 5, 7, 3])[times.astype(int) % 4] / 12)
    tones = sum(np.sin(2 * np.pi * roots * part * times) for part in (1, 1.26, 1.498, 2))
    return (0.08 * tones * np.exp(-(times % 1))).astype(np.float32)


def _put(samples: np.ndarray, sound: np.ndarray, begin: float) -> None:
    at = round(begin * RATE)
    print(f"{begin} to {begin + len(sound) / RATE:.2f} s")
    samples[at : at + len(sound)] += sound


if __name__ == "__main__":
    PATH.parent.mkdir(exist_ok=True)
    make(PATH)
