"""How many pictures of an hour are read, so that a film full of changing text ends."""

# An hour of slides has 60 to 120. At .4 to 1 s a picture the bound is ten CPU minutes for an hour.
PICTURES_PER_HOUR = 900
# What was saved in quiet minutes may be spent at once, up to so many minutes' worth.
SAVED_MINUTES = 10


class Allowance:
    """Pictures that may be read by now: they come evenly and are saved up.

    Attributes:
        refused: pictures that changed and were not read.
    """

    def __init__(self, per_hour: float, left: float | None = None, refused: int = 0):
        self._per_second = per_hour / 3600
        self._most = max(1.0, per_hour * SAVED_MINUTES / 60)
        self._left = self._most if left is None else left
        self._at: float | None = None
        self.refused = refused

    @property
    def left(self) -> float:
        """Pictures, and a part of one."""
        return self._left

    def wait_until(self, seconds: float) -> None:
        """Time of the film goes by."""
        if self._at is not None:
            gained = (seconds - self._at) * self._per_second
            self._left = min(self._most, self._left + gained)
        self._at = seconds

    def allows(self) -> bool:
        """Whether one more picture may be read now; if not, it counts as refused."""
        if self._left < 1.0:
            self.refused += 1
            return False
        return True

    def spend(self) -> None:
        """A picture was read."""
        self._left -= 1.0
