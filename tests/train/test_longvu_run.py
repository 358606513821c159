"""LongVU's training run, on a random model of a few thousand parameters and made videos."""

import json
import shutil
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from transformers import Trainer
from typer.testing import CliRunner

import ntlbg
from counter_videos import write_video
from longvu_models import made_frames, tiny_longvu_processor, tiny_model
from ntlbg.cli import app
from ntlbg.config.load import read_content, settings_in
from ntlbg.errors import ConfigError, DataError, OutputError, VideoError, WeightsError
from ntlbg.json_lines import LOCK_FILE, alone
from ntlbg.models.longvu.formats import BENCHMARKS, format_question
from ntlbg.models.longvu.modeling_longvu import LongVUForConditionalGeneration
from ntlbg.train.longvu_data import LongVUQuestions, read_picture, read_video
from ntlbg.train.longvu_settings import DataSettings, LongVUTraining
from ntlbg.train.recipes import longvu
from ntlbg.train.run import run
from processes import python, started, wait_for

CONFIGS = Path(__file__).parents[2] / "configs"
# PEFT asks transformers for something under its old name
pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")
GEOMETRY = {
    "query_grid": 2,
    "lowres_grid": 1,
    "highres": True,
    "context_length": 500,
    "dino_threshold": 0.83,
    "drop_threshold": 0.8,
}
SIZES = ((54, 96), (96, 54), (72, 72), (40, 96))  # tells the videos apart
COLOURS = ("red", "blue", "green", "grey")


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "tiny-longvu"
    model = tiny_model(context_length=500, text={"initializer_range": 0.1})
    model.save_pretrained(path)
    tiny_longvu_processor().save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Four videos of three seconds and four pictures, with a question about each."""
    folder = tmp_path_factory.mktemp("data")
    for number, size in enumerate(SIZES):
        write_video(folder / f"v{number}.mp4", count=12, fps=4, size=size)
        Image.fromarray(made_frames(1, seed=number)[0]).save(folder / f"p{number}.png")
    for kind, name in (("videos", "v{}.mp4"), ("images", "p{}.png")):
        records = [
            {"video": name.format(number), "question": "Which?", "answer": COLOURS[number]}
            for number in range(4)
        ]
        write_questions(folder / f"{kind}.jsonl", records)
    return folder


def write_questions(path: Path, records: list[dict]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


@pytest.fixture
def config(model_folder, data, tmp_path):
    """Writes the shipped configuration of a stage with tiny sizes; changes go by key."""

    def write(stage="video", **changes) -> Path:
        content = json.loads((CONFIGS / f"longvu_{stage}.json").read_text())
        questions = data / ("images.jsonl" if stage == "image" else "videos.jsonl")
        content |= {
            "model": str(model_folder),
            "output_dir": str(tmp_path / "run"),
            "data": {"questions": [str(questions)], "fps": 1.0},
            "geometry": GEOMETRY,
            "full": {"learning_rate": 3e-3},
            "lora": {"learning_rate": 1e-2, "rank": 4, "alpha": 8},
            "batch_size": 4,
            "total_batch_size": 4,
            "epochs": 30.0,
            "lr_scheduler": "constant_with_warmup",
            "save_steps": 1000,
            "logging_steps": 1,
            **changes,
        }
        path = tmp_path / f"{stage}.json"
        path.write_text(json.dumps(content))
        return path

    return write


def load_longvu_settings(path: Path) -> LongVUTraining:
    return settings_in(read_content(path), LongVUTraining, str(path))


def quiet(line: str) -> None:
    pass


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stage", "method"),
    [
        pytest.param("video", "full", marks=pytest.mark.thorough),
        ("video", "lora"),
        pytest.param("image", "full", marks=pytest.mark.thorough),
    ],
)
def test_a_run_learns_and_its_folder_answers(config, data, model_folder, stage, method):
    geometry = {**GEOMETRY, "query_grid": 4, "highres": False} if stage == "image" else GEOMETRY
    epochs = 60.0 if method == "lora" else 30.0
    path = config(stage, method=method, geometry=geometry, epochs=epochs)
    done = run(path, say=quiet)
    losses = [entry["loss"] for entry in done.history]
    assert len(losses) == (60 if method == "lora" else 30)
    assert losses[-1] < losses[0] / 2
    assert json.loads((done.folder / "history.json").read_text()) == done.history
    before = LongVUForConditionalGeneration.from_pretrained(model_folder).state_dict()
    trained = LongVUForConditionalGeneration.from_pretrained(done.folder)
    assert {key: getattr(trained.config, key) for key in geometry} == geometry
    for name, tensor in trained.state_dict().items():
        if "_tower" in name:
            assert torch.equal(tensor, before[name]), name
    for part in ("q_proj", "aggregator", "multi_modal_projector"):
        names = [name for name in before if part in name]
        assert any(not torch.equal(trained.state_dict()[name], before[name]) for name in names)
    if stage == "video":
        answers = [
            ntlbg.ask(data / f"v{n}.mp4", "Which?", model=str(done.folder), selector="uniform")
            for n in range(4)
        ]
        assert [answer.text for answer in answers] == list(COLOURS)
    else:
        assert [about_picture(done.folder, data / f"p{n}.png") for n in range(4)] == list(COLOURS)


def about_picture(folder: Path, path: Path) -> str:
    model, processor = longvu.load(folder)
    inputs = processor("Which?", images=read_picture(path))
    ids = model.eval().generate(**inputs, do_sample=False, max_new_tokens=8, pad_token_id=0)
    return processor.decode_answer(ids[0])


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


@pytest.mark.slow
@pytest.mark.parametrize("method", ["full", pytest.param("lora", marks=pytest.mark.thorough)])
def test_a_stopped_run_ends_as_if_it_had_not_been(config, tmp_path, monkeypatch, method):
    path = config(method=method, batch_size=1, total_batch_size=2, epochs=3.0, save_steps=2)
    whole = run(path, tmp_path / "whole", say=quiet)
    read, said = LongVUQuestions.__getitem__, []

    def stops(questions, number):
        said.append(number)
        if len(said) > 7:
            raise KeyboardInterrupt
        return read(questions, number)

    monkeypatch.setattr(LongVUQuestions, "__getitem__", stops)
    with pytest.raises(KeyboardInterrupt):
        run(path, tmp_path / "parts", say=quiet)
    monkeypatch.setattr(LongVUQuestions, "__getitem__", read)
    assert not (tmp_path / "parts" / "model.safetensors").exists()
    # as if killed while a checkpoint was being written
    (tmp_path / "parts" / "checkpoint-3").mkdir()
    said.clear()
    parts = run(path, tmp_path / "parts", say=said.append)
    assert "continuing from checkpoint-2" in said
    assert [entry["step"] for entry in parts.history] == [1, 2, 3, 4, 5, 6]
    expected, found = weights(whole.folder), weights(parts.folder)
    assert expected.keys() == found.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, msg=name)
    again = run(path, tmp_path / "parts", say=quiet)
    assert again.history == parts.history
    # start over
    said.clear()
    run(path, tmp_path / "parts", resume=False, say=said.append)
    assert not [line for line in said if "continuing" in line]
    assert {p.name for p in (tmp_path / "parts").glob("check*")} == {"checkpoint-4", "checkpoint-6"}


@pytest.mark.slow
def test_a_killed_command_goes_on(config, tmp_path):
    output = tmp_path / "killed"
    endless = config(epochs=100000.0, save_steps=3)
    command = python("-m", "ntlbg.cli", "train", "--config", endless, "--output", output)
    with started(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as first:
        saved = "checkpoint-*/trainer_state.json"  # the last one may be cut off
        wait_for(lambda: len(list(output.glob(saved))) > 1, first)
        first.send_signal(signal.SIGKILL)
    last = max(int(path.name.split("-")[1]) for path in output.glob("checkpoint-*"))
    path = config(epochs=float(last + 2), save_steps=1000)
    done = CliRunner().invoke(app, ["train", "--config", str(path), "--output", str(output)])
    assert done.exit_code == 0, done.output
    assert "continuing from checkpoint-" in done.output
    assert (output / "model.safetensors").is_file()


def test_a_run_shorter_than_its_logging_leaves_losses(config, tmp_path):
    done = run(config(epochs=3.0, logging_steps=2), say=quiet)
    assert [entry["step"] for entry in done.history] == [2, 3]
    done = run(config(epochs=2.0, logging_steps=10), tmp_path / "short", say=quiet)
    assert [entry["step"] for entry in done.history] == [2]
    assert json.loads((tmp_path / "short" / "history.json").read_text()) == done.history


def test_a_disk_without_room_for_a_checkpoint_is_told_before_the_first_step(
    config, tmp_path, monkeypatch
):
    kept = run(config(epochs=1.0), tmp_path / "kept", say=quiet).folder
    written = sum(file.stat().st_size for file in kept.glob("checkpoint-*/*"))
    free = shutil.disk_usage(tmp_path)._replace(free=20_000)
    assert written > 20_000
    monkeypatch.setattr(shutil, "disk_usage", lambda path: free)
    monkeypatch.setattr(Trainer, "train", lambda *_, **__: pytest.fail("the work began"))
    with pytest.raises(OutputError, match=r"run: .* kB or more .* or choose another folder"):
        run(config(epochs=1.0), say=quiet)
    assert not any((tmp_path / "run").rglob("*"))


def test_a_second_run_in_one_folder_is_refused(config, tmp_path):
    path = config(epochs=1.0)
    (tmp_path / "run").mkdir()
    with alone(tmp_path / "run" / LOCK_FILE):
        with pytest.raises(OutputError, match="another process is writing it"):
            run(path, say=quiet)
        assert [file.name for file in (tmp_path / "run").iterdir()] == [LOCK_FILE]
    run(path, say=quiet)
    assert not (tmp_path / "run" / LOCK_FILE).exists()


def test_debug_and_dry_run(config, tmp_path):
    path = config(epochs=1000.0, total_batch_size=64)
    done = CliRunner().invoke(app, ["train", "--config", str(path), "--dry-run"])
    assert done.exit_code == 0, done.output
    assert "4 questions to train on" in done.output
    assert not (tmp_path / "run").exists()
    done = CliRunner().invoke(app, ["train", "--config", str(path), "--debug"])
    assert done.exit_code == 0, done.output
    assert len(json.loads((tmp_path / "run-debug" / "history.json").read_text())) == 3
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("method", ["full", "lora"])
def test_bfloat16_weights_stay_so_and_are_trained_in_float32(
    config, model_folder, tmp_path, method
):
    folder = tmp_path / "half"
    LongVUForConditionalGeneration.from_pretrained(model_folder).bfloat16().save_pretrained(folder)
    tiny_longvu_processor().save_pretrained(folder)
    settings = load_longvu_settings(config(model=str(folder), epochs=1.0, method=method))
    model, processor = longvu.load(folder)
    model = longvu.prepare(model, settings, autocast=True)
    kinds = {(p.requires_grad, p.dtype) for p in model.parameters()}
    assert kinds == {(True, torch.float32), (False, torch.bfloat16)}
    batch = longvu.LongVUCollator(processor)([LongVUQuestions(settings.data, "video")[0]])
    with torch.autocast("cpu", torch.bfloat16):
        model(**batch).loss.backward()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert "_tower" not in name
            assert parameter.grad.isfinite().all(), name
        elif method == "full":
            assert "_tower" in name
    done = run(settings, say=quiet)
    assert {tensor.dtype for tensor in weights(done.folder).values()} == {torch.bfloat16}


def test_what_is_read_is_what_lies_there(data):
    settings = DataSettings(questions=(str(data / "videos.jsonl"),), fps=2.0, max_frames=4)
    sample = LongVUQuestions(settings, "video")[1]
    assert (sample.question, sample.answer) == ("Which?", "blue")
    assert sample.pixels.shape == (4, 96, 54, 3)
    assert read_video(data / "v0.mp4", fps=2.0, max_frames=None).shape == (6, 54, 96, 3)
    assert np.array_equal(read_picture(data / "p2.png"), made_frames(1, seed=2)[0])


def test_options_are_asked_as_they_are_answered(data):
    options = ["owl", "kite", "7"]
    record = {"image": "p0.png", "question": "What?", "answer": "kite", "options": options}
    path = write_questions(data / "options.jsonl", [record])
    sample = LongVUQuestions(DataSettings(questions=(str(path),)), "image")[0]
    assert sample.question == format_question(BENCHMARKS["mvbench"], "What?", options)
    assert sample.answer == "B"


def test_a_geometry_that_does_not_fit_is_explained(config):
    with pytest.raises(ConfigError, match=r"geometry: query_grid must divide.*got 3 and 4"):
        run(config(geometry={**GEOMETRY, "query_grid": 3}), say=quiet)


def test_a_failing_file_is_an_error_and_never_another_sample(config, data):
    def run_with(record, stage="video"):
        path = write_questions(data / "one.jsonl", [{"question": "Q", "answer": "A", **record}])
        run(config(stage, data={"questions": [str(path)]}), dry_run=True, say=quiet)

    with pytest.raises(DataError, match=r"nothing\.mp4: no such file"):
        run_with({"video": "nothing.mp4"})
    with pytest.raises(DataError, match=r"v0\.mp4: the image stage learns from pictures"):
        run_with({"video": "v0.mp4"}, "image")
    (data / "broken.png").write_bytes(b"no picture")
    with pytest.raises(VideoError, match=r"broken\.png: cannot be opened"):
        run_with({"video": "broken.png"})
    (data / "broken.mp4").write_bytes(b"no video")
    with pytest.raises(VideoError, match=r"broken\.mp4"):
        run_with({"video": "broken.mp4"})
    np.save(data / "w.npy", np.ones((3, 2)))
    with pytest.raises(DataError, match="LongVU needs its pixels"):
        run_with({"video": "w.mp4"})
    with pytest.raises(DataError, match="27 options; give at most 26"):
        run_with({"video": "v0.mp4", "options": [*map(str, range(26)), "A"]})
    (data / "none.jsonl").write_text("")
    with pytest.raises(DataError, match="there are no questions"):
        run(config(data={"questions": [str(data / "none.jsonl")]}), say=quiet)


def test_unusable_folders_are_explained(config, tmp_path, model_folder):
    with pytest.raises(WeightsError, match="model: got 'nowhere'; there is no such folder"):
        run(config(model="nowhere"), say=quiet)
    with pytest.raises(WeightsError, match="ntlbg convert longvu"):
        run(config(model=str(tmp_path)), say=quiet)
    checkpoint = tmp_path / "run" / "checkpoint-5"
    checkpoint.mkdir(parents=True)
    (checkpoint / "trainer_state.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"checkpoints, but not the training\.json"):
        run(config(), say=quiet)
    other = load_longvu_settings(config(method="lora"))
    (tmp_path / "run" / "training.json").write_text(other.model_dump_json())
    with pytest.raises(ConfigError, match="made with method 'lora', now it is 'full'"):
        run(config(), say=quiet)
    other = load_longvu_settings(config(seed=7, save_steps=3))
    (tmp_path / "run" / "training.json").write_text(other.model_dump_json())
    with pytest.raises(ConfigError, match=r"made with seed 7, now it is 0; choose"):
        run(config(), say=quiet)
