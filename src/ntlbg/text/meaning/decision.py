"""What is said or written about a question: a quotation, the nearest there is, or nothing.

N passages.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from ntlbg.question import parse_question
from ntlbg.text.meaning import DEFAULT_TEXT_ENCODER, TextEncoder
from ntlbg.text.meaning.questions import likeness_to_whole
from ntlbg.text.meaning.ranking import Ranking
from ntlbg.text.meaning.sure import SAID, fitted_to, is_about_whole, least_chance
from ntlbg.text.meaning.words import tokens
from ntlbg.types import Decision, Meanwhile, Passage, Question

# What is talked about is often shown or written a little before or after, and times of speech are
# off by up to half a second.
BESIDE_SECONDS = 2.0
# Quotations that are shown where none is the answer: of hard paraphrases half are among them.
NEAREST = 3


@dataclass(frozen=True, eq=False)
class StreamEvidence:
    """What one source says about a question.

    Attributes:
        passages: all of it, N, in order of their start.
        scores: float64 (N,), how well each fits.
        chance: that the best one answers the question.
        shares: float64 (N,), of that chance; they sum to 1.
    """

    passages: tuple[Passage, ...]
    scores: np.ndarray
    chance: float
    shares: np.ndarray

    @property
    def best(self) -> list[Passage]:
        """The nearest passages, best first, no text twice."""
        found: dict[str, Passage] = {}
        for row in np.argsort(-self.scores, kind="stable"):
            found.setdefault(self.passages[row].text, self.passages[row])
            if len(found) == NEAREST:
                break
        return list(found.values())


def decide(
    passages: Sequence[Passage],
    question: str | Question,
    encoder: TextEncoder | None,
    *,
    folder: Path | None = None,
) -> Decision:
    """What to quote of the passages of a film.

    Args:
        passages: of all sources.
        encoder: None: by shared words alone.
        folder: where vectors of passages are kept; by default in the user's index.

    Raises:
        InvalidFeatures: the encoder returned something else. OutputError: vectors cannot be kept.
    """
    asked = parse_question(question) if isinstance(question, str) else question
    passages = [passage for passage in passages if passage.text.strip()]
    if not passages:
        return Decision("not said", (), 0.0)
    if asked.intent.meanwhile is None and asks_about_whole(asked, encoder):
        return Decision("whole", tuple(spread_out(passages)), 1.0)
    streams = evidence_of(passages, asked, encoder, folder=folder)
    found = _decided(streams, asked)
    if asked.intent.meanwhile is not None:
        if found.kind == "not said":  # it is taken for granted that it is
            found = Decision("nearest", tuple(_surest(streams).best), found.chance)
        return _meanwhile(found, passages, asked.intent.meanwhile)
    return found


def _decided(streams: Mapping[str, StreamEvidence], asked: Question) -> Decision:
    chance = either(stream.chance for stream in streams.values())
    said = {
        source: stream
        for source, stream in streams.items()
        if stream.chance >= SAID and not repeats(stream.best[0], asked)
    }
    if said:
        return Decision("said", tuple(_surest(said).best[:1]), chance, tuple(said))
    if chance >= least_chance(streams):
        return Decision("nearest", tuple(_surest(streams).best), chance)
    return Decision("not said", (), chance)


def _surest(streams: Mapping[str, StreamEvidence]) -> StreamEvidence:
    return max(streams.values(), key=lambda stream: stream.chance)


def repeats(passage: Passage, question: Question) -> bool:
    """Whether a passage says nothing but some words of the question, and so is no answer to it.

    Headings and cells of tables do: "Licence" fits a question about a driving licence, and does
    not say how to renew it. Where the question is whether, how often or when, or names what to
    choose from, what it names may be all that there is to say.
    """
    intent = question.intent
    if intent.is_yes_no_or_count or intent.offers_choice or intent.mentions_when:
        return False
    if intent.meanwhile is not None:  # it only tells when
        return False
    return {*tokens(passage.text, "stems")} < {*tokens(question.text, "stems")}


def evidence_of(
    passages: Sequence[Passage],
    question: Question,
    encoder: TextEncoder | None,
    *,
    folder: Path | None = None,
) -> dict[str, StreamEvidence]:
    """By source what it says about the question; sources without passages are left out.

    Of a question about what is written while something is said, only what is said tells when.

    Raises:
        InvalidFeatures, OutputError: as :func:`decide`.
    """
    reader = reader_of(question, encoder)
    language, found = question.intent.language, {}
    rankings = _rankings(tuple(passages), reader, folder)
    text, sources = _when_known(question, rankings.keys())
    for source in sources:
        ranking = rankings[source]
        fit = fitted_to(reader, ranking.scheme, language)
        scores = ranking.scores(text)
        shares = np.exp(fit.sharpness * (scores - scores.max()))
        found[source] = StreamEvidence(
            ranking.passages, scores, fit.chance(ranking.signs(text, language)),
            shares / shares.sum(),
        )  # fmt: skip
    return found


def _when_known(question: Question, sources: Iterable[str]) -> tuple[str, list[str]]:
    """What is looked for, and in which sources."""
    meanwhile = question.intent.meanwhile
    if meanwhile is None:
        return question.text, list(sources)
    known = [source for source in sources if _is_written(source) == (meanwhile.wanted == "said")]
    return (meanwhile.text, known) if known else (question.text, list(sources))


def _is_written(source: str) -> bool:
    return source == "screen"


def _meanwhile(when: Decision, passages: Sequence[Passage], asked: Meanwhile) -> Decision:
    """What is written, or said, at the time of the passages that were found; else those.

    What is found for sure is at one time, and all of it then is quoted, from the top of the screen.
    """
    wanted = [one for one in passages if _is_written(one.source) == (asked.wanted == "written")]
    at_once = [_around(passage, wanted) for passage in when.passages]
    found = [one for at_time in at_once for one in (at_time if when.sources else at_time[:1])]
    if not found:
        return when if not when.sources else replace(when, kind="nearest", sources=())
    sources = tuple(dict.fromkeys(one.source for one in found)) if when.sources else ()
    return replace(when, passages=tuple(dict.fromkeys(found)), sources=sources)


def _around(known: Passage, wanted: Sequence[Passage]) -> list[Passage]:
    """Those at the middle of a passage, else a little beside it, as they stand."""
    middle = (known.start_seconds + known.end_seconds) / 2
    away = [max(one.start_seconds - middle, middle - one.end_seconds, 0.0) for one in wanted]
    reach = max(BESIDE_SECONDS, (known.end_seconds - known.start_seconds) / 2)
    near = min(away, default=math.inf)
    return [one for one, far in zip(wanted, away, strict=True) if far == near <= reach]


def reader_of(question: Question, encoder: TextEncoder | None) -> TextEncoder | None:
    """The encoder, if it reads the language of the question."""
    reads = encoder is not None and encoder.reads(question.intent.language)
    return encoder if reads else None


def reader_note(question: Question, encoder: TextEncoder | None) -> str:
    """One sentence that says by what passages are found."""
    if reader_of(question, encoder) is not None:
        assert encoder is not None
        return f"passages are found by what they mean ({encoder.name}) and by shared words"
    if encoder is None:
        return (
            "passages are found by shared words alone; `ntlbg fetch text` fetches an encoder that "
            "knows what English sentences mean"
        )
    return (
        f"passages are found by shared characters and words alone, since {encoder.name} does not "
        "read the language of the question; name a multilingual model with --text-encoder, such as "
        "intfloat/multilingual-e5-small"
    )


def asks_about_whole(question: Question, encoder: TextEncoder | None) -> bool:
    """Whether a question is about all that is said."""
    reader = reader_of(question, encoder)
    if reader is not None and reader.name != DEFAULT_TEXT_ENCODER:
        reader = None  # how close the vectors of others lie is not known
    likeness = likeness_to_whole(question.text, question.intent.language, reader)
    return is_about_whole(likeness, reader)


def spread_out(passages: Sequence[Passage], number: int = NEAREST) -> list[Passage]:
    """Passages in the middle of equal parts of the time, in order."""
    start = min(passage.start_seconds for passage in passages)
    end = max(passage.end_seconds for passage in passages)
    middles = start + (np.arange(number) + 0.5) / number * (end - start)
    times = np.array([passage.start_seconds + passage.end_seconds for passage in passages]) / 2
    rows = {int(abs(times - middle).argmin()) for middle in middles}
    return sorted((passages[row] for row in rows), key=lambda passage: passage.start_seconds)


def either(chances: Iterable[float]) -> float:
    """Chance that at least one of several is so, as if they did not depend on one another."""
    none = 1.0
    for chance in chances:
        none *= 1 - chance
    return 1 - none


@lru_cache(maxsize=2)  # choosing frames and answering both ask; a film or two are in use
def _rankings(
    passages: tuple[Passage, ...], encoder: TextEncoder | None, folder: Path | None
) -> dict[str, Ranking]:
    sources: dict[str, list[Passage]] = {}
    spoken = (passage for passage in passages if passage.text.strip())
    for passage in sorted(spoken, key=lambda one: (one.start_seconds, one.end_seconds)):
        sources.setdefault(passage.source, []).append(passage)
    return {source: Ranking(of, encoder, folder) for source, of in sources.items()}
