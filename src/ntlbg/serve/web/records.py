"""Jobs on disk: a file for each, so that answers are there after the server was stopped."""

import json
import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

from ntlbg.errors import DataError
from ntlbg.files import replace_content
from ntlbg.serve.web.jobs import ENDED, Job
from ntlbg.text_files import read_json

NAME = re.compile(r"[0-9]{20}-[0-9a-f]{8}")
STATES = ("queued", "running", *ENDED)
KINDS = ("ask", "index", "clips")
# Years of use, and some ten MB of memory; then the oldest ones go. Set by hand.
MOST_RECORDS = 2000
_TEXTS = ("id", "kind", "film", "film_name", "asked_at", "state", "text")


class Records:
    """Of all jobs, by id.

    Jobs of a server that was killed are interrupted; files that hold no job are left as they are.

    Args:
        folder: of the files; it is made where it is not there.

    Attributes:
        notes: what is to be said of files that could not be read, a sentence each.

    Raises:
        OSError: the folder cannot be read or written.
    """

    def __init__(self, folder: Path):
        self._folder, self._lock = folder, threading.Lock()
        self._jobs: dict[str, Job] = {}
        self.notes: list[str] = []
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(folder.glob("*.json")):
            self._read(path)
        for job in [job for job in self._jobs.values() if not job.has_ended]:
            self.put(replace(job, state="interrupted", place=None, share=None, what=None,
                             left_seconds=None))  # fmt: skip

    def _read(self, path: Path) -> None:
        try:
            job = _job(read_json(path, "a job"), path)
        except DataError as error:
            self.notes.append(f"history: {error}; it is left out")
            return
        self._jobs[job.id] = job

    def put(self, job: Job) -> None:
        """Keep this state of it.

        Raises:
            OSError: it cannot be written, and is known until the server stops.
        """
        with self._lock:
            self._jobs[job.id] = job
        content = json.dumps(job.to_dict(), allow_nan=False).encode("ascii")
        replace_content(self._folder / f"{job.id}.json", content)
        with self._lock:
            ended = [name for name, one in self._jobs.items() if one.has_ended]
        for name in sorted(ended)[: max(0, len(self._jobs) - MOST_RECORDS)]:
            self.forget(name)

    def get(self, name: str) -> Job | None:
        """As it was put last."""
        return self._jobs.get(name)

    def all(self, film: str | None = None) -> list[Job]:
        """Newest last.

        Args:
            film: only those about the film of this id.
        """
        with self._lock:
            jobs = sorted(self._jobs.values(), key=lambda job: job.id)
        return [job for job in jobs if film is None or job.film == film]

    def folder_of(self, job: Job) -> Path:
        """For what else is kept of a job, such as its clips; it need not be there."""
        return self._folder / job.id

    def forget(self, name: str) -> bool:
        """The job, and all that is kept of it; returns whether there was one."""
        with self._lock:
            job = self._jobs.pop(name, None)
        if job is None:
            return False
        (self._folder / f"{job.id}.json").unlink(missing_ok=True)
        shutil.rmtree(self.folder_of(job), ignore_errors=True)
        return True

    def talk(self, after: str | None) -> Iterator[Job]:
        """Answered questions up to one, the newest first: each names the one before it."""
        seen: set[str] = set()
        while after is not None and after not in seen:
            seen.add(after)
            job = self.get(after)
            if job is None:
                return
            yield job
            after = job.request.get("after")


def _job(content: Any, path: Path) -> Job:
    """Raises DataError: it is none."""
    known = {one.name: one for one in fields(Job)}
    needed = {name for name, one in known.items() if one.default is MISSING}
    if not isinstance(content, dict) or not needed <= content.keys() <= known.keys():
        raise DataError(f"{path}: is no job of ntlbg serve")
    job = Job(**content)
    fits = (
        all(isinstance(getattr(job, name), str) for name in _TEXTS)
        and job.id == path.stem
        and NAME.fullmatch(job.id) is not None
        and job.state in STATES
        and job.kind in KINDS
        and isinstance(job.request, dict)
        and isinstance(job.result, dict | None)
    )
    if not fits:
        raise DataError(f"{path}: is no job of ntlbg serve")
    return job
