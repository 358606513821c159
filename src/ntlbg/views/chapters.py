"""Chapters as other programs read them: lines of text, JSON, a description for YouTube."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict

from ntlbg.errors import ConfigError
from ntlbg.time_text import timestamp
from ntlbg.types import Chapter

# As YouTube's help page "Video chapters" has them: the first timestamp is 00:00, there are three or
# more, in ascending order, and no chapter is shorter than ten seconds.
YOUTUBE_LEAST, YOUTUBE_SECONDS = 3, 10
# Of a description, in characters.
YOUTUBE_MOST = 5000
# A description may not hold these.
YOUTUBE_SIGNS = str.maketrans("<>", "‹›")


def chapters_text(chapters: Sequence[Chapter], form: str) -> str:
    """All chapters, in one of ``FORMS``.

    Raises:
        ConfigError: YouTube would take no chapters of this form, or no description of this length.
    """
    return FORMS[form](chapters)


def check_form(form: str, number: int | None) -> None:
    """Whether so many chapters can be written in a form, before a video is read for it.

    Raises:
        ConfigError: they cannot.
    """
    if form == "youtube" and number is not None and number < YOUTUBE_LEAST:
        raise ConfigError(
            f"{number} chapters were asked for, and YouTube shows {YOUTUBE_LEAST} or more; give "
            f"--number {YOUTUBE_LEAST}, or --format txt or json"
        )


def _txt(chapters: Sequence[Chapter]) -> str:
    return "".join(f"{timestamp(one.start_seconds)}  {one.title}\n" for one in chapters)


def _json(chapters: Sequence[Chapter]) -> str:
    rows = [asdict(one) for one in chapters]
    return json.dumps({"chapters": rows}, ensure_ascii=False, indent=2) + "\n"


def _youtube(chapters: Sequence[Chapter]) -> str:
    # rounded, since ten seconds between two times may come out a little less
    least = round(min(one.end_seconds - one.start_seconds for one in chapters), 6)
    if len(chapters) < YOUTUBE_LEAST or least < YOUTUBE_SECONDS:
        raise ConfigError(
            f"YouTube shows {YOUTUBE_LEAST} chapters or more, each {YOUTUBE_SECONDS} seconds long "
            f"at least; here are {len(chapters)}, the shortest of {least:.1f} seconds, so give "
            "--format txt or json, or a longer video"
        )
    text = "".join(
        f"{timestamp(one.start_seconds)} {one.title.translate(YOUTUBE_SIGNS)}\n" for one in chapters
    )
    if len(text) > YOUTUBE_MOST:
        raise ConfigError(
            f"these chapters are {len(text)} characters, a description on YouTube has "
            f"{YOUTUBE_MOST} at most; give --number {len(chapters) * YOUTUBE_MOST // len(text)}"
        )
    return text


FORMS: dict[str, Callable[[Sequence[Chapter]], str]] = {
    "txt": _txt, "json": _json, "youtube": _youtube,
}  # fmt: skip
