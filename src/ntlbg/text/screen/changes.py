"""Whether a picture is worth looking at for text: cheap, and asked for every picture.

A picture is made small and grey, and compared tile by tile. A mean over the whole picture misses a
number that changes. What changed and has held since the picture before is looked at at once. What
never holds, a film or a face beside slides, is looked at seldom: each look that finds no new text
in a tile doubles how long the next one waits for that tile.
"""

from collections.abc import Sequence

import numpy as np

# Small enough to cost half a millisecond, large enough that two digits of 720p move a tile; the
# shape is that of most films. Upright pictures are made small upright.
WIDTH, HEIGHT = 224, 126
COLUMNS, ROWS = 14, 9
# Mean difference of a tile, of 255 levels. `benchmarks/screen_changes.py`, films coded by H.264:
# what stays moves a tile by .3 at most, one small digit for another by 1.7 or more, two more digits
# by 4.5, a line of code by 5. Noise of a camera may be above the limit: it never holds, and is
# looked at seldom.
LIMIT = 1.2
# Share of the tiles of a text that may change beside it: of a line over ten tiles the last two.
RIM = 0.25
# A tile that does not hold is looked at after so long: half of the time that subtitles stay.
FIRST_WAIT_SECONDS = 2.0
# And at most after so long, where it never had text: one look costs .04 s, 900 in an hour 35 s.
LAST_WAIT_SECONDS = 4.0


def small_grey(picture: np.ndarray) -> np.ndarray:
    """float32 (126, 224), or (224, 126) of an upright picture, from uint8 (H, W, 3)."""
    import cv2

    height, width = picture.shape[:2]
    size = (WIDTH, HEIGHT) if width >= height else (HEIGHT, WIDTH)
    # colour last: most of the cost is in the large picture
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)


def tile_differences(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """float32 (9, 14), or (14, 9) of upright pictures: mean difference in each tile."""
    rows, columns = _grid(one.shape)
    difference = np.abs(one - other).reshape(rows, one.shape[0] // rows, columns, -1)
    return difference.mean(axis=(1, 3))


def _grid(shape: tuple[int, ...]) -> tuple[int, int]:
    return (ROWS, COLUMNS) if shape[1] >= shape[0] else (COLUMNS, ROWS)


class Changes:
    """What changed since a picture was last looked at for text.

    Give it every picture with ``see``; then ``is_settled`` or ``is_restless`` say why one should
    look, and ``looked`` what came of it.
    """

    def __init__(self) -> None:
        self._now = self._looked_at = 0.0
        self._restless_wait = FIRST_WAIT_SECONDS
        self._small: np.ndarray | None = None
        self._reference: np.ndarray | None = None
        self._moved = self._held = np.zeros((ROWS, COLUMNS), bool)
        self._restless = self._fresh = self._moved
        self._wait = self._due = np.zeros((ROWS, COLUMNS))
        self.is_still = False

    def see(self, picture: np.ndarray, seconds: float) -> None:
        """The next picture, uint8 (H, W, 3), and when it is shown."""
        small, before = small_grey(picture), self._small
        self._now = seconds
        if before is None or before.shape != small.shape:
            self._begin(small)
            before = small
        assert self._reference is not None
        since = tile_differences(small, before)
        self.is_still = bool((since <= LIMIT).all())
        self._moved = tile_differences(small, self._reference) > LIMIT
        changes = self._moved & (since > LIMIT)
        self._restless, self._fresh = changes & ~self._held, changes & self._held
        self._held = since <= LIMIT
        self._small = small

    @property
    def is_as_it_was(self) -> bool:
        """Nothing changed since the picture before, nor since the last look."""
        return self.is_still and not self._moved.any()

    @property
    def is_settled(self) -> bool:
        """Something changed and held, where a look is due.

        Beside what moves a tile that holds does so by chance.
        """
        calm = ~_with_neighbours(~self._held)
        return bool((self._moved & calm & (self._now >= self._due)).any())

    @property
    def is_partly_restless(self) -> bool:
        """Something changes for the second time in a row."""
        return bool(self._restless.any())

    @property
    def is_restless(self) -> bool:
        """Something changes for the second time in a row, and a look is due.

        But not where more has only begun to: a slide that fades into the next holds in a moment.
        """
        if self._fresh.sum() >= self._restless.sum():
            return False
        return self._now >= self._looked_at + self._restless_wait

    def is_changed(self, box: np.ndarray, shape: tuple[int, ...]) -> bool:
        """Whether a box changed since the last look; at its rim others may have changed.

        What has only begun to change may be half of a fade: it is looked at when it holds.
        """
        changed = self._moved & ~self._fresh
        return bool(changed[self._tiles(box, shape)].mean() > RIM)

    @property
    def was_fruitful(self) -> bool:
        """The last look found new text: the next one will."""
        return self._restless_wait == FIRST_WAIT_SECONDS

    def is_moving(self, box: np.ndarray, shape: tuple[int, ...]) -> bool:
        """Whether most of a box (4, 2) of a picture of this shape is not as in the one before."""
        return bool(self._held[self._tiles(box, shape)].mean() < 0.5)

    def passed_over(self) -> None:
        """A glance at what never holds found no text there; what changed elsewhere is still due."""
        assert self._reference is not None
        assert self._small is not None
        where = _with_neighbours(self._restless)
        # what holds in a film was glanced at as well, and must not be at every picture
        self._let_wait(where | (self._moved & ~self._fresh) if self.is_settled else where)
        high, wide = (side // tiles for side, tiles in zip(self._small.shape, where.shape))
        pixels = where.repeat(high, axis=0).repeat(wide, axis=1)
        self._reference = np.where(pixels, self._small, self._reference)
        self._looked_at, self._restless_wait = self._now, LAST_WAIT_SECONDS

    def looked(self, shape: tuple[int, ...], found: Sequence[np.ndarray]) -> None:
        """A look at this picture found new text in these boxes.

        Args:
            shape: of the picture, (H, W, ...).
            found: boxes (4, 2), x and y in pixels.
        """
        fruitful = np.zeros_like(self._moved)
        for box in found:
            fruitful |= self._tiles(box, shape)
        barren = _with_neighbours(self._moved) & ~fruitful
        self._wait[fruitful] = 0.0
        self._due[fruitful] = self._now
        self._let_wait(barren)
        self._reference, self._looked_at = self._small, self._now
        self._restless_wait = FIRST_WAIT_SECONDS if found else LAST_WAIT_SECONDS

    def _let_wait(self, barren: np.ndarray) -> None:
        longer = np.clip(self._wait[barren] * 2, FIRST_WAIT_SECONDS, LAST_WAIT_SECONDS)
        self._wait[barren], self._due[barren] = longer, self._now + longer

    def _begin(self, small: np.ndarray) -> None:
        self._reference, self._looked_at = small, self._now
        self._held = np.ones(_grid(small.shape), bool)
        self._wait, self._due = np.zeros(_grid(small.shape)), np.full(_grid(small.shape), -np.inf)

    def _tiles(self, box: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        rows, columns = self._moved.shape
        scale = np.array([columns / shape[1], rows / shape[0]])
        (left, top), (right, bottom) = box.min(axis=0) * scale, box.max(axis=0) * scale
        y, x = np.mgrid[:rows, :columns]
        return (x > left - 1) & (x < right) & (y > top - 1) & (y < bottom)


def _with_neighbours(tiles: np.ndarray) -> np.ndarray:
    """What moves in a tile moves into those beside it."""
    wide = np.pad(tiles, 1)
    up_down = wide[:-2] | wide[1:-1] | wide[2:]
    return up_down[:, :-2] | up_down[:, 1:-1] | up_down[:, 2:]
