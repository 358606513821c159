"""Finding the file of a video by the name that somebody wrote."""

import os
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from ntlbg.errors import VideoNotFound
from ntlbg.video.opening import check_no_address

VIDEO_SUFFIXES = (
    ".mp4", ".m4v", ".avi", ".mov", ".mkv", ".webm", ".ts", ".mpg", ".mpeg", ".flv", ".wmv", ".ogv",
)  # fmt: skip
# LongVideoBench has its files in videos/, MLVU in video/, and Video-MME's archives hold data/
VIDEO_FOLDERS = ("videos", "video", "data")
FEATURE_SUFFIXES = (".pt", ".safetensors", ".npy")


def find_source(folder: Path, video: str) -> Path | None:
    """The file of a video, or of its features where there is no video.

    A name is taken as it stands. Where there is none, it may lack its ending, differ in letter
    case, or in how accents are put together: then one file has to fit.

    Raises:
        VideoNotFound: several files fit, it is an address, or a folder cannot be looked into.
    """
    check_no_address(video)
    ending = Path(video).suffix  # of an id such as ep.01, part of the name
    stem = video.removesuffix(ending) if ending.lower() in VIDEO_SUFFIXES else video
    places = [folder, *(folder / name for name in VIDEO_FOLDERS)]
    if ending.lower() == ".gif":  # as in the folder of LongVU's training videos
        places.append(folder / "gifs")
    endings = ("", *VIDEO_SUFFIXES) if stem == video else ("",)
    try:
        found = _exact(places, [video]) or _only(places, video, endings)
        if found is not None:
            return found
        places, names = [folder, folder / "features"], [stem + one for one in FEATURE_SUFFIXES]
        return _exact(places, names) or _only(places, stem, FEATURE_SUFFIXES)
    except OSError as error:
        raise VideoNotFound(f"{folder / video}: cannot be looked for ({error.strerror})") from error


def _exact(places: Sequence[Path], names: Sequence[str]) -> Path | None:
    """The first file that there is."""
    files = (place / name for place in places for name in names)
    return next((file for file in files if file.is_file()), None)


def _only(places: Sequence[Path], name: str, endings: Collection[str]) -> Path | None:
    """The one file that fits.

    Raises:
        VideoNotFound: several do. OSError: a folder cannot be looked into.
    """
    fitting = {
        path.resolve(): path for place in places for path in _fitting(place, Path(name), endings)
    }
    if len(fitting) > 1:
        told = ", ".join(sorted(map(str, fitting.values())))
        raise VideoNotFound(f"{name}: {len(fitting)} files fit: {told:.2000}; give one's full name")
    return next(iter(fitting.values()), None)


def _fitting(place: Path, name: Path, endings: Collection[str]) -> list[Path]:
    """Files below a place whose names are this one's but for ending, case and form of accents."""
    folders = [place]
    for part in name.parts[:-1]:
        below = [folder / part for folder in folders]
        exact = [folder for folder in below if folder.is_dir()]
        folders = exact or [
            folder / entry for folder in folders for entry in _entries(folder).get(folded(part), ())
        ]
    named = [
        folder / entry
        for folder in folders
        for ending in endings
        for entry in _entries(folder).get(folded(f"{name.name}{ending}"), ())
    ]
    return [path for path in named if path.is_file()]


def _entries(folder: Path) -> Mapping[str, Sequence[str]]:
    """Names in a folder by what is alike of them; none where there is no folder."""
    try:
        return _listed(folder, folder.stat().st_mtime_ns)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a null character
        return {}


@lru_cache(maxsize=32)  # a data set has a handful of folders, and thousands of questions
def _listed(folder: Path, _changed: int) -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for name in sorted(os.listdir(folder)):
        found.setdefault(folded(name), []).append(name)
    return found


def folded(name: str) -> str:
    """Alike for names that differ in letter case, or in how accents are put together."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
