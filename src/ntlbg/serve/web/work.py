"""What each job does: it blocks, and tells how far it has come, where it can be stopped."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ntlbg import pipeline
from ntlbg.files import replace_content
from ntlbg.serve.films import Films
from ntlbg.serve.web.asked import Asked
from ntlbg.serve.web.jobs import Job, Told
from ntlbg.serve.web.models import Models
from ntlbg.serve.web.records import Records
from ntlbg.serve.web.replies import Refused
from ntlbg.serve.web.shelf import Film, Shelf
from ntlbg.text.subtitles import NONE
from ntlbg.types import Answer, Evidence, Quotation, Turn
from ntlbg.video.start import file_start, is_still
from ntlbg.video.stills import check_video
from ntlbg.views.card import ReportQuestion, render_card
from ntlbg.views.clips import CSV_FILE, EDL_FILE, write_clips
from ntlbg.views.clips.spans import Cited
from ntlbg.views.player import Player

# How often a job that waits for programs sees whether it is still wanted. Set by hand.
LOOK_SECONDS = 0.2
CARD_FILE, CLIPS_FOLDER = "card.html", "clips"


@dataclass(frozen=True)
class Work:
    """Does jobs.

    Attributes:
        films: what is known of films in all folders.
        computing: held while a job is done, by this and by whatever else uses the same model.
    """

    shelf: Shelf
    records: Records
    models: Models
    films: Films
    computing: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, job: Job, told: Told) -> dict[str, Any]:
        """The result of a job.

        Raises:
            NtlbgError: everything that a client can cause. Stopped: the job is not wanted any more.
        """
        kinds: dict[str, Callable[..., dict[str, Any]]] = {
            "ask": self._ask,
            "index": self._index,
            "clips": self._clips,
        }
        film = self.shelf.find(job.film)
        with self._turn(told):
            return kinds[job.kind](job, Asked(**job.request), film, told)

    @contextmanager
    def _turn(self, told: Told) -> Iterator[None]:
        while not self.computing.acquire(timeout=LOOK_SECONDS):
            told.doing("waiting for a program to be answered")
        try:
            yield
        finally:
            self.computing.release()

    def check(self, asked: Asked) -> Film:
        """Refuse a job before it waits.

        Raises:
            NtlbgError: it surely cannot be done.
        """
        film = self.shelf.find(asked.film)
        check_video(film.path)
        self.models.check(asked.model, asked.encoder)
        if asked.kind == "clips":
            self.answered(asked.record, film, "record")
        self.talk_before(asked, film)
        return film

    def talk_before(self, asked: Asked, film: Film) -> list[Turn]:
        """Questions and answers that a question goes on from, the oldest first.

        Raises:
            Refused: one that it names is no answered question about this film.
        """
        if asked.after is not None:
            self.answered(asked.after, film, "after")
        jobs = [job for job in self.records.talk(asked.after) if job.film == film.id]
        return [Turn(job.request["question"], job.text) for job in reversed(jobs)]

    def answered(self, name: str | None, film: Film, field: str) -> Job:
        """The answered question of this id.

        Raises:
            Refused: it is none about this film.
        """
        job = None if name is None else self.records.get(name)
        if job is None or job.kind != "ask" or job.state != "done" or job.film != film.id:
            raise Refused(
                404, f"{field}: no answered question {name!r:.60} about this film; give the id of "
                "one in /api/history"
            )  # fmt: skip
        return job

    def _loaded(self, asked: Asked, told: Told) -> Films:
        """The films, and the model that is asked for."""
        told.doing("loading the model")
        films = replace(self.films, parts=self.models.parts(asked.model, asked.encoder))
        _ = films.parts.system  # loads it
        return films

    def _ask(self, job: Job, asked: Asked, film: Film, told: Told) -> dict[str, Any]:
        films = self._loaded(asked, told)
        words, heard = films.heard(film.path)
        words = replace(words, listen_to=tuple(asked.streams), progress=told.listening)
        answer = pipeline.ask(
            film.path, asked.question or "", options=asked.options, model=films.parts.system,
            num_frames=asked.num_frames, max_visual_tokens=asked.max_visual_tokens,
            start=asked.start_seconds, end=asked.end_seconds, words=words, read_frames=True,
            talk=self.talk_before(asked, film), on_text=told.write, index=films.index,
            progress=told.frames(f"reading {film.path.name}"),
        )  # fmt: skip
        told.doing("drawing the card")
        answer = replace(answer, notes=list(dict.fromkeys([*answer.notes, *heard.notes])))
        self._keep_card(job, answer, film)
        told.says(answer.text)
        return answer.to_dict() | {"unit": films.parts.system.retriever.unit}

    def _keep_card(self, job: Job, answer: Answer, film: Film) -> None:
        content = render_card(ReportQuestion(answer), player_of(film), name=job.id)
        # names of files need not be UTF-8
        path = self.records.folder_of(job) / CARD_FILE
        replace_content(path, content.encode("utf-8", "backslashreplace"))

    def _index(self, job: Job, asked: Asked, film: Film, told: Told) -> dict[str, Any]:
        films = self._loaded(asked, told)
        _, heard = films.heard(film.path)
        found = films.read_film(film.path, asked.streams, told)
        known = films.heard(film.path)[1] if asked.streams else heard
        return {
            "frames": len(found.seen),
            "passages": len(known.passages),
            "notes": list(dict.fromkeys([*found.notes, *known.notes])),
        }

    def _clips(self, job: Job, asked: Asked, film: Film, told: Told) -> dict[str, Any]:
        result = self.answered(asked.record, film, "record").result or {}
        told.doing("cutting clips")
        cut = write_clips(
            cited(film.path, result), self.clips_of(job), subtitles=self._subtitles(film),
            progress=told.frames("cutting clips"),
        )  # fmt: skip
        files = [*(clip.file for clip in cut.clips), EDL_FILE, CSV_FILE]
        return {"files": files, "notes": cut.notes}

    def _subtitles(self, film: Film) -> str | None:
        """None are read where they lead out of the folders."""
        words, _ = self.films.heard(film.path)
        return NONE if words.subtitles == NONE else None

    def card_of(self, job: Job) -> Path:
        """Its card, if it is an answered question."""
        return self.records.folder_of(job) / CARD_FILE

    def clips_of(self, job: Job) -> Path:
        """Where its clips are, if it has any."""
        return self.records.folder_of(job) / CLIPS_FOLDER


def cited(video: Path, result: dict[str, Any]) -> Cited:
    """Moments and quotations of an answer that was kept as JSON."""
    moments = [
        Evidence(**(one | {"span_seconds": tuple(one["span_seconds"])}))
        for one in result["evidence"]
    ]
    return Cited(video, moments, [Quotation(**one) for one in result["quotations"]])


def player_of(film: Film) -> Player | None:
    """Of the page; None of a picture."""
    if is_still(film.path):
        return None
    start = file_start(film.path)
    source = f"/media/{film.id}"
    return Player(film.name, source, start.first_picture - start.first_stream)
