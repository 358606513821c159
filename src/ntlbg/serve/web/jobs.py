"""Work that takes a while: one job at a time, in the order in which they were asked for.

A job is a value: each change makes a new one, which goes to all who listen.
"""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from ntlbg.errors import NtlbgError
from ntlbg.serve.ports import GRACE_SECONDS
from ntlbg.serve.replies import error_text
from ntlbg.serve.web.replies import TOO_MANY, Refused, finite

# Nobody waits for more. Set by hand.
MOST_WAITING = 20
# Before that nothing is said of the time that is left: the first batches are no measure. By hand.
FIRST_SECONDS = 1.0
ENDED = ("done", "failed", "cancelled", "interrupted")


class Stopped(Exception):
    """The job was cancelled, or the server ends; raised where work tells how far it has come."""


@dataclass(frozen=True)
class Job:
    """One piece of work, as it is now; the fields are those of the API."""

    id: str
    kind: str
    film: str
    film_name: str
    request: dict[str, Any]
    asked_at: str
    state: str = "queued"
    place: int | None = None
    share: float | None = None
    what: str | None = None
    left_seconds: float | None = None
    text: str = ""
    error: str | None = None
    result: dict[str, Any] | None = None
    took_seconds: float | None = None

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in ENDED

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def new_job(kind: str, film: str, film_name: str, request: dict[str, Any]) -> Job:
    """That nobody has asked for before; ids are in order of time."""
    now = datetime.now(UTC)
    name = f"{now:%Y%m%d%H%M%S%f}-{secrets.token_hex(4)}"
    return Job(name, kind, film, film_name, request, now.isoformat(timespec="milliseconds"))


class Kept(Protocol):
    """Where jobs are kept."""

    def put(self, job: Job) -> None:
        """Keep this state of it. Raises OSError: it is known, but cannot be written."""

    def forget(self, name: str) -> bool:
        """The job, and all that is kept of it."""

    def get(self, name: str) -> Job | None:
        """As it was put last."""


Work = Callable[[Job, "Told"], dict[str, Any]]
Listener = Callable[[Job | None], None]


@dataclass
class _Running:
    """What is known of the job that is worked on."""

    job: Job
    stop: threading.Event = field(default_factory=threading.Event)
    began: float = field(default_factory=time.monotonic)


class Told:
    """What work tells of itself; each call stops work that is not wanted any more.

    Args:
        change: called with the fields of the job that are new.
    """

    def __init__(self, change: Callable[..., None], stop: threading.Event):
        self._change, self._stop, self._text = change, stop, ""
        self._what, self._since, self._first = "", 0.0, 0.0

    def doing(self, what: str, share: float | None = None) -> None:
        """What is being done, and the share of that which is done, 0 to 1.

        Raises:
            Stopped: the job is not wanted any more.
        """
        self.check()
        if what != self._what:
            self._what, self._since, self._first = what, time.monotonic(), share or 0.0
        self._change(what=what, share=share, left_seconds=self._left(share))

    def frames(self, what: str) -> Callable[[int, float | None], None]:
        """For work that tells frames done, and the share of them."""

        def progress(done: int, share: float | None = None) -> None:
            self.doing(what, None if share is None else min(share, 1.0))

        return progress

    def seconds(self, what: str) -> Callable[[float, float], None]:
        """For work that tells seconds done, and how many there are; 0 where that is not known."""

        def progress(done: float, total: float) -> None:
            self.doing(what, min(done / total, 1.0) if total else None)

        return progress

    def listening(self, what: str, done: float, total: float) -> None:
        """What is listened to, the seconds of it that are done, and how many it has."""
        self.seconds(what)(done, total)

    def write(self, piece: str) -> None:
        """More of the answer's text. Raises as :meth:`doing`."""
        self.check()
        self._text += piece
        self._change(what="answering", share=None, left_seconds=None, text=self._text)

    def says(self, text: str) -> None:
        """The whole text of the answer. Raises as :meth:`doing`."""
        self.check()
        self._change(text=text)

    def check(self) -> None:
        """Raises Stopped: the job is not wanted any more."""
        if self._stop.is_set():
            raise Stopped

    def _left(self, share: float | None) -> float | None:
        """Of a step that goes on as it went so far: what was done before is not counted."""
        passed, done = time.monotonic() - self._since, (share or 0.0) - self._first
        if share is None or done <= 0 or passed < FIRST_SECONDS:
            return None
        return passed / done * max(0.0, 1.0 - share)


class Jobs:
    """The queue.

    Args:
        kept: where every job is kept.
        work: does a job; its result is for the client.
    """

    def __init__(self, kept: Kept, work: Work):
        self._kept, self._work = kept, work
        self._lock = threading.RLock()
        self._waiting: list[Job] = []
        self._running: _Running | None = None
        self._thread: threading.Thread | None = None
        self._listeners: list[Listener] = []
        self._is_closed = False

    def post(self, job: Job) -> Job:
        """Ask for a job.

        Raises:
            Refused: too many wait already. OSError: it cannot be kept.
        """
        with self._lock:
            if self._is_closed:
                raise Refused(503, "the server is stopping; ask again when it runs")
            if len(self._waiting) >= MOST_WAITING:
                raise Refused(
                    TOO_MANY,
                    f"{MOST_WAITING} jobs are waiting, and no more can; cancel one, or ask later",
                )
            job = replace(job, place=len(self._waiting) + 1)
            try:
                self._kept.put(job)
            except OSError:
                self._kept.forget(job.id)
                raise
            self._waiting.append(job)
            self._tell(job)
            self._start_next()
            return self._kept.get(job.id) or job

    def cancel(self, name: str) -> Job | None:
        """Stop a job; one that runs ends at the next word that it tells. None: no such job waits
        or runs."""
        with self._lock:
            if self._running is not None and self._running.job.id == name:
                self._running.stop.set()
                self._change(self._running, what="stopping", share=None, left_seconds=None)
                return self._running.job
            job = next((one for one in self._waiting if one.id == name), None)
            if job is None:
                return None
            self._waiting.remove(job)
            ended = self._end(job, state="cancelled")
            self._move_up()
            return ended

    def active(self) -> list[Job]:
        """Running, then waiting."""
        with self._lock:
            running = [] if self._running is None else [self._running.job]
            return running + self._waiting

    def get(self, name: str) -> Job | None:
        """As it is now."""
        return next((job for job in self.active() if job.id == name), self._kept.get(name))

    @contextmanager
    def listening(self, listener: Listener) -> Iterator[list[Job]]:
        """Those that are active; the listener hears of every change after that, and None at last.

        It is called in other threads, and must not block.
        """
        with self._lock:
            self._listeners.append(listener)
            active = self.active()
            if self._is_closed:
                listener(None)
        try:
            yield active
        finally:
            with self._lock:
                self._listeners.remove(listener)

    def begin_to_close(self) -> None:
        """Tell all who listen that there will be nothing more, and stop what runs; no job is taken
        any more."""
        with self._lock:
            self._is_closed = True
            if self._running is not None:
                self._running.stop.set()
            for listener in self._listeners:
                listener(None)

    def close(self) -> None:
        """What runs or waits is interrupted; waits some seconds for work to end."""
        self.begin_to_close()
        with self._lock:
            waiting, self._waiting = self._waiting, []
            for job in waiting:
                self._end(job, state="interrupted")
        if self._thread is not None:
            self._thread.join(GRACE_SECONDS)
        with self._lock:
            if self._running is not None:  # it computes, and does not hear
                self._end(self._running.job, state="interrupted")
                self._running = None

    def _start_next(self) -> None:
        if self._running is not None or self._is_closed or not self._waiting:
            return
        job = replace(self._waiting.pop(0), state="running", place=None)
        self._running = _Running(job)
        self._put(job)
        self._tell(job)
        self._move_up()
        self._thread = threading.Thread(
            target=self._done, args=(self._running,), name=f"job {job.id}", daemon=True
        )
        self._thread.start()

    def _done(self, running: _Running) -> None:
        """In a thread of its own: a bug in one job's work does not keep the others waiting."""
        fields: dict[str, Any] = {
            "state": "failed",
            "error": "the program itself failed; what happened is where `ntlbg serve` was started",
        }
        try:
            told = Told(lambda **new: self._change(running, **new), running.stop)
            fields = {"state": "done", "result": finite(self._work(running.job, told))}
        except Stopped:
            fields = {"state": "interrupted" if self._is_closed else "cancelled"}
        except (NtlbgError, OSError, MemoryError) as error:
            fields = {"state": "failed", "error": error_text(error) or "not enough memory"}
        finally:
            with self._lock:
                if self._running is running:
                    took = time.monotonic() - running.began
                    self._running = None
                    self._end(running.job, took_seconds=took, **fields)
                    self._start_next()

    def _change(self, running: _Running, **new: Any) -> None:
        """How far it has come, which is not written to disk."""
        with self._lock:
            if self._running is not running:
                raise Stopped
            running.job = replace(running.job, **new)
            self._tell(running.job)

    def _end(self, job: Job, **fields: Any) -> Job:
        job = replace(job, place=None, share=None, what=None, left_seconds=None, **fields)
        job = self._put(job)
        self._tell(job)
        return job

    def _put(self, job: Job) -> Job:
        try:
            self._kept.put(job)
        except OSError as error:
            job = replace(job, error=f"it cannot be kept ({error.strerror}); free some disk space")
        return job

    def _move_up(self) -> None:
        for place, job in enumerate(self._waiting, 1):
            if job.place != place:
                self._waiting[place - 1] = replace(job, place=place)
                self._tell(self._waiting[place - 1])

    def _tell(self, job: Job) -> None:
        for listener in self._listeners:
            listener(job)
