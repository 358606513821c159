"""Which subtitles there are for a video, the ones to take first.

Files beside it come before tracks inside it: somebody put them there. Of several: the one in the
language that is asked for, else the one that is named as the film and nothing else, else English;
whole ones before those of what is foreign in the film.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import regex

from ntlbg.text.subtitles.tracks import PICTURE_TRACK, Track, subtitle_tracks
from ntlbg.video.opening import regular_file
from ntlbg.video.start import is_still
from ntlbg.video_files import folded

# In the order in which they are taken, of files that are named alike: plain ones first.
SUFFIXES = (".srt", ".vtt", ".ass", ".ssa", ".ttml", ".smi", ".sami", ".sub")
# "en", "eng", "zh-CN", "zh_Hans", "es-419"
LANGUAGE = regex.compile(r"(?P<primary>[a-z]{2,3})(?:[-_][a-z0-9]{2,8}){0,2}")
FORCED = frozenset({"forced", "foreign"})
# What else stands between a film's name and the ending; "hi" is Hindi unless a language is named.
REMARKS = FORCED | {"sdh", "cc", "hi", "default", "full", "auto", "orig"}
# Codes of three letters (both kinds) and names, as those of two.
CODES = {
    "en": "eng english", "zh": "zho chi chinese chs cht", "es": "spa spanish", "hi": "hin hindi",
    "ar": "ara arabic", "fr": "fra fre french", "de": "deu ger german", "ja": "jpn japanese jp",
    "ko": "kor korean", "pt": "por portuguese", "ru": "rus russian", "it": "ita italian",
    "nl": "nld dut dutch", "pl": "pol polish", "tr": "tur turkish", "vi": "vie vietnamese",
    "th": "tha thai", "id": "ind indonesian", "uk": "ukr ukrainian", "cs": "ces cze czech",
    "el": "ell gre greek", "fa": "fas per persian", "ro": "ron rum romanian", "sv": "swe swedish",
}  # fmt: skip
SHORT_CODE = {name: code for code, names in CODES.items() for name in names.split()}
# Both files of a DVD's subtitles, which are pictures, or a file of text with the same ending.
DVD_PICTURES = b"\x00\x00\x01\xba"


@dataclass(frozen=True)
class SubtitleChoice:
    """Subtitles of a video that could be read: a file or a track.

    Attributes:
        name: for people: "film.en.srt" or "subtitle track 2 (fre)".
        path: of a file; None for a track of the video.
        track: of the video; None for a file.
        language: such as "en"; "" where nothing says.
        is_forced: holds only what is foreign in the film.
        unreadable: why it cannot be read, or "".
    """

    name: str
    path: Path | None = None
    track: int | None = None
    language: str = ""
    is_forced: bool = False
    unreadable: str = ""


def find_subtitles(
    video: str | os.PathLike, *, language: str | None = None
) -> list[SubtitleChoice]:
    """All subtitles of a video, the one to take first; those that cannot be read come last.

    Args:
        language: that is preferred, such as "zh" or "zh-CN".

    Raises:
        VideoError: the video cannot be opened.
    """
    video = regular_file(video)
    wanted = short_language(language or "")
    files = sorted(_files(video), key=lambda choice: _rank(choice, wanted))
    tracks = [] if is_still(video) else subtitle_tracks(video)
    inside = sorted(tracks, key=lambda track: not track.is_default)
    choices = files + sorted(map(_of_track, inside), key=lambda choice: _rank(choice, wanted)[:3])
    return sorted(choices, key=lambda choice: (bool(choice.unreadable), choice.is_forced))


def short_language(tag: str) -> str:
    """The language of a tag without its country or script, in two letters where there are some.

    >>> short_language("zh-CN"), short_language("eng"), short_language("French")
    ('zh', 'en', 'fr')
    """
    primary = regex.split("[-_]", tag.lower())[0]
    return SHORT_CODE.get(primary, primary)


def _rank(choice: SubtitleChoice, wanted: str) -> tuple:
    """Sorts the best first; a name without a language may be in any, often in the wanted one."""
    order = {"en": 2, "": 1} | {wanted: 0}
    return (
        choice.is_forced,
        order.get(short_language(choice.language), 3),
        bool(choice.unreadable),
        len(choice.name),
        SUFFIXES.index(choice.path.suffix.lower()) if choice.path else 0,
        choice.name,
    )


def _files(video: Path) -> list[SubtitleChoice]:
    folder = video.parent
    found = []
    for name in sorted(os.listdir(folder)):
        stem, suffix = os.path.splitext(name)
        if suffix.lower() in SUFFIXES:
            tags = _tags(folded(stem), video)
            if tags is not None and (folder / name).is_file():
                found.append(_of_file(folder / name, tags))
    return found


def _tags(stem: str, video: Path) -> list[str] | None:
    """What stands after the film's name, as language and remarks; None if it is another film's."""
    for film in (folded(video.name), folded(video.stem)):
        if stem == film:
            return []
        if stem.startswith(film + "."):
            tags = stem[len(film) + 1 :].split(".")
            return tags if all(map(_is_tag, tags)) else None
    return None


def _is_tag(tag: str) -> bool:
    return tag in REMARKS or tag in SHORT_CODE or LANGUAGE.fullmatch(tag) is not None


def _of_file(path: Path, tags: list[str]) -> SubtitleChoice:
    languages = [tag for tag in tags if tag not in REMARKS] or [tag for tag in tags if tag == "hi"]
    return SubtitleChoice(
        path.name,
        path=path,
        language=languages[0] if languages else "",
        is_forced=not FORCED.isdisjoint(tags),
        unreadable=PICTURE_TRACK if _is_dvd(path) else "",
    )


def _is_dvd(path: Path) -> bool:
    if path.suffix.lower() != ".sub":
        return False
    with path.open("rb") as file:
        return file.read(4) == DVD_PICTURES


def _of_track(track: Track) -> SubtitleChoice:
    said = ", ".join(one for one in (track.language, track.title) if one)
    return SubtitleChoice(
        f"subtitle track {track.number + 1}" + (f" ({said})" if said else ""),
        track=track.number,
        language=track.language,
        is_forced=track.is_forced,
        unreadable=track.unreadable,
    )
