"""The forms in which questions are published, and how each becomes a question here.

``FORMS`` is the whole menu: a record is of the first form that knows it, and the project's own form
comes last. A form's function gives the fields of :class:`ntlbg.data.QuestionRecord`; what it does
not read stays beside them under the name that it has in the file. Options lose their letters and
keep their order, and the answer becomes the text of an option.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from string import ascii_uppercase as LETTERS
from typing import Any

from ntlbg import conversations
from ntlbg.errors import DataError

# LongVideoBench fills rows up with "N/A"; some questions of MLVU have empty candidates.
PADDING = ("N/A", "")
# So LongVideoBench's own loader reads a choice that is not published.
UNPUBLISHED = -1
LENGTHS = ("short", "medium", "long")  # a duration of Video-MME
# Keys that look like options: optionA, answer_choices, candidates_en; A and B; NExT-QA's a0 and a1.
_OPTION_KEY = re.compile(r"(option|choice|candidate)(?!al)", re.IGNORECASE)
_LETTER_KEY = re.compile("[A-J]|a[0-9]", re.IGNORECASE)
_LETTER = re.compile(r"\(?([A-Za-z])\)?[.:]?")
_INLINE = re.compile(r"\n\s*\(([A-Z])\)")  # LVBench has its options in the question
# A dash may stand for a colon: 20:12-20-15.
_TIME = r"([0-9]{1,4}[:-][0-9]{1,2}(?:[:-][0-9]{1,2})?)"
_SPAN = re.compile(rf"{_TIME}\s*[-–~]\s*{_TIME}")
_MOMENT = re.compile(r"([0-9]{1,4}(?::[0-9]{1,2}){1,2})")


def _alone(record: dict, where: str) -> Iterator[tuple[str, dict]]:
    yield where, record


@dataclass(frozen=True)
class Form:
    """One way to write questions.

    Attributes:
        knows: whether a record is written so.
        fields: what a record says of a question, and where it is, become the question's fields.
            Raises DataError, naming place and key.
        told: how options and the answer are given.
        split: what a record says of each of its questions, and where that is. Raises DataError.
        benchmark: published by others: who asks is not to repair it.
        names_questions: whether an id is one question's. LLaVA's lists repeat the ids of pictures.
    """

    knows: Callable[[dict], bool]
    fields: Callable[[dict, str], dict]
    told: str
    split: Callable[[dict, str], Iterator[tuple[str, dict]]] = _alone
    benchmark: bool = True
    names_questions: bool = True


def recognise(record: dict) -> Form:
    """The form in which a record is written."""
    return next(form for form in FORMS.values() if form.knows(record))


def _own(record: dict, where: str) -> dict:
    _check_options_are_read(record, where)
    return record


def _turns(record: dict, where: str) -> dict:
    """A pair of turns is a question already; options are part of what is said."""
    return record


def _longvideobench(record: dict, where: str) -> dict:
    """``lvb_val.json``, or the rows of its table, with ``option0`` to ``option4``.

    ``position`` is no evidence here: it counts frames of a timeline of the data set's own.
    """
    fields = dict(record)
    _rename(fields, "video", "video_path", "video_id")
    numbered = [fields.pop(key) for key in sorted(fields) if re.fullmatch("option[0-9]", key)]
    listed = fields.pop("candidates", None) or fields.pop("options", None) or numbered
    texts = _texts(listed, "candidates", where)
    _offer(fields, texts, _place_of_choice(fields.pop("correct_choice", None), len(texts), where))
    return fields


def _place_of_choice(choice: Any, number: int, where: str) -> int | None:
    if choice is None or choice == UNPUBLISHED:
        return None
    if isinstance(choice, bool) or not isinstance(choice, int) or not 0 <= choice < number:
        raise DataError(
            f"{where}: correct_choice: got {choice!r}; give the place of one of the {number} "
            "options, counted from 0"
        )
    return choice


def _videomme(record: dict, where: str) -> dict:
    """Rows of Video-MME's table: the file is called as ``videoID`` says, ``duration`` is a word."""
    fields = dict(record)
    _rename(fields, "video", "videoID", "video_id")
    _rename(fields, "id", "question_id")
    if isinstance(fields.get("duration"), str):
        fields["duration_group"] = fields.pop("duration")
    _offer_by_letter(fields, where)
    return fields


def _mlvu(record: dict, where: str) -> dict:
    """MLVU's lists, one for each task: the answer is a text, open tasks have no ``candidates``."""
    fields = dict(record)
    _rename(fields, "id", "question_id")
    if fields.get("candidates") is not None:
        texts = _texts(fields.pop("candidates"), "candidates", where)
        _offer(fields, texts, _place_of_text(fields.get("answer"), texts))
    _check_options_are_read(fields, where)
    return fields


def _films(record: dict, where: str) -> Iterator[tuple[str, dict]]:
    """Questions of a line of ``video_info.meta.jsonl``, which is about a film; or of a row."""
    asked, film = record.get("qa"), {key: record[key] for key in record if key != "qa"}
    if "qa" not in record:
        yield where, film
    elif not isinstance(asked, list) or not all(isinstance(one, dict) for one in asked):
        raise DataError(f"{where}: qa: got {asked!r:.80}; give a list of questions")
    else:
        yield from ((f"{where}: qa.{number}", film | one) for number, one in enumerate(asked))


def _lvbench(record: dict, where: str) -> dict:
    """LVBench: options in the question, and ``time_reference`` says where the evidence is."""
    fields = dict(record)
    _rename(fields, "video", "video_path", "key")
    _rename(fields, "id", "uid")
    if fields.get("options") is None:
        fields["question"], fields["options"] = _split(fields.get("question"), where)
    _offer_by_letter(fields, where)
    fields["evidence"] = _intervals(fields.get("time_reference"), where)
    return fields


def _split(question: Any, where: str) -> tuple[str, list[str]]:
    """A question and the options that follow it, each in a line that begins with its letter."""
    stem, *rest = _INLINE.split(question) if isinstance(question, str) else [""]
    letters, texts = rest[::2], rest[1::2]
    if not letters or letters != list(LETTERS[: len(letters)]):
        raise DataError(
            f"{where}: question: got {question!r:.80}; its options follow in lines that begin with "
            "(A), (B) and so on, in this order"
        )
    return stem.strip(), texts


def _intervals(times: Any, where: str) -> list[tuple[float, float]]:
    """Seconds of ``00:15-00:19`` or ``1:02:03-1:02:10``, or of several with commas between them."""
    if times is None or times in PADDING:
        return []
    if not isinstance(times, str):
        raise DataError(f"{where}: time_reference: got {times!r}; give text such as 00:15-00:19")
    return [_interval(part.strip(), where) for part in re.split(r"[,;\n]", times) if part.strip()]


def _interval(text: str, where: str) -> tuple[float, float]:
    found = _SPAN.fullmatch(text) or _MOMENT.fullmatch(text)
    if found is None:
        raise DataError(
            f"{where}: time_reference: got {text!r}; give mm:ss-mm:ss or h:mm:ss-h:mm:ss, several "
            "with commas between them"
        )
    times = sorted(map(_seconds, found.groups()))  # the later one may stand first
    # a moment is the whole second that it names
    return times[0], max(times[-1], times[0] + 1.0)


def _seconds(text: str) -> float:
    parts = reversed(re.split(r"\D", text))
    return float(sum(int(part) * 60**power for power, part in enumerate(parts)))


def _rename(fields: dict, name: str, *published: str) -> None:
    """Give the first of the published names that is there the name that it has here."""
    found = next((key for key in published if fields.get(key) is not None), None)
    if found is not None and fields.get(name) is None:
        fields[name] = fields.pop(found)


def _texts(values: Any, key: str, where: str) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise DataError(f"{where}: {key}: got {values!r:.80}; give the options as a list of texts")
    return values


def _offer(fields: dict, texts: list[str], place: int | None) -> None:
    """Set ``options``, and ``answer`` where its place among the texts is known.

    A text that is there twice, as in some questions of MLVU, is one option.
    """
    plain = _without_letters(texts)
    fields["options"] = list(dict.fromkeys(text for text in plain if text not in PADDING))
    if place is not None:
        fields["answer"] = plain[place]


def _offer_by_letter(fields: dict, where: str) -> None:
    """The same where the answer is an option's letter; its text is understood, too."""
    texts, answer = _texts(fields.get("options"), "options", where), fields.get("answer")
    place = _place_of_letter(answer)
    if place is None or place >= len(texts):
        place = _place_of_text(answer, texts)
    if place is None and answer is not None:
        raise DataError(
            f"{where}: answer: got {answer!r}; give the letter of one of the {len(texts)} options"
        )
    _offer(fields, texts, place)


def _place_of_letter(answer: Any) -> int | None:
    found = _LETTER.fullmatch(answer.strip()) if isinstance(answer, str) else None
    return LETTERS.index(found[1].upper()) if found else None


def _place_of_text(answer: Any, texts: list[str]) -> int | None:
    listed = (texts, _without_letters(texts))
    return next((found.index(answer) for found in listed if answer in found), None)


def _without_letters(texts: list[str]) -> list[str]:
    """Texts without spaces around them and, where each begins with its own letter, without it."""
    plain = [text.strip() for text in texts]
    found = [
        re.fullmatch(rf"(?:\({letter}\)|{letter}\s*[.):])\s*(.*)", text, re.DOTALL)
        for letter, text in zip(LETTERS, plain)
    ]
    bare = [one[1] for one in found if one is not None]
    return bare if len(bare) == len(plain) else plain


def _check_options_are_read(fields: dict, where: str) -> None:
    """No question is asked without its options because these have another name.

    Raises:
        DataError: naming the keys, and what is accepted.
    """
    if fields.get("options") is not None:
        return
    letters = [key for key in fields if _LETTER_KEY.fullmatch(key)]
    found = [key for key, value in fields.items() if _looks_like_options(key, value)]
    found += letters if len(letters) > 1 else []
    if found:
        told = "; ".join(f"as {name}, {form.told}" for name, form in FORMS.items() if form.told)
        raise DataError(
            f"{where}: {', '.join(found)}: looks like options, which are not read from there. "
            f"Accepted are {told}"
        )


def _looks_like_options(key: str, value: Any) -> bool:
    return bool(_OPTION_KEY.search(key)) and value is not None and not isinstance(value, bool)


def _is_longvideobench(record: Mapping) -> bool:
    published = "candidates" in record and "video_path" in record  # the test set has no choice
    return published or "correct_choice" in record or "option0" in record


def _is_videomme(record: Mapping) -> bool:
    if "videoID" in record or record.get("duration") in LENGTHS:
        return True
    options = record.get("options")
    if not isinstance(options, list) or not all(isinstance(option, str) for option in options):
        return False
    lettered = _without_letters(options) != [option.strip() for option in options]
    return lettered and _place_of_letter(record.get("answer")) is not None


def _is_mlvu(record: Mapping) -> bool:
    return "candidates" in record or ("question_type" in record and "options" not in record)


def _is_lvbench(record: Mapping) -> bool:
    return "qa" in record or "time_reference" in record


FORMS: dict[str, Form] = {
    # onevision.json and other lists of conversations
    "LLaVA": Form(
        conversations.is_conversation,
        _turns,
        "",
        split=conversations.questions_of,
        benchmark=False,
        names_questions=False,
    ),
    # video_info.meta.jsonl
    "LVBench": Form(
        _is_lvbench, _lvbench, "lines (A), (B) in the question, and answer, a letter", split=_films
    ),
    # lvb_val.json
    "LongVideoBench": Form(
        _is_longvideobench,
        _longvideobench,
        "candidates, or option0 to option4, and correct_choice, counted from 0",
    ),
    # test-00000-of-00001.parquet, as JSON
    "Video-MME": Form(_is_videomme, _videomme, "options that begin with A., and answer, a letter"),
    # 1_plotQA.json to 9_summary.json
    "MLVU": Form(_is_mlvu, _mlvu, "candidates, and answer, one of them"),
    "your own": Form(
        lambda record: True,
        _own,
        "options, a list of texts, and answer, one of them",
        benchmark=False,
    ),
}
