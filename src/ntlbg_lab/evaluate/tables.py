"""The rows of an evaluation as tables."""

from collections.abc import Callable, Iterator, Sequence

from ntlbg.marks import json_rows
from ntlbg.views.tables import NOTHING as ABSENT
from ntlbg.views.tables import interval_text
from ntlbg_lab.evaluate.recognition import NO_OBJECT, EvaluatedVideo, RecognitionRow
from ntlbg_lab.evaluate.summary import (
    Difference,
    EvaluationRow,
    QuestionShare,
    SeedRow,
    over_weights,
)
from ntlbg_lab.tables import Parts, Table, TableFiles, number, with_interval

FINGERPRINT_DIGITS = 8  # digits of a fingerprint
Lines = list[list[str]]
EVALUATION = TableFiles(
    "evaluation",
    "the table of an evaluation",
    ("weights", "condition", "cell", "selector", "quantity", "n", "value", "low", "high"),
    latex=False,
    objects={
        "summary.json": json_rows("the summary of an evaluation", "cell", "selector", "right"),
        "recognition.json": json_rows(
            "recognition by an evaluation", *RecognitionRow.__dataclass_fields__
        ),
        "over_weights.json": json_rows("means over weights", *SeedRow.__dataclass_fields__),
    },
)


def evaluation_tables(
    rows: Sequence[EvaluationRow],
    recognition: Sequence[RecognitionRow] = (),
    videos: Sequence[EvaluatedVideo] = (),
) -> Parts:
    """All tables that have rows."""
    parts: list[Table | str] = [*_per_condition(rows, _accuracy)]
    seeds = over_weights(rows)
    if seeds:
        parts.append(Table("Over the weights: mean ± standard deviation", _seeds(seeds)))
    for title, lines in (
        ("NTLBG minus the others, on the same questions", _differences),
        ("By type of question", _types),
        ("When: within 2 and 5 seconds; not seen: what the video does not show", _special),
    ):
        tables = _per_condition(rows, lines)
        parts += [f"## {title}", *tables] if tables else []
    if recognition:
        parts += ["## Recognition by the vision tower", Table("", _recognition(recognition))]
    if videos:
        parts += ["## Drawing and encoding", Table("", _videos(videos))]
    return parts


def _per_condition(
    rows: Sequence[EvaluationRow], lines_of: Callable[[Sequence[EvaluationRow]], Lines]
) -> list[Table]:
    tables = []
    for condition, weights in dict.fromkeys((row.condition, row.weights) for row in rows):
        found = [row for row in rows if (row.condition, row.weights) == (condition, weights)]
        lines = lines_of(found)
        if len(lines) > 1:
            tables.append(Table(f"{condition}, weights {weights[:FINGERPRINT_DIGITS]}", lines))
    return tables


def _accuracy(rows: Sequence[EvaluationRow]) -> Lines:
    head = ["videos and budget", "selector", "n", "videos", "right", "95 %", "open", "choice",
            "evidence seen", "CPU s"]  # fmt: skip
    body = [
        [row.cell, row.selector, str(row.n), str(row.videos), f"{row.right:.3f}",
         interval_text(*row.interval), number(row.open), number(row.choice),
         number(row.evidence_seen), f"{row.cpu_seconds:.2f}"]
        for row in rows
    ]  # fmt: skip
    return [head, *body]


def _differences(rows: Sequence[EvaluationRow]) -> Lines:
    others = list(dict.fromkeys(name for row in rows for name in row.against))
    lines = [["videos and budget", *(f"minus {name}" for name in others)]]
    return lines + [
        [row.cell, *(_difference(row.against.get(name)) for name in others)]
        for row in rows
        if row.against
    ]


def _difference(value: Difference | None) -> str:
    if value is None:
        return ABSENT
    return with_interval(value.difference, value.low, value.high, "+.3f")


def _types(rows: Sequence[EvaluationRow]) -> Lines:
    types = sorted({name for row in rows for name in row.by_type})
    lines = [["videos and budget", "selector", *types]]
    return lines + [
        [row.cell, row.selector, *(_share(row.by_type.get(name)) for name in types)] for row in rows
    ]


def _special(rows: Sequence[EvaluationRow]) -> Lines:
    lines = [["videos and budget", "selector", "within 2 s", "within 5 s", "said not seen"]]
    return lines + [
        [row.cell, row.selector, *map(_share, (row.within_2, row.within_5, row.not_seen))]
        for row in rows
        if row.within_5 or row.not_seen
    ]


def _share(value: QuestionShare | None) -> str:
    return ABSENT if value is None else f"{value.share:.2f} ({value.n})"


def _seeds(rows: Sequence[SeedRow]) -> Lines:
    others = list(dict.fromkeys(name for row in rows for name in row.against))
    heads = ["condition", "videos and budget", "selector", "weights", "right"]
    lines = [[*heads, *(f"minus {name}" for name in others)]]
    for row in rows:
        against = [
            "{:+.3f} ± {:.3f}".format(*row.against[name]) if name in row.against else ABSENT
            for name in others
        ]
        own = [row.condition, row.cell, row.selector, str(row.weights)]
        lines.append([*own, f"{row.mean:.3f} ± {row.deviation:.3f}", *against])
    return lines


def _recognition(rows: Sequence[RecognitionRow]) -> Lines:
    lines = [["condition", "weights", "frames that show", "n", "named right", "95 %"]]
    for row in rows:
        what = "no object (right: nothing)" if row.style == NO_OBJECT else row.style
        lines.append(
            [row.condition, row.weights[:FINGERPRINT_DIGITS], what, str(row.frames),
             f"{row.right:.3f}", interval_text(row.low, row.high)]
        )  # fmt: skip
    return lines


def _videos(videos: Sequence[EvaluatedVideo]) -> Lines:
    """Every pass over a video counts, also of those that were drawn twice."""
    lines = [["videos", "drawn", "frames", "frames a CPU second"]]
    for kind in dict.fromkeys(video.kind for video in videos):
        found = [video for video in videos if video.kind == kind]
        frames, seconds = sum(v.frames for v in found), sum(v.seconds for v in found)
        lines.append(
            [
                kind,
                str(len(found)),
                str(frames),
                number(frames / seconds if seconds else None, ".0f"),
            ]
        )
    return lines


def evaluation_numbers(
    rows: Sequence[EvaluationRow], recognition: Sequence[RecognitionRow] = ()
) -> Iterator[tuple]:
    """A line for each number: what it is, how many questions or frames, value and interval."""
    for row in rows:
        for line in _numbers(row):
            yield row.weights, row.condition, row.cell, row.selector, *line
    for one in recognition:
        named = f"named: {one.style}", one.frames, one.right, one.low, one.high
        yield one.weights, one.condition, None, None, *named


def _numbers(row: EvaluationRow) -> Iterator[tuple]:
    yield "right", row.n, row.right, *row.interval
    for name in ("open", "choice", "evidence_seen", "cpu_seconds"):
        yield name, None, getattr(row, name), None, None
    for name in ("within_2", "within_5", "not_seen"):
        share = getattr(row, name)
        if share:
            yield name, share.n, share.share, None, None
    for kind, share in row.by_type.items():
        yield f"type: {kind}", share.n, share.share, None, None
    for other, found in row.against.items():
        yield f"minus {other}", row.n, found.difference, found.low, found.high
