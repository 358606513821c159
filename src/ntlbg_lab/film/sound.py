"""The sound of a made film, second by second: voices, made music, silence."""

from collections.abc import Iterator

import numpy as np

from ntlbg_lab.film.plan import Film, Part, Spoken
from ntlbg_lab.film.talks import RATE, voice

MUSIC_LEVEL = 0.05
ROOM_LEVEL = 3e-4  # faint noise, as every microphone has
# Steps above the root, in semitones, of four chords that follow each other.
CHORDS = ((0, 5, 7, 3), (0, 9, 5, 7), (0, 3, 8, 7), (0, 7, 9, 5))


def seconds_of_sound(film: Film) -> Iterator[np.ndarray]:
    """float32 (RATE,) for each second."""
    for chapter in film.chapters:
        for part in chapter.parts.values():
            spoken = [one for one in chapter.spoken if part.start <= one.start < part.end]
            for second in range(part.start, part.end):
                yield _second(part, spoken, second)


def _second(part: Part, spoken: list[Spoken], second: int) -> np.ndarray:
    noise = np.random.default_rng((part.seed, second)).standard_normal(RATE)
    samples = (ROOM_LEVEL * noise).astype(np.float32)
    if part.kind == "scenes":
        samples += music(part.seed, second - part.start)
    for one in spoken:
        if one.start < second + 1 and one.end > second:
            _add(samples, one, second)
    return samples


def _add(samples: np.ndarray, one: Spoken, second: int) -> None:
    """What of a sentence falls into a second."""
    begin, end = (round(time * RATE) for time in (one.sentence.start, one.sentence.end))
    said = voice(one.sound)[begin:end]
    offset = round(one.start * RATE) - second * RATE  # of its beginning
    first, last = max(0, offset), min(RATE, offset + len(said))
    samples[first:last] += said[first - offset : last - offset]


def music(seed: int, second: int) -> np.ndarray:
    """float32 (RATE,): a chord of four tones that fades, in the key of a seed."""
    rng = np.random.default_rng(seed)
    root, steps = 110 * 2 ** (rng.integers(12) / 12), CHORDS[rng.integers(len(CHORDS))]
    tone, times = root * 2 ** (steps[second % 4] / 12), np.arange(RATE) / RATE
    chord = sum(np.sin(2 * np.pi * tone * part * times) for part in (1, 1.26, 1.498, 2))
    return (MUSIC_LEVEL * chord * np.exp(-times)).astype(np.float32)
