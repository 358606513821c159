"""What a line of text looks like, small and grey: whether it is still there, and still the same."""

from dataclasses import dataclass

import numpy as np

# Height of a look in pixels: strokes of a letter are still apart, and a line costs .05 ms.
HEIGHT = 24
LONGEST = 1600
# Correlation of two looks above which a text is still there. Over a picture that moves, the same
# text has .97 and more, another in its place or none .36 at most (`benchmarks/screen_changes.py`).
THERE = 0.6
# Largest difference of a square of the look, in standard deviations of the look, at which the text
# is the same. One digit for another is .24 and more, the noise of a coder below .01. Over a picture
# that moves the same text has .07 to .35: it may be read again.
SAME = 0.12


@dataclass(frozen=True, eq=False)
class Rectangle:
    """Upright, in pixels of the picture."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def around(cls, box: np.ndarray) -> "Rectangle":
        """Of corners (4, 2)."""
        (left, top), (right, bottom) = box.min(axis=0), box.max(axis=0)
        return cls(float(left), float(top), float(right), float(bottom))

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    def overlap(self, other: "Rectangle") -> float:
        """Shared area by the area of both together, 0 to 1."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        if width <= 0 or height <= 0:
            return 0.0
        shared = width * height
        return shared / (self.width * self.height + other.width * other.height - shared)

    def shares_row(self, other: "Rectangle") -> bool:
        """Of like height, and beside each other as words of one line are."""
        shared = min(self.bottom, other.bottom) - max(self.top, other.top)
        low, high = sorted((self.height, other.height))
        return shared > 0.6 * low and high < 1.5 * low


def look_at(picture: np.ndarray, box: np.ndarray) -> np.ndarray:
    """float32 (24, W): the box of a picture, uint8 (H, W, 3), grey."""
    import cv2

    where = Rectangle.around(box)
    height, width = picture.shape[:2]
    top, bottom = _inside(where.top, where.bottom, height)
    left, right = _inside(where.left, where.right, width)
    grey = cv2.cvtColor(np.ascontiguousarray(picture[top:bottom, left:right]), cv2.COLOR_RGB2GRAY)
    if grey.shape[0] > 1.5 * grey.shape[1]:
        grey = np.rot90(grey)
    columns = round(grey.shape[1] * HEIGHT / grey.shape[0])
    size = (min(max(columns, 8), LONGEST), HEIGHT)
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.float32)


def _inside(first: float, last: float, limit: int) -> tuple[int, int]:
    start = min(max(round(first), 0), limit - 1)
    return start, max(min(round(last), limit), start + 1)


def is_there(look: np.ndarray, now: np.ndarray) -> bool:
    """Whether the text of a look is still there, on whatever ground, and be it paler."""
    return look.shape == now.shape and _correlation(look, now) > THERE


def is_same(look: np.ndarray, now: np.ndarray) -> bool:
    """Whether nothing changed, not even a digit."""
    if look.shape != now.shape:
        return False
    difference = np.abs(look - now).mean(axis=0)
    window = min(HEIGHT, len(difference))
    along = np.convolve(difference, np.full(window, 1 / window), mode="valid")
    # of a blank box a grey level or two is noise, not a change
    return bool(along.max() <= SAME * max(float(look.std()), 8.0))


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Without the mean of each row: that a line of letters is dark in its middle is no likeness."""
    one, other = (look - look.mean(axis=1, keepdims=True) for look in (one, other))
    size = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float((one * other).sum()) / size if size > 0 else 0.0
