"""Where chapters begin: where pictures and subject change together.

T frames, N passages, B bins of time.
"""

from dataclasses import dataclass

import numpy as np

from ntlbg.errors import ConfigError
from ntlbg.video_chapters.bins import edges_of, outside, pooled, talking
from ntlbg.video_chapters.segments import Scatter, cheapest, cheapest_of, most_chapters
from ntlbg.video_chapters.topics import Topics

# As short as players take them.
LEAST_SECONDS = 10.0
# How much pictures weigh beside words, and what a border costs, in seconds of scatter that is usual
# in the film. Of shares .2 to .4 and prices 8 to 17 the best mean F1 of both kinds of films, seeds
# 0 to 14 (benchmarks/chapters.py --fit).
PICTURES_SHARE = 0.2
PRICE_SECONDS = 12.0
# Of the mean square of features: below, pictures differ by no more than their coding.
LEAST_CHANGE = 1e-3
ROUNDING = 1e-12  # of squares: a thousand times that of their numbers
# A chapter begins with a cut that lies within so much of where it was found to begin. Of 0, 4, 6
# and 8 the longest by which none was lost that is found within 10 seconds, seeds 0 to 14.
CUT_SECONDS = 6.0
# A cut is a change of so many times what is usual from one frame to the next. By hand.
STANDS_OUT = 4.0


@dataclass(frozen=True)
class Division:
    """Chapters as spans in seconds, each of which ends where the next begins, and what they rest
    on, in sentences.
    """

    spans: tuple[tuple[float, float], ...]
    notes: tuple[str, ...]


def divide(
    seconds: float,
    features: np.ndarray,
    pts_seconds: np.ndarray,
    topics: Topics,
    *,
    number: int | None = None,
    least: int = 1,
) -> Division:
    """Chapters of a video; no border lies within a sentence that is spoken.

    Args:
        seconds: of the video, above 0.
        features, pts_seconds: (T, D) and (T,), of its pictures.
        topics: of what is said and written.
        number: of chapters; None: as many as it has.
        least: so many at least, where ``number`` is None.

    Raises:
        ConfigError: there is no room for so many.
    """
    order = np.argsort(pts_seconds, kind="stable")
    features, pts_seconds = features[order], pts_seconds[order]
    spans = talking(topics.passages)
    edges = edges_of(seconds, spans)
    unlike, notes = unlikeness(features, pts_seconds, topics, edges)
    scatter = Scatter.of(edges, unlike)
    starts = cheapest(scatter, PRICE_SECONDS, LEAST_SECONDS)
    if number is not None or len(starts) < least:
        starts = _of_number(scatter, number, least)
    begins = refined(edges, starts, features, pts_seconds, spans)
    return Division(tuple(zip(begins, [*begins[1:], seconds])), tuple(notes))


def unlikeness(
    features: np.ndarray, pts_seconds: np.ndarray, topics: Topics, edges: np.ndarray
) -> tuple[np.ndarray, list[str]]:
    """How unlike bins are (B, B), 1 on average, and what is to be said of it, a sentence each.

    All 0 where nothing changes.

    Pictures and words are added. So a change of one alone, as of slides within a talk, saves less
    scatter than a border costs. Products, and a border's price by how much both change around it,
    were tried with benchmarks/chapters.py and found fewer borders.
    """
    seconds = np.diff(edges)
    seen = pictures_unlike(pooled(features, pts_seconds, edges))
    said = squared_distances(topics.around((edges[:-1] + edges[1:]) / 2))
    streams = [
        (share, one / (seconds @ one @ seconds / seconds.sum() ** 2))
        for share, one in ((PICTURES_SHARE, seen), (1 - PICTURES_SHARE, said))
        if one.any()
    ]
    notes = _notes(topics, bool(seen.any()), bool(said.any()))
    whole = sum(share for share, _ in streams)
    unlike = np.zeros_like(seen)
    for share, one in streams:
        unlike += share / whole * one
    return unlike, notes


def pictures_unlike(pictures: np.ndarray) -> np.ndarray:
    """(B, B), 0 to 1, of vectors (B, D); all 0 where they differ by no more than their coding.

    What is more unlike than usual counts little more: else one cut to another place would outweigh
    all slides of a talk. The scale is the median distance, as is usual for such kernels.
    """
    squared = squared_distances(pictures)
    if squared.mean() / 2 <= LEAST_CHANGE * (pictures**2).sum(1).mean():
        return np.zeros_like(squared)
    return -np.expm1(-squared / np.median(squared[squared > 1e-9 * squared.max()]))


def squared_distances(vectors: np.ndarray) -> np.ndarray:
    """(B, B) of vectors (B, D); 0 on the diagonal, and where only rounding makes a difference."""
    products = vectors @ vectors.T
    squares = products.diagonal()
    found = squares[:, None] + squares - 2 * products
    found[found <= ROUNDING * squares.max()] = 0.0
    return found


def refined(
    edges: np.ndarray,
    starts: list[int],
    features: np.ndarray,
    pts_seconds: np.ndarray,
    spans: np.ndarray,
) -> list[float]:
    """When chapters begin, in seconds: at the cut nearby, or else where they were found to begin.

    Words are known of a moment to some seconds only, and a bin may be as long; a cut is exact.

    Args:
        starts: bins at which they begin.
        features, pts_seconds: (T, D) and (T,), in order of time.
        spans: (N, 2), in which no chapter begins.
    """
    begins = [float(edges[start]) for start in starts]
    changes = np.square(np.diff(features.astype(np.float64), axis=0)).sum(1)
    times = pts_seconds[1:]
    least = STANDS_OUT * float(np.median(changes)) if len(changes) else 0.0
    is_cut = (outside(times, spans) == times) & (changes > least)
    bounds = [*begins, float(edges[-1])]
    for place, start in enumerate(starts[1:], 1):
        reach = max(CUT_SECONDS, edges[start] - edges[start - 1], edges[start + 1] - edges[start])
        low = max(edges[start] - reach, bounds[place - 1] + LEAST_SECONDS)
        high = min(edges[start] + reach, bounds[place + 1] - LEAST_SECONDS)
        rows = np.flatnonzero(is_cut & (times >= low) & (times <= high))
        if len(rows):
            bounds[place] = float(times[rows[changes[rows].argmax()]])
    return bounds[:-1]


def _of_number(scatter: Scatter, number: int | None, least: int) -> list[int]:
    wanted = least if number is None else number
    if not scatter.sums.any():
        # by how far apart bins are, so that parts are of one length
        middles = (scatter.edges[:-1, None] + scatter.edges[1:, None]) / 2
        scatter = Scatter.of(scatter.edges, squared_distances(middles))
    starts = cheapest_of(scatter, wanted, LEAST_SECONDS)
    if starts is None:
        most = most_chapters(scatter.edges, LEAST_SECONDS)
        raise ConfigError(
            f"{wanted} chapters {'at least ' * (number is None)}are wanted, and the video has room "
            f"for {most} of {LEAST_SECONDS:g} seconds or more that cut no spoken sentence in two; "
            f"give --number {most} or less (--format youtube takes no fewer than three)"
        )
    return starts


def _notes(topics: Topics, by_pictures: bool, by_words: bool) -> list[str]:
    if not by_words:
        what = "pictures alone tell" if by_pictures else "neither they nor pictures tell"
        how = "give subtitles, --listen or --read-screen"
        return [f"no words are known, so that {what} where chapters begin; {how}"]
    notes = [] if by_pictures else ["pictures hardly change: words alone tell where chapters begin"]
    if topics.is_by_words:
        notes.append(
            "what is said was compared by shared words alone; `ntlbg fetch text` fetches an "
            "encoder that knows what English sentences mean, --text-encoder names another"
        )
    return notes
