"""How well are questions about unseen haystacks answered, by selector and budget?

Every selector answers the same questions about the same videos with as many frames. Videos are
drawn at one frame a second at the encoder's size; ``tests/haystack/test_agreement.py`` says how
close that is to encoding and decoding them.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ntlbg.backends import Backend, VideoContext, load_backend
from ntlbg.data import Sample
from ntlbg.errors import ConfigError
from ntlbg.evaluation.statistics import ratio_interval
from ntlbg.haystack import make_questions
from ntlbg.haystack.pictures import STYLES, load_style, object_names
from ntlbg.haystack.timeline import NEEDLE_SPACING, Timeline, draw_frames, plan_timeline
from ntlbg.pipeline import choose_frames

TIME_TOLERANCE = 5.0  # seconds
BATCH = 128
COLUMNS = ("open", "choice", "evidence_seen")


@dataclass(frozen=True)
class Cell:
    """One kind of video and budget."""

    name: str
    seconds: float
    num_frames: int
    selectors: tuple[str, ...] = ("uniform", "top_k", "ntlbg")
    spacing: float = NEEDLE_SPACING
    multiple_choice: bool = True


CELLS = {
    "hour-16": Cell("hour-16", 3600, 16),
    "hour-8": Cell("hour-8", 3600, 8),
    "ten-minutes-8": Cell("ten-minutes-8", 600, 8),
    "ten-minutes-16": Cell("ten-minutes-16", 600, 16),
    # every frame is read: what the reader can do when selection cannot fail
    "clip-8": Cell("clip-8", 8, 8, ("uniform",), 3.0, multiple_choice=False),
    "clip-16": Cell("clip-16", 16, 16, ("uniform",), 4.0, multiple_choice=False),
}


@dataclass(frozen=True)
class Outcome:
    """One question, one selector."""

    cell: str
    selector: str
    video: int
    kind: str
    multiple_choice: bool
    question: str
    truth: str
    answer: str
    right: bool
    seen: bool | None  # all evidence among the chosen frames; None when there is none


def evaluate_cell(
    backend: Backend,
    cell: Cell,
    *,
    questions: int,
    per_video: int = 12,
    seed: int = 0,
    split: str = "test",
    styles: tuple[str, ...] = STYLES,
    wordings: str = "train",
    progress: Callable[[str], None] | None = None,
) -> list[Outcome]:
    """Draw videos until there are ``questions`` of them, and answer with every selector."""
    outcomes: list[Outcome] = []
    number = 0
    while number * per_video < questions:
        timeline, samples = plan_video(
            cell, number, questions=per_video, seed=seed, split=split, styles=styles,
            wordings=wordings,
        )  # fmt: skip
        pts_seconds, features = encode_timeline(backend, timeline)
        for sample in samples:
            for selector in cell.selectors:
                selection = choose_frames(
                    backend, features, pts_seconds, sample.question, selector, cell.num_frames
                )
                video = VideoContext(features, pts_seconds, selection)
                reply = backend.answer(sample.question, video=video, options=sample.options)
                outcomes.append(_judge(cell, selector, number, sample, reply.text, video))
        number += 1
        if progress:
            progress(f"{cell.name}: {number} videos, {_line(outcomes)}")
    return outcomes


def plan_video(
    cell: Cell,
    number: int,
    *,
    questions: int,
    seed: int = 0,
    split: str = "test",
    styles: tuple[str, ...] = STYLES,
    wordings: str = "train",
) -> tuple[Timeline, list[Sample]]:
    """Video ``number`` of a cell, before it is drawn, and the questions about it."""
    drawable = set().union(*(load_style(style) for style in styles))
    names = [name for name in object_names() if name in drawable]
    rng = np.random.default_rng((seed, number, len(split), int(cell.seconds)))
    timeline = plan_timeline(
        rng, cell.seconds, names=names, split=split, styles=styles, spacing=cell.spacing
    )
    samples = make_questions(
        timeline, rng, questions, names=names, video=str(number), wordings=wordings
    )
    if not cell.multiple_choice:
        samples = [sample.model_copy(update={"options": None}) for sample in samples]
    return timeline, samples


def encode_timeline(backend: Backend, timeline) -> tuple[np.ndarray, np.ndarray]:
    """Times (T,) and features (T, D) at one frame a second."""
    seconds, features, batch = [], [], []
    for at, frame in draw_frames(timeline, backend.encoder.image_size, 1.0):
        seconds.append(at)
        batch.append(frame)
        if len(batch) == BATCH:
            features.append(backend.encoder.encode_frames(np.stack(batch)))
            batch = []
    if batch:
        features.append(backend.encoder.encode_frames(np.stack(batch)))
    return np.array(seconds), np.concatenate(features)


def is_right(sample: Sample, answer: str) -> bool:
    """The same text; for an open question about a time, within ``TIME_TOLERANCE`` of evidence."""
    if sample.answer_type == "when" and sample.options is None:
        found = re.fullmatch(r"(\d+):(\d\d)", answer.strip())
        if not found:
            return False
        second = int(found[1]) * 60 + int(found[2])
        return any(
            start - TIME_TOLERANCE <= second <= end + TIME_TOLERANCE
            for start, end in sample.evidence
        )
    return answer.strip().casefold() == sample.answer.casefold()


def _judge(cell, selector, number, sample, answer, video) -> Outcome:
    chosen = video.pts_seconds[video.selection.indices]
    hits = [bool(((chosen >= a) & (chosen < b)).any()) for a, b in sample.evidence]
    return Outcome(
        cell.name, selector, number, sample.answer_type, sample.options is not None,
        sample.question, sample.answer, answer, is_right(sample, answer),
        all(hits) if hits else None,
    )  # fmt: skip


def summarize(outcomes: Sequence[Outcome], seed: int = 0) -> list[dict]:
    """One row per cell and selector: share right with a 95 % interval (bootstrap over videos)."""
    groups: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[outcome.cell, outcome.selector].append(outcome)
    return [
        {
            "cell": cell,
            "selector": selector,
            "n": len(found),
            "right": _share(o.right for o in found),
            "interval": _interval(found, seed),
            "open": _share(o.right for o in found if not o.multiple_choice),
            "choice": _share(o.right for o in found if o.multiple_choice),
            "evidence_seen": _share(o.seen for o in found if o.seen is not None),
            "by_kind": {
                kind: _share(o.right for o in found if o.kind == kind)
                for kind in sorted({o.kind for o in found})
            },
        }
        for (cell, selector), found in groups.items()
    ]


def _interval(outcomes: Sequence[Outcome], seed: int) -> tuple[float, float]:
    """Videos, not questions, are independent: they are what is drawn again."""
    videos: dict[int, list[bool]] = defaultdict(list)
    for outcome in outcomes:
        videos[outcome.video].append(outcome.right)
    right = np.array([sum(found) for found in videos.values()])
    total = np.array([len(found) for found in videos.values()])
    low, high = ratio_interval(right, total, seed=seed)
    return round(float(low), 3), round(float(high), 3)


def _share(values: Iterable[bool]) -> float | None:
    values = list(values)
    return round(sum(values) / len(values), 3) if values else None


def _line(outcomes: Sequence[Outcome]) -> str:
    return ", ".join(
        f"{name} {_share(o.right for o in outcomes if o.selector == name):.3f}"
        for name in dict.fromkeys(o.selector for o in outcomes)
    )


def write_outcomes(path: Path, outcomes: Sequence[Outcome]) -> None:
    """One JSON object a line."""
    lines = [json.dumps(asdict(outcome)) for outcome in outcomes]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def run(
    out_dir: str | Path,
    *,
    cells: Sequence[str] = tuple(CELLS),
    questions: int = 300,
    seed: int = 0,
    split: str = "test",
    styles: tuple[str, ...] = STYLES,
    wordings: str = "train",
    model: str | Backend = "builtin",
    progress: Callable[[str], None] | None = None,
) -> list[dict]:
    """Evaluate cells one after the other into a folder; a finished cell is not done again.

    Leaves ``CELL.jsonl`` with every answer, and ``summary.json``.

    Raises:
        ConfigError: for an unknown cell.
    """
    unknown = [name for name in cells if name not in CELLS]
    if unknown:
        raise ConfigError(f"unknown cells {unknown}: choose from {', '.join(CELLS)}")
    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    backend = load_backend(model)
    rows: list[dict] = []
    for name in cells:
        path = folder / f"{name}.jsonl"
        if not path.is_file():
            outcomes = evaluate_cell(
                backend, CELLS[name], questions=questions, seed=seed, split=split, styles=styles,
                wordings=wordings, progress=progress,
            )  # fmt: skip
            write_outcomes(path, outcomes)
        lines = path.read_text(encoding="utf-8").splitlines()
        rows += summarize([Outcome(**json.loads(line)) for line in lines])
        (folder / "summary.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return rows


def as_markdown(rows: Sequence[dict]) -> str:
    """A table for people."""
    head = "| videos and budget | selector | n | right | 95 % | open | choice | evidence seen |"
    lines = [head, "|---|---|---|---|---|---|---|---|"]
    for row in rows:
        low, high = row["interval"]
        values = [row["cell"], row["selector"], str(row["n"]), f"{row['right']:.3f}",
                  f"{low:.2f} to {high:.2f}"]  # fmt: skip
        values += ["–" if row[key] is None else f"{row[key]:.2f}" for key in COLUMNS]
        lines.append("| " + " | ".join(values) + " |")
    return "\n".join(lines)
