"""The parts that docs/contributing.md shows how to add, made of the code on that page."""

import re
from functools import cache
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "contributing.md"
USES = "ntlbg.ask("  # the block that asks a question, and wants a video


@cache
def blocks() -> list[str]:
    """All code of the page, in its order."""
    return re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@cache
def names() -> dict:
    """What the code defines."""
    found: dict = {}
    for block in blocks():
        if USES not in block:
            exec(block, found)
    return found


def ask(video: Path) -> dict:
    """What the page's own question gives."""
    found = names() | {"video": video}
    [block] = [block for block in blocks() if USES in block]
    exec(block, found)
    return found
