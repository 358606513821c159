"""A film like people's own: talks with slides, news with a ticker, pictures with music.

Reading order: `talks` (what is spoken), `plan` (what happens when), `pages` and `painting` (what is
seen), `sound`, `writing` (the file), `questions`. Everything follows from a seed, and nothing is
needed but what pip installs: the voices are shipped.

>>> make_film("films", minutes=10)
"""

import math
from pathlib import Path

import numpy as np

from ntlbg.data import Sample, write_samples
from ntlbg.errors import ConfigError
from ntlbg.files import staged_directory
from ntlbg_lab.film.plan import FPS, Film, plan_film
from ntlbg_lab.film.questions import KINDS, ask_about
from ntlbg_lab.film.writing import LEAST_BYTES_A_SECOND, write_film
from ntlbg_lab.haystack import FILES, PREFIX, QUESTIONS_FILE, Progress, counted

__all__ = [
    "FILES",
    "KINDS",
    "LEAST_MINUTES",
    "QUESTIONS_FILE",
    "check_film",
    "least_bytes",
    "make_film",
]

# Below, there is no room for what is asked.
LEAST_MINUTES = 1


def make_film(
    out_dir: str | Path,
    *,
    minutes: float = 60,
    seed: int = 0,
    progress: Progress | None = None,
) -> Path:
    """Write a film and ``questions.jsonl``, eight questions about it, into a folder.

    Args:
        minutes: of the film; of speech there is half an hour at most.
        seed: the same seed, the same film; not negative.
        progress: called with frames written and the share done.

    Raises:
        ConfigError: it cannot be made. OutputError: nothing can be written there.
    """
    check_film(minutes, seed)
    rng = np.random.default_rng(seed)
    film = plan_film(rng, minutes)
    name = f"{PREFIX}film-{seed}.mp4"
    with staged_directory(out_dir, FILES, needed=least_bytes(minutes)) as stage:
        write_film(film, stage / name, written=counted(progress, FPS * film.seconds))
        write_samples(stage / QUESTIONS_FILE, _named(ask_about(film, rng), name, film))
    return Path(out_dir) / name


def least_bytes(minutes: float) -> float:
    """Of a film so long, on disk."""
    return minutes * 60 * LEAST_BYTES_A_SECOND


def check_film(minutes: float, seed: int) -> None:
    """Whether such a film can be made.

    Raises:
        ConfigError: it cannot.
    """
    if not LEAST_MINUTES <= minutes < math.inf:  # nor NaN
        raise ConfigError(
            f"{minutes} minutes: a film with speech, slides and pictures has {LEAST_MINUTES} "
            "or more"
        )
    if seed < 0:
        raise ConfigError(f"seed {seed}: must not be negative")


def _named(samples: list[Sample], video: str, film: Film) -> list[Sample]:
    stem = Path(video).stem
    return [
        sample.model_copy(
            update={"id": f"{stem}-{place}", "video": video, "duration": float(film.seconds)}
        )
        for place, sample in enumerate(samples)
    ]
