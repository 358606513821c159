"""One question, one way to ask it, and what is kept of the answer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ntlbg.answerers.quoting import ABOUT_WHOLE, NEAREST, NOT_SAID
from ntlbg.data import NOT_SEEN
from ntlbg.index.passages import USUAL_WORDS, Words
from ntlbg.judging import TIME_TOLERANCE, is_right
from ntlbg.text import Listener, Piece
from ntlbg.types import Answer, Passage
from ntlbg_lab.film.asking import SEEN, Question
from ntlbg_lab.film.held_out import FOREIGN

FRAMES = 16
MOMENTS = 3  # that people are thought to look at
OURS, UNIFORM, DELETED = "ours", "uniform", "deleted"
# The same with what is said as it was written, instead of what a recogniser heard.
SUBTITLED, SUBTITLED_DELETED = "subtitled", "subtitled, deleted"
HEARD = ("N", "E", "P", "C", "F")
ONLY = ("speech", "screen")  # conditions of a single source
# What counts as no answer: nothing is there, or nothing says so directly.
NONE_GIVEN = (NOT_SAID, NOT_SEEN, NEAREST)
# A passage that overlaps a sentence by so many seconds holds some of it: what a recogniser says of
# times is half a second off.
HELD_SECONDS = 0.3

Span = tuple[float, float]


class Left(Listener):
    """Passages that were found before, without some of them."""

    wants = "file"

    def __init__(self, source: str, passages: Sequence[Passage]):
        self.name = self.source = source
        self._passages = tuple(passages)
        self.fingerprint = str([(one.start_seconds, one.text) for one in passages])

    def listen(self, stream: Path, after_seconds, state) -> Iterator[Piece]:
        until = max((one.end_seconds for one in self._passages), default=0.0)
        yield Piece(self._passages, until)


@dataclass(frozen=True)
class Case:
    """A question and a way to ask it."""

    question: Question
    condition: str
    words: Words = USUAL_WORDS
    selector: str | None = None
    frames: int = FRAMES

    @property
    def key(self) -> tuple[str, str]:
        return self.question.sample.id, self.condition


@dataclass(frozen=True)
class Answered:
    """What is kept of an answer; times in seconds.

    Attributes:
        text: in full. given: it is given as the answer. right: by ``ntlbg.judging``.
        chance: "evidence found", as it is told.
        said_chance, decision: what words alone say.
        quoted: [start, end, source, text]; moments: the first ones, quotations, then frames;
        moments_by_frames: without quotations; frames: all.
    """

    film: int
    question: str
    condition: str
    kind: str
    talk: str
    asked: str
    truth: str
    evidence: list
    text: str
    given: bool
    right: bool
    chance: float | None
    said_chance: float
    decision: str
    quoted: list
    moments: list
    moments_by_frames: list
    frames: list
    cpu_seconds: float


def cases_of(questions: Sequence[Question], heard: Mapping[str, Sequence[Passage]]) -> list[Case]:
    """Every question in every way that it is asked.

    Args:
        heard: passages by source; "subtitles" are those that were written.
    """
    said, heard = heard["subtitles"], {name: heard[name] for name in ONLY}
    whole = {source: Left(source, passages) for source, passages in heard.items()}
    silent = {source: Left(source, ()) for source in heard}
    cases = []
    for one in questions:
        cases += [Case(one, OURS), Case(one, UNIFORM, selector="uniform")]
        if one.kind == "C":
            cases += [Case(one, name, Words(listen_to=(whole[name], *(
                silent[other] for other in heard if other != name)))) for name in ONLY]  # fmt: skip
        if one.kind in HEARD:
            cases.append(Case(one, SUBTITLED, _read(said)))
        if one.kind in ("N", "P"):
            left = Left("speech", _without(heard["speech"], one.sample.evidence))
            cases.append(Case(one, DELETED, Words(listen_to=(left,))))
            read = _read(_without(said, one.sample.evidence))
            cases.append(Case(one, SUBTITLED_DELETED, read))
    return cases


def _read(passages: Sequence[Passage]) -> Words:
    """Subtitles instead of speech."""
    return Words(listen_to=(Left("subtitles", passages), Left("speech", ())))


def _without(passages: Sequence[Passage], spans: Sequence[Span]) -> list[Passage]:
    return [passage for passage in passages if not _holds(passage, spans)]


def _holds(passage: Passage, spans: Sequence[Span]) -> bool:
    return any(min(passage.end_seconds, end) - max(passage.start_seconds, start) >= HELD_SECONDS
               for start, end in spans)  # fmt: skip


def answer_of(film: int, case: Case, answer: Answer, cpu_seconds: float) -> Answered:
    sample, kind = case.question.sample, case.question.kind
    given, decision = is_given(answer.text), answer.context.decision
    nothing = kind == FOREIGN or case.condition in (DELETED, SUBTITLED_DELETED)
    by_frames = moments(answer, ())
    quoted = [(one.start_seconds, one.end_seconds) for one in answer.quotations]
    return Answered(
        film, *case.key, kind, case.question.talk, sample.question, sample.answer,
        sample.evidence, answer.text, given,
        not given if nothing else given and bool(is_right(sample, answer.text)),
        answer.found, decision.chance if decision else 0.0, decision.kind if decision else "",
        [(one.start_seconds, one.end_seconds, one.source, one.text) for one in answer.quotations],
        moments(answer, quoted), by_frames, [one.pts_seconds for one in answer.evidence],
        round(cpu_seconds, 3),
    )  # fmt: skip


def is_given(text: str) -> bool:
    """Whether something is given as the answer; "0" and "No" say that nothing is there, and what
    is told of a film as a whole is an answer to another question."""
    return not text.startswith((*NONE_GIVEN, ABOUT_WHOLE)) and text not in ("0", "No")


def moments(answer: Answer, quoted: Sequence[Span]) -> list[Span]:
    """The first ones: quotations, then frames by their scores, none near an earlier one."""
    found = list(quoted)
    for one in sorted(answer.evidence, key=lambda one: -(one.score or 0.0)):
        at = one.pts_seconds, one.pts_seconds
        if not any(is_near(at, span) for span in found):
            found.append(at)
    return found[:MOMENTS]


def is_near(one: Span, other: Span) -> bool:
    return one[0] <= other[1] + TIME_TOLERANCE and one[1] >= other[0] - TIME_TOLERANCE


def is_found(kind: str, evidence: Sequence[Span], among: Sequence[Span]) -> bool:
    """Whether some evidence is near; of pictures all of it."""
    near = [any(is_near(span, one) for one in among) for span in evidence]
    return all(near) if kind == SEEN else any(near)
