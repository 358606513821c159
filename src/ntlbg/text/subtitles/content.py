"""The bytes of a subtitle file as text, in whatever encoding they are."""

from pathlib import Path

import regex
from charset_normalizer import from_bytes

from ntlbg.errors import DataError
from ntlbg.text_files import read_bytes

WANTED = "a file of subtitles"
UTF_16 = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
# Of letters that are not ASCII, how many may be damaged in a file that is UTF-8 otherwise: one cut
# character or a few lines that were pasted in. Text in other encodings damages nearly all.
MAX_DAMAGED = 0.1
# Of the characters that GB18030 adds to GB2312 everyday Chinese uses next to none; other encodings
# that are read as GB18030 by mistake are full of them. 0.9 was set by hand.
MIN_PLAIN_CHINESE = 0.9
# Latin-1 and its quotation marks. Between this and that of Central Europe there is no telling:
# charset-normalizer 3.5 finds both alike in 11 of 18 samples of 9 languages.
WESTERN = "cp1252"
CONTROL = regex.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def read_text(path: Path) -> tuple[str, str]:
    """What a file says, with newlines as line ends, and its encoding.

    Raises:
        DataError: no regular file, too large, empty, or no text.
    """
    raw = read_bytes(path, WANTED)
    text, encoding = decode(raw)
    if not text.strip():
        raise DataError(f"{path}: is empty; give {WANTED}")
    found = CONTROL.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        raise DataError(f"{path}, line {line}: is not text; give {WANTED}, such as SRT")
    return text, encoding


def decode(raw: bytes) -> tuple[str, str]:
    """Text and the encoding that it is in; a guess where it is no Unicode."""
    encoding = _unicode(raw) or _guess(raw)
    text = raw.decode(encoding, "replace").lstrip("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n"), encoding


def _unicode(raw: bytes) -> str | None:
    if raw[:2] in UTF_16:
        return UTF_16[raw[:2]]
    # Without a mark: the digits and line ends of every form of subtitles have a zero byte each.
    zeros = raw[:4096].count(0)
    if zeros > len(raw[:4096]) // 8:
        return "utf-16-le" if raw[1:4096:2].count(0) > raw[0:4096:2].count(0) else "utf-16-be"
    text = raw.decode("utf-8", "replace")
    damaged, letters = text.count("\ufffd"), sum(not one.isascii() for one in text)
    return "utf-8" if damaged <= MAX_DAMAGED * letters else None


def _guess(raw: bytes) -> str:
    high = [value > 127 for value in raw]
    alone = sum(
        now and not before and not after
        for before, now, after in zip([False, *high], high, [*high[1:], False])
    )
    if 2 * alone > sum(high):  # accents between ASCII letters
        return WESTERN
    if _is_chinese(raw):
        return "gb18030"
    likeliest = from_bytes(raw).best()
    return WESTERN if likeliest is None else likeliest.encoding


def _is_chinese(raw: bytes) -> bool:
    try:
        text = raw.decode("gb18030")
    except UnicodeDecodeError:
        return False
    letters = [one for one in text if not one.isascii()]
    plain = len("".join(letters).encode("gb2312", "ignore")) / 2
    return plain >= MIN_PLAIN_CHINESE * len(letters)
