"""Work in a thread of somebody else, whose progress and text are read in the event loop."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

import anyio

from ntlbg.serve.completions.refusals import Refused, refusal_of
from ntlbg.serve.steps import Tell
from ntlbg.serve.turns import Turns
from ntlbg.types import Answer

Work: TypeAlias = Callable[[Tell, Callable[[str], None]], Answer]


class Left(Exception):
    """Nobody waits for the answer any more."""


@dataclass(frozen=True)
class Step:
    """What is being done, in words, with the share of it that is."""

    what: str
    share: float | None = None


@dataclass(frozen=True)
class End:
    """There will be nothing more."""


Event: TypeAlias = str | Step | End


class Job:
    """A question that is being answered, or waits for its turn.

    Args:
        turns: whose thread does it.
        work: is called with what tells progress and what takes pieces of the answer; both raise
            after ``stop``.

    Raises:
        Busy: it is not taken.
    """

    def __init__(self, turns: Turns, work: Work):
        self._loop, self._events = asyncio.get_running_loop(), asyncio.Queue[Event]()
        self._stopped, self._step = threading.Event(), Step("waiting for its turn")
        self._future = turns.submit(lambda: self._begin(work))
        self._future.add_done_callback(lambda _: self._put(End()))

    def _begin(self, work: Work) -> Answer:
        self._check()
        self._step = Step("working")
        return work(self._tell, self._write)

    def _check(self) -> None:
        if self._stopped.is_set():
            raise Left

    def _tell(self, share: float, what: str) -> None:
        self._check()
        before, self._step = self._step, Step(what, share)
        # so that a film of any length makes a hundred events at most
        if before.what != what or int(100 * (before.share or 0.0)) < int(100 * share):
            self._put(self._step)

    def _write(self, piece: str) -> None:
        self._check()
        self._put(piece)

    def _put(self, event: Event) -> None:
        with suppress(RuntimeError):  # the loop has ended, and nobody reads
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)

    async def next(self, seconds: float) -> Event:
        """What comes next; where nothing comes for so long, what is being done."""
        with anyio.move_on_after(seconds):
            return await self._events.get()
        return self._step

    async def end(self) -> None:
        """Until there is nothing more."""
        while not isinstance(await self._events.get(), End):
            pass

    def answer(self) -> Answer:
        """What came of it, after its end.

        Raises:
            Refused: nothing did.
        """
        if self._future.cancelled():
            raise Refused("the server is shutting down; ask again later", 503)
        error = self._future.exception()
        if error is not None:
            raise refusal_of(error) from error
        return self._future.result()

    def stop(self) -> None:
        """At the next thing that is told; what has not begun does not begin."""
        self._stopped.set()
        self._future.cancel()
