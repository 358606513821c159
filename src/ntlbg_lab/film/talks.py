"""What is spoken and written in a made film: six talks, each in its own voice.

``talks.json`` was written by hand: what is asked, and what is on slides and in the ticker. The
sentences are those of ``ntlbg_lab.transcripts`` that no constant was fitted to;
``assets/speech`` holds them read aloud (scripts/build_speech.py).
"""

import json
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np

from ntlbg_lab.film.pages import Look
from ntlbg_lab.transcripts import subjects_of

# Of the film's sound, in Hz: twice what a recogniser hears, and what the shipped files hold.
RATE = 24_000
SPEECH = Path(str(resources.files("ntlbg_lab").joinpath("assets/speech")))
TALKS_FILE = Path(__file__).with_suffix(".json")


@dataclass(frozen=True)
class Sentence:
    """Text and where it is in the talk's own sound file, ``[start, end)`` seconds."""

    text: str
    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return self.end - self.start


@dataclass(frozen=True)
class Talk:
    """One speaker about one thing.

    Attributes:
        sentences: all that was read aloud, in the order of the sound file.
        said, reworded, asked_while: by sentence what is asked: in its words, in others, and about
            the slide meanwhile. ``question``, and ``answer`` but for the last.
        slides: ``heading``, ``lines``, and ``question`` and ``answer`` about them.
        ticker: ``text``, ``question``, ``answer``.
        subjects: what is spoken of, for further slides.
        sound: where it was read aloud.
        look: of its slides and its ticker; None: any.
        always: sentences that are heard in the lecture, whatever is asked.
        captions: shown below in the news for a while, each of a name and what that one does.
    """

    name: str
    title: str
    sentences: tuple[Sentence, ...]
    said: tuple[dict[str, str], ...]
    reworded: tuple[dict[str, str], ...]
    asked_while: tuple[dict[str, str], ...]
    slides: tuple[dict[str, Any], ...]
    ticker: tuple[dict[str, str], ...]
    subjects: tuple[str, ...]
    sound: Path
    look: Look | None = None
    always: frozenset[str] = frozenset()
    captions: tuple[tuple[str, str], ...] = ()


@cache
def load_talks() -> tuple[Talk, ...]:
    """All of them, in the order of ``talks.json``."""
    written = json.loads(TALKS_FILE.read_text("utf-8"))
    heard = json.loads((SPEECH / "sentences.json").read_text("utf-8"))
    return tuple(_talk(name, about, heard[name]) for name, about in written.items())


def _talk(name: str, about: dict[str, Any], heard: list[tuple[str, float, float]]) -> Talk:
    return Talk(
        name,
        about["title"],
        tuple(Sentence(*row) for row in heard),
        said=tuple(about["said"]),
        reworded=tuple(about["reworded"]),
        asked_while=tuple(about["while"]),
        slides=tuple(about["slides"]),
        ticker=tuple(about["ticker"]),
        subjects=tuple(subjects_of(name)),
        sound=SPEECH / f"{name}.opus",
    )


@lru_cache(maxsize=2)  # a film goes from one talk to the next
def voice(sound: Path) -> np.ndarray:
    """float32 (N,) at RATE: a talk's whole sound file, some minutes."""
    resampler = av.AudioResampler("flt", "mono", RATE)
    with av.open(str(sound)) as file:
        pieces = [
            piece.to_ndarray()[0]
            for frame in chain(file.decode(audio=0), (None,))
            for piece in resampler.resample(frame)
        ]
    return np.concatenate(pieces)
