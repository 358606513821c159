"""Selectors against each other: the same videos, questions and budgets for all of them."""

import inspect
import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ntlbg.errors import ConfigError
from ntlbg.files import check_folder
from ntlbg.selectors import SELECTORS
from ntlbg_lab.checks import check_positive, check_selectors
from ntlbg_lab.compare.records import FILES as RECORDS
from ntlbg_lab.compare.records import ComparisonStore, Footage, Result, measure
from ntlbg_lab.compare.suites import SUITES
from ntlbg_lab.compare.summary import ComparisonRow, check_divergence, summarize
from ntlbg_lab.compare.tables import (
    COMPARISON,
    comparison_numbers,
    comparison_tables,
    write_figures,
)
from ntlbg_lab.compare.tables import FILES as FIGURES

__all__ = ["SUITES", "compare"]

FRAMES = (8, 16, 32)
FILES = RECORDS | COMPARISON.kinds | FIGURES


def compare(
    out_dir: str | Path,
    *,
    suite: str = "haystack",
    selectors: Sequence[str] | None = None,
    frames: Sequence[int] = FRAMES,
    videos: int = 12,
    progress: Callable[[str], None] | None = None,
    **settings: Any,
) -> list[ComparisonRow]:
    """Compare selectors into a folder; a killed run goes on, a finished one is only summed up.

    Leaves ``results.jsonl`` with every choice and its measures, ``summary.json``, tables as
    Markdown, CSV and LaTeX, and plots.

    Args:
        out_dir: selectors, budgets and videos can be added to a folder later.
        suite: a name in SUITES.
        selectors: names in SELECTORS, all of them by default, or in the suite's ``variants``.
        frames: budgets.
        videos: how many, of each kind the suite has.
        progress: called with a line after each video.
        settings: the suite's own.

    Raises:
        ComparisonError: two selectors chose the same frames everywhere.
        ConfigError, UnknownSelector, OutputError.
    """
    folder = Path(out_dir)
    selectors = list(dict.fromkeys(selectors or SELECTORS))
    budgets = sorted(set(frames))
    if suite not in SUITES:
        raise ConfigError(f"no suite {suite!r} of videos; there are {', '.join(SUITES)}")
    check_selectors(selectors, [*SELECTORS, *SUITES[suite].variants])
    check_positive(frames=budgets, videos=videos)
    check_folder(folder, FILES)
    accepted = inspect.signature(SUITES[suite]).parameters
    unknown = [name for name in settings if name not in accepted]
    if unknown:
        raise ConfigError(
            f"suite {suite!r} has no {', '.join(unknown)}; it has {', '.join(accepted)}"
        )
    source = SUITES[suite](**settings)
    records = ComparisonStore(folder, source.settings)
    numbers = range(videos * source.kinds_of_video)
    wanted = set(itertools.product(numbers, selectors, budgets))
    _fill(records, source, wanted, progress)
    results = sorted(
        (result for result in records.records if result.block in wanted),
        key=lambda result: selectors.index(result.selector),
    )
    check_divergence(results)
    rows = summarize(results, pooled=source.pooled)
    objects = [asdict(row) for row in rows]
    COMPARISON.write(folder, comparison_tables(rows), comparison_numbers(rows), objects)
    write_figures(folder, rows)
    return rows


def _fill(records: ComparisonStore, source, wanted: set, progress) -> None:
    """Do what is wanted and not there yet, video by video."""
    todo = defaultdict(list)
    for number, selector, num_frames in sorted(wanted - records.done):
        todo[number].append((selector, num_frames))
    began = time.perf_counter()
    for done, (number, blocks) in enumerate(todo.items(), start=1):
        footage = source.footage(number)
        for selector, num_frames in blocks:
            records.add(judge(footage, number, selector, num_frames))
        if progress:
            seconds = time.perf_counter() - began
            left = seconds / done * (len(todo) - done)
            progress(f"video {done} of {len(todo)}: {seconds:.0f} s, about {left:.0f} s left")


def judge(footage: Footage, number: int, selector: str, num_frames: int) -> list[Result]:
    """Choose frames for every question about a video, and measure the choices."""
    results = []
    for place, question in enumerate(footage.questions):
        began = time.process_time()  # other work on the machine does not count
        indices = question.choose(selector, num_frames)
        seconds = time.process_time() - began
        values = measure(footage, question, indices) | {"seconds": seconds}
        results.append(
            Result(number, place, question.kind, selector, num_frames, indices.tolist(), values)
        )
    return results
