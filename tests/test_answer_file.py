"""A file of questions becomes a file of answers; what is there is not asked again."""

import json
import shutil

import pytest

from commands import assert_one_error
from fakes import ColourAnswerer
from ntlbg import answer_file as module
from ntlbg.answer_file import Summary, answer_file
from ntlbg.errors import ConfigError, DataError
from ntlbg.index.store import FeatureIndex
from ntlbg.pipeline import ask
from ntlbg_lab.evidence.recall import read_selections

QUESTIONS = [
    {"id": "a", "video": "one.mp4", "question": "red?", "answer": "The Red.",
     "answer_type": "colour", "evidence": [[10, 13]]},
    {"id": "b", "video": "one.mp4", "question": "blue?", "answer": "green",
     "options": ["green", "blue"], "answer_type": "colour"},
    {"id": "c", "video": "two.mp4", "question": "blue?", "answer": "00:25", "answer_type": "when",
     "evidence": [[25, 27]]},
    {"id": "d", "video": "two", "question": "red?"},
]  # fmt: skip


class Answerer(ColourAnswerer):
    """Says when something blue is there."""

    def answer(self, question, given):
        reply = super().answer(question, given)
        if question.text != "blue?" or question.options:
            return reply
        return type(reply)("00:30", None, reply.visual_tokens)


@pytest.fixture
def folder(tmp_path, colour_video):
    data = tmp_path / "data"
    (data / "videos").mkdir(parents=True)
    shutil.copy(colour_video, data / "one.mp4")
    shutil.copy(colour_video, data / "videos/two.mp4")
    write(data, QUESTIONS)
    return data


def write(folder, questions):
    lines = "".join(json.dumps(question) + "\n" for question in questions)
    (folder / "questions.jsonl").write_text(lines)


def answers(folder, out, answerer=None, **options):
    index = FeatureIndex(folder.parent / "index")
    return answer_file(folder, out, model=answerer or Answerer(), index=index, **options)


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_answers_are_judged_where_the_truth_is_known(folder, tmp_path):
    calls, answerer = [], Answerer()
    out = tmp_path / "new/answers.jsonl"
    summary = answers(folder, out, answerer, num_frames=8, progress=lambda *c: calls.append(c))
    assert answerer.encoder.encoded == 40  # two files of the same content are encoded once
    rows = lines(out)
    assert [row["answer"] for row in rows] == ["red", "blue", "00:30", "red"]
    # "The Red." but for article and stop; 3 seconds after the blue, of 5
    assert [row["right"] for row in rows] == [True, False, True, None]
    assert [row["seen"] for row in rows] == [True, None, True, None]
    assert rows[1]["option_scores"] == [pytest.approx(0.1), 0.9]
    assert all(len(row["pts_seconds"]) == len(row["scores"]) == 8 for row in rows)
    shares = {name: (share.n, share.right) for name, share in summary.right.items()}
    assert shares == {"all": (3, 2 / 3), "colour": (2, 0.5), "when": (1, 1.0)}
    assert (summary.questions, summary.answered, summary.seen, summary.failed) == (4, 4, 1.0, [])
    # two videos: one of two right, one of one; a single video says nothing about others
    assert summary.right["all"].interval == (0.5, 1.0)
    assert summary.right["when"].interval is None
    assert calls == [(n, n / 4) for n in (1, 2, 3, 4)]
    times = read_selections(out)
    assert times["a"] == rows[0]["pts_seconds"]
    assert set(times) == {"a", "b", "c", "d"}


def test_answers_are_those_of_asking_one_by_one(folder, tmp_path):
    out, index = tmp_path / "answers.jsonl", FeatureIndex(tmp_path / "its-own")
    how = {"num_frames": 5, "fps": 2.0, "selector": "uniform", "max_frames": 30}
    answer_file(folder, out, model=Answerer(), index=index, **how)
    kept = FeatureIndex(tmp_path / "its-own")
    for row, question in zip(lines(out), QUESTIONS, strict=True):
        video = folder / ("one.mp4" if question["video"] == "one.mp4" else "videos/two.mp4")
        answerer = Answerer()
        answer = ask(
            video, question["question"], options=question.get("options"), model=answerer,
            index=kept, **how,
        )  # fmt: skip
        assert answerer.encoder.encoded == 0
        assert row["answer"] == answer.text
        assert row["pts_seconds"] == [item.pts_seconds for item in answer.evidence]
        assert row["settings"].items() >= how.items()


def test_nothing_is_asked_twice(folder, tmp_path):
    out = tmp_path / "answers.jsonl"
    first = answers(folder, out)
    whole = out.read_bytes()
    again = Answerer()
    assert answers(folder, out, again) == first
    assert (again.inputs, again.encoder.encoded, out.read_bytes()) == ([], 0, whole)
    # killed in the middle of the third line
    out.write_bytes(b"\n".join(whole.split(b"\n")[:2]) + b"\n" + whole.split(b"\n")[2][:40])
    again = Answerer()
    assert answers(folder, out, again) == first
    assert (len(again.inputs), out.read_bytes()) == (2, whole)


def test_a_video_that_cannot_be_read_is_left_for_the_next_run(folder, tmp_path):
    out = tmp_path / "answers.jsonl"
    (folder / "one.mp4").rename(folder / "hidden")
    summary = answers(folder, out)
    assert [row["place"] for row in lines(out)] == [3, 4]
    assert [text.partition(":")[0] for text in summary.failed] == ["question 1", "question 2"]
    assert "one.mp4: no such video" in summary.failed[0]
    assert summary.answered == 2
    (folder / "hidden").rename(folder / "one.mp4")
    summary = answers(folder, out)
    assert (summary.failed, summary.answered) == ([], 4)
    assert sorted(row["place"] for row in lines(out)) == [1, 2, 3, 4]


def test_names_and_texts_that_cannot_be_used_fail_alone(folder, tmp_path):
    odd = [{"video": "x" * 5000, "question": "red?"}, {"video": "ONE", "question": "red?"},
           {"video": "both", "question": "red?"}]  # fmt: skip
    for ending in ("mp4", "mkv"):
        shutil.copy(folder / "one.mp4", folder / f"both.{ending}")
    write(folder, odd)
    summary = answers(folder, tmp_path / "out")
    assert [row["video"] for row in lines(tmp_path / "out")] == ["ONE"]
    assert "question 1: " in summary.failed[0]
    assert "File name too long" in summary.failed[0]
    assert "question 3: both: 2 files fit: " in summary.failed[1]


def test_options_that_cannot_be_used_fail_alone(folder, tmp_path):
    write(folder, [QUESTIONS[0] | {"options": ["The Red."]}, QUESTIONS[3]])
    summary = answers(folder, tmp_path / "answers.jsonl")
    assert summary.answered == 1
    assert "at least two" in summary.failed[0]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"num_frames": 4}, "choose another file, or ask with --frames 16$"),
        ({"selector": "uniform", "fps": 2.0}, r"ask with --fps 1.0, with --selector ntlbg$"),
        (
            {"selector_options": {"quality": 0.5}, "max_frames": 30},
            "ask without --max-frames, without --selector-option$",
        ),
    ],
)
def test_other_settings_need_another_file(folder, tmp_path, change, told):
    out = tmp_path / "answers.jsonl"
    answers(folder, out)
    with pytest.raises(ConfigError, match=told):
        answers(folder, out, **change)


def test_other_weights_need_another_file(folder, tmp_path):
    out, other = tmp_path / "answers.jsonl", Answerer()
    answers(folder, out)
    other.fingerprint = "colour-2"
    with pytest.raises(ConfigError, match=r"or ask with the weights of then$"):
        answers(folder, out, other)


def test_a_model_by_another_name_is_the_same_model(folder, tmp_path):
    out, renamed = tmp_path / "answers.jsonl", Answerer()
    answers(folder, out)
    renamed.name = "moved"
    assert answers(folder, out, renamed).answered == len(QUESTIONS)
    assert renamed.inputs == []


def test_other_questions_need_another_file(folder, tmp_path):
    out = tmp_path / "answers.jsonl"
    answers(folder, out)
    for changed in (QUESTIONS[::-1], QUESTIONS[:2], [QUESTIONS[0] | {"question": "why?"}]):
        write(folder, changed)
        with pytest.raises(ConfigError, match=r"not question \d of this file"):
            answers(folder, out)
    write(folder, [*QUESTIONS, QUESTIONS[3] | {"id": "e"}])  # more questions are welcome
    assert answers(folder, out).answered == 5
    write(folder, [])
    with pytest.raises(DataError, match="holds no question"):
        answers(folder, out)
    out.write_text('{"place": 1}\n')
    write(folder, QUESTIONS)
    with pytest.raises(DataError, match="not what `ntlbg answer` writes there"):
        answers(folder, out)


def test_without_a_known_answer_there_is_nothing_to_count(folder, tmp_path):
    write(folder, [QUESTIONS[3]])
    summary = answers(folder, tmp_path / "answers.jsonl")
    assert summary == Summary(1, 1, [], {}, None)
    assert summary.as_markdown() == "1 of 1 questions answered"


def test_where_nothing_could_be_asked_nothing_was_written(folder, tmp_path, run):
    out = tmp_path / "answers.jsonl"
    write(folder, [QUESTIONS[0] | {"video": "missing.mp4"}])
    done = run("answer", folder, out, "--model", "colours")
    assert done.exit_code == 2
    assert not out.exists()
    assert "wrote" not in done.stderr


def test_the_command_prints_shares_and_says_what_failed(folder, tmp_path, run):
    out = tmp_path / "answers.jsonl"
    done = run("answer", folder, out, "--model", "colours", "-k", 8)
    assert done.exit_code == 0, done.output
    assert "| all | 3 | 0.333 | 0.00 to 0.50 |" in done.stdout
    assert "4 of 4 questions answered, all evidence read for 1.00 of those" in done.stdout
    assert done.stderr == f"wrote {out}\n"
    (folder / "one.mp4").unlink()
    other = tmp_path / "other.jsonl"
    done = run("answer", folder, other, "--model", "colours", "--json")
    assert done.exit_code == 2
    assert json.loads(done.stdout)["answered"] == 2
    assert done.stderr.count("error: question") == 2
    assert_one_error(run("answer", folder, out, "--model", "colours", "-k", 9))
    assert_one_error(run("answer", tmp_path / "nowhere", out, "--model", "colours"))


def test_types_are_in_order_and_all_comes_first(folder, tmp_path):
    write(folder, [QUESTIONS[2], QUESTIONS[0]])
    summary = answers(folder, tmp_path / "answers.jsonl")
    assert list(summary.right) == [module.ALL, "colour", "when"]


def test_a_type_with_the_name_of_the_total_is_not_counted_twice(folder, tmp_path):
    write(folder, [QUESTIONS[0] | {"answer_type": module.ALL}, QUESTIONS[2]])
    summary = answers(folder, tmp_path / "answers.jsonl")
    assert {name: share.n for name, share in summary.right.items()} == {"all": 2, "when": 1}
