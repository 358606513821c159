"""What is said and written in films, kept line by line: nothing is listened to twice.

A track is a file of JSON lines named after the content of its film and what its listener is. A
run that was killed loses the piece that it was at, and the next one goes on there.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from ntlbg.errors import DataError
from ntlbg.index.store import FeatureIndex
from ntlbg.json_lines import RecordFile, alone, read_records
from ntlbg.text import Listener, Piece
from ntlbg.types import Passage
from ntlbg.video import ReadReport

# Pieces from a time on, given the state of the piece before.
Listen = Callable[[float, Mapping[str, Any]], Iterator[Piece]]
WHAT = "passages of a film, as ntlbg keeps them"


@dataclass(frozen=True)
class PieceLine:
    """One piece; passages as (start_seconds, end_seconds, text).

    Attributes:
        check: a hash of the rest and of the lines before; "" in lines of earlier versions, whose
            state is not believed.
        lost_seconds: of sound that could not be read since the line before.
    """

    record: str
    until_seconds: float
    passages: list[tuple[float, float, str]]
    state: dict = field(default_factory=dict)
    check: str = ""
    lost_seconds: float = 0.0


@dataclass(frozen=True)
class EndLine:
    """The film was listened to until its end; the rest is as of a piece."""

    record: str
    check: str = ""
    lost_seconds: float = 0.0


Line = TypeVar("Line", PieceLine, EndLine)
RECORDS = {"piece": PieceLine, "end": EndLine}


class TextTrack:
    """What one listener found in one film, as far as it has come.

    Raises:
        DataError: its file is damaged. OutputError: it cannot be written.
    """

    def __init__(self, path: Path, source: str):
        self.path, self.source = path, source

    @property
    def is_complete(self) -> bool:
        return self.kept()[1]

    def lost_seconds(self) -> float:
        """Of sound that could not be read, as far as it was listened to."""
        lines, _ = read_records(self.path, RECORDS, WHAT)
        return sum(line.lost_seconds for line in lines)

    def passages(self) -> list[Passage]:
        """Those that are kept, in order of their start."""
        return list(self.kept()[0].passages)

    def kept(self) -> tuple[Piece, bool]:
        """All that is kept as one piece, in the state of the last one; and whether it is complete.

        The file is read once for it.
        """
        lines, _ = read_records(self.path, RECORDS, WHAT)
        self._check(lines)
        pieces = [line for line in lines if isinstance(line, PieceLine)]
        passages = [
            Passage(text, start, end, self.source)
            for line in pieces
            for start, end, text in line.passages
        ]
        passages.sort(key=lambda passage: passage.start_seconds)
        until = max((line.until_seconds for line in pieces), default=0.0)
        whole = Piece(tuple(passages), until, _state(pieces[-1]) if pieces else {})
        return whole, len(pieces) < len(lines)

    def grow(self, listen: Listen, report: ReadReport | None = None) -> Iterator[float]:
        """Find and keep what is missing; gives the seconds of the film that are done.

        Args:
            listen: as a listener does, of a stream that begins there.
            report: what the stream's reader tells of sound that it lost.
        """
        report, told = report or ReadReport(), 0.0
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with alone(self.path):
            file = RecordFile(self.path, RECORDS, WHAT)
            self._check(file.records)
            after, state, check = 0.0, {}, ""
            for line in file.records:
                if isinstance(line, EndLine):
                    return
                after, state, check = line.until_seconds, _state(line), line.check
            for piece in listen(after, state):
                lost, told = report.lost_seconds - told, report.lost_seconds
                line = _checked(_line(piece, round(lost, 3)), check)
                file.add([line])
                check = line.check
                yield piece.until_seconds
            lost = round(report.lost_seconds - told, 3)
            file.add([_checked(EndLine("end", lost_seconds=lost), check)])

    def _check(self, lines: Sequence[PieceLine | EndLine]) -> None:
        before = ""
        for number, line in enumerate(lines, start=1):
            if line.check not in ("", _hash(line, before)):
                raise DataError(f"{self.path}:{number}: was altered; remove the file")
            before = line.check


def _state(line: PieceLine) -> dict:
    """To go on with; without one a sentence may be cut in two there, and nothing worse."""
    return line.state if line.check else {}


def _hash(line: PieceLine | EndLine, before: str) -> str:
    """Of a line and all before it, as ``before``, the check of the last of them, tells."""
    told = asdict(replace(line, check=""))
    if not line.lost_seconds:  # earlier versions did not know of it
        del told["lost_seconds"]
    about = json.dumps([before, told], sort_keys=True)
    return hashlib.sha256(about.encode()).hexdigest()[:16]


def text_track(index: FeatureIndex, video: str | os.PathLike, listener: Listener) -> TextTrack:
    """Where passages of this listener are kept, whether there are some or not."""
    key = hashlib.sha256(f"{listener.name} {listener.fingerprint}".encode()).hexdigest()[:16]
    return TextTrack(index.text_folder(video) / f"{listener.source}-{key}.jsonl", listener.source)


def _line(piece: Piece, lost_seconds: float) -> PieceLine:
    passages = [(one.start_seconds, one.end_seconds, one.text) for one in piece.passages]
    state = dict(piece.state)
    return PieceLine("piece", piece.until_seconds, passages, state, lost_seconds=lost_seconds)


def _checked(line: Line, before: str) -> Line:
    return replace(line, check=_hash(line, before))
