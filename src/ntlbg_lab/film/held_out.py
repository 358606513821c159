"""Eight further talks with forty questions each, by which no constant was set and no demo is made.

``texts/`` was written by hand before anything was measured. A line is a kind of question, what
answers it, the question, and the words that a right answer holds, with ``|`` between:

    N, E, P  a sentence that is said: a name or number; in the words of the question; in others
    S        a slide: heading and lines
    T        "ticker: ", "lower: " (a name and what that one does), "terminal: " or "code: "
    C        a sentence during which the question asks what the slide is; no words
    F        a question alone, that nothing answers

Reading the sentences aloud needs espeak-ng.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from ntlbg.files import staged_directory
from ntlbg.marks import Kind, json_object
from ntlbg_lab.film.further_pages import EDITOR, LOOKS, TERMINAL
from ntlbg_lab.film.reading_aloud import check_espeak, read_aloud, write_opus
from ntlbg_lab.film.talks import Sentence, Talk

TEXTS = Path(__file__).parent / "texts"
# Two share a film.
NAMES = (
    "lighthouses", "drama", "backups", "coffee", "volcanoes", "council", "knitting", "football",
)  # fmt: skip
SAID, SHOWN, FOREIGN = ("N", "E", "P", "C"), ("S", "T"), "F"
HEARD_FILE = "heard.json"
# Clear, so that what is measured is the recogniser and not a codec.
BITS_A_SECOND = 32_000
OPUS = Kind("an Opus file", lambda path: path.read_bytes()[:4] == b"OggS")
# Of a voice, words a minute differ by so many from sentence to sentence.
UNEVEN = 5


@dataclass(frozen=True)
class Asked:
    """A question as it was written.

    Attributes:
        kind: as above.
        about: the sentence, slide or line that answers it; empty where nothing does.
        answer: words that a right answer holds; empty where they follow from the film, or nothing
            answers.
    """

    kind: str
    about: str
    question: str
    answer: str


@dataclass(frozen=True)
class Written:
    """A file of ``texts/``; voices are espeak-ng's, with their words a minute."""

    name: str
    title: str
    voices: tuple[tuple[str, int], ...]
    look: int
    subjects: tuple[str, ...]
    asked: tuple[Asked, ...]

    def of(self, *kinds: str) -> list[Asked]:
        """Questions of these kinds."""
        return [one for one in self.asked if one.kind in kinds]


@cache
def written(name: str) -> Written:
    """One of NAMES."""
    lines = (TEXTS / f"{name}.txt").read_text("utf-8").splitlines()
    about = dict(line.split(" ", 1) for line in lines[:4])
    voices = (voice.rsplit(" ", 1) for voice in about["voices"].split(" / "))
    return Written(
        name, about["title"], tuple((voice, int(speed)) for voice, speed in voices),
        int(about["look"]), tuple(about["subjects"].split("; ")), tuple(map(_asked, lines[4:])),
    )  # fmt: skip


def _asked(line: str) -> Asked:
    kind, rest = line.split(" ", 1)
    if kind == FOREIGN:
        return Asked(kind, "", rest, "")
    about, question, *answer = rest.split("|")
    return Asked(kind, about, question, *answer or [""])


def one_of_each(whole: Written) -> Written:
    """The first question of each kind, and of each way to write on the screen: for a short film."""
    kept: dict[str, Asked] = {}
    for one in whole.asked:
        kept.setdefault(one.about.split(":")[0] if one.kind == "T" else one.kind, one)
    return replace(whole, asked=tuple(kept.values()))


def held_out_talk(whole: Written, folder: Path, seconds: float) -> Talk:
    """Read aloud into a folder, where that was not done before.

    Args:
        seconds: of speech; other sentences, of patterns, fill what is left by those asked about.

    Raises:
        MissingPackage: espeak-ng is not installed. OutputError: nothing can be kept there.
    """
    sound, heard = folder / f"{whole.name}.opus", folder / f"{whole.name}-{HEARD_FILE}"
    if not heard.exists():
        check_espeak()
        rows, samples = read_aloud(_told(whole), seconds)
        kinds = {"*.opus": OPUS, f"*-{HEARD_FILE}": json_object("sentences", "sentences")}
        with staged_directory(folder, kinds) as stage:
            write_opus(samples, stage / sound.name, BITS_A_SECOND)
            (stage / heard.name).write_text(json.dumps({"sentences": rows}), "utf-8")
    return _talk(whole, sound, json.loads(heard.read_text("utf-8"))["sentences"])


def _talk(whole: Written, sound: Path, heard: list[tuple[str, float, float]]) -> Talk:
    lines = [line_of(one) for one in whole.of("T")]
    screens = {"terminal": TERMINAL, "code": EDITOR}
    slides = [page_of(one.about, one) for one in whole.of("S")]
    slides += [page_of(text, one) | {"look": screens[where]}
               for one, (where, text) in zip(whole.of("T"), lines) if where in screens]  # fmt: skip
    running = [text for where, text in lines if where == "ticker"]
    others = (TEXTS / "ticker.txt").read_text("utf-8").splitlines()
    names = (text.split(", ", 1) for where, text in lines if where == "lower")
    return Talk(
        whole.name, whole.title, tuple(Sentence(*row) for row in heard), (), (), (),
        tuple(slides), tuple({"text": text} for text in running + others), whole.subjects, sound,
        look=LOOKS[whole.look], always=frozenset(one.about for one in whole.of(*SAID)),
        captions=tuple((name, does) for name, does in names),
    )  # fmt: skip


def line_of(asked: Asked) -> tuple[str, str]:
    """Of a question of kind T, where the text is, and the text."""
    where, text = asked.about.split(": ", 1)
    return where, text


def page_of(text: str, asked: Asked) -> dict[str, Any]:
    """Heading and lines of a slide, and what is asked about it."""
    heading, *lines = text.split("; ")
    return {"heading": heading, "lines": lines, "question": asked.question, "answer": asked.answer}


def _told(whole: Written) -> Iterator[tuple[str, str, int]]:
    """Sentences that answer, then others: each in one of the voices."""
    draw = random.Random(whole.name)
    for text in [*(one.about for one in whole.of(*SAID)), *_between(whole, draw)]:
        voice, speed = draw.choice(whole.voices)
        yield text, voice, speed + draw.randint(-UNEVEN, UNEVEN)


def _between(whole: Written, draw: random.Random) -> list[str]:
    """Each pattern with every subject, in any order."""
    patterns = (TEXTS / "patterns.txt").read_text("utf-8").splitlines()
    found = []
    for pattern in patterns:
        for subject in whole.subjects:
            other = draw.choice([one for one in whole.subjects if one != subject])
            found.append(pattern.format(a=subject, b=other))
    draw.shuffle(found)
    return [sentence[0].upper() + sentence[1:] for sentence in found]
