"""Films that were fetched, by address, in ``$NTLBG_CACHE/links``; and what is there of one.

``links/<hash>/`` holds ``film.*``, its subtitles, and ``link.json``, which is written last and says
what they are. ``part/`` in it holds what is not complete: the next fetch goes on with it. Whoever
fetches locks the folder.
"""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ntlbg.addresses import normalised
from ntlbg.downloads import cache_root
from ntlbg.errors import DataError, OutputError
from ntlbg.files import replace_content
from ntlbg.text_files import read_json

LINK, PART, PLAN = "link.json", "part", "plan.json"
# Change this when what is kept would be read otherwise.
FORMAT = 1


@dataclass(frozen=True)
class Link:
    """What ``link.json`` says.

    Attributes:
        address: without name and password.
        title: of the film.
        fetched_at: a time, as ISO 8601 writes it.
        size: bytes of the film.
        file: its name, in the same folder.
        media: such as "1280x720 mp4".
        subtitles: names of their files.
        fetched_with: such as "yt-dlp 2026.10.26".
    """

    address: str
    title: str
    fetched_at: str
    size: int
    file: str
    media: str
    subtitles: list[str]
    fetched_with: str


class Place:
    """The folder of one address; it need not be there."""

    def __init__(self, address: str):
        self.address = normalised(address)
        self.folder = cache_root() / "links" / hashlib.sha256(self.address.encode()).hexdigest()
        self.part = self.folder / PART

    def film(self) -> Path | None:
        """The film, if all of it is there."""
        try:
            about = read_json(self.folder / LINK, "what is known of a film")
            if about.pop("format") != FORMAT:
                return None
            link = Link(**about)
            film = self.folder / Path(link.file).name
            is_whole = film.stat().st_size == link.size
        except (DataError, OSError, KeyError, TypeError, AttributeError):
            return None  # nothing, or something else
        return film if is_whole else None

    @contextmanager
    def fetching(self, wait: Callable[[], None]) -> Iterator[None]:
        """No other process fetches this address in the block; ``wait`` is called where one does.

        Raises:
            OutputError: nothing can be kept there.
        """
        with told():
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.folder, os.O_RDONLY)
        try:
            self._lock(lock, wait)
            yield
        finally:
            os.close(lock)

    def _lock(self, lock: int, wait: Callable[[], None]) -> None:
        with suppress(OSError):  # a disk without locks
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                wait()
                fcntl.flock(lock, fcntl.LOCK_EX)

    def prepare_part(self, identity: dict[str, Any]) -> None:
        """What another film, or another form of it, left there goes."""
        with told():
            try:
                kept = read_json(self.part / PLAN, "a plan")
            except DataError:
                kept = None
            if kept != json.loads(json.dumps(identity)):
                self.remove_part()
            replace_content(self.part / PLAN, json.dumps(identity).encode())

    def part_bytes(self) -> int:
        """How much is there already."""
        with told():
            there = [path for path in self.part.glob("[!.]*") if path.name != PLAN]
            return sum(path.stat().st_size for path in there)

    def remove_part(self) -> None:
        """All of what is not complete."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self.part)

    def keep(self, link: Link) -> Path:
        """Put a complete film and its subtitles in place of an earlier one."""
        with told():
            with suppress(FileNotFoundError):
                os.unlink(self.folder / LINK)
            for old in self.folder.glob("film.*"):
                os.unlink(old)
            for name in (link.file, *link.subtitles):
                os.replace(self.part / name, self.folder / name)
            content = {"format": FORMAT} | asdict(link)
            text = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
            replace_content(self.folder / LINK, text.encode("utf-8", "backslashreplace"))
            self.remove_part()
        return self.folder / link.file


@contextmanager
def told() -> Iterator[None]:
    """Errors of the system become an OutputError that says what to do."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{cache_root() / 'links'}: films cannot be kept there ({error.strerror}); free some "
            "space, or set NTLBG_CACHE to a folder that can be written"
        ) from error
