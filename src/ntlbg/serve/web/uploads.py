"""Films that come through the page: into a folder of the server, and no further."""

import os
import re
import secrets
import threading
import unicodedata
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import anyio.to_thread
from starlette.requests import ClientDisconnect

from ntlbg.disk_space import free_bytes, size_text
from ntlbg.errors import VideoError
from ntlbg.serve.web.replies import NO_ROOM, TOO_MANY, Refused
from ntlbg.video.start import file_start, is_still
from ntlbg.video_files import VIDEO_SUFFIXES

MOST_UPLOADS = 50
MOST_AT_ONCE = 2
# Of a disk: the system and its other programs need room, too. Set by hand.
LEFT_FREE = 512 * 2**20
# Between two looks at the disk: a fraction of a second's worth.
LOOK_BYTES = 64 * 2**20
# Of a name, in bytes: file systems have 255, and a number may be added.
LONGEST_NAME = 200
# Of a client that does not hang up: two such would keep all others out. Set by hand.
SILENT_SECONDS = 60
PART = re.compile(r"\.[0-9a-f]{16}\.part")


class Uploads:
    """The folder.

    Args:
        folder: is made where it is not there; what a killed server left of uploads goes.
        most_bytes: of one film.
    """

    def __init__(self, folder: Path, most_bytes: int):
        self.folder, self.most_bytes = folder, most_bytes
        self._lock, self._at_once = threading.Lock(), 0
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.iterdir():
            if PART.fullmatch(left.name):
                os.unlink(left)

    async def take(
        self, name: str, declared: int | None, chunks: AsyncIterator[bytes]
    ) -> Path | None:
        """Write a film to disk as it comes; None where the client hangs up.

        Args:
            name: as the client calls it, which is not trusted.
            declared: bytes that will come; None: not said.

        Raises:
            Refused: it cannot be taken, or is no film.
        """
        stem, suffix = _safe(name)
        self._check(declared)
        with self._counted(), self._part() as part:
            try:
                await self._write(part, chunks)
            except ClientDisconnect:
                return None
            return await anyio.to_thread.run_sync(self._placed, part, stem, suffix)

    def remove(self, path: Path) -> None:
        """One of those that are here."""
        os.unlink(path)

    def _check(self, declared: int | None) -> None:
        """Before anything is read."""
        films = [one for one in self.folder.iterdir() if not PART.fullmatch(one.name)]
        if len(films) >= MOST_UPLOADS:
            raise Refused(409, f"{MOST_UPLOADS} films were uploaded, and no more can; delete one")
        if declared is not None:
            self._check_size(declared)
        self._check_room(declared or 0)

    def _check_size(self, size: int) -> None:
        if size > self.most_bytes:
            raise Refused(
                413, f"the film has more than {size_text(self.most_bytes)}; make it smaller, "
                "or put it into a folder of --root"
            )  # fmt: skip

    def _check_room(self, more: int) -> None:
        free = free_bytes(self.folder)
        if free is not None and free - more < LEFT_FREE:
            raise Refused(
                NO_ROOM, f"{size_text(free)} are free on the server's disk, of which "
                f"{size_text(LEFT_FREE)} are kept free; free some, or delete uploaded films"
            )  # fmt: skip

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            if self._at_once >= MOST_AT_ONCE:
                raise Refused(
                    TOO_MANY, f"{MOST_AT_ONCE} films are being uploaded; wait until one is there"
                )
            self._at_once += 1
        try:
            yield
        finally:
            with self._lock:
                self._at_once -= 1

    @contextmanager
    def _part(self) -> Iterator[Path]:
        """A new file, gone afterwards unless it was moved."""
        part = self.folder / f".{secrets.token_hex(8)}.part"
        try:
            part.touch(exist_ok=False)
            yield part
        finally:
            part.unlink(missing_ok=True)

    async def _write(self, part: Path, chunks: AsyncIterator[bytes]) -> None:
        size = looked = 0
        with part.open("wb") as file:
            while (chunk := await _next(chunks)) is not None:
                size += len(chunk)
                self._check_size(size)
                if size - looked >= LOOK_BYTES:
                    looked = size
                    self._check_room(0)
                await anyio.to_thread.run_sync(file.write, chunk)

    def _placed(self, part: Path, stem: str, suffix: str) -> Path:
        """In the folder, under a name that is free."""
        check_is_film(part)
        with self._lock:
            number, place = 1, self.folder / f"{stem}{suffix}"
            while os.path.lexists(place):
                number += 1
                place = self.folder / f"{stem}-{number}{suffix}"
            os.rename(part, place)
        return place


async def _next(chunks: AsyncIterator[bytes]) -> bytes | None:
    """What comes next; None at the end.

    Raises:
        Refused: nothing comes for so long that somebody else may have the place.
    """
    try:
        with anyio.fail_after(SILENT_SECONDS):
            return await anext(chunks, None)
    except TimeoutError as error:
        raise Refused(408, f"nothing came for {SILENT_SECONDS} s; upload the film again") from error


def check_is_film(part: Path) -> None:
    """One picture is decoded.

    Raises:
        Refused: it is none.
    """
    try:
        still = is_still(part)
        if not still:
            file_start(part)
    except VideoError as error:
        why = str(error).replace(f"{part}: ", "").replace(str(part), "the file")
        raise Refused(415, f"it is no video that can be read: {why}") from error
    if still:
        raise Refused(415, "it is a picture, and films can be uploaded; give an mp4 file, say")


def _safe(name: str) -> tuple[str, str]:
    """Stem and suffix, of signs that no file system and no page takes for more than they are.

    Raises:
        Refused: it does not end as videos do.
    """
    last = unicodedata.normalize("NFC", re.split(r"[/\\]", name)[-1])
    stem, suffix = os.path.splitext(last)
    if suffix.lower() not in VIDEO_SUFFIXES:
        shown = last[-40:].encode("ascii", "backslashreplace").decode()
        raise Refused(415, f"{shown!r} is no video; give a file {', '.join(VIDEO_SUFFIXES)}")
    kept = "".join(sign if sign.isalnum() or sign in " -_." else "_" for sign in stem)
    kept = kept.encode("utf-8", "replace")[:LONGEST_NAME].decode("utf-8", "ignore").strip(" .")
    return kept or "film", suffix.lower()
