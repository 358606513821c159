"""Sentences read aloud by espeak-ng, a Debian package that only measuring needs."""

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np

from ntlbg.errors import MissingPackage
from ntlbg_lab.film.talks import RATE

ESPEAK = "espeak-ng"
ESPEAK_RATE = 22_050
PAUSE = 0.3  # seconds between two sentences of a file, so that codecs do not smear one on the next
LOUDNESS = 0.08  # root mean square of every voice


def check_espeak() -> None:
    """Whether sentences can be read aloud.

    Raises:
        MissingPackage: they cannot.
    """
    if shutil.which(ESPEAK) is None:
        raise MissingPackage(f"{ESPEAK} is not installed; reading aloud needs it: apt-get install "
                             f"{ESPEAK}")  # fmt: skip


def spoken(text: str, voice: str, words_a_minute: int) -> np.ndarray:
    """float32 (N,) at RATE, without the silence around it."""
    command = [ESPEAK, "-v", voice, "-s", str(words_a_minute), "--stdout", text]
    wave = subprocess.run(command, capture_output=True, check=True).stdout
    body = wave[wave.index(b"data") + 8 :]
    raw = np.frombuffer(body[: len(body) // 2 * 2], "<i2").astype(np.float32) / 32768
    loud = np.flatnonzero(np.abs(raw) > 0.005)
    raw = raw[loud[0] : loud[-1] + 1]
    times = np.arange(round(len(raw) * RATE / ESPEAK_RATE)) * ESPEAK_RATE / RATE
    sound = np.interp(times, np.arange(len(raw)), raw)
    return (sound * LOUDNESS / np.sqrt(np.mean(sound**2))).astype(np.float32)


def read_aloud(
    sentences: Iterable[tuple[str, str, int]], seconds: float
) -> tuple[list[tuple[str, float, float]], np.ndarray]:
    """Sentences with their times, and float32 (N,) at RATE, as many as there is room for.

    Args:
        sentences: text, voice, words a minute.
        seconds: that there is room for.
    """
    heard, pieces, time = [], [np.zeros(round(PAUSE * RATE), np.float32)], PAUSE
    for text, voice, words_a_minute in sentences:
        sound = spoken(text, voice, words_a_minute)
        end = time + len(sound) / RATE
        if end > seconds:
            break
        heard.append((text, round(time, 3), round(end, 3)))
        pieces += [sound, np.zeros(round(PAUSE * RATE), np.float32)]
        time = end + PAUSE
    return heard, np.concatenate(pieces)


def write_opus(samples: np.ndarray, path: Path, bits_a_second: int) -> None:
    """Mono speech at RATE."""
    options = {"b": str(bits_a_second), "application": "voip"}
    with av.open(str(path), "w", format="ogg") as file:
        stream = file.add_stream("libopus", rate=RATE, layout="mono", options=options)
        stream.bit_rate = bits_a_second
        frame = av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
        frame.sample_rate = RATE
        size = RATE // 50  # 20 ms, as the codec wants
        resampler = av.AudioResampler(stream.codec_context.format, "mono", RATE, frame_size=size)
        for whole in (frame, None):
            for piece in resampler.resample(whole):
                file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
