"""Time and memory: frames that were chosen, against as many and more at equal distances.

Against uniform sampling of as many frames, of as many as it needs to answer as often right, and of
all. Videos are the made ones of ``ntlbg evaluate``; the same questions for every way.
"""

import json
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from ntlbg.answerers import Answerer
from ntlbg.budget import affordable_frames
from ntlbg.errors import ConfigError, UnknownSelector
from ntlbg.files import check_folder, staged_directory
from ntlbg.json_lines import records_kind
from ntlbg.marks import json_object
from ntlbg.selectors import SELECTORS
from ntlbg.system import System, load_system
from ntlbg_lab.compare.efficiency.measured import (
    Clock,
    EncodedVideo,
    Measured,
    encode_video,
    measure_block,
    this_moment,
)
from ntlbg_lab.compare.efficiency.summary import (
    ALL_FRAMES,
    AS_MANY_FRAMES,
    AS_MANY_RIGHT,
    Against,
    Efficiency,
    Way,
    WayRow,
    against,
    doubled,
    way_row,
)
from ntlbg_lab.compare.efficiency.tables import EFFICIENCY, efficiency_numbers, efficiency_tables
from ntlbg_lab.compare.records import SETTINGS, WRITTEN, ComparisonStore
from ntlbg_lab.compare.summary import BASELINE, check_divergence
from ntlbg_lab.evaluate.videos import Condition, Kind

__all__ = ["measure_efficiency"]

RESULTS_FILE = "efficiency.jsonl"
TABLES = {
    "efficiency.json": json_object("the summary of an efficiency run", "ways", "against"),
    **EFFICIENCY.kinds,
}
FILES = TABLES | SETTINGS | {RESULTS_FILE: records_kind(Measured, WRITTEN)}
Say = Callable[[str], None]


def measure_efficiency(
    out_dir: str | Path,
    *,
    selectors: Sequence[str] = ("ntlbg",),
    frames: Sequence[int] = (8,),
    videos: int = 4,
    minutes: float = 10,
    questions: int = 4,
    seed: int = 0,
    split: str = "test",
    model: str | Answerer | System = "builtin",
    clock: Clock = this_moment,
    progress: Say | None = None,
) -> Efficiency:
    """Measure answering into a folder; a killed run goes on with the next video.

    Leaves ``efficiency.jsonl`` with every question, ``efficiency.json``, and tables as Markdown,
    CSV and LaTeX. Reading all frames takes most of the time.

    Args:
        selectors: names in SELECTORS, each of which is set against ``uniform``.
        frames: budgets.
        videos, minutes, questions: how many videos, how long, and questions about each.
        seed, split: of the videos.
        model: what answers from features; a model that reads pictures is refused.
        clock: what time it is.

    Raises:
        ComparisonError: a selector chose the frames of uniform sampling everywhere.
        ConfigError, UnknownSelector, WeightsError, DataError, OutputError.
    """
    import torch

    selectors, budgets = list(dict.fromkeys(selectors)), sorted(set(frames))
    _check(selectors, budgets, videos, minutes, questions)
    condition = Condition(seed=seed, split=split)
    folder, kind = Path(out_dir), Kind("efficiency", minutes * 60, questions)
    check_folder(folder, FILES)
    system = load_system(model, pristine=True)
    if system.answerer.wants.pictures:
        raise ConfigError(
            f"model {system.name!r} reads pictures, and this suite has features only; give "
            "builtin or the folder of a trained reader"
        )
    settings = {
        "suite": "efficiency", "minutes": minutes, "questions": questions, "seed": seed,
        "split": split, "model": system.name, "features": system.fingerprint,
        "threads": torch.get_num_threads(),
    }  # fmt: skip
    looked_at = math.ceil(kind.seconds - 1e-9)  # a frame a second, as they are drawn
    most, note = affordable_frames(
        system.answerer, looked_at, looked_at, system.encoders[0].image_size
    )
    if budgets[-1] >= most:
        raise ConfigError(
            f"frames {budgets[-1]}: {most} frames are all that are read of {minutes:g} minutes; "
            "choose fewer, or longer videos"
        )
    records = ComparisonStore(folder, settings, RESULTS_FILE, Measured)
    run = _Run(records, system, kind, condition, videos, most, clock, progress)
    ways = [(name, number) for number in budgets for name in selectors]
    found = Efficiency(*run.rows(ways), note)
    _write(folder, found)
    return found


class _Run:
    """What is measured, as it is needed: the budgets of uniform sampling follow from answers."""

    def __init__(
        self,
        records: ComparisonStore,
        system: System,
        kind: Kind,
        condition: Condition,
        videos: int,
        most_frames: int,
        clock: Clock,
        progress: Say | None,
    ):
        self.records, self.system, self.kind, self.condition = records, system, kind, condition
        self.videos, self.most_frames = range(videos), most_frames
        self.clock, self.progress = clock, progress
        self._warm = False
        self._encoded: dict[int, EncodedVideo] = {}  # a megabyte or two for ten minutes

    def rows(self, ways: Sequence[Way]) -> tuple[list[WayRow], list[Against]]:
        """What some ways of choosing take, and those of uniform sampling beside them."""
        whole = (BASELINE, self.most_frames)
        evenly = [(BASELINE, number) for _, number in ways]
        self._measure([*ways, *evenly, whole])
        used = list(dict.fromkeys([*ways, *evenly]))
        check_divergence(one for way in used for one in self._of(way))
        rows: list[Against] = []
        for way in ways:
            tried = self._until_as_right(way)
            used += tried
            others = {
                AS_MANY_FRAMES: self._of((BASELINE, way[1])),
                AS_MANY_RIGHT: self._of(tried[-1]) if self._as_right(tried[-1], way) else [],
                ALL_FRAMES: self._of(whole),
            }
            rows += [against(self._of(way), name, other) for name, other in others.items()]
        shown = [way_row(self._of(way)) for way in dict.fromkeys([*used, whole])]
        return shown, rows

    def _until_as_right(self, way: Way) -> list[Way]:
        """Uniform sampling of k, 2 k, 4 k ... all frames, up to the first that is as often right.

        More frames need not mean more right answers, so that every step is measured.
        """
        tried = []
        for number in doubled(way[1], self.most_frames):
            tried.append((BASELINE, number))
            self._measure(tried[-1:])
            if self._as_right(tried[-1], way):
                break
        return tried

    def _as_right(self, one: Way, other: Way) -> bool:
        right, wanted = (sum(found.right for found in self._of(way)) for way in (one, other))
        return right >= wanted

    def _of(self, way: Way) -> list[Measured]:
        return [
            one
            for one in self.records.records
            if (one.selector, one.num_frames) == way and one.video in self.videos
        ]

    def _measure(self, ways: Iterable[Way]) -> None:
        """Measure what is missing, video by video."""
        ways = list(dict.fromkeys(ways))
        todo = {
            number: [way for way in ways if (number, *way) not in self.records.done]
            for number in self.videos
        }
        for number, missing in todo.items():
            began = time.perf_counter()
            for selector, num_frames in missing:
                block = self._video(number), selector, num_frames
                if not self._warm:  # what libraries take once is no part of what comes first
                    measure_block(self.system, *block, self.clock)
                    self._warm = True
                self.records.add(measure_block(self.system, *block, self.clock))
            if missing and self.progress:
                named = ", ".join(f"{selector} {number}" for selector, number in missing)
                seconds = time.perf_counter() - began
                self.progress(f"video {number + 1} of {len(self.videos)}, {named}: {seconds:.0f} s")

    def _video(self, number: int) -> EncodedVideo:
        if number not in self._encoded:
            self._encoded[number] = encode_video(
                self.system, self.kind, number, self.condition, self.clock
            )
        return self._encoded[number]


def _check(selectors: Sequence[str], budgets: Sequence[int], videos, minutes, questions) -> None:
    """Before a model is loaded, not after."""
    unknown = [name for name in selectors if name not in SELECTORS]
    if unknown:
        raise UnknownSelector(f"no selectors {unknown}; there are {', '.join(SELECTORS)}")
    if not selectors or BASELINE in selectors:
        raise ConfigError(
            f"selectors {list(selectors)}: give others than {BASELINE}, against which they are "
            "measured"
        )
    if not budgets or min(*budgets, videos, questions) < 1 or minutes <= 0:
        raise ConfigError(
            f"frames {list(budgets)}, videos {videos}, questions {questions} and minutes {minutes} "
            "must be positive"
        )


def _write(folder: Path, found: Efficiency) -> None:
    with staged_directory(folder, TABLES) as stage:
        text = json.dumps(asdict(found), indent=1) + "\n"
        (stage / "efficiency.json").write_text(text, encoding="utf-8")
        EFFICIENCY.write(stage, efficiency_tables(found), efficiency_numbers(found))
