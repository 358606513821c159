"""No command destroys a file that is not its own."""

import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from commands import assert_one_error
from counter_videos import MeanColourEncoder
from fakes import write_colour_video
from ntlbg.errors import VideoChanged
from ntlbg.index.index_video import index_video
from ntlbg.index.store import FeatureIndex
from ntlbg.video import opening

ASK = ("--model", "colours", "-k", "2")


@pytest.fixture
def questions(tmp_path, colour_video):
    shutil.copy(colour_video, tmp_path / "one.mp4")
    rows = [{"id": "a", "video": "one.mp4", "question": "red?", "answer": "red"}]
    (tmp_path / "q.json").write_text(json.dumps(rows))
    (tmp_path / "q.jsonl").write_text(json.dumps(rows[0]) + "\n")
    return tmp_path


@pytest.mark.parametrize("name", ["q.json", "q.jsonl"])
@pytest.mark.parametrize("through", ["itself", "link", "hard link", "relative"])
def test_answers_do_not_replace_their_questions(run, questions, monkeypatch, name, through):
    file = questions / name
    out = {"itself": file, "relative": f"../{questions.name}/{name}"}.get(through, questions / "o")
    if through == "link":
        out.symlink_to(name)
    if through == "hard link":
        os.link(file, out)
    monkeypatch.chdir(questions)
    before = file.read_bytes()
    done = run("answer", file, out, *ASK)
    assert_one_error(done)
    assert "is an input of this command" in done.stderr
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    "notes",
    [
        b"my notes",
        b"my notes\nof two lines\n",
        b'{"place": "Paris"}',
        b'{"place": 1, "mine": ',
        b'{"mine": 1',
        b"\xff\xfe",
        b"\x00\x00\x00\x18ftypmp42",
        b'{"place": 1, "id": "caf\xc3\xa9',
        b'{"place": ' + b"[" * 100_000,
    ],
)
def test_answers_do_not_replace_notes(run, questions, notes):
    out = questions / "out"
    out.write_bytes(notes)
    done = run("answer", questions / "q.jsonl", out, *ASK)
    assert_one_error(done)
    where = done.stderr.removeprefix(f"error: {out}: not what `ntlbg answer` writes there ")
    assert re.fullmatch(r"\((line 1: .+|its last line)\); choose another place\n", where)
    assert out.read_bytes() == notes


def test_a_strange_line_among_answers_is_counted(run, questions):
    out = questions / "out"
    assert run("answer", questions / "q.jsonl", out, *ASK).exit_code == 0
    number = out.read_bytes().count(b"\n") + 1
    out.write_bytes(out.read_bytes() + b'{"mine": 1}\n')
    done = run("answer", questions / "q.jsonl", out, *ASK)
    assert f"there (line {number}: place is missing); choose another place" in done.stderr


def test_a_torn_answer_is_answered_again_wherever_it_was_torn(run, questions):
    out = questions / "out"
    assert run("answer", questions / "q.jsonl", out, *ASK).exit_code == 0
    whole = out.read_bytes()
    for length in range(0, len(whole), 7):
        out.write_bytes(whole[:length])
        done = run("answer", questions / "q.jsonl", out, *ASK)
        assert done.exit_code == 0, done.output
        assert out.read_bytes() == whole


def test_a_report_does_not_replace_the_film(run, questions):
    film = questions / "one.mp4"
    before = film.read_bytes()
    done = run("ask", film, "Is it red?", *ASK, "--report", film)
    assert_one_error(done)
    assert "is an input of this command" in done.stderr
    done = run("config", "generate", "--output", film)
    assert_one_error(done)
    assert "something else than a configuration" in done.stderr
    assert film.read_bytes() == before


def test_a_report_replaces_an_earlier_report_and_a_configuration_an_earlier_one(run, questions):
    for question in ("Is it red?", "Is it blue?"):
        done = run("ask", questions / "one.mp4", question, *ASK, "--report", questions / "r")
        assert done.exit_code == 0, done.output
    assert "Is it blue?" in (questions / "r").read_text()
    for category in ("long", "very_long"):
        done = run("config", "generate", "--category", category, "--output", questions / "c")
        assert done.exit_code == 0, done.output
    assert json.loads((questions / "c").read_text())["video_config"]["max_frames"] > 0
    own = questions / "mine.json"
    own.write_text('{"model_name": "mine"}')  # by hand: only the keys that differ
    assert_one_error(run("config", "generate", "--output", own))
    assert own.read_text() == '{"model_name": "mine"}'


def test_frames_of_an_earlier_choice_make_way_and_other_pictures_stay(run, questions):
    folder = questions / "frames"
    command = ("select", questions / "one.mp4", "--model", "colours", "--out", folder)
    assert run(*command, "-k", 8).exit_code == 0
    (folder / "frame_holiday.jpg").write_bytes(b"\xff\xd8\xff mine")
    assert run(*command, "-k", 2).exit_code == 0
    assert len(list(folder.glob("frame_0*.jpg"))) == 2
    assert (folder / "frame_holiday.jpg").read_bytes() == b"\xff\xd8\xff mine"
    chosen = json.loads((folder / "selection.json").read_text())["evidence"]
    assert {os.path.basename(item["image"]) for item in chosen} == {
        path.name for path in folder.glob("frame_0*.jpg")
    }


# A film that changes while it is read


class ChangingEncoder(MeanColourEncoder):
    """Does something to the film after some batches."""

    def __init__(self, film, change, after):
        super().__init__()
        self.film, self.change, self.after = film, change, after

    def encode_frames(self, frames):
        self.after -= 1
        if self.after == 0:
            self.change(self.film)
        return super().encode_frames(frames)


def cut(film):
    os.truncate(film, film.stat().st_size // 2)


def append(film):
    with film.open("ab") as file:
        file.write(b"more")


def overwrite(film):
    content = film.read_bytes()
    film.write_bytes(content[::-1])


def replace(film):
    other = film.with_name("other.mp4")
    write_colour_video(other, duration=10)
    os.utime(other, ns=(film.stat().st_atime_ns, film.stat().st_mtime_ns))
    os.replace(other, film)


@pytest.mark.parametrize("change", [cut, append, overwrite, replace])
@pytest.mark.parametrize("after", [1, 9, 10])
def test_features_of_a_film_that_changes_are_not_kept(tmp_path, change, after):
    film, index = tmp_path / "film.mp4", FeatureIndex(tmp_path / "index")
    write_colour_video(film, duration=80)
    kept = film.read_bytes()
    encoder = ChangingEncoder(film, change, after)
    with pytest.raises(VideoChanged, match=r"film\.mp4: changed while it was read.*ask again"):
        index_video(film, [encoder], index=index, fps=4)
    film.write_bytes(kept)  # the old content comes back
    fresh = FeatureIndex(tmp_path / "fresh")
    again = index_video(film, [MeanColourEncoder()], index=index, fps=4)
    right = index_video(film, [MeanColourEncoder()], index=fresh, fps=4)
    name = MeanColourEncoder.name
    assert np.array_equal(again.features[name], right.features[name])
    assert np.array_equal(again.pts_seconds, right.pts_seconds)
    assert again.meta == right.meta


def test_a_film_that_changes_before_its_pictures_are_read_is_not_answered(
    run, questions, monkeypatch
):
    film = questions / "one.mp4"
    assert run("ask", film, "Is it red?", *ASK).exit_code == 0
    monkeypatch.setattr(opening, "file_state", lambda path: (0, 0, 0, 0))  # when asked again
    done = run("ask", film, "Is it red?", *ASK, "--evidence", questions / "e")
    assert_one_error(done)
    assert "changed while it was read" in done.stderr
    assert not (questions / "e").exists()


# What earlier runs left


def test_pictures_without_a_mark_are_left_and_the_error_says_what_to_do(run, questions):
    folder = questions / "frames"
    command = ("select", questions / "one.mp4", "--model", "colours", "--out", folder, "-k", 2)
    assert run(*command).exit_code == 0
    sheet = folder / "contact_sheet.jpg"
    Image.open(sheet).convert("RGB").save(sheet, comment="")  # as before there was a mark
    before = sheet.read_bytes()
    done = run(*command)
    assert_one_error(done)
    assert "contact_sheet.jpg: holds something else" in done.stderr
    assert "choose another place, or remove it first" in done.stderr
    assert sheet.read_bytes() == before


def test_made_videos_are_made_again_and_questions_of_others_stay(run, tmp_path):
    command = ("haystack", tmp_path / "h", "--minutes", 0.1, "--questions", 2)
    for seconds in (0.1, 0.2):
        done = run(*command[:3], seconds, *command[4:])
        assert done.exit_code == 0, done.output
    film, asked = tmp_path / "h/haystack-test-0-000.mp4", tmp_path / "h/questions.jsonl"
    assert opening.open_video(film)[0].duration == pytest.approx(12e6)
    with asked.open("a") as file:
        file.write('{"id": "mine", "video": "a.mp4", "question": "why?", "answer": "so"}\n')
    before = film.read_bytes(), asked.read_bytes()
    assert_one_error(run(*command))
    assert (film.read_bytes(), asked.read_bytes()) == before


def test_only_an_enrolled_object_is_removed(run, tmp_path, monkeypatch):
    monkeypatch.setenv("NTLBG_DATA", str(tmp_path))
    other = tmp_path / "objects" / "red.safetensors"
    other.parent.mkdir()
    other.write_bytes(b"mine")
    done = run("enrol", "--remove", "red")
    assert_one_error(done)
    assert "something else than an enrolled object" in done.stderr
    assert other.read_bytes() == b"mine"


# Two at once

ANSWERING = """
import sys
from fakes import ColourAnswerer
from ntlbg.answer_file import answer_file
class Slow(ColourAnswerer):
    def answer(self, *asked):
        print("answering", flush=True)
        sys.stdin.readline()
        return super().answer(*asked)
answer_file(sys.argv[1], sys.argv[2], model=Slow(), num_frames=2)
"""


def test_one_process_at_a_time_writes_a_file_of_answers(run, questions):
    asked, out = questions / "q.jsonl", questions / "out"
    command = [sys.executable, "-c", ANSWERING, str(asked), str(out)]
    places = os.pathsep.join([os.path.dirname(__file__), *sys.path])
    environment = os.environ | {"PYTHONPATH": places}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, **pipes) as first:
        assert first.stdout.readline() == b"answering\n"
        done = run("answer", asked, out, *ASK)
        assert_one_error(done)
        assert "out: another process is writing it" in done.stderr
        first.communicate(b"\n", timeout=60)
    assert first.returncode == 0
    assert len(out.read_text().splitlines()) == 1
    assert run("answer", asked, out, *ASK).exit_code == 0
    assert len(out.read_text().splitlines()) == 1
