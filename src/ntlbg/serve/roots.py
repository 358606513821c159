"""Which files somebody else may name: those within some folders, wherever links lead."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ntlbg.errors import ConfigError, VideoNotFound
from ntlbg.video_files import VIDEO_SUFFIXES
from ntlbg.visible import shortened

# What Linux takes as a path, with the zero at its end.
LONGEST_NAME = 4095
# Names in a list of films: a page. Set by hand.
MOST_TOLD = 100
# Files and folders that are looked at for it: some hundredths of a second. Set by hand.
MOST_VISITED = 20_000


class Roots:
    """Folders whose films may be read.

    Attributes:
        folders: where they really are, absolute.

    Raises:
        ConfigError: one of them is no folder, or there are none.
    """

    def __init__(self, folders: Sequence[str | os.PathLike]):
        if not folders:
            raise ConfigError("no folder whose videos may be read; give one, such as --root videos")
        for folder in folders:
            if not os.path.isdir(folder):
                raise ConfigError(f"{os.fspath(folder)}: is no folder; give one with videos")
        self.folders = tuple(dict.fromkeys(Path(os.path.realpath(one)) for one in folders))

    def find(self, name: str) -> Path:
        """The film of this name, where it really is; of several folders the first that has it.

        Args:
            name: a path from one of the folders, or an absolute one within them.

        Raises:
            VideoNotFound: it lies outside or leads there, or there is nothing. Which of both is
                not told of what lies outside.
        """
        inside = [path for path in self._places(name) if self.holds(path)]
        found = next((path for path in inside if os.path.exists(path)), None)
        if found is not None:
            return found
        shown = shortened(repr(name))
        if inside:
            raise VideoNotFound(f"no video {shown}; {self._there()}")
        raise VideoNotFound(
            f"{shown} is not within the folders that may be read, {self}; {self._there()}"
        )

    def holds(self, path: Path) -> bool:
        """Whether a path leads to something within the folders."""
        real = Path(os.path.realpath(path))
        return any(real.is_relative_to(folder) for folder in self.folders)

    def _places(self, name: str) -> Iterator[Path]:
        """Where it may be, without links; nowhere for what is no name of a file."""
        if not name.strip():
            raise VideoNotFound(f"no video was named; {self._there()}")
        try:
            size = len(os.fsencode(name))
        except UnicodeEncodeError:  # halves of characters
            return
        if size > LONGEST_NAME or "\0" in name:
            return
        for folder in self.folders:
            yield Path(os.path.realpath(folder / name))

    def films(self, most: int = MOST_TOLD) -> tuple[list[str], bool]:
        """Names of films, as `find` takes them, ``most`` at most, and whether these are all.

        Hidden folders, and those that are linked, are left out.
        """
        names: list[str] = []
        for visited, name in enumerate(self._names()):
            if len(names) == most or visited == MOST_VISITED:
                return names, False
            if name.lower().endswith(VIDEO_SUFFIXES):
                names.append(name)
        return names, True

    def _names(self) -> Iterator[str]:
        """Of all files; and of folders, with a slash, so that those without files count, too."""
        for folder in self.folders:
            for place, inner, files in os.walk(folder):
                inner[:] = sorted(name for name in inner if not name.startswith("."))
                yield f"{place}/"
                for name in sorted(files):
                    path = Path(place, name)
                    if self.holds(path):
                        yield str(path.relative_to(folder) if len(self.folders) == 1 else path)

    def _there(self) -> str:
        names, is_all = self.films()
        if not names:
            return f"no videos are in {self}"
        told = ", ".join(names[:20])
        more = "" if is_all and len(names) <= 20 else ", and more: video_info without a video lists"
        return f"videos that can be named: {told}{more}"

    def __str__(self) -> str:
        return ", ".join(map(str, self.folders))
