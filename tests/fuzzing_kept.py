"""The rest of what `fuzzing_texts` reads: folders of models, and what this package keeps itself."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from fuzzing_targets import Target, as_json_lines, as_json_list, numbers_of
from ntlbg.answer_file import WRITTEN, AnswerRow, summarize
from ntlbg.data import QuestionRecord
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
from ntlbg.types import Passage
from ntlbg.views.result_file import read_seen
from ntlbg_lab.evidence.recall import read_selections


def models(folder: Path) -> Target:
    """The JSON in a model's folder: what is asked of it before the weights are opened."""
    tower = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "image_size": 32}
    config = {"model_type": "siglip", "vision_config": tower, "text_config": {"vocab_size": 99,
              "max_position_embeddings": 64}}  # fmt: skip
    seeds = {
        "config.json": json.dumps(config).encode(),
        "model.safetensors.index.json": b'{"metadata": {}, "weight_map": {"a": "1.safetensors"}}',
        "tokenizer_config.json": b'{"tokenizer_class": "SiglipTokenizer"}',
        "modules.json": as_json_list({"type": "x.Transformer", "path": ""},
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
        (folder / "model" / "preprocessor_config.json").write_bytes(b"{}")
        (folder / "model" / "tokenizer.json").touch()
        length = read_at_once(folder / "model")
        assert length is None or float(length) in numbers_of(folder / "model" / "config.json")
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

    content = as_json_lines(*(vars(one) for one in rows))
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


KEPT: dict[str, Callable[[Path], Target]] = {
    "models": models,
    "features": features,
    "text tracks": text_tracks,
    "answers": answers,
    "enrolments": enrolments,
    "seen": seen,
}
