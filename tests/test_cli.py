"""The command line: what it prints, where, and how it ends."""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image

from commands import assert_one_error, ntlbg
from fakes import COLOURS, ColourAnswerer
from ntlbg import __version__, looking, pipeline
from ntlbg.cli import app
from ntlbg.cli.app import read_options
from ntlbg.selectors import SELECTORS

VIDEOS = Path(__file__).parent / "data" / "video"
COMMANDS = (
    "ask", "chat", "answer", "select", "index", "transcript", "screen-text", "chapters", "serve",
    "mcp",
    "demo", "haystack", "enrol", "train", "fetch", "evaluate", "evidence", "compare", "plot",
    "plan", "config", "convert", "lab",
)  # fmt: skip


def test_help_is_quick_and_loads_nothing_heavy():
    code = (
        "import sys; sys.argv = ['ntlbg', '--help']\n"
        "from ntlbg.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(*sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert tuple(re.findall(r"^│ ([a-z][\w-]+)", done.stdout, flags=re.MULTILINE)) == COMMANDS
    heavy = {"torch", "transformers", "av", "numpy", "matplotlib", "PIL", "pydantic", "pandas"}
    assert not heavy & set(done.stderr.split())
    before = processor_seconds()
    ntlbg("--help")
    assert processor_seconds() - before < 0.5


def processor_seconds():
    """Of child processes; unlike the clock on the wall it does not see other work."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_bad_input_is_refused_without_loading_a_model(tmp_path):
    code = (
        "import sys, ntlbg\n"
        "try: ntlbg.ask('missing.mp4', 'Is it red?')\n"
        "except ntlbg.NtlbgError: print(*sorted(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "ntlbg.pipeline" in done.stdout.split()
    assert not {"torch", "transformers"} & set(done.stdout.split())


def test_version():
    assert ntlbg("--version").stdout == f"ntlbg {__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(run, command):
    done = run(command, "--help")
    assert done.exit_code == 0
    assert len(done.stdout) > 200


def test_help_names_selectors_and_models(run):
    for command in ("ask", "select"):
        text = " ".join(run(command, "--help").stdout.replace("│", " ").split())
        assert f"{looking.DEFAULT_SELECTOR} (default)" in text
        assert all(name in text for name in SELECTORS)


def test_defaults_are_those_of_the_library():
    import inspect

    from ntlbg.cli import answering

    for name in ("ask", "select"):
        library = inspect.signature(getattr(pipeline, name)).parameters
        command = inspect.signature(getattr(answering, name)).parameters
        shared = set(library) & set(command) - {"video", "question"}
        assert {"num_frames", "fps", "model", "selector"} <= shared
        for option in shared:
            assert library[option].default == command[option].default, option


def test_answer_then_moments(run, colour_video):
    done = run("ask", colour_video, "Is it red?", "--model", "colours", "--frames", 4)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0] == "red"
    assert lines[1].split() == ["moment", "score", "stands", "for"]
    rows = [line.split() for line in lines if line[:3] == "00:"]
    assert len(rows) == 4
    assert rows == sorted(rows)
    assert any(row[0] in ("00:10", "00:11", "00:12") for row in rows)
    assert "4 of 40 frames, 4 visual tokens, selector ntlbg" in " ".join(lines[-2:])
    assert done.stderr == ""


def test_options_are_shown_with_their_probability(run, colour_video):
    done = run(
        "ask", colour_video, "Is it red?", "--model", "colours", "--option", "blue",
        "--option", "red",
    )  # fmt: skip
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0] == ["red"]
    assert ["blue", "0.10"] in lines
    assert ["red", "0.90"] in lines


def test_json_is_one_object_and_nothing_else(run, colour_video):
    done = run("ask", colour_video, "Is it red?", "--model", "colours", "-k", 500, "--json")
    record = json.loads(done.stdout)
    assert record["text"] == "red"
    assert len(record["evidence"]) == 40
    assert record["notes"] == ["asked for 500 frames, the video gives 40: all of them are used"]


def test_json_is_readable_where_the_terminal_is(run, colour_video):
    options = ("--model", "colours", "-k", 2, "--json")
    done = run("ask", colour_video, "Ist es schön und red?", *options)
    assert '"question": "Ist es schön und red?"' in done.stdout
    code = "from ntlbg.views.console import print_json; print_json({'text': 'schön 😀'})"
    narrow = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=narrow, check=True)
    assert json.loads(done.stdout) == {"text": "schön 😀"}


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are text elsewhere")
def test_names_of_files_that_are_not_utf_8(run, colour_video, tmp_path):
    video = tmp_path / os.fsdecode(b"caf\xe9.mp4")
    shutil.copyfile(colour_video, video)
    out, chosen = tmp_path / "out", ("--model", "colours", "-k", 2)
    done = run(
        "ask", video, "Is it red?", *chosen, "--json", "--evidence", out / "e", "--save-plots",
        out / "p", "--report", out / "report.html",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert Path(json.loads(done.stdout)["video"]) == video
    done = run("select", video, *chosen, "--out", out / "s")
    assert done.exit_code == 0, done.output
    text = (out / "s" / "selection.json").read_text(encoding="utf-8")
    assert Path(json.loads(text)["video"]) == video
    assert run("plot", out / "s" / "seen.safetensors", "--out", out / "again").exit_code == 0


NAMED = """
import sys
from fakes import ColourAnswerer
from ntlbg.cli import main
from ntlbg.encoders import ENCODERS
ENCODERS["builtin"] = lambda: ColourAnswerer().encoder
main()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are text elsewhere")
def test_index_names_files_that_are_not_utf_8(colour_video, tmp_path):
    video = tmp_path / os.fsdecode(b"caf\xe9.mp4")
    shutil.copyfile(colour_video, video)
    here = {"PYTHONPATH": str(Path(__file__).parent), "PYTHONIOENCODING": "utf-8:strict",
            "NTLBG_INDEX": str(tmp_path / "index")}  # fmt: skip
    command = [sys.executable, "-c", NAMED, "index", video]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | here)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("/caf\\udce9.mp4: 40 frames to 00:39, read\n")


def test_notes_go_to_stderr(run, colour_video):
    done = run("ask", colour_video, "Is it red?", "--model", "colours", "-k", 500)
    assert done.exit_code == 0
    assert done.stderr == ("note: asked for 500 frames, the video gives 40: all of them are used\n")


def test_evidence_plots_and_report_are_written(run, colour_video, tmp_path):
    out = tmp_path / "out"
    done = run(
        "ask", colour_video, "Is it red?", "--model", "colours", "-k", 3, "--evidence", out / "e",
        "--save-plots", out / "p", "--report", out / "report.html",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert len(list((out / "e").glob("frame_*.jpg"))) == 3
    plots = [f"{name}.{kind}" for name in ("features", "timeline") for kind in ("png", "svg")]
    written = sorted(path.name for path in (out / "p").iterdir())
    assert written == sorted([*plots, "seen.safetensors"])
    again = run("plot", out / "p" / "seen.safetensors", "--out", out / "again")
    assert again.exit_code == 0, again.output
    assert sorted(path.name for path in (out / "again").iterdir()) == plots
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg;base64,") == 3
    assert [line.split()[0] for line in done.stderr.splitlines()] == ["wrote"] * 7


def test_select_writes_and_lists(run, colour_video, tmp_path):
    done = run("select", colour_video, "--model", "colours", "-k", 5, "--out", tmp_path / "frames")
    assert done.exit_code == 0, done.output
    assert len(list((tmp_path / "frames").glob("frame_*.jpg"))) == 5
    assert (tmp_path / "frames" / "contact_sheet.jpg").is_file()
    assert "5 of 40 frames, selector ntlbg" in done.stdout
    again = run("select", colour_video, "red?", "--model", "colours", "-k", 2, "--json")
    assert len(json.loads(again.stdout)["evidence"]) == 2


def test_index_reads_each_video_once(run, colour_video, tmp_path, monkeypatch):
    from ntlbg.encoders import ENCODERS

    monkeypatch.setitem(ENCODERS, "builtin", lambda: ColourAnswerer().encoder)
    first = run("index", colour_video)
    assert first.stdout == f"{colour_video}: 40 frames to 00:39, read\n"
    second = run("index", colour_video, tmp_path / "missing.mp4")
    assert second.stdout == f"{colour_video}: 40 frames to 00:39, already there\n"
    assert second.stderr.startswith(f"error: {tmp_path / 'missing.mp4'}: no such video")
    assert second.exit_code == 2


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "bmp", "gif"])
def test_a_picture_is_a_video_of_one_frame(run, tmp_path, monkeypatch, ending):
    from ntlbg.encoders import ENCODERS

    encoder = ColourAnswerer().encoder
    monkeypatch.setitem(ENCODERS, "builtin", lambda: encoder)
    picture = tmp_path / f"photo.{ending}"
    Image.new("RGB", (90, 60), COLOURS["red"]).save(picture)
    assert run("index", picture).stdout == f"{picture}: 1 frames to 00:00, read\n"
    assert run("index", picture).stdout == f"{picture}: 1 frames to 00:00, already there\n"
    more = ("--save-plots", tmp_path / "plots", "--report", tmp_path / "report.html")
    done = run("ask", picture, "Is it red?", "--model", "colours", "--json", *more)
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert (answer["text"], answer["notes"]) == ("red", [])
    assert [item["pts_seconds"] for item in answer["evidence"]] == [0.0]
    done = run("select", picture, "--model", "colours", "--out", tmp_path / "frames")
    assert done.exit_code == 0, done.output
    frame = np.asarray(Image.open(tmp_path / "frames" / "frame_000000_00-00.jpg"))
    assert frame.shape == (60, 90, 3)
    assert np.abs(frame.astype(int) - COLOURS["red"]).max() <= 4
    asked = {"video": picture.name, "question": "red?", "answer": "red"}
    (tmp_path / "asked.jsonl").write_text(json.dumps(asked))
    done = run("answer", tmp_path / "asked.jsonl", tmp_path / "a.jsonl", "--model", "colours")
    assert "1 of 1 questions answered" in done.stdout
    assert json.loads((tmp_path / "a.jsonl").read_text())["right"] is True


def test_haystack_makes_videos_and_questions(run, tmp_path):
    done = run("haystack", tmp_path / "h", "--minutes", 0.2, "--videos", 2, "--questions", 3)
    assert done.exit_code == 0, done.output
    paths = [Path(line) for line in done.stdout.splitlines()]
    assert len(paths) == 2
    assert all(path.is_file() for path in paths)
    questions = (tmp_path / "h" / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(questions) == 6


def test_train_passes_its_options_on(run, monkeypatch, tmp_path):
    from ntlbg.train import run as training

    calls = []
    monkeypatch.setattr(training, "run", lambda config, **options: calls.append((config, options)))
    run("train", "--config", "c.json", "--stage", "joint", "--debug", "--seed", "4", "--no-resume")
    more = ("--dry-run", "--fsdp", "--set", "a=1", "--set", "b.c=2")
    run("train", "c.json", "--output", tmp_path, *more)
    expected = {"output_dir": None, "stage": "joint", "debug": True, "dry_run": False, "seed": 4}
    expected |= {"fsdp": False, "resume": False, "overrides": ()}
    assert calls[0] == (Path("c.json"), expected)
    assert calls[1][0] == Path("c.json")
    assert calls[1][1] == {
        "output_dir": tmp_path,
        "overrides": ["a=1", "b.c=2"],
        "stage": None,
        "fsdp": True,
        "seed": None,
        "debug": False,
        "dry_run": True,
        "resume": True,
    }


def test_fetch_tells_where_the_parts_are(run, monkeypatch):
    from ntlbg import downloads as parts
    from ntlbg.models.builtin import base_language_model

    def fetch_parts(*, progress):
        progress("fetching toy==1.0 (1 MB, MIT)")
        return {"toy": Path("/cache/parts/toy/toy.bin")}

    monkeypatch.setattr(parts, "fetch_parts", fetch_parts)
    monkeypatch.setattr(base_language_model, "language_model_folder", lambda: Path("/cache/lm"))
    done = run("fetch")
    assert done.stdout == "toy: /cache/parts/toy/toy.bin\nready to load: /cache/lm\n"
    assert done.stderr == "fetching toy==1.0 (1 MB, MIT)\n"


def test_fetch_of_a_part_by_its_name(run, monkeypatch):
    from ntlbg import downloads as parts

    def fetch_parts(names, *, progress):
        return {name: Path("/cache/parts") / name for name in names}

    monkeypatch.setattr(parts, "fetch_parts", fetch_parts)
    assert run("fetch", "speech").stdout == "speech: /cache/parts/speech\n"


def chosen_times(run, video, *options):
    done = run(
        "select", video, "When is it red?", "--model", "colours", "-k", 2, "--json", *options
    )
    assert done.exit_code == 0, done.output
    return [item["pts_seconds"] for item in json.loads(done.stdout)["evidence"]]


def test_options_of_a_selector_are_reached(run, colour_video):
    sharp = chosen_times(run, colour_video, "--selector", "bolt")
    evenly = ("--selector", "bolt", "--selector-option", "sharpness=0")
    assert chosen_times(run, colour_video, *evenly) != sharp
    cover = ("--selector-option", "mode=global", "--selector-option", "time_weight=5.0")
    assert chosen_times(run, colour_video, *cover) != chosen_times(run, colour_video)


def test_a_switch_of_a_selector_is_written_as_people_write_it():
    given = {"True": True, "False": False, "true": True, "false": False, "1": 1, "yes": "yes"}
    for text, value in given.items():
        read = read_options([f"score_whitening={text}"])["score_whitening"]
        assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["levels=2"], "selector 'ntlbg' has no option 'levels'; it accepts mode, prior"),
        (["mode=best"], "option mode must be one of auto, localized, global; got 'best'"),
        (["quality"], "--selector-option quality: is not NAME=VALUE; write it as in quality=0.3"),
        (["quality=1", "quality=2"], "--selector-option quality=2: was given before"),
        (["quality=1e400"], "option quality must be a number from 0 to 1000000; got inf"),
        (["tilt=NaN"], "option tilt must be a number from 0 to 1000000; got nan"),
        (["score_whitening=yes?"], "option score_whitening must be True or False; got 'yes?'"),
    ],
)
def test_wrong_options_of_a_selector_are_told_in_one_line(run, colour_video, options, message):
    given = [word for option in options for word in ("--selector-option", option)]
    asked = ("select", colour_video, "Is it red?", "--model", "colours")
    done = run(*asked, "--selector", "ntlbg", *given)
    assert_one_error(done)
    assert message in done.stderr


def test_answers_with_other_options_are_other_answers(run, colour_video, tmp_path):
    asked, out = tmp_path / "q.jsonl", tmp_path / "a.jsonl"
    asked.write_text(json.dumps({"video": str(colour_video), "question": "red?"}) + "\n")
    command = ("answer", asked, out, "--model", "colours", "--selector", "aks")
    assert run(*command, "--selector-option", "levels=1").exit_code == 0
    assert json.loads(out.read_text())["settings"]["selector_options"] == {"levels": 1}
    assert run(*command, "--selector-option", "levels=1").exit_code == 0
    other = run(*command)
    assert_one_error(other)
    assert other.stderr.endswith("or ask with --selector-option levels=1\n")


def test_what_an_answer_file_was_made_with_is_said_as_one_types_it(run, colour_video, tmp_path):
    asked, out = tmp_path / "q.jsonl", tmp_path / "a.jsonl"
    asked.write_text(json.dumps({"video": str(colour_video), "question": "red?"}) + "\n")
    command = ("answer", asked, out, "--model", "colours")
    options = ["mode=global", "quality=0.5", "score_whitening=false"]
    given = [word for option in options for word in ("--selector-option", option)]
    assert run(*command, "-k", 3, "--fps", 2, *given).exit_code == 0
    said = run(*command).stderr.rstrip().partition("or ask ")[2]
    assert said.startswith("with --frames 3, with --fps 2.0, with --selector-option mode=global ")
    words = said.replace(", ", " ").replace("with ", "").split()
    assert run(*command, *words).exit_code == 0


def test_help_shows_defaults_that_depend_on_something(run):
    """In brackets they would be taken for a style, and vanish."""
    assert "Default: 16, or as it" in " ".join(
        run("ask", "--help").stdout.replace("│", " ").split()
    )
    texts = [
        parameter.help or ""
        for command in typer.main.get_command(app).commands.values()
        for parameter in command.params
        if parameter.param_type_name == "option"
    ]
    assert len(texts) > 30
    assert not [text for text in texts if "[" in text]
