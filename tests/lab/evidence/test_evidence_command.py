"""``ntlbg evidence``: what it prints, and what it refuses."""

import json

import pytest
from typer.testing import CliRunner

from ntlbg.cli import app


@pytest.fixture
def files(tmp_path):
    """60 LongVideoBench-like questions, one malformed, and a list of their true frames at 30."""
    records, lines = [], []
    for number in range(60):
        second = 20.0 + 29 * number
        records.append({"id": f"v{number}_0", "video_id": f"v{number}", "duration": 1800.0,
                        "position": [round(24 * second)]})  # fmt: skip
        lines.append(json.dumps({"id": f"v{number}_0", "frames": [round(30 * second)], "fps": 30}))
    records[7]["position"] = [61388250]
    (tmp_path / "lvb_val.json").write_text(json.dumps(records))
    (tmp_path / "true-30.jsonl").write_text("\n".join(lines))
    return tmp_path


def evidence(*arguments):
    return CliRunner().invoke(app, ["evidence", *map(str, arguments)])


def test_tables_for_people(files):
    done = evidence(files / "lvb_val.json", files / "true-30.jsonl", "--uniform", 8,
                    "--format", "longvideobench")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "| true-30 | 1 | 100.0 (100 to 100) |" in done.stdout
    assert "| uniform-8 | 8 |" in done.stdout
    assert "59 questions about 59 videos" in done.stdout
    assert done.stderr == "note: v7_0 is left out: evidence past the end of the video\n"


def test_json_for_programs(files):
    done = evidence(files / "lvb_val.json", files / "true-30.jsonl", "--uniform", 8, "--json",
                    "--format", "longvideobench", "--tolerance", 0.5)  # fmt: skip
    report = json.loads(done.stdout)
    assert {recall["tolerance"] for recall in report["recalls"]} == {0.5}
    shares = {r["selection"]: r["share"] for r in report["recalls"] if r["mode"] == "any"}
    assert shares["true-30"] == 1
    assert shares["uniform-8"] < 0.1
    assert [item["id"] for item in report["left_out"]] == ["v7_0"]
    assert report["contrasts"][0]["p"] < 1e-9


def test_only_long_videos(files):
    records = json.loads((files / "lvb_val.json").read_text())
    for record in records[30:]:
        record["duration"] = 4000.0
    (files / "lvb_val.json").write_text(json.dumps(records))
    done = evidence(files / "lvb_val.json", "--uniform", 8, "--format", "longvideobench",
                    "--longer-than", 3000)  # fmt: skip
    assert "30 questions about 30 videos" in done.stdout


def test_lists_of_frames_need_a_rate(files):
    path = files / "nameless.jsonl"
    path.write_text('{"id": "v0_0", "frames": [600]}')
    arguments = (files / "lvb_val.json", path, "--format", "longvideobench")
    done = evidence(*arguments)
    assert done.exit_code == 2
    assert "unknown rate" in done.stderr
    done = evidence(*arguments, "--fps", 30)
    assert done.exit_code == 0
    assert "note: 58 questions are not in every list" in done.stderr


def test_nothing_to_judge_is_said(files):
    done = evidence(files / "lvb_val.json", "--format", "longvideobench")
    assert done.exit_code == 2
    assert done.stderr.endswith("error: nothing to judge: name files of selected moments, or give "
                                "--uniform\n")  # fmt: skip


def test_two_lists_of_one_name_are_refused(files):
    done = evidence(files / "lvb_val.json", files / "true-30.jsonl", files / "true-30.jsonl",
                    "--format", "longvideobench")  # fmt: skip
    assert "two lists are called 'true-30'" in done.stderr
