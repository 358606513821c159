"""The film beside a page: what plays it, and from where."""

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from ntlbg.video.start import file_start, is_still


@dataclass(frozen=True)
class Player:
    """A film that a page plays.

    Attributes:
        name: of the file, for people.
        source: its URL, relative to the page.
        first_picture_seconds: on the clock of players, which count from the first sound or picture.
    """

    name: str
    source: str
    first_picture_seconds: float = 0.0

    def at(self, pts_seconds: float) -> str:
        """Seconds on the clock of players."""
        return f"{max(0.0, pts_seconds + self.first_picture_seconds):.3f}"

    def link(self, pts_seconds: float) -> str:
        """Plays from there, also where no script runs."""
        return f"{self.source}#t={self.at(pts_seconds)}"


def player_beside(page: Path, video: Path) -> Player | None:
    """For a page at this path; None of a picture, and of a file that is gone.

    Raises:
        VideoError: the file is no video.
    """
    if not video.is_file() or is_still(video):
        return None
    start = file_start(video)
    relative = os.path.relpath(video.resolve(), page.parent.resolve())
    # names of files need not be UTF-8
    source = quote(os.fsencode(Path(relative).as_posix()))
    return Player(video.name, source, start.first_picture - start.first_stream)
