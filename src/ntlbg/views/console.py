"""What the command line shows: progress on stderr, results on stdout."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from ntlbg.answerers.quoting import quotation
from ntlbg.time_text import timestamp
from ntlbg.types import Answer, Evidence, SelectedFrames
from ntlbg.visible import in_json, visible

# The table of moments with a score, which is 35 wide, and a little: on a narrower terminal its
# lines go on in the next one, rather than lose their times.
LEAST_COLUMNS = 40


def print_json(value: dict, *, indent: int | None = 2) -> None:
    """One JSON object, and nothing else; what stdout cannot show is escaped.

    ``indent`` None: in one line.
    """
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:  # a narrow encoding, or a file name that is not UTF-8
        text = json.dumps(value, indent=indent)
    sys.stdout.write(in_json(text) + "\n")


def print_text(text: str) -> None:
    """Letter for letter, but for what would steer a terminal: a file of subtitles may hold it."""
    sys.stdout.write(visible(text, keep="\n\t") if sys.stdout.isatty() else text)


def print_note(text: str) -> None:
    """One line on stderr."""
    print(f"note: {visible(text)}", file=sys.stderr)


def print_step(text: str) -> None:
    """What is done next, as a line on stderr."""
    print(visible(text), file=sys.stderr)


def print_answer(answer: Answer, *, written: bool = False) -> None:
    """The answer, whether its subject was seen, its options, its moments.

    ``written``: its text is on the screen already.
    """
    console = _stdout()
    console.print("" if written else Text(visible(answer.text, keep="\n\t"), style="bold"))
    if answer.found is not None:
        console.print(f"evidence found: {answer.found:.0%}\n", style="dim", highlight=False)
    if answer.options is not None and answer.option_scores is not None:
        table = _table("option", "probability")
        for option, chance in zip(answer.options, answer.option_scores, strict=True):
            table.add_row(
                Text(visible(option)), f"{chance:.2f}", style="bold" * (option == answer.text)
            )
        console.print(table)
        console.print()
    for one in answer.quotations:
        if quotation(one) not in answer.text:
            console.print(Text(visible(quotation(one))))
    if answer.quotations:
        console.print()
    _print_selected(console, answer, _tokens(answer.usage))


def _tokens(usage: dict) -> str:
    names = {"visual_tokens": "visual", "prompt_tokens": "prompt", "answer_tokens": "answer"}
    told = [f"{usage[key]:,} {name}" for key, name in names.items() if usage.get(key) is not None]
    return f", {', '.join(told)} tokens" if told else ""


def _words(usage: dict) -> str:
    streams = usage.get("streams", ())[1:]  # all but the pictures
    return f", {usage['passages']:,} passages ({visible(', '.join(streams))})" if streams else ""


def print_moments(moments: SelectedFrames) -> None:
    """The selected moments."""
    _print_selected(_stdout(), moments)


def print_index(rows: Sequence[dict]) -> None:
    """One line per video."""
    for row in rows:
        state = "read" if row["pictures_decoded"] else "already there"
        frames = f"{row['frames']} frames to {timestamp(row['seconds'])}"
        print(f"{visible(row['video'])}: {frames}, {state}")


def print_paths(paths: Sequence[Path]) -> None:
    """Name what was written, on stderr."""
    for path in paths:
        print(f"wrote {visible(str(path))}", file=sys.stderr)


@contextmanager
def reading(video: Path) -> Iterator["Bar"]:
    """Progress on stderr: the model is loaded, then frames are read and encoded."""
    with counting("loading the model", then=f"reading {visible(video.name)}", unit="frames") as bar:
        yield bar


class Bar:
    """A bar on stderr, nothing when stderr is not a terminal.

    Called with what is done and its share, 0..1 or None; the first call puts ``then`` in the place
    of ``what``.
    """

    def __init__(self, what: str, then: str | None = None, unit: str = ""):
        console = Console(stderr=True)
        self.progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[count]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self.progress.add_task(what, total=None, count="")
        self._doing, self._then, self._unit = what, then or what, unit
        self.has_written = False

    def __call__(self, done: int, share: float | None = None) -> None:
        self._show(self._then, share, f"{done:,} {self._unit}")

    def listened(self, what: str, done: float, total: float) -> None:
        """So many seconds of a video that has ``total``, 0 where that is not known."""
        self._show(visible(what), done / total if total else None, f"{done:,.0f} s")

    def _show(self, what: str, share: float | None, count: str) -> None:
        if what != self._doing:  # the time left is told by the speed of this work alone
            self._doing = what
            self.progress.reset(self._task, description=what, total=None)
        total = None if share is None else 1.0
        self.progress.update(self._task, completed=share or 0.0, total=total, count=count)

    def renamed(self, what: str, unit: str) -> Callable[[int, float | None], None]:
        """The same bar for what comes next: called as the bar is, from the beginning."""

        def count(done: int, share: float | None = None) -> None:
            self._then, self._unit = what, unit
            self(done, share)

        return count

    def write(self, text: str) -> None:
        """Part of an answer on stdout, as it is written; the bar makes way."""
        self.progress.stop()
        self.has_written = True
        sys.stdout.write(visible(text, keep="\n\t"))
        sys.stdout.flush()

    def end(self) -> None:
        """What comes next, an error perhaps, starts on a line of its own."""
        if self.has_written:
            sys.stdout.write("\n")
            sys.stdout.flush()


@contextmanager
def counting(what: str, *, then: str | None = None, unit: str = "") -> Iterator[Bar]:
    """A :class:`Bar` for as long as the work takes."""
    bar = Bar(what, then, unit)
    with bar.progress:
        try:
            yield bar
        finally:
            bar.end()


def _stdout() -> Console:
    console = Console(soft_wrap=False, emoji=False, markup=False)
    console.width = max(console.width, LEAST_COLUMNS)
    return console


def _table(*names: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for position, name in enumerate(names):
        table.add_column(name, justify="left" if position == 0 else "right", no_wrap=True)
    return table


def _print_selected(console: Console, result: Answer | SelectedFrames, more: str = "") -> None:
    """SelectedFrames, what was used, seconds; notes on stderr."""
    console.print(_evidence_table(result.evidence))
    if any(item.supports for item in result.evidence):
        console.print("* shows what the question is about", style="dim", highlight=False)
    console.print()
    usage = result.usage
    steps = ", ".join(f"{name} {value:.2f} s" for name, value in usage["seconds"].items())
    used = f"{usage['frames_used']} of {usage['frames_sampled']:,} frames{_words(usage)}{more}"
    console.print(f"{used}, selector {result.selector}\n{steps}", style="dim", highlight=False)
    for note in result.notes:
        print_note(note)


def _evidence_table(evidence: Sequence[Evidence]) -> Table:
    scored = all(item.score is not None for item in evidence)
    table = _table("moment", *["score"] * scored, "stands for")
    best = max((item.score for item in evidence if item.score is not None), default=None)
    for item in evidence:
        row = [item.timestamp + " *" * bool(item.supports), f"{100 * item.weight:.1f} %"]
        if scored:
            row.insert(1, f"{item.score:.2f}")
        table.add_row(*row, style="bold" if scored and item.score == best else "")
    return table
