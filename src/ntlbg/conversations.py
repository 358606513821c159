"""Records as LLaVA writes them: a picture or a video, and turns of a conversation about it.

``conversations`` holds ``{"from": "human", "value": ...}`` and ``{"from": "gpt", "value": ...}`` in
turn, ``image`` or ``video`` names what is shown, and ``<image>`` or ``<video>`` in a turn says
where; it is left out here, as a prompt begins with what is shown anyway. LongVU's
``onevision.json`` and ``train_video_data.json`` are lists of such records.
"""

from collections.abc import Iterator
from typing import Any

from ntlbg.errors import DataError

PLACEHOLDERS = ("<image>", "<video>")
SPEAKERS = ("human", "gpt")
SHOWN = ("image", "video")


def is_conversation(record: Any) -> bool:
    """Whether a record holds turns instead of a question."""
    return isinstance(record, dict) and "conversations" in record and "question" not in record


def questions_of(record: dict, where: str) -> Iterator[tuple[str, dict]]:
    """Each pair of turns as a record with ``video``, ``question`` and ``answer``, and its place.

    A pair is a question by itself: what was said before is not part of it. A last human turn
    without a reply has no ``answer``. Of several pairs the ids end in -1, -2 and so on.

    Args:
        where: file and number of the record, for messages.

    Raises:
        DataError: naming the key.
    """
    kept = {
        key: value for key, value in record.items() if key not in ("id", "conversations", *SHOWN)
    }
    kept["video"] = _shown(record, where)
    texts = _texts(record["conversations"], where)
    for place in range(0, len(texts), len(SPEAKERS)):
        pair = dict(zip(("question", "answer"), texts[place : place + len(SPEAKERS)]))
        if record.get("id") is not None:
            number = f"-{place // len(SPEAKERS) + 1}" if len(texts) > len(SPEAKERS) else ""
            pair["id"] = f"{record['id']}{number}"
        yield f"{where}: conversations.{place}", kept | pair


def _shown(record: dict, where: str) -> str:
    names = [key for key in SHOWN if key in record]
    if len(names) != 1:
        found = " and ".join(names) or "neither"
        raise DataError(
            f"{where}: {' or '.join(SHOWN)}: got {found}; a conversation is about one picture or "
            "video, and text alone is not read"
        )
    name = record[names[0]]
    if not isinstance(name, str) or not name:
        raise DataError(f"{where}: {names[0]}: got {name!r}; give the name of one file")
    return name


def _texts(turns: Any, where: str) -> list[str]:
    """What is said in each turn, without placeholders."""
    if not isinstance(turns, list) or not turns:
        raise DataError(f"{where}: conversations: got {turns!r}; give a list of turns")
    return [_text(turn, number, where) for number, turn in enumerate(turns)]


def _text(turn: Any, number: int, where: str) -> str:
    key = f"{where}: conversations.{number}"
    if not isinstance(turn, dict):
        raise DataError(f"{key}: got {turn!r}; a turn has the keys from and value")
    speaker, text = SPEAKERS[number % len(SPEAKERS)], turn.get("value")
    if turn.get("from") != speaker:
        raise DataError(
            f"{key}.from: got {turn.get('from')!r}; here it must be {speaker!r}: human and gpt "
            "speak in turn, human first"
        )
    if not isinstance(text, str):
        raise DataError(f"{key}.value: got {text!r}; give what is said, as text")
    for placeholder in PLACEHOLDERS:
        text = text.replace(placeholder, "")
    return text.strip()
