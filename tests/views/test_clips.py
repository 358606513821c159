"""Which stretches are cut out of a film, and how they get into a folder."""

import csv
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from clip_answers import answer_about, joined, moment, quotation, shown
from commands import assert_one_error
from counter_videos import packet_places, write_video
from fakes import made_answer
from ntlbg import write_clips
from ntlbg.errors import ConfigError, OutputError, VideoChanged
from ntlbg.types import SelectedFrames
from ntlbg.views.clips.spans import REACH_SECONDS, spans_of
from processes import python, started

X264_LONG = {"x264-params": "keyint=250:bframes=3"}


def test_what_is_near_is_one_clip_and_what_covers_the_film_is_shown_around_its_frame():
    answer = made_answer()
    moments = [moment(10, 12, score=0.5), moment(13, 14, score=2.0), moment(0, 900, at=300.0)]
    quoted = [quotation("Seeds\ncost $420.", 18.5, 19.5)]
    spans = spans_of(replace(answer, evidence=moments, quotations=quoted), 2.0, 305.0)
    assert [(span.start, span.end) for span in spans] == [(8, 21.5), (300 - REACH_SECONDS - 2, 305)]
    assert spans[0].score == 2.0
    assert spans[0].quoted == ("Seeds cost $420.",)
    apart = replace(answer, evidence=[moment(10), moment(11), moment(12.9)], quotations=[])
    assert [span.start for span in spans_of(apart, 0.0, 305.0)] == [10, 11, 12.9]


def test_frames_that_the_model_marks_are_the_moments():
    marked = replace(moment(40), supports=True)
    evidence = [replace(moment(10), supports=False), marked]
    answer = replace(made_answer(), evidence=evidence, quotations=[quotation("x", 90, 92)])
    assert [span.start for span in spans_of(answer, 0.0, 305.0)] == [40, 90]
    nothing = replace(answer, evidence=[replace(one, supports=False) for one in evidence])
    assert [span.start for span in spans_of(nothing, 0.0, 305.0)] == [10, 40, 90]


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("film") / "My film 2024.mp4"
    return write_video(path, count=400, options=X264_LONG)


def test_names_tables_and_lists(film, tmp_path):
    moments = [moment(2.0, score=None), moment(4.0, score=3.5), moment(10.0, 11.0, score=None)]
    said = [quotation('He said: "go", twice', 10.0, 10.4)]
    result = write_clips(answer_about(film, *moments, quotations=said), tmp_path, seconds=0.5)
    names = ["01_00-00-01.mp4", "02_00-00-03.mp4", "03_00-00-09.mp4"]
    assert sorted(os.listdir(tmp_path)) == [*names, "clips.csv", "clips.edl"]
    with (tmp_path / "clips.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == names == [clip.file for clip in result.clips]
    assert [row["score"] for row in rows] == ["", "3.5000", ""]
    assert [row["quoted"] for row in rows] == ["", "", 'He said: "go", twice']
    for row, clip in zip(rows, result.clips):
        start, end, length = (
            float(row[f"{name}_seconds"]) for name in ("start", "end", "duration")
        )
        assert (start, end) == (clip.start_seconds, clip.end_seconds)
        assert length == pytest.approx(end - start)
        assert len(shown(tmp_path / clip.file)) == pytest.approx(25 * length)
    assert result.notes == []


def test_a_selection_is_cut_too(film, tmp_path):
    answer = answer_about(film, moment(3.0))
    chosen = SelectedFrames(film, None, "ntlbg", answer.evidence, {}, context=answer.context)
    assert len(write_clips(chosen, tmp_path).clips) == 1


def test_progress_is_told_for_every_picture(film, tmp_path):
    told = []
    result = write_clips(
        answer_about(film, moment(2.0), moment(8.0)), tmp_path, seconds=0.2,
        progress=lambda done, share: told.append((done, share)),
    )  # fmt: skip
    total = sum(len(shown(tmp_path / clip.file)) for clip in result.clips)
    assert told == [(done, done / total) for done in range(1, total + 1)]


def test_a_later_answer_takes_the_place_of_an_earlier_one(film, tmp_path):
    write_clips(answer_about(film, moment(2.0), moment(8.0), moment(12.0)), tmp_path)
    (tmp_path / "04_00-00-00.mp4.txt").write_text("mine")
    write_clips(answer_about(film, moment(9.0)), tmp_path)
    names = ["01_00-00-06.mp4", "04_00-00-00.mp4.txt", "clips.csv", "clips.edl"]
    assert sorted(os.listdir(tmp_path)) == names


@pytest.mark.parametrize("name", ["01_00-00-06.mp4", "07_12-34-56.mp4", "clips.edl", "clips.csv"])
def test_what_somebody_else_made_is_not_replaced(film, tmp_path, name):
    mine = film.read_bytes() if name.endswith(".mp4") else b"TITLE: mine\n"
    (tmp_path / name).write_bytes(mine)
    with pytest.raises(OutputError, match="holds something else"):
        write_clips(answer_about(film, moment(9.0)), tmp_path)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [mine]


def test_pictures_and_nonsense_are_refused(film, tmp_path):
    Image.new("RGB", (40, 40), "red").save(tmp_path / "red.png")
    with pytest.raises(ConfigError, match="is a picture, of which there are no clips"):
        write_clips(answer_about(tmp_path / "red.png", moment(0.0)), tmp_path / "out")
    for seconds in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="give 0 or more"):
            write_clips(answer_about(film, moment(1.0)), tmp_path / "out", seconds=seconds)
    assert not (tmp_path / "out").exists()


def test_a_film_that_changes_meanwhile_leaves_nothing(film, tmp_path):
    mine = tmp_path / "film.mp4"
    mine.write_bytes(film.read_bytes())
    with pytest.raises(VideoChanged):
        write_clips(
            answer_about(mine, moment(3.0)), tmp_path / "out", progress=lambda *_: mine.touch()
        )
    assert not (tmp_path / "out").exists()


def test_damage_is_told_and_the_rest_is_cut(tmp_path):
    regular = {"x264-params": "keyint=25:min-keyint=25:scenecut=0:bframes=0"}
    film = write_video(tmp_path / "film.mp4", options=regular)
    content = bytearray(film.read_bytes())
    place, size, _ = packet_places(film)[40]
    content[place : place + size] = b"\xff" * size
    film.write_bytes(content)
    result = write_clips(answer_about(film, moment(1.0, 2.2)), tmp_path / "out", seconds=0)
    assert any("damaged" in note for note in result.notes)
    [clip] = result.clips
    pictures = shown(tmp_path / "out" / clip.file)
    assert len(pictures) == 29  # the one that is damaged is left out
    assert pictures[:15] == [(40 * number, 25 + number) for number in range(15)]
    assert pictures[-5:] == [(40 * number, 25 + number) for number in range(25, 30)]


def test_a_cover_is_no_film_and_gets_no_clip(tmp_path, film):
    picture = write_video(tmp_path / "picture.mov", codec="mjpeg", pixels="yuvj420p", count=1)
    with_cover = joined(tmp_path / "cover-and-film.mp4", picture, film)
    [clip] = write_clips(answer_about(with_cover, moment(4.0)), tmp_path / "o", seconds=0.2).clips
    assert [number for _, number in shown(tmp_path / "o" / clip.file)] == list(range(95, 105))


CUTTING = """
import signal, sys, time
from clip_answers import answer_about, moment
from pathlib import Path
from ntlbg import write_clips
def told(done, share):
    if done == 40:
        print("cutting", flush=True)
        time.sleep(600)
film, out = map(Path, sys.argv[1:])
write_clips(answer_about(film, moment(2.0), moment(12.0)), out, seconds=0.6, progress=told)
"""


def test_a_killed_run_leaves_no_part_of_a_clip(film, tmp_path):
    here = Path(__file__).parent
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(here), str(here.parent), *sys.path])
    }
    out = tmp_path / "out"
    command = python("-c", CUTTING, film, out)
    with started(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "cutting\n"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert [name for name in os.listdir(out) if not name.startswith(".ntlbg-stage-")] == []
    write_clips(answer_about(film, moment(2.0)), out)  # and what is left goes
    assert sorted(os.listdir(out)) == ["01_00-00-00.mp4", "clips.csv", "clips.edl"]


def test_a_full_disk_is_told_in_one_line(film, tmp_path):
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from clip_answers import answer_about, moment\n"
        "from ntlbg import write_clips\n"
        "from ntlbg.errors import OutputError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))\n"
        "try: write_clips(answer_about(Path(sys.argv[1]), moment(2.0)), sys.argv[2])\n"
        "except OutputError as error: print(error)\n"
    )
    here = Path(__file__).parent
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(here), str(here.parent), *sys.path])
    }
    out = tmp_path / "out"
    done = subprocess.run(
        python("-c", code, film, out), env=environment, capture_output=True, text=True
    )
    assert done.stdout == f"{out}: cannot be written (File too large); choose another folder\n"
    assert not out.exists()


def test_ask_and_select_cut_clips(run, colour_video, tmp_path):
    chosen = [colour_video, "Is it red?", "--model", "colours", "-k", 2]
    done = run("ask", *chosen, "--clips", tmp_path / "a", "--clip-seconds", "0.5", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["text"] == "red"
    clips = sorted((tmp_path / "a").glob("*.mp4"))
    assert clips
    assert all(f"wrote {clip}" in done.stderr for clip in clips)
    assert run("select", *chosen, "--clips", tmp_path / "s").exit_code == 0
    assert sorted((tmp_path / "s").glob("*.mp4"))


def test_wrong_use_ends_in_one_line_before_the_film_is_read(run, colour_video, tmp_path):
    chosen = ["ask", colour_video, "Is it red?", "--model", "colours"]
    done = run(*chosen, "--clip-seconds", "2")
    assert_one_error(done)
    assert "--clip-seconds is about --clips" in done.stderr
    for seconds in ("nan", "-1", "inf"):
        assert_one_error(run(*chosen, "--clips", tmp_path, "--clip-seconds", seconds))
    assert not (tmp_path / "index").exists()
