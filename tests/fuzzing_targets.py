"""What `fuzzing_texts` reads: for each kind of text, whole files to begin with, and the promise.

A target is made for a folder, in which it may lay what its files need beside them.
"""

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ntlbg.answer_file import summarize
from ntlbg.config import load_config
from ntlbg.config.load import to_json
from ntlbg.data import QuestionRecord, read_published
from ntlbg.text.sentences import sentences
from ntlbg.text.subtitles.cues import mended
from ntlbg.text.subtitles.formats import read_cues
from ntlbg_lab.evidence.annotations import FORMATS, LONGVIDEOBENCH_FPS, read_annotations
from ntlbg_lab.evidence.recall import measure_recall, read_selections
from published_files import LONGVIDEOBENCH, LVBENCH, MLVU, MLVU_OPEN, VIDEOMME

Seed = tuple[str, bytes]  # name and content
SHIPPED = ("longvideo_config.json", "long.json", "moderate_long.json")
CONFIGS = Path(__file__).parents[1] / "configs"


@dataclass(frozen=True)
class Target:
    """Whole files, and what reads one; it raises AssertionError where a result is not right."""

    seeds: Sequence[Seed]
    read: Callable[[Path], object]


def as_json_lines(*records: dict) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def as_json_list(*records: dict) -> bytes:
    return json.dumps(records, indent=1).encode()


def numbers_of(path: Path) -> set[float]:
    """All that a file of JSON, or of JSON lines, has as numbers."""
    found: set[float] = set()

    def walk(value) -> None:
        if isinstance(value, dict | list):
            for inner in value.values() if isinstance(value, dict) else value:
                walk(inner)
        elif type(value) in (int, float):
            found.add(float(value))

    text = path.read_bytes().decode(json.detect_encoding(path.read_bytes()), "replace")
    try:
        walk(json.loads(text))
    except json.JSONDecodeError:
        for line in filter(str.strip, text.split("\n")):
            walk(json.loads(line))
    return found


def are_spans(spans: Sequence[tuple[float, float]]) -> bool:
    return all(0 <= start <= end < math.inf for start, end in spans)


OWN = {
    "id": 17, "video": "v.mp4", "question": "Which?", "answer": "owl", "answer_type": "first",
    "options": ["owl", "dog"], "evidence": [[3.0, 5.5]], "duration": 60,
}  # fmt: skip
TURNS = [{"from": "human", "value": "<image>Why?"}, {"from": "gpt", "value": "So."}]
LLAVA = {"id": "0033", "image": "a.png", "conversations": TURNS * 2}


def questions(folder: Path) -> Target:
    """The forms as they are published, the own one, and conversations."""

    def read(path: Path) -> None:
        found = [one for one in read_published(path) if isinstance(one, QuestionRecord)]
        numbers = numbers_of(path)
        for one in found:
            assert one.video
            assert one.question
            assert are_spans(one.evidence)
            assert one.answer is None or one.options is None or one.answer in one.options
            assert one.duration is None or one.duration in numbers
            assert one.categories is not None
            if not hasattr(one, "time_reference"):
                assert numbers.issuperset(time for pair in one.evidence for time in pair)
        summarize([], found)

    return Target(
        [
            ("lvb_val.json", as_json_list(*LONGVIDEOBENCH)),
            ("test.jsonl", as_json_lines(*VIDEOMME)),
            ("1_plotQA.json", as_json_list(*MLVU)),
            ("8_sub_scene.json", as_json_list(*MLVU_OPEN)),
            ("video_info.meta.jsonl", as_json_lines(*LVBENCH)),
            ("own.jsonl", as_json_lines(OWN, {"video": "v", "question": "q"})),
            ("onevision.json", as_json_list(LLAVA, {"video": "b", "conversations": TURNS})),
        ],
        read,
    )


def annotations(folder: Path) -> Target:
    """The published annotations of evidence, and plain ones; a file is called after its form."""
    highlights = {"qid": 1, "duration": 126, "vid": "b", "relevant_windows": [[0, 16], [40, 44]]}
    where = {"1": [[1.2, 5.8]], "3": [[12.1, 17.1]]}
    clues = {"qid": 5, "video_uid": "v", "duration": 1800.0, "clue_intervals": [[3.0, 9.5]],
             "sub_category": "Event"}  # fmt: skip
    frames = {"id": "f", "evidence_frames": [300, 25], "fps": 25}

    def read(path: Path) -> None:
        format = path.name.split(".")[0]
        found = read_annotations(path, format)
        if format == "lvbench":
            return
        rates = {"longvideobench": {LONGVIDEOBENCH_FPS}}.get(format, numbers_of(path) | {1.0})
        known = {number / rate for number in numbers_of(path) for rate in rates if rate}
        for one in found.records:
            assert are_spans(one.evidence)
            assert one.id
            assert one.video
            assert one.duration is None or one.duration in numbers_of(path)
            assert known.issuperset(time for pair in one.evidence for time in pair)

    return Target(
        [
            ("longvideobench.json", as_json_list(*LONGVIDEOBENCH)),
            ("qvhighlights.jsonl", as_json_lines(highlights, highlights | {"qid": 2})),
            ("nextgqa.json", json.dumps({"10": {"duration": 34, "location": where}}).encode()),
            ("cgbench.json", as_json_list(clues, clues | {"qid": 6})),
            ("lvbench.jsonl", as_json_lines(*LVBENCH)),
            ("jsonl.jsonl", as_json_lines(OWN, frames, {"id": "e", "evidence": [4, [5, 6]]})),
        ],
        read,
    )


def lists(folder: Path) -> Target:
    """Selected moments, as seconds and as frames, and the question that they are judged by."""
    (folder / "truth.jsonl").write_bytes(as_json_lines(OWN | {"id": "a"}, OWN | {"id": "b"}))
    truth = read_annotations(folder / "truth.jsonl", "jsonl").records

    def read(path: Path) -> None:
        found = read_selections(path)
        numbers = numbers_of(path)
        known = numbers | {one / rate for one in numbers for rate in numbers if rate}
        for times in found.values():
            assert all(0 <= time < math.inf for time in times)
            assert known.issuperset(times)
        report = measure_recall(truth, {"list": found})
        assert all(0 <= recall.share <= 1 for recall in report.recalls)

    seconds = [{"id": "a", "pts_seconds": [1, 2.5, 45]}, {"id": "b", "pts_seconds": []}]
    frames = [{"id": "a", "frames": [30, 60], "fps": 30}, {"id": "b", "frames": [7], "fps": 29.97}]
    return Target([("s.jsonl", as_json_lines(*seconds)), ("f.jsonl", as_json_lines(*frames))], read)


def configurations(folder: Path) -> Target:
    """What the package ships, and a file with comments."""

    def read(path: Path) -> None:
        config = load_config(path)
        again = path.with_name("again.json")
        again.write_text(to_json(config), encoding="utf-8")
        assert load_config(again) == config

    small = b'{ // a comment\n "model_name": "a", "video_config": {"fps": 2} # another\n}'
    seeds = [("c.json", (CONFIGS / name).read_bytes()) for name in SHIPPED]
    return Target([("c.json", small), *seeds], read)


def settings(folder: Path) -> Target:
    """What `--set` is given: each line one."""
    file = folder / "whole.json"
    file.write_text("{}", encoding="utf-8")

    def read(path: Path) -> None:
        lines = path.read_bytes().decode("utf-8", "surrogateescape").split("\n")
        config = load_config(file, [line for line in lines if line.strip()])
        again = path.with_name("again.json")
        again.write_text(to_json(config), encoding="utf-8")
        assert load_config(again) == config

    entry = json.dumps([{"name": "a", "path": "b"}, {"name": "c", "path": "d"}])
    return Target(
        [
            ("set", b"video_config.fps=2\ntraining_config.learning_rate=1e-4"),
            ("set", f"dataset_config.test_datasets={entry}".encode()),
            ("set", f"dataset_config.test_datasets={entry}\ndataset_config.test_datasets.0.name=x"
             .encode()),
            ("set", b'description="a b"\nmodel_name=some/model'),
        ],
        read,
    )  # fmt: skip


def subtitles(folder: Path) -> Target:
    """All forms that are read."""

    def read(path: Path) -> None:
        cues, _ = read_cues(path)
        assert all(math.isfinite(cue.start) for cue in cues)
        if path.suffix == ".json" and re.match(rb"\s*\[\s*\{", path.read_bytes()):
            stamps = {one.start for one in cues} - numbers_of(path)
            assert all(b":" in path.read_bytes() for _ in stamps)
        for one in sentences(mended(cues)[0], "subtitles"):
            assert one.text.strip()
            assert 0 <= one.end_seconds - one.start_seconds < 16

    srt = b"1\n00:00:01,000 --> 00:00:02,000\nOne.\n\n2\n00:00:03,000 --> 00:00:04,500\nTwo.\n"
    ass = (
        b"[Script Info]\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize\nStyle: D,Arial,20\n\n"
        b"[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text"
        b"\nDialogue: 0,0:00:01.00,0:00:02.00,D,,0,0,0,,{\\i1}Hi\\Nyou\n"
    )
    return Target(
        [
            ("f.srt", srt),
            ("f.vtt", b"WEBVTT\n\nNOTE n\n\na\n00:01.000 --> 00:02.000\n<v Bob>One<00:01.500> two"),
            ("f.ass", ass),
            ("f.json", b'[{"timestamp": [1.5, 2], "text": "a"}, {"timestamp": [3, null], '
             b'"text": "b"}]'),
            ("g.json", b'[{"start": "0:0:1.5", "end": "0:0:2", "line": "b"}]'),
            ("f.sub", b"{1}{1}25\n{30}{60}Hello|you\n"),
            ("g.sub", b"[10][20]Hello|you\n"),
            ("h.sub", b"00:00:01:Hello\n00:00:03:You\n"),
            ("f.smi", b"<SAMI><BODY><SYNC Start=1000><P>Hi<SYNC Start=2000><P>&nbsp;</BODY>"),
            ("f.ttml", b'<tt xmlns="http://www.w3.org/ns/ttml"><body><div><p begin="1s" end="2s">'
             b"Hi</p></div></body></tt>"),
        ],
        read,
    )  # fmt: skip


assert set(FORMATS) == {"longvideobench", "qvhighlights", "nextgqa", "cgbench", "lvbench", "jsonl"}
HANDED: dict[str, Callable[[Path], Target]] = {
    "questions": questions,
    "annotations": annotations,
    "lists": lists,
    "configurations": configurations,
    "settings": settings,
    "subtitles": subtitles,
}
