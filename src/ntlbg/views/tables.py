"""Tables as Markdown."""

from collections.abc import Sequence

NOTHING = "–"


def markdown_table(lines: Sequence[Sequence[str]]) -> str:
    """Head and body as a Markdown table."""
    head, *body = lines
    ruled = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in ruled)


def interval_text(low: float | None, high: float | None) -> str:
    """``0.12 to 0.34``, or a dash."""
    return NOTHING if low is None or high is None else f"{low:.2f} to {high:.2f}"
