"""Small copies of films that browsers do not play, made one at a time in the background."""

import os
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ntlbg.errors import NtlbgError
from ntlbg.hashes import content_hash
from ntlbg.serve.ports import GRACE_SECONDS
from ntlbg.serve.replies import error_text
from ntlbg.serve.web.jobs import Stopped

OURS = re.compile(r"[0-9a-f]{64}-[0-9]+\.mp4")
State = Literal["none", "making", "ready", "failed"]
Make = Callable[[Path, Path, Callable[[float], None]], None]
# Of the processor's time, as `nice` counts: whoever asks comes first. Set by hand.
NICENESS = 10
# Of all previews: those of a hundred hours; then what nobody asked for lately goes. Set by hand.
MOST_BYTES = 10 * 2**30
FORMAT = 1  # change this when the same film would give another preview


@dataclass(frozen=True)
class Progress:
    """Of a preview.

    Attributes:
        share: that is done while it is made.
        error: why there will be none.
    """

    state: State
    share: float | None = None
    error: str | None = None


@dataclass
class _Wanted:
    film: Path
    state: State = "making"
    share: float = 0.0
    error: str | None = None


class Previews:
    """By film.

    Args:
        folder: where they are kept, by content of the film; made where it is not there.
        hashes: where hashes of films are remembered.
        make: writes the preview of a film, calling with the share that is done.
    """

    def __init__(self, folder: Path, hashes: Path, make: Make):
        self._folder, self._hashes, self._make = folder, hashes, make
        self._wanted: dict[str, _Wanted] = {}
        self._lock, self._stop = threading.Condition(), threading.Event()
        self._thread: threading.Thread | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def state(self, film: Path, *, wanted: bool) -> Progress:
        """How far the preview is.

        Args:
            wanted: it is to be made where there is none.

        Raises:
            OSError: the film cannot be read.
        """
        key = self._key(film)
        if self._place(key).exists():
            return Progress("ready")
        with self._lock:
            if key not in self._wanted and wanted and not self._stop.is_set():
                self._wanted[key] = _Wanted(film)
                self._start()
                self._lock.notify_all()
            found = self._wanted.get(key)
        if found is None:
            return Progress("none")
        return Progress(found.state, found.share if found.state == "making" else None, found.error)

    def file(self, film: Path) -> Path | None:
        """The preview of a film, if it is ready.

        Raises:
            OSError: the film cannot be read.
        """
        place = self._place(self._key(film))
        if not place.exists():
            return None
        os.utime(place)
        return place

    def close(self) -> None:
        """What is being made is given up."""
        self._stop.set()
        with self._lock:
            self._lock.notify_all()
        if self._thread is not None:
            self._thread.join(GRACE_SECONDS)

    def _key(self, film: Path) -> str:
        return f"{content_hash(film, self._hashes)}-{FORMAT}"

    def _place(self, key: str) -> Path:
        return self._folder / f"{key}.mp4"

    def _start(self) -> None:
        if self._thread is None or not self._thread.is_alive():  # a bug ended it
            self._thread = threading.Thread(target=self._work, name="previews", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        while not self._stop.is_set():
            with self._lock:
                key = next((k for k, one in self._wanted.items() if one.state == "making"), None)
                if key is None:
                    self._lock.wait()
                    continue
                wanted = self._wanted[key]
            self._try(wanted, self._place(key))

    def _make_room(self, last: Path) -> None:
        """Where there are too many, those that were not asked for lately go."""
        kept = sorted(
            (path for path in self._folder.iterdir() if OURS.fullmatch(path.name)),
            key=lambda path: path.stat().st_mtime,
        )
        total = sum(path.stat().st_size for path in kept)
        for path in kept:
            if total <= MOST_BYTES or path == last:
                return
            total -= path.stat().st_size
            os.unlink(path)
            self._wanted.pop(path.stem, None)

    def _try(self, wanted: _Wanted, place: Path) -> None:
        def told(share: float) -> None:
            if self._stop.is_set():
                raise Stopped
            wanted.share = share

        state: State = "failed"  # also where the program itself fails
        try:
            self._make(wanted.film, place, told)
            self._make_room(place)
            state = "ready"
        except (NtlbgError, OSError, MemoryError) as error:
            wanted.error = error_text(error)
        except Stopped:
            wanted.error = "the server stops"
        finally:
            wanted.state = state
