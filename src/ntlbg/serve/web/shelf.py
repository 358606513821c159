"""Films that may be asked about, and the names that they have in addresses."""

import base64
import binascii
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ntlbg.errors import VideoNotFound
from ntlbg.serve.roots import Roots
from ntlbg.visible import shortened

# In a list for people, who can search in it. Set by hand.
MOST_FILMS = 2000


def id_of(name: str) -> str:
    """A name as base64url without padding: any bytes of a file's name, in letters of addresses."""
    return base64.urlsafe_b64encode(os.fsencode(name)).rstrip(b"=").decode("ascii")


def name_of(film: str) -> str:
    """The name behind an id.

    Raises:
        VideoNotFound: it is no id.
    """
    try:
        padded = film.encode("ascii") + b"=" * (-len(film) % 4)
        return os.fsdecode(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (UnicodeEncodeError, binascii.Error) as error:
        raise VideoNotFound(f"{film[:40]!r} is no id of a film; /api/films lists them") from error


@dataclass(frozen=True)
class Film:
    """One that may be asked about.

    Attributes:
        id: in addresses.
        name: for people.
        path: where it really is.
        uploaded: whether it came through the page.
    """

    id: str
    name: str
    path: Path
    uploaded: bool

    def to_dict(self) -> dict:
        """For clients."""
        return {"id": self.id, "name": self.name, "uploaded": self.uploaded}


class Shelf:
    """Films in folders, and those that were uploaded.

    Args:
        folders: whose films may be asked about.
        uploads: where uploaded films are; there already.

    Attributes:
        all: the folders and that of the uploads.
    """

    def __init__(self, folders: Sequence[str | os.PathLike], uploads: Path):
        self.roots, self.uploads = Roots(folders), Path(os.path.realpath(uploads))
        self.all = Roots([*self.roots.folders, self.uploads])
        self._uploaded = Roots([self.uploads])

    def films(self) -> tuple[list[Film], bool]:
        """Uploaded ones first; and whether these are all."""
        uploaded, all_uploaded = self._uploaded.films(MOST_FILMS)
        names, is_all = self.roots.films(MOST_FILMS)
        films = [self._film(str(self.uploads / name), self.uploads / name) for name in uploaded]
        films += [self._film(name, self.roots.find(name)) for name in names]
        known = {film.path: film for film in reversed(films)}  # the uploads may lie in a folder
        return [film for film in films if known[film.path] is film], all_uploaded and is_all

    def find(self, film: str) -> Film:
        """By its id.

        Raises:
            VideoNotFound: no id, nothing there, or not within the folders.
        """
        name = name_of(film)
        try:
            path = self.all.find(name)
        except VideoNotFound as error:
            raise VideoNotFound(
                f"no video {shortened(repr(name))} is within the folders that may be asked about; "
                "/api/films lists those that are"
            ) from error
        return self._film(name, path)

    def _film(self, name: str, path: Path) -> Film:
        uploaded = path.parent == self.uploads
        return Film(id_of(name), path.name if uploaded else name, path, uploaded)
