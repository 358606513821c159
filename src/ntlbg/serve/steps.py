"""How far work in several steps has come, as one number that grows from 0 to 1."""

from collections.abc import Callable
from typing import Protocol

# Called with the share that is done, 0 to 1, and with what is being done; may raise to stop it.
Tell = Callable[[float, str], None]


class Counting(Protocol):
    """Makes what work calls with how far it has come, a call for each of its steps."""

    def frames(self, what: str) -> Callable[[int, float | None], None]:
        """The next step, of frames: done, and the share of them."""

    def seconds(self, what: str) -> Callable[[float, float], None]:
        """The next step, of seconds: done, and how many there are; 0 where that is not known."""


class Steps:
    """Of some work: each step takes an equal share of it.

    Args:
        tell: is called as it goes on.
        number: of steps.
    """

    def __init__(self, tell: Tell, number: int = 1):
        self._tell, self._number, self._done = tell, number, 0

    def frames(self, what: str) -> Callable[[int, float | None], None]:
        """The next step, of frames: done, and the share of them."""
        before = self._next()

        def progress(done: int, share: float | None = None) -> None:
            self._at(before, share or 0.0, what)

        return progress

    def seconds(self, what: str) -> Callable[[float, float], None]:
        """The next step, of seconds: done, and how many there are; 0 where that is not known."""
        before = self._next()

        def progress(done: float, total: float) -> None:
            self._at(before, done / total if total else 0.0, what)

        return progress

    def _next(self) -> int:
        """How many steps come before it."""
        self._done += 1
        return self._done - 1

    def _at(self, before: int, share: float, what: str) -> None:
        self._tell((before + min(share, 1.0)) / self._number, what)
