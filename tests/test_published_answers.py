"""``ntlbg answer`` on benchmarks' files as they are published, and where their videos lie."""

import json
import shutil

import pytest

from commands import assert_one_error
from fakes import ColourAnswerer
from ntlbg.answer_file import answer_file
from ntlbg.errors import DataError
from ntlbg.index.store import FeatureIndex
from published_files import (
    LONGVIDEOBENCH,
    LVBENCH,
    MLVU,
    MLVU_OPEN,
    VIDEOMME,
    as_lines,
    as_list,
)

# how each is written, and where its film lies, below the folder of the questions or of the videos
PUBLISHED = {
    "LongVideoBench": (as_list, "lvb_val.json", LONGVIDEOBENCH, "videos/86Cx.mp4"),
    "Video-MME": (as_lines, "test.jsonl", VIDEOMME, "data/fFjv.mp4"),
    "MLVU": (as_list, "1_plotQA.json", MLVU, "video/count_126.mp4"),
    "MLVU, open": (as_list, "8_sub_scene.json", MLVU_OPEN, "count_126.mp4"),
    "LVBench": (as_lines, "video_info.meta.jsonl", LVBENCH, "Cm73.mkv"),
}
# of what each counts by; the first question is answered rightly, the second is not
CATEGORIES = {
    "LongVideoBench": {
        "question_category": {"S2E": (1, 0.0), "T2A": (1, 1.0)},
        "duration_group": {"15": (1, 1.0), "600": (1, 0.0)},
    },
    "Video-MME": {
        "task_type": {"Attribute Perception": (1, 1.0), "Counting Problem": (1, 0.0)},
        "duration_group": {"short": (2, 0.5)},
    },
    "MLVU": {"question_type": {"count": (1, 0.0), "plotQA": (1, 1.0)}},
    "MLVU, open": {"question_type": {"subPlot": (1, 1.0), "summary": (1, 0.0)}},
    "LVBench": {
        "question_type": {"entity recognition": (1, 0.0), "key information retrieval": (2, 0.5)}
    },
}


def placed(folder, name, film, *, videos=None):
    """The file of questions in a folder, with the film where the benchmark has it."""
    write, file, records, place = PUBLISHED[name]
    folder.mkdir(exist_ok=True)
    target = (videos or folder) / place
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(film, target)
    return write(folder / file, records)


def answers(tmp_path, questions, **options):
    return answer_file(
        questions, tmp_path / "answers.jsonl", model=ColourAnswerer(), num_frames=8,
        index=FeatureIndex(tmp_path / "index"), **options,
    )  # fmt: skip


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def shares(found):
    return {name: (share.n, share.right) for name, share in found.items()}


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("name", PUBLISHED)
def test_questions_are_answered_and_counted_as_they_are_published(
    name, elsewhere, tmp_path, colour_video
):
    videos = tmp_path / "films" if elsewhere else None
    questions = placed(tmp_path / "set", name, colour_video, videos=videos)
    summary = answers(tmp_path, questions, videos=videos)
    assert (summary.questions, summary.answered, summary.failed) == (2, 2, [])
    rows = lines(tmp_path / "answers.jsonl")
    assert [row["answer"] for row in rows] == ["red", "blue"]
    assert [row["right"] for row in rows] == [True, False]
    assert shares(summary.right) == {"all": (2, 0.5)}
    assert {key: shares(found) for key, found in summary.categories.items()} == CATEGORIES[name]


def test_evidence_of_lvbench_is_looked_for_among_the_frames(tmp_path, colour_video):
    questions = placed(tmp_path / "set", "LVBench", colour_video)
    assert answers(tmp_path, questions).seen == 0.5  # 1:05:00 is past the end of the film
    rows = lines(tmp_path / "answers.jsonl")
    assert [row["seen"] for row in rows] == [True, False]
    assert [row["id"] for row in rows] == ["55", "56"]


def test_the_command_tells_shares_by_category(tmp_path, colour_video, run):
    questions = placed(tmp_path / "set", "LongVideoBench", colour_video, videos=tmp_path / "films")
    out = tmp_path / "out.jsonl"
    words = (
        "answer",
        questions,
        out,
        "--videos",
        tmp_path / "films",
        "--model",
        "colours",
        "-k",
        8,
    )
    done = run(*words)
    assert done.exit_code == 0, done.output
    assert [line.split(" | ")[:3] for line in done.stdout.splitlines()[2:7]] == [
        ["| all", "2", "0.500"],
        ["| question_category: S2E", "1", "0.000"],
        ["| question_category: T2A", "1", "1.000"],
        ["| duration_group: 15", "1", "1.000"],
        ["| duration_group: 600", "1", "0.000"],
    ]
    categories = json.loads(run(*words, "--json").stdout)["categories"]
    assert {
        key: {name: (share["n"], share["right"]) for name, share in found.items()}
        for key, found in categories.items()
    } == CATEGORIES["LongVideoBench"]
    assert_one_error(run(*words[:3], "--videos", tmp_path / "none", "--model", "colours"))


def test_lengths_are_in_their_order(tmp_path, colour_video):
    questions = placed(tmp_path / "set", "LongVideoBench", colour_video)
    groups = (3600, 15, 600, 60)
    as_list(questions, [
        LONGVIDEOBENCH[0] | {"id": str(group), "duration_group": group} for group in groups
    ])  # fmt: skip
    found = answers(tmp_path, questions).categories["duration_group"]
    assert list(found) == ["15", "60", "600", "3600"]


def test_a_question_that_is_published_broken_is_left_out_and_told(tmp_path, colour_video, run):
    questions = placed(tmp_path / "set", "MLVU", colour_video)
    as_list(questions, [MLVU[0], MLVU[1] | {"answer": "12"}, MLVU[1]])
    summary = answers(tmp_path, questions)
    assert (summary.questions, summary.answered) == (3, 2)
    (reason,) = summary.failed
    assert reason.startswith(f"question 2: {questions}:2: record: ")
    assert [row["place"] for row in lines(tmp_path / "answers.jsonl")] == [1, 3]
    assert answers(tmp_path, questions) == summary  # it is passed over again, the others are kept
    done = run("answer", questions, tmp_path / "other.jsonl", "--model", "colours", "-k", 8)
    assert (done.exit_code, done.stderr.count("error: question 2: ")) == (2, 1)
    as_list(questions, [MLVU[1] | {"answer": "12"}] * 2)
    with pytest.raises(DataError, match=r"1_plotQA\.json:1: record: .*'12' is not one of"):
        answers(tmp_path, questions)


def test_a_video_that_is_nowhere_is_told_with_what_to_do(tmp_path, colour_video):
    questions = placed(tmp_path / "set", "Video-MME", colour_video)
    (tmp_path / "set/data/fFjv.mp4").rename(tmp_path / "set/data/other.mp4")
    summary = answers(tmp_path, questions)
    assert summary.answered == 0
    told = f"question 1: {tmp_path / 'set/fFjv'}: no such video, with no ending of a video and in"
    assert summary.failed[0].startswith(told)
    assert "name the folder of the videos (--videos)" in summary.failed[0]
    with pytest.raises(DataError, match=r"videos: got '.*gone'; there is no such folder"):
        answers(tmp_path, questions, videos=tmp_path / "gone")
