"""Work that needs the model is done one at a time; others wait, and not too many."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, TypeVar

T = TypeVar("T")

# That may wait: of questions of seconds, some minutes. Set by hand.
MOST_WAITING = 20
# After which somebody may try again: a question about a film that was read takes some seconds.
RETRY_SECONDS = 10


class Busy(Exception):
    """So many wait already that no more are taken.

    Attributes:
        retry_after_seconds: when to try again.
    """

    def __init__(self, message: str, retry_after_seconds: int = RETRY_SECONDS):
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Turns(Protocol):
    """Does work when it is its turn, in threads of its own.

    Work that has not begun is taken back by ``cancel()`` of its future. What has begun stops by
    itself: it tells how far it has come, and what is told raises where nobody waits any more.
    """

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """What will come of it.

        Raises:
            Busy: so many wait that it is not taken.
        """
        ...


class OneByOne:
    """The plainest of them: a thread that does what comes, in order.

    Args:
        most_waiting: beside the one that is being done.
        computing: held while work is done, by this and by whatever else uses the same model.
    """

    def __init__(self, most_waiting: int = MOST_WAITING, computing: "threading.Lock | None" = None):
        self._computing = computing or threading.Lock()
        self._thread = ThreadPoolExecutor(1, "ntlbg-turns")
        self._most_waiting = most_waiting
        self._places = threading.BoundedSemaphore(most_waiting + 1)

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """As of :class:`Turns`."""
        if not self._places.acquire(blocking=False):
            raise Busy(f"{self._most_waiting} others wait already, which is the most; ask later")
        future = self._thread.submit(self._alone, work)
        future.add_done_callback(lambda _: self._places.release())
        return future

    def _alone(self, work: Callable[[], T]) -> T:
        with self._computing:
            return work()

    def close(self) -> None:
        """Take back what waits, and wait for what is being done."""
        self._thread.shutdown(cancel_futures=True)
