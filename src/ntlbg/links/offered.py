"""What an address offers, of which a part is fetched: which, how large, and what is refused.

Works on what yt-dlp says of an address (its "info dict"), which is plain data; nothing is fetched.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ntlbg.disk_space import size_text
from ntlbg.errors import LinkError
from ntlbg.time_text import timestamp
from ntlbg.video_files import VIDEO_SUFFIXES
from ntlbg.visible import shortened

Info = Mapping[str, Any]
LIVE = {
    "is_live": "is being sent live",
    "is_upcoming": "is yet to be sent live",
    "post_live": "was sent live, and is not yet there as a whole",
}
LANGUAGES = ("en", "zh")  # after the film's own: what the questions here are asked in
# Those that are read here, plain ones first.
TEXTS = ("vtt", "srt", "ttml", "ass", "ssa")
# As `ntlbg.text.subtitles` knows the language of a file by its name.
_TAG = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8}){0,2}")
# Addresses of entries that a message has room for.
SHOWN = 3


@dataclass(frozen=True)
class Subtitle:
    """One file of subtitles.

    Attributes:
        language: as in names of files; "" where nothing says.
        is_automatic: nobody wrote them.
        ending: "vtt" and so on.
        info: of yt-dlp.
    """

    language: str
    is_automatic: bool
    ending: str
    info: Info

    @property
    def name(self) -> str:
        """Of the file, so that it is found beside the film."""
        tags = [self.language] * bool(self.language) + ["auto"] * self.is_automatic
        return ".".join(["film", *tags, self.ending])


@dataclass(frozen=True)
class Offer:
    """One film.

    Attributes:
        title: as its page says.
        seconds: how long it is; None where nothing says.
        formats: one file, or one with pictures and one with sound.
        subtitles: to be fetched with it.
        changed: when the server says it changed, or 0.
        info: all that yt-dlp says.
    """

    title: str
    seconds: float | None
    formats: Sequence[Info]
    subtitles: Sequence[Subtitle]
    changed: float
    info: Info

    @property
    def sizes(self) -> list[int | None]:
        """Bytes of each format, as the site says or estimates."""
        return [_size(one, self.seconds) for one in self.formats]

    @property
    def size(self) -> int | None:
        """Bytes of all; None where one is not known."""
        sizes = [size for size in self.sizes if size is not None]
        return sum(sizes) if len(sizes) == len(self.formats) else None

    def identity(self) -> dict[str, Any]:
        """Plain values that are the same where a transfer may go on where it stopped."""
        files = [
            [one.get("format_id"), one.get("ext"), one.get("protocol"), one.get("filesize")]
            for one in self.formats
        ]
        return {"id": self.info.get("id"), "formats": files, "changed": self.changed}

    def described(self) -> str:
        """For people: title, length, size, format, subtitles."""
        length = "length unknown" if self.seconds is None else timestamp(self.seconds)
        size = "size unknown" if self.size is None else size_text(self.size)
        about = [length, size, self.format_text(), *self._subtitle_texts()]
        return f'"{shortened(self.title)}" ({", ".join(about)})'

    def format_text(self) -> str:
        """Such as "1280x720 mp4" or "mp4 and m4a"."""
        width, height = (self.formats[0].get(name) for name in ("width", "height"))
        endings = " and ".join(str(one.get("ext")) for one in self.formats)
        return f"{width}x{height} {endings}" if width and height else endings

    def _subtitle_texts(self) -> list[str]:
        told = [
            "automatic " * one.is_automatic + f"subtitles {one.language}".rstrip()
            for one in self.subtitles
        ]
        return told or ["no subtitles"]


def offer(info: Info, told: str) -> Offer:
    """The film of an address, and which of its files are fetched.

    Args:
        told: the address, for messages.

    Raises:
        LinkError: it is live, several films, or none that can be fetched.
    """
    check_one(info, told)
    check_not_live(info, told)
    formats = info.get("requested_formats") or ([info] if info.get("url") else [])
    if not formats:
        raise LinkError(f"{told}: holds no film that can be fetched; open it in a browser to see")
    if all(one.get("vcodec") == "none" for one in formats):
        raise LinkError(f"{told}: holds only sound; give the address of a film")
    if any(one.get("has_drm") for one in formats):
        raise LinkError(f"{told}: its film is encrypted for players that have a key; give another")
    seconds = info.get("duration")
    return Offer(
        title=str(info.get("title") or "untitled"),
        seconds=float(seconds) if seconds else None,
        formats=formats,
        subtitles=list(chosen_subtitles(info)),
        changed=float(info.get("timestamp") or 0),
        info=info,
    )


def check_one(info: Info, told: str) -> None:
    """Raises LinkError: there are several films."""
    if info.get("_type", "video") not in ("playlist", "multi_video"):
        return
    entries = [one for one in info.get("entries") or () if one]
    number = info.get("playlist_count") or len(entries)
    if not number:
        raise LinkError(f"{told}: is a list without films; give the address of one film")
    addresses = dict.fromkeys(one.get("url") or one.get("webpage_url") for one in entries)
    shown = [one for one in addresses if one and one != info.get("webpage_url")][:SHOWN]
    such = f", such as {', '.join(shown)}" if shown else ""
    raise LinkError(f"{told}: is a list of {number} films; give the address of one{such}")


def check_not_live(info: Info, told: str) -> None:
    """Raises LinkError: it has no end yet."""
    status = info.get("live_status") or ("is_live" if info.get("is_live") else "")
    if status in LIVE:
        raise LinkError(f"{told}: {LIVE[status]}; ask again when it is there as a film")


def chosen_subtitles(info: Info) -> Iterator[Subtitle]:
    """In the film's own language, English and Chinese; automatic ones where there are no others.

    Where nothing says the film's language, and there are only others, the first of them.
    """
    written, automatic = (_readable(info.get(name)) for name in ("subtitles", "automatic_captions"))
    if written:
        wanted = _languages(info, written)
        for tag in wanted or list(written)[:1]:
            yield _subtitle(tag, written[tag], is_automatic=False)
    elif automatic:
        own = [tag for tag in automatic if tag.endswith("-orig")]  # the others are translations
        [tag, *_] = own or _languages(info, automatic) or list(automatic)
        yield _subtitle(tag, automatic[tag], is_automatic=True)


def film_ending(info: Info) -> str:
    """Of a file's name; what a site says is taken only where it is that of a film."""
    ending = f".{info.get('ext')}".lower()
    return ending if ending in (*VIDEO_SUFFIXES, ".m4a", ".mp3", ".gif") else ".film"


def _readable(offered: Info | None) -> dict[str, Info]:
    """By language, the best of the files that are read here."""
    found = {}
    for tag, files in (offered or {}).items():
        fitting = [one for one in files if one.get("ext") in TEXTS]
        if fitting:
            found[str(tag)] = min(fitting, key=lambda one: TEXTS.index(one["ext"]))
    return found


def _languages(info: Info, offered: Mapping[str, Info]) -> list[str]:
    """Tags of what is wanted, the first for each language."""
    wanted = dict.fromkeys(_primary(tag) for tag in (info.get("language") or "", *LANGUAGES))
    fitting = [[tag for tag in offered if _primary(tag) == one] for one in wanted if one]
    return [tags[0] for tags in fitting if tags]


def _primary(tag: str) -> str:
    return re.split("[-_]", tag.lower())[0]


def _subtitle(tag: str, info: Info, *, is_automatic: bool) -> Subtitle:
    language = tag.lower().replace("_", "-").removesuffix("-orig")
    if not _TAG.fullmatch(language):
        language = _primary(tag) if _TAG.fullmatch(_primary(tag)) else ""
    return Subtitle(language, is_automatic, str(info["ext"]), info)


def _size(info: Info, seconds: float | None) -> int | None:
    size = info.get("filesize") or info.get("filesize_approx")
    rate = info.get("tbr")
    if not size and rate and seconds:
        size = rate * 1000 / 8 * seconds  # kbit/s
    return int(size) if size else None
