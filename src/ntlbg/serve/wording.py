"""What is found of a film, in lines for an agent."""

from collections.abc import Iterable, Sequence

from ntlbg.answerers.quoting import quotation
from ntlbg.evidence import quotations_of
from ntlbg.index.passages import Heard
from ntlbg.time_text import timestamp
from ntlbg.types import Answer, Chapters, Evidence, Passage, Reply, SelectedFrames
from ntlbg.video import VideoInfo

NO_WORDS = (
    "nothing is known to be said or written in it; index_video with listen=true or "
    "read_screen=true finds out, which takes minutes for an hour"
)
SCORES = "score: nats, above 0 means more likely asked about than not"
ALIKE = "score: likeness to the question; only their order means something"


def moment(seconds: float) -> str:
    """A time as people read it, and as tools take it."""
    return f"{timestamp(seconds)} ({seconds:.2f} s)"


def notes(texts: Iterable[str]) -> list[str]:
    """A line each."""
    return [f"note: {text}" for text in dict.fromkeys(texts)]


def info_lines(name: str, info: VideoInfo, heard: Heard) -> list[str]:
    """What is known of a film."""
    is_still = info.average_fps is None
    rate = "" if is_still else f", {info.average_fps:.3f} pictures a second"
    length = "a picture" if is_still else f"length {moment(info.duration_seconds)}"
    words = f"{len(heard.passages)} passages from {', '.join(heard.streams)}"
    return [
        name,
        f"{length}, {info.width} x {info.height} pixels{rate}, {info.codec}",
        f"words: {words}" if heard.passages else NO_WORDS,
        *notes(heard.notes),
    ]


def answer_lines(answer: Answer, unit: str) -> list[str]:
    """Answer, how sure it is, and the moments that it rests on."""
    sure = [] if answer.found is None else [f"evidence found: {answer.found:.0%}"]
    chances = zip(answer.options or (), answer.option_scores or (), strict=False)
    options = [f"option {option!r}: {chance:.2f}" for option, chance in chances]
    quoted = [f"quoted: {quotation(one)}" for one in answer.quotations]
    return [
        answer.text, *sure, *options, *notes(answer.notes), *quoted,
        *evidence_lines(answer.evidence, unit),
    ]  # fmt: skip


def moments_lines(found: SelectedFrames, unit: str) -> list[str]:
    """Moments, best first, and passages that answer the question or come nearest."""
    best = sorted(found.evidence, key=lambda one: -(one.score or 0.0))
    decision = found.context.decision
    quoted = quotations_of(Reply("", None, 0), decision)
    kind = f"passages ({decision.kind}):" if decision is not None else NO_WORDS
    return [
        *notes(found.notes), *evidence_lines(best, unit), kind, *map(quotation, quoted),
    ]  # fmt: skip


def evidence_lines(evidence: Sequence[Evidence], unit: str) -> list[str]:
    """A line for each moment; those that show what is asked about have a star."""
    heading = SCORES if unit == "log_odds" else ALIKE
    marked = "; * shows what the question is about"
    stars = marked if any(one.supports for one in evidence) else ""
    return [f"moments ({heading}{stars}):", *map(_evidence_line, evidence)]


def _evidence_line(one: Evidence) -> str:
    star = " *" if one.supports else ""
    score = "" if one.score is None else f", score {one.score:.2f}"
    first, last = map(timestamp, one.span_seconds)
    return f"{moment(one.pts_seconds)}{star}{score}, stands for {first} to {last}"


def passage_line(one: Passage) -> str:
    """When, from what, and the text."""
    start, end = max(0.0, one.start_seconds), max(0.0, one.end_seconds)
    text = " ".join(one.text.split())
    return f"{timestamp(start)} ({start:.2f} to {end:.2f} s) {one.source}: {text}"


def chapter_lines(found: Chapters) -> list[str]:
    """A line for each."""
    return [
        *notes(found.notes),
        *(f"{moment(one.start_seconds)} {one.title}" for one in found),
    ]
