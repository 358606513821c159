"""Fetching the film of an address: look, say what comes, fetch, check, keep."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ntlbg.addresses import without_secret
from ntlbg.disk_space import SOMETHING, check_space
from ntlbg.errors import ConfigError, LinkError, OutputError, VideoError
from ntlbg.files import replace_content
from ntlbg.links.guard import Guard, guarding
from ntlbg.links.joining import SUFFIX, join
from ntlbg.links.kept import Link, Place, told
from ntlbg.links.meter import Meter, too_large
from ntlbg.links.offered import Info, Offer, Subtitle, film_ending, offer
from ntlbg.packages import check_installed
from ntlbg.video.opening import open_video

if TYPE_CHECKING:  # needs yt-dlp
    from ntlbg.links.client import Client

Tell = Callable[[str], None]
Progress = Callable[[int, float | None], None]
# An hour of 720 lines is 0.5 to 1.5 GB: three hours or more, and no disk is filled by mistake.
MAX_GIGABYTES = 4.0
MEGABYTE = 1_000_000


def fetch(
    address: str,
    *,
    again: bool = False,
    allow_private: bool = False,
    max_gigabytes: float | None = None,
    tell: Tell | None = None,
    progress: Progress | None = None,
) -> Path:
    """The file of a film, fetched if it is not kept from an earlier time.

    Args:
        address: of http or https: of a film, or of a page that shows one.
        again: ask anew, though it is kept.
        allow_private: addresses of this machine and of private networks may be asked, and a proxy
            may be used.
        max_gigabytes: what is larger is refused, or ends as soon as it shows; 4 by default.
        tell: is given what will be fetched, and what else there is to say, a line each.
        progress: is called with megabytes that are there and their share, 0..1 or None.

    Raises:
        LinkError: it cannot be fetched, or is not to be. OutputError: it cannot be kept.
        MissingPackage: yt-dlp is not installed. ConfigError: ``max_gigabytes`` is no size.
    """
    place = Place(address)
    film = None if again else place.film()
    if film is not None:
        return film
    check_installed("yt_dlp", "a film by its address", "or give a file")
    fetching = Fetching(
        address.strip(), place, _most(max_gigabytes), tell or _silent, progress or _silent
    )
    with place.fetching(fetching.wait):
        # of another process, which was waited for
        film = place.film() if fetching.has_waited else None
        return film or fetching.run(allow_private)


def _most(gigabytes: float | None) -> int:
    """Bytes."""
    most = MAX_GIGABYTES if gigabytes is None else gigabytes
    if not 0 < most < math.inf:
        raise ConfigError(f"--max-download-gb {most}: is no size; give a number above 0")
    return int(1e9 * most)


def _silent(*_: object) -> None:
    """Says nothing."""


@dataclass
class Fetching:
    """Of one film, while its place is locked.

    Attributes:
        most: bytes.
        has_waited: another process fetched the same address.
    """

    address: str
    place: Place
    most: int
    tell: Tell
    progress: Progress
    has_waited: bool = False
    told: str = field(init=False)

    def __post_init__(self) -> None:
        self.told = without_secret(self.address)

    def wait(self) -> None:
        """Say that another process is at it."""
        self.has_waited = True
        self.tell(f"another process fetches {self.told}; waiting for it")

    def run(self, allow_private: bool) -> Path:
        """Look, say, fetch, check, keep."""
        from ntlbg.links.client import check_proxy

        if not allow_private:
            check_proxy(self.told, urlsplit(self.place.address).hostname or "")
        with guarding(allow_private) as guard:
            client, meter = self._client(guard)
            found = offer(self._look(client), self.told)
            self._check_size(found)
            self.tell(f"fetching {found.described()} from {self.told}")
            self.place.prepare_part(found.identity())
            meter.allow_film(self.most)
            files = self._fetch_files(client, found)
            subtitles = [one.name for one in found.subtitles if self._fetch_subtitle(client, one)]
        film = self._joined(files)
        self._check_film(film)
        return self.place.keep(self._link(found, film, subtitles))

    def _client(self, guard: Guard) -> "tuple[Client, Meter]":
        from ntlbg.links.client import Client

        meter = Meter(self.told)
        return Client(self.told, guard, meter), meter

    def _look(self, client: "Client") -> Info:
        from ntlbg.links.client import FAILURES

        try:
            info = client.look(self.address)
        except FAILURES as error:
            raise self._failure(client, error) from error
        is_something = any(info.get(name) for name in ("url", "formats", "entries", "live_status"))
        if not is_something and client.log.last:  # yt-dlp may have said why
            raise self._failure(client, client.log.last)
        return info

    def _failure(self, client: "Client", error: object) -> LinkError:
        from ntlbg.links.client import reason

        client.guard.raise_refused(self.told)
        return LinkError(
            f"{self.told}: cannot be fetched ({reason(error)}); check the address, or try again: "
            "what is there of the film is kept"
        )

    def _check_size(self, found: Offer) -> None:
        if found.size is not None and found.size > self.most:
            raise too_large(self.told, self.most, found.size)
        # two files are put into a third before they go
        needed = (found.size or SOMETHING) * len(found.formats)
        with told():
            advice = "set NTLBG_CACHE to a folder on another disk"
            check_space(self.place.folder, needed, advice, error=OutputError)

    def _fetch_files(self, client: "Client", found: Offer) -> list[Path]:
        files, before = [], 0
        for number, info in enumerate(found.formats):
            name = "film" if len(found.formats) == 1 else f"half-{number}"
            path = self.place.part / (name + film_ending(info))
            self._fetch_file(client, info, path, _Share(self, found, before))
            files.append(path)
            before += path.stat().st_size
        return files

    def _fetch_file(self, client: "Client", info: Info, path: Path, hook: "_Share") -> None:
        from ntlbg.links.client import FAILURES

        try:
            is_there = client.fetch(info, path, hook)
        except FAILURES as error:
            raise self._failure(client, error) from error
        if not is_there:
            raise self._failure(client, client.log.last or "nothing came")

    def _fetch_subtitle(self, client: "Client", subtitle: Subtitle) -> bool:
        """A film without them is better than none."""
        path = self.place.part / subtitle.name
        if "data" in subtitle.info:
            with told():
                replace_content(path, str(subtitle.info["data"]).encode())
            return True
        try:
            self._fetch_file(client, subtitle.info, path, _Share(self, None, 0))
        except LinkError as error:
            client.guard.raise_refused(self.told)
            self.tell(f"its subtitles {subtitle.language} are left out: {error}")
            return False
        return True

    def _joined(self, files: list[Path]) -> Path:
        if len(files) == 1:
            return files[0]
        joined = self.place.part / f"film{SUFFIX}"
        pictures, sound = files
        with told():
            join(pictures, sound, joined)
        return joined

    def _check_film(self, film: Path) -> None:
        """That a video came, and not a page that says why none does."""
        try:
            container, _ = open_video(film)
        except VideoError as error:
            why = str(error).partition(": ")[2]
            self.place.remove_part()
            raise LinkError(
                f"{self.told}: what it sends is no film that can be read: {why}"
            ) from error
        container.close()

    def _link(self, found: Offer, film: Path, subtitles: list[str]) -> Link:
        return Link(
            address=self.place.address,
            title=found.title,
            fetched_at=datetime.now(UTC).isoformat(timespec="seconds"),
            size=film.stat().st_size,
            file=film.name,
            media=found.format_text(),
            subtitles=subtitles,
            fetched_with=f"yt-dlp {metadata.version('yt-dlp')}",
        )


@dataclass
class _Share:
    """A hook of yt-dlp: how far a transfer is, and whether it is too much.

    Attributes:
        found: whose progress is told; None: nobody's, of subtitles.
        before: bytes of the film that are there in another file.
    """

    fetching: Fetching
    found: Offer | None
    before: int

    def __call__(self, status: dict[str, Any]) -> None:
        done = self.before + int(status.get("downloaded_bytes") or 0)
        total = self.before + int(status.get("total_bytes") or 0)
        most = self.fetching.most
        if max(done, total) > most:
            raise too_large(self.fetching.told, most, max(done, total) if total > done else None)
        if self.found is not None:
            self.fetching.progress(done // MEGABYTE, self._share(done, self.found, status))

    def _share(self, done: int, found: Offer, status: dict[str, Any]) -> float | None:
        total = found.size
        if total is None and len(found.formats) == 1:
            total = status.get("total_bytes") or status.get("total_bytes_estimate")
        return min(done / total, 1.0) if total else None
