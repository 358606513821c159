"""What `fuzzing_texts` reads: for each kind of text, whole files to begin with, and the promise.

A target is made for a folder, in which it may lay what its files need beside them.
"""

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from ntlbg.answer_file import WRITTEN, AnswerRow, summarize
from ntlbg.config import load_config
from ntlbg.config.load import to_json
from ntlbg.data import QuestionRecord, read_published
from ntlbg.encoders.loading import check_files
from ntlbg.hub import model_type, read_at_once, weight_files
from ntlbg.index.store import FeatureIndex, Track
from ntlbg.index.text_tracks import RECORDS, PieceLine, TextTrack
from ntlbg.json_lines import read_records
from ntlbg.models.builtin.enrolment import ENROLLED, EnrolledObject, load_objects, save_object
from ntlbg.models.pretrained_parts import load_config as load_model_config
from ntlbg.models.quiet import quiet_transformers
from ntlbg.text import Piece
from ntlbg.text.meaning.recipe import read_recipe
from ntlbg.text.sentences import sentences
from ntlbg.text.subtitles.cues import mended
from ntlbg.text.subtitles.formats import read_cues
from ntlbg.types import Passage
from ntlbg.views.result_file import read_seen
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


def _lines(*records: dict) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def _list(*records: dict) -> bytes:
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

    text = path.read_bytes().decode(json.detect_encoding(path.read_bytes()))
    try:
        walk(json.loads(text))
    except json.JSONDecodeError:
        for line in filter(str.strip, text.split("\n")):
            walk(json.loads(line))
    return found


def _are_spans(spans: Sequence[tuple[float, float]]) -> bool:
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
            assert _are_spans(one.evidence)
            assert one.answer is None or one.options is None or one.answer in one.options
            assert one.duration is None or one.duration in numbers
            assert one.categories is not None
            if not hasattr(one, "time_reference"):
                assert numbers.issuperset(time for pair in one.evidence for time in pair)
        summarize([], found)

    return Target(
        [
            ("lvb_val.json", _list(*LONGVIDEOBENCH)),
            ("test.jsonl", _lines(*VIDEOMME)),
            ("1_plotQA.json", _list(*MLVU)),
            ("8_sub_scene.json", _list(*MLVU_OPEN)),
            ("video_info.meta.jsonl", _lines(*LVBENCH)),
            ("own.jsonl", _lines(OWN, {"video": "v", "question": "q"})),
            ("onevision.json", _list(LLAVA, {"video": "b", "conversations": TURNS})),
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
            assert _are_spans(one.evidence)
            assert one.id
            assert one.video
            assert one.duration is None or one.duration in numbers_of(path)
            assert known.issuperset(time for pair in one.evidence for time in pair)

    return Target(
        [
            ("longvideobench.json", _list(*LONGVIDEOBENCH)),
            ("qvhighlights.jsonl", _lines(highlights, highlights | {"qid": 2})),
            ("nextgqa.json", json.dumps({"10": {"duration": 34, "location": where}}).encode()),
            ("cgbench.json", _list(clues, clues | {"qid": 6})),
            ("lvbench.jsonl", _lines(*LVBENCH)),
            ("jsonl.jsonl", _lines(OWN, frames, {"id": "e", "evidence": [4, [5, 6]]})),
        ],
        read,
    )


def lists(folder: Path) -> Target:
    """Selected moments, as seconds and as frames, and the question that they are judged by."""
    (folder / "truth.jsonl").write_bytes(_lines(OWN | {"id": "a"}, OWN | {"id": "b"}))
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
    return Target([("s.jsonl", _lines(*seconds)), ("f.jsonl", _lines(*frames))], read)


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


def models(folder: Path) -> Target:
    """The JSON in a model's folder: what is asked of it before the weights are opened."""
    tower = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "image_size": 32}
    config = {"model_type": "siglip", "vision_config": tower, "text_config": {"vocab_size": 99,
              "max_position_embeddings": 64}}  # fmt: skip
    seeds = {
        "config.json": json.dumps(config).encode(),
        "model.safetensors.index.json": b'{"metadata": {}, "weight_map": {"a": "1.safetensors"}}',
        "tokenizer_config.json": b'{"tokenizer_class": "SiglipTokenizer"}',
        "modules.json": _list({"type": "x.Transformer", "path": ""},
                              {"type": "x.Pooling", "path": "1_Pooling"}),
        "config_sentence_transformers.json": b'{"prompts": {"query": "q: ", "passage": ""}}',
        "sentence_bert_config.json": b'{"max_seq_length": 256, "do_lower_case": false}',
        "1_Pooling.json": b'{"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": false}',
    }  # fmt: skip

    def put(path: Path) -> None:
        place = folder / "model" / path.name.replace("1_Pooling.json", "1_Pooling/config.json")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(path.read_bytes())

    def read(path: Path) -> None:
        for name, content in seeds.items():
            (folder / name).write_bytes(content if name != path.name else path.read_bytes())
            put(folder / name)
        (folder / "model" / "1.safetensors").touch()
        (folder / "model" / "preprocessor_config.json").touch()
        (folder / "model" / "tokenizer.json").touch()
        length = read_at_once(folder / "model")
        assert length is None or length in numbers_of(folder / "model" / "config.json")
        recipe = read_recipe(folder / "model", "m")
        assert recipe.max_tokens is None or type(recipe.max_tokens) is int
        assert model_type(folder / "model")
        check_files(folder / "model")
        assert all(file.parent == folder / "model" for file in weight_files(folder / "model"))
        with quiet_transformers():
            load_model_config(folder / "model")

    return Target(list(seeds.items()), read)


def features(folder: Path) -> Target:
    """An entry of the index: it is what was kept, or it is missing."""
    index, key = FeatureIndex(folder), "0" * 64
    rng = np.random.default_rng(0)
    kept = Track(
        rng.standard_normal((5, 4)).astype(np.float32), np.arange(5.0), {"fps": 1.0, "end": None},
        {"noted": np.arange(10, dtype=np.int64).reshape(5, 2)},
    )  # fmt: skip
    index.save(key, kept)
    name = f"{key}.safetensors"

    def read(path: Path) -> None:
        found = index.load(key)
        if found is not None:
            assert np.array_equal(found.features, kept.features)
            assert found.meta == kept.meta
            assert np.array_equal(found.pts_seconds, kept.pts_seconds)
            assert np.array_equal(found.notes["noted"], kept.notes["noted"])

    return Target([(name, (folder / name).read_bytes())], read)


def text_tracks(folder: Path) -> Target:
    """What was heard in a film: lines are what was kept, and are gone on from."""
    words = ("One.", "Deux, c'est ça.", "三。", "Four.")

    def listen(after, state):
        for number in range(int(after // 10), len(words)):
            passage = Passage(words[number], 10.0 * number + 1, 10.0 * number + 3, "speech")
            yield Piece((passage,), 10.0 * number + 10, {"pieces": number + 1})

    whole = TextTrack(folder / "speech.jsonl", "speech")
    list(whole.grow(listen))
    said, content = whole.passages(), whole.path.read_bytes()

    def read(path: Path) -> None:
        track = TextTrack(path, "speech")
        found, _ = track.kept()
        lines, _ = read_records(path, RECORDS, "passages")
        if all(line.check for line in lines if isinstance(line, PieceLine)):
            assert found.passages == tuple(said[: len(found.passages)])
        assert all(done < math.inf for done in track.grow(listen))
        assert track.is_complete

    begun = b"".join(content.splitlines(True)[:2])
    return Target([("speech.jsonl", content), ("begun.jsonl", begun)], read)


def answers(folder: Path) -> Target:
    """A file of answers that is gone on with, and judged."""
    row = AnswerRow(
        place=1, id="17", video="v.mp4", question="Which?", options=["owl", "dog"], type=None,
        answer="owl", option_scores=[0.75, 0.25], found=None, notes=[], pts_seconds=[1.0, 4.5],
        scores=None, truth="owl", right=True, seen=True, settings={"model": "m", "fps": 1.0},
    )  # fmt: skip
    rows = [row, replace(row, place=2, id=None, options=None, option_scores=None, scores=[1.0, 2])]
    asked = [QuestionRecord(video="v.mp4", question="Which?")] * 2

    def read(path: Path) -> None:
        found, _ = read_records(path, AnswerRow, WRITTEN)
        for one in found:
            assert type(one.place) is int
            assert all(map(math.isfinite, one.pts_seconds))
        summarize([one for one in found if 1 <= one.place <= len(asked)], asked)
        if path.read_bytes().endswith(b"\n") and all(one.id is not None for one in found):
            assert {one.id for one in found} == read_selections(path).keys()

    content = _lines(*(vars(one) for one in rows))
    return Target([("answers.jsonl", content), ("one.jsonl", content.splitlines(True)[0])], read)


def enrolments(folder: Path) -> Target:
    """An enrolled object: its pictures are pictures, and its prototypes are numbers."""
    import io

    from PIL import Image

    from ntlbg.models.builtin import enrolment

    buffer = io.BytesIO()
    Image.new("RGBA", (9, 7), (200, 40, 40, 255)).save(buffer, "PNG")
    unit = np.full((1, 4), 0.5, np.float32)
    thing = EnrolledObject("red box", unit, "f" * 8, (buffer.getvalue(),))
    place = folder / "objects"
    place.mkdir()
    enrolment.enrolment_folder = lambda: place
    content = save_object(thing).read_bytes()

    def read(path: Path) -> None:
        (place / "red_box.safetensors").write_bytes(path.read_bytes())
        ENROLLED.holds(path)
        [found] = load_objects()
        assert found.prototypes.dtype == np.float32
        assert np.isfinite(found.prototypes).all()
        assert found.prototypes.shape[0] == len(found.pictures)
        assert type(found.name) is type(found.fingerprint) is str
        assert found.has_background

    return Target([("o.safetensors", content)], read)


def seen(folder: Path) -> Target:
    """What an answer saw."""
    arrays = {
        "features": np.ones((6, 3), np.float32), "pts_seconds": np.arange(6.0),
        "indices": np.array([1, 4]), "weights": np.array([0.5, 0.5]),
        "spans": np.array([[0.0, 2.0], [3.0, 5.0]]), "scores": np.arange(6.0),
    }  # fmt: skip
    texts = {"video": "v.mp4", "question": "q?", "answer": "a", "selector": "uniform"}

    def read(path: Path) -> None:
        found = read_seen(path)
        assert len(found.evidence) == len(found.context.selection.indices)
        assert all(math.isfinite(one.pts_seconds) for one in found.evidence)

    return Target([("seen.safetensors", save(arrays, texts))], read)


assert set(FORMATS) == {"longvideobench", "qvhighlights", "nextgqa", "cgbench", "lvbench", "jsonl"}
TARGETS: dict[str, Callable[[Path], Target]] = {
    "questions": questions,
    "annotations": annotations,
    "lists": lists,
    "configurations": configurations,
    "settings": settings,
    "subtitles": subtitles,
    "models": models,
    "features": features,
    "text tracks": text_tracks,
    "answers": answers,
    "enrolments": enrolments,
    "seen": seen,
}
