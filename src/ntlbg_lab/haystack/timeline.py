"""What happens when in a haystack: shots of background, and needles planted on them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ntlbg_lab.haystack import backgrounds
from ntlbg_lab.haystack.pictures import STYLES, load_style, paste
from ntlbg_lab.haystack.questions import Event

SHORTEST_SHOT, LONGEST_SHOT = 8.0, 45.0  # seconds
SHORTEST_NEEDLE, LONGEST_NEEDLE = 1.0, 5.0  # seconds
NEEDLE_SPACING = 12.0  # seconds between the starts of two needles, at least
REPEATS = 0.3  # chance that a needle shows an object that was there before


@dataclass(frozen=True)
class Shot:
    """A stretch of one background, ``[start, end)`` seconds; ``source`` is its number."""

    start: float
    end: float
    source: int
    seed: int


@dataclass(frozen=True)
class Needle:
    """An object on screen. Place and size are shares of the frame's height and free width."""

    event: Event
    style: str
    variant: int
    size: float
    left: float
    top: float


@dataclass(frozen=True)
class Timeline:
    """A whole video, before anything is drawn."""

    duration: float
    shots: tuple[Shot, ...]
    needles: tuple[Needle, ...]
    split: str

    @property
    def events(self) -> list[Event]:
        """Appearances in order of time."""
        return [needle.event for needle in self.needles]


def plan_timeline(
    rng: np.random.Generator,
    duration: float,
    *,
    names: list[str],
    split: str = "test",
    styles: tuple[str, ...] = STYLES,
    spacing: float = NEEDLE_SPACING,
) -> Timeline:
    """A random timeline of ``duration`` seconds.

    There are 3 to 8 needles, or as many as there is room for. ``split`` names the backgrounds
    (see ``backgrounds.sources``). Starts of needles are ``spacing`` seconds apart.
    """
    shots, start = [], 0.0
    sources = len(backgrounds.sources(split))
    while start < duration:
        end = min(duration, start + float(rng.uniform(SHORTEST_SHOT, LONGEST_SHOT)))
        shots.append(Shot(start, end, int(rng.integers(sources)), int(rng.integers(2**31))))
        start = end
    slots = max(1, int(duration // spacing))
    wanted = int(rng.integers(3, 9))
    starts = np.sort(rng.choice(slots, min(wanted, slots), replace=False)) * spacing
    needles: list[Needle] = []
    used: list[str] = []
    for base in starts:
        back = used and rng.random() < REPEATS
        name = str(rng.choice(used if back else names))
        used.append(name)
        needles.append(plan_needle(rng, name, float(base), min(spacing, duration - base), styles))
    return Timeline(duration, tuple(shots), tuple(needles), split)


def plan_needle(
    rng: np.random.Generator, name: str, base: float, room: float, styles: tuple[str, ...]
) -> Needle:
    """An object shown at some time within ``room`` seconds from ``base`` on."""
    # two needles in a row stay a second apart, so that they are two appearances
    longest = max(SHORTEST_NEEDLE, min(LONGEST_NEEDLE, room - 1.5))
    length = float(rng.uniform(SHORTEST_NEEDLE, longest))
    room = max(0.0, room - length - 1.5)
    start = round(base + float(rng.uniform(0, room)), 2)
    drawn_by = [style for style in styles if name in load_style(style)]
    style = str(rng.choice(drawn_by))
    variant = int(rng.integers(len(load_style(style)[name])))
    size, left, top = rng.uniform(0.35, 0.9), rng.uniform(), rng.uniform()
    event = Event(name, start, round(start + length, 2))
    return Needle(event, style, variant, float(size), float(left), float(top))


def draw_frames(
    timeline: Timeline, size: tuple[int, int], fps: float
) -> Iterator[tuple[float, np.ndarray]]:
    """(seconds, uint8 (H, W, 3)) at i / fps, in order; one shot is in memory at a time."""
    sources = backgrounds.sources(timeline.split)
    for shot in timeline.shots:
        low, high = (int(np.ceil(end * fps - 1e-9)) for end in (shot.start, shot.end))
        if high > low:
            frames = sources[shot.source](np.random.default_rng(shot.seed), high - low, size, fps)
            for number, frame in enumerate(frames, start=low):
                yield number / fps, draw_needles(timeline, number / fps, frame)


def draw_needles(timeline: Timeline, seconds: float, frame: np.ndarray) -> np.ndarray:
    """The background with every needle that is on screen at this time."""
    height, width = frame.shape[:2]
    for needle in timeline.needles:
        if needle.event.start <= seconds < needle.event.end:
            picture = load_style(needle.style)[needle.event.name][needle.variant]
            size = int(needle.size * height)
            left, top = int(needle.left * (width - size)), int(needle.top * (height - size))
            frame = paste(frame, picture, left=left, top=top, size=size)
    return frame
