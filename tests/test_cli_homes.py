"""``~`` where a shell leaves it."""

import json
import shutil

import pytest

from ntlbg.downloads import cache_root, index_root
from ntlbg.models.builtin.enrolment import enrolment_folder


@pytest.fixture
def home(tmp_path, colour_video, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(colour_video, home / "film.mp4")
    question = {"video": "film.mp4", "question": "red?"}
    (home / "q.jsonl").write_text(json.dumps(question) + "\n")
    (home / "film.srt").write_text("1\n00:00:01,000 --> 00:00:03,000\nhello\n")
    monkeypatch.setenv("HOME", str(home))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    yield home
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.parametrize(
    ("command", "made"),
    [
        (
            "ask ~/film.mp4 ~/red? --model colours --report=~/r.html --subtitles=~/film.srt",
            "r.html",
        ),
        ("ask ~/film.mp4 red? --model colours --evidence=~/e --save-plots=~/p", "e"),
        ("select ~/film.mp4 --model colours --out=~/s", "s"),
        ("ask ~/film.mp4 red? --model colours -k 2 --clips=~/c", "c/clips.edl"),
        ("answer ~/q.jsonl ~/out --videos=~ --model colours", "out"),
        ("config generate --output=~/c.json", "c.json"),
        ("config generate --experiment sota_comparison --output=~/c", "c"),
        ("haystack ~/h --minutes 0.1 --questions 2", "h"),
    ],
)
def test_every_path_may_begin_with_the_users_folder(run, home, command, made):
    done = run(*command.split())
    assert done.exit_code == 0, done.output
    assert (home / made).exists()


@pytest.mark.parametrize(
    "command",
    ["ask ~/film.mp4 red? --model=~/m", "ask ~/film.mp4 red? --model colours --encoder=~/m"],
)
def test_names_may_be_folders_of_the_user(run, home, command):
    done = run(*command.split())
    assert done.exit_code == 2
    assert f"{home}/m" in done.stderr


def test_what_is_no_path_stays_as_it_is(run, home):
    ask = ("ask", "~/film.mp4", "~/?", "--model", "colours", "--json")
    done = run(*ask, "--option", "~/a", "--option", "~/b")
    assert json.loads(done.stdout)["question"] == "~/?"
    assert json.loads(done.stdout)["options"] == ["~/a", "~/b"]


def test_variables_of_the_environment_too(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("CACHE", "INDEX", "DATA"):
        monkeypatch.setenv(f"NTLBG_{name}", "~/x")
    assert cache_root() == index_root() == tmp_path / "x"
    assert enrolment_folder() == tmp_path / "x" / "objects"
