"""The rows of an evaluation as Markdown and CSV."""

import csv
import io
from collections.abc import Iterable, Sequence

from ntlbg_lab.compare.tables import markdown_table
from ntlbg_lab.evaluate.recognition import NOTHING, Footage, RecognitionRow
from ntlbg_lab.evaluate.summary import Row, SeedRow, Share, over_weights

ABSENT = "–"
SHOWN = 8  # digits of a fingerprint


def as_markdown(
    rows: Sequence[Row],
    recognition: Sequence[RecognitionRow] = (),
    videos: Sequence[Footage] = (),
) -> str:
    """All tables that have rows."""
    parts = [_per_condition(rows, _accuracy_table)]
    seeds = over_weights(rows)
    if seeds:
        parts.append("### Over the weights: mean ± standard deviation\n\n" + _seed_table(seeds))
    for title, table in (
        ("NTLBG minus the others, on the same questions", _difference_table),
        ("By type of question", _type_table),
        ("When: within 2 and 5 seconds; not seen: what the video does not show", _special_table),
    ):
        shown = _per_condition(rows, table)
        if shown:
            parts.append(f"## {title}\n\n{shown}")
    if recognition:
        parts.append("## Recognition by the vision tower\n\n" + _recognition_table(recognition))
    if videos:
        parts.append("## Drawing and encoding\n\n" + _footage_table(videos))
    return "\n\n".join(parts)


def _per_condition(rows: Sequence[Row], table) -> str:
    parts = []
    for condition, weights in dict.fromkeys((row.condition, row.weights) for row in rows):
        found = [row for row in rows if (row.condition, row.weights) == (condition, weights)]
        text = table(found)
        if text:
            parts.append(f"### {condition}, weights {weights[:SHOWN]}\n\n{text}")
    return "\n\n".join(parts)


def _accuracy_table(rows: Sequence[Row]) -> str:
    head = ["videos and budget", "selector", "n", "videos", "right", "95 %", "open", "choice",
            "evidence seen", "CPU s"]  # fmt: skip
    body = [
        [row.cell, row.selector, str(row.n), str(row.videos), f"{row.right:.3f}",
         interval_text(*row.interval), _number(row.open), _number(row.choice),
         _number(row.evidence_seen), f"{row.cpu_seconds:.2f}"]
        for row in rows
    ]  # fmt: skip
    return markdown_table([head, *body])


def _difference_table(rows: Sequence[Row]) -> str:
    others = list(dict.fromkeys(name for row in rows for name in row.against))
    if not others:
        return ""
    lines = [["videos and budget", *(f"minus {name}" for name in others)]]
    lines += [
        [row.cell, *(_difference(row.against.get(name)) for name in others)]
        for row in rows
        if row.against
    ]
    return markdown_table(lines)


def _type_table(rows: Sequence[Row]) -> str:
    types = sorted({name for row in rows for name in row.by_type})
    lines = [["videos and budget", "selector", *types]]
    lines += [
        [row.cell, row.selector, *(_share(row.by_type.get(name)) for name in types)] for row in rows
    ]
    return markdown_table(lines)


def _special_table(rows: Sequence[Row]) -> str:
    shown = [row for row in rows if row.within_5 or row.not_seen]
    if not shown:
        return ""
    head = ["videos and budget", "selector", "within 2 s", "within 5 s", "said not seen"]
    body = [
        [row.cell, row.selector, *map(_share, (row.within_2, row.within_5, row.not_seen))]
        for row in shown
    ]
    return markdown_table([head, *body])


def _seed_table(rows: Sequence[SeedRow]) -> str:
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
    return markdown_table(lines)


def _recognition_table(rows: Sequence[RecognitionRow]) -> str:
    lines = [["condition", "weights", "frames that show", "n", "named right", "95 %"]]
    for row in rows:
        what = "no object (right: nothing)" if row.style == NOTHING else row.style
        lines.append(
            [row.condition, row.weights[:SHOWN], what, str(row.frames), f"{row.right:.3f}",
             interval_text(row.low, row.high)]
        )  # fmt: skip
    return markdown_table(lines)


def _footage_table(videos: Sequence[Footage]) -> str:
    """Every pass over a video counts, also of those that were drawn twice."""
    lines = [["videos", "drawn", "frames", "frames a CPU second"]]
    for kind in dict.fromkeys(video.kind for video in videos):
        found = [video for video in videos if video.kind == kind]
        frames, seconds = sum(v.frames for v in found), sum(v.seconds for v in found)
        rate = f"{frames / seconds:.0f}" if seconds else ABSENT
        lines.append([kind, str(len(found)), str(frames), rate])
    return markdown_table(lines)


def _number(value: float | None) -> str:
    return ABSENT if value is None else f"{value:.2f}"


def _share(value: Share | None) -> str:
    return ABSENT if value is None else f"{value.share:.2f} ({value.n})"


def interval_text(low: float | None, high: float | None) -> str:
    """``0.12 to 0.34``, or a dash."""
    return ABSENT if low is None or high is None else f"{low:.2f} to {high:.2f}"


def _difference(value) -> str:
    if value is None:
        return ABSENT
    bounds = "" if value.low is None else f" ({value.low:+.3f} to {value.high:+.3f})"
    return f"{value.difference:+.3f}{bounds}"


def as_csv(rows: Sequence[Row], recognition: Sequence[RecognitionRow] = ()) -> str:
    """One line per number: what it is, how many questions or frames, value and interval."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    own = ["weights", "condition", "cell", "selector"]
    writer.writerow([*own, "quantity", "n", "value", "low", "high"])
    for row in rows:
        for line in _numbers(row):
            writer.writerow([row.weights, row.condition, row.cell, row.selector, *line])
    for one in recognition:
        writer.writerow(
            [one.weights, one.condition, "", "", f"named: {one.style}", one.frames, one.right,
             one.low, one.high]
        )  # fmt: skip
    return text.getvalue()


def _numbers(row: Row) -> Iterable[list]:
    yield ["right", row.n, row.right, *row.interval]
    for name in ("open", "choice", "evidence_seen", "cpu_seconds"):
        yield [name, "", getattr(row, name), "", ""]
    for name in ("within_2", "within_5", "not_seen"):
        share = getattr(row, name)
        if share:
            yield [name, share.n, share.share, "", ""]
    for kind, share in row.by_type.items():
        yield [f"type: {kind}", share.n, share.share, "", ""]
    for other, found in row.against.items():
        yield [f"minus {other}", row.n, found.difference, found.low, found.high]
