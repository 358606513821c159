"""Whole folders and files of models for `fuzzing_texts`, with weights: loaded, and asked."""

import os
import pickle
import shutil
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from fakes import write_colour_video
from fuzzing_targets import Target
from longvu_models import tiny_longvu_processor, tiny_model
from ntlbg.answerers import Answerer
from ntlbg.answerers.gguf import load_gguf_answerer
from ntlbg.answerers.longvu import load_longvu_answerer
from ntlbg.answerers.ntlbg_folder import load_ntlbg_answerer
from ntlbg.answerers.transformers import load_transformers_answerer
from ntlbg.encoders.loading import load_pretrained_encoder
from ntlbg.index.store import FeatureIndex
from ntlbg.models.ntlbg.checkpoints import save_reader
from ntlbg.models.quiet import quiet_transformers
from ntlbg.pipeline import ask
from ntlbg.question import parse_question
from ntlbg.selectors import select_frames
from ntlbg.system import load_system
from ntlbg_vl_models import built, vl_config
from roles import given
from tiny_encoders import write_tiny_encoder
from tiny_gguf import write_tiny_gguf
from tiny_models import HIDDEN, tiny_processor
from tiny_models import tiny_model as tiny_ntlbg
from tiny_vlms import Colours, make_vlm


def swapped(folder: Path, made: dict[str, Path], use: Callable[[str, Path], object]) -> Target:
    """Whole folders by name, of which each time another file is another one."""

    def read(path: Path) -> None:
        kind, name = path.name.split(" ")
        work = folder / "work"
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(made[kind], work)
        (work / name).write_bytes(path.read_bytes())
        with quiet_transformers():
            use(kind, work)

    files = [(kind, file) for kind, place in made.items() for file in sorted(place.iterdir())]
    # settings more often than the rest: it is there that there is a choice
    often = [(k, f) for k, f in files for _ in range(4 if f.name.endswith("config.json") else 1)]
    return Target([(f"{kind} {file.name}", file.read_bytes()) for kind, file in often], read)


class Asked:
    """A short film, and a question about it to whatever answers."""

    def __init__(self, folder: Path):
        self.film, self.index = folder / "colours.mp4", FeatureIndex(folder / "index")
        write_colour_video(self.film, duration=6)

    def __call__(self, answerer: Answerer, **more) -> None:
        system = load_system(answerer, **more)
        for options in (None, ["red", "blue"]):
            found = ask(self.film, "Is it red?", model=system, options=options, num_frames=2,
                        index=self.index)  # fmt: skip
            if found.option_scores is not None:
                assert np.isfinite(found.option_scores).all()
                assert found.text in options


def encoders_and_longvu(folder: Path) -> Target:
    """Folders of a LongVU and of a CLIP."""
    made = {"longvu": folder / "longvu", "clip": folder / "clip"}
    with quiet_transformers():
        tiny_model().save_pretrained(made["longvu"])
        tiny_longvu_processor().save_pretrained(made["longvu"])
    write_tiny_encoder("clip", made["clip"])

    def use(kind: str, work: Path) -> None:
        if kind == "clip":
            encoder = load_pretrained_encoder(str(work))
            assert encoder.encode_text(["red"]).shape == (1, encoder.feature_size)
        else:
            model = load_longvu_answerer(work).model
            assert not any(one.is_meta for one in model.parameters())

    return swapped(folder, made, use)


def vision_language_models(folder: Path) -> Target:
    """Folders of a Qwen2-VL and of a SmolVLM, as they are published."""
    with quiet_transformers():
        made = {family: make_vlm(family, folder / family) for family in ("qwen2_vl", "smolvlm")}
    asked = Asked(folder)

    def use(kind: str, work: Path) -> None:
        asked(load_transformers_answerer(str(work), {}), encoder=Colours())

    return swapped(folder, made, use)


def trained_models(folder: Path) -> Target:
    """Folders that training leaves: of one that reads features alone, and of one that sees."""
    made = {"reading": folder / "reading", "seeing": folder / "seeing"}
    save_reader(tiny_ntlbg(feature_encoder="builtin"), tiny_processor(), made["reading"])
    with quiet_transformers():
        seeing = built(vl_config(folder))
    save_reader(seeing.model, seeing.retriever.processor, made["seeing"])
    asked = Asked(folder)

    features = np.random.default_rng(0).standard_normal((8, HIDDEN)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    times = np.arange(8) * 2.0

    def use(kind: str, work: Path) -> None:
        if kind == "seeing":
            asked(load_ntlbg_answerer(work))
            return
        answerer = load_ntlbg_answerer(work, films=False)
        retriever = answerer.retriever
        scores = retriever.score_features(features, "What is it?")
        chosen = select_frames("ntlbg", features, 3, scores=scores, pts_seconds=times)
        seen = given(features, times, chosen)
        for options in (None, ["red", "blue"]):
            reply = answerer.answer(parse_question("What is it?", options), seen)
            assert options is None or np.isfinite(reply.option_scores).all()

    return swapped(folder, made, use)


def gguf_files(folder: Path) -> Target:
    """A model and its projector, loaded by llama.cpp in a process of its own, which may not die."""
    files = write_tiny_gguf(folder)
    asked = Asked(folder)
    names = {"model": files.model, "projector": files.projector}
    whole = {name: file.read_bytes() for name, file in names.items()}

    def use(path: Path) -> None:
        for name, file in names.items():
            file.write_bytes(whole[name])
        names[path.stem].write_bytes(path.read_bytes())
        asked(load_gguf_answerer(files.model, {"mmproj": str(files.projector)}), encoder=Colours())

    return Target([(f"{name}.bin", content) for name, content in whole.items()],
                  partial(in_a_process, use))  # fmt: skip


def in_a_process(use: Callable[[Path], object], path: Path) -> None:
    """What a process of its own raises is raised here; where it dies, that is an AssertionError."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _tell(use, path, writing)
    os.close(writing)
    try:
        with open(reading, "rb") as told:
            said = told.read()
    finally:
        os.kill(child, 9)
        _, status = os.waitpid(child, 0)
    assert said, f"the process died, {status}"
    error, where = pickle.loads(said)
    if error is not None:
        error.add_note(where)
        raise error


def _tell(use: Callable[[Path], object], path: Path, place: int) -> None:
    """In the child, which ends here."""
    error, where = None, ""
    try:
        use(path)
    except BaseException as met:  # noqa: BLE001  (the parent is told whatever it is)
        error, where = met, traceback.format_exc(limit=-3)
    try:
        said = pickle.dumps((error, where))
    except (TypeError, AttributeError, pickle.PicklingError):
        said = pickle.dumps((RuntimeError(repr(error)), where))
    os.write(place, said)
    os._exit(0)


MODELS: dict[str, Callable[[Path], Target]] = {
    "loaded models": encoders_and_longvu,
    "vision-language models": vision_language_models,
    "trained models": trained_models,
    "gguf files": gguf_files,
}
