"""Five data sets' annotations as seconds; no unit is ever guessed."""

import json

import numpy as np
import pytest

from ntlbg.errors import DataError
from ntlbg_lab.evidence.annotations import FORMATS, frames_to_seconds, read_annotations
from published_files import LVBENCH, as_lines

NATIVE_RATES = (23.976, 25.0, 29.97, 30.0)


def write(path, records, *, lines=False):
    text = "\n".join(map(json.dumps, records)) if lines else json.dumps(records)
    path.write_text(text, encoding="utf-8")
    return path


def long_video_bench(number, *, true_seconds, duration=1800.0):
    """What the data set holds for evidence at these times, whatever the file's rate."""
    return {
        "id": f"video{number}_0",
        "video_id": f"video{number}",
        "position": [round(second * 24.0) for second in true_seconds],
        "duration": duration,
        "question_category": "T2E",
        "question": "What is shown?",
        "candidates": ["a", "b"],
        "correct_choice": 0,
    }


@pytest.mark.parametrize("native", NATIVE_RATES)
def test_longvideobench_positions_are_frames_at_24_whatever_the_file(tmp_path, native):
    true_seconds = [12.5, 900.0, 1799.0]
    record = long_video_bench(0, true_seconds=true_seconds) | {"fps": native}
    path = write(tmp_path / "lvb_val.json", [record])
    (annotation,) = read_annotations(path, "longvideobench").records
    times = [start for start, end in annotation.evidence if start == end]
    assert times == pytest.approx(true_seconds, abs=0.5 / 24)
    if native > 24:  # what the file's own rate would have made of it
        wrong = np.array(record["position"]) / native
        assert np.abs(wrong - true_seconds).max() > 60


def test_longvideobench_rate_is_24_and_not_the_film_rate(tmp_path):
    path = write(tmp_path / "a.json", [long_video_bench(0, true_seconds=[1500.0])])
    (annotation,) = read_annotations(path, "longvideobench").records
    assert annotation.evidence == ((1500.0, 1500.0),)  # 23.976 would say 1501.5


def test_one_malformed_position_is_left_out_and_named(tmp_path):
    records = [long_video_bench(n, true_seconds=[100.0 + n]) for n in range(60)]
    records[7]["position"] = [61388250]
    found = read_annotations(write(tmp_path / "a.json", records), "longvideobench")
    assert len(found.records) == 59
    assert found.left_out == (("video7_0", "evidence past the end of the video"),)


def test_positions_rewritten_at_the_native_rate_are_refused(tmp_path):
    rng = np.random.default_rng(0)
    records = [long_video_bench(n, true_seconds=rng.uniform(0, 1800, 1)) for n in range(60)]
    for record in records:  # 30 frames a second, as a converter would count
        record["position"] = [round(p / 24 * 30) for p in record["position"]]
    with pytest.raises(DataError, match=r"not in the unit of longvideobench"):
        read_annotations(write(tmp_path / "a.json", records), "longvideobench")


def test_positions_in_a_plain_file_are_refused(tmp_path):
    record = {"id": "a", "position": [2400], "evidence": [[100, 100]]}
    with pytest.raises(DataError, match="read the file as longvideobench"):
        read_annotations(write(tmp_path / "a.jsonl", [record], lines=True), "jsonl")


def test_frames_without_a_rate_are_refused(tmp_path):
    record = {"id": "a", "evidence_frames": [2400]}
    with pytest.raises(DataError, match="nothing says at which rate; add fps"):
        read_annotations(write(tmp_path / "a.jsonl", [record], lines=True), "jsonl")


def test_frames_with_a_rate_become_seconds(tmp_path):
    record = {"id": "a", "evidence_frames": [300, 25], "fps": 25}
    (found,) = read_annotations(write(tmp_path / "a", [record], lines=True), "jsonl").records
    assert found.evidence == ((12.0, 12.0), (1.0, 1.0))


def test_seconds_and_frames_together_are_refused(tmp_path):
    record = {"id": "a", "evidence_frames": [300], "fps": 25, "evidence": [[1, 2]]}
    with pytest.raises(DataError, match="both in seconds and in frames"):
        read_annotations(write(tmp_path / "a", [record], lines=True), "jsonl")


@pytest.mark.parametrize("fps", [0, -24, float("inf"), float("nan"), "24", None, True])
def test_a_rate_is_a_positive_number(fps):
    with pytest.raises(ValueError, match="fps must be"):
        frames_to_seconds([1], fps)


def test_a_rate_is_never_assumed():
    with pytest.raises(TypeError):
        frames_to_seconds([1])


def test_qvhighlights(tmp_path):
    record = {
        "qid": 8737, "query": "A family plays.", "duration": 126, "vid": "bP5_660.0_810.0",
        "relevant_windows": [[0, 16], [40, 44]], "relevant_clip_ids": [0, 1],
    }  # fmt: skip
    (found,) = read_annotations(write(tmp_path / "a", [record], lines=True), "qvhighlights").records
    assert (found.id, found.video, found.duration) == ("8737", "bP5_660.0_810.0", 126)
    assert found.evidence == ((0.0, 16.0), (40.0, 44.0))


def test_nextgqa_times_are_seconds_although_a_rate_is_given(tmp_path):
    videos = {
        "10001787725": {
            "duration": 34, "fps": 29.97, "location": {"1": [[1.2, 5.8]], "3": [[12.1, 17.1]]},
        }
    }  # fmt: skip
    found = read_annotations(write(tmp_path / "gsub_val.json", videos), "nextgqa").records
    assert [annotation.id for annotation in found] == ["10001787725_1", "10001787725_3"]
    assert found[1].evidence == ((12.1, 17.1),)


def test_cgbench(tmp_path):
    record = {
        "qid": 5, "video_uid": "v", "duration": 1800.0, "clue_intervals": [[3.0, 9.5]],
        "sub_category": "Event", "question": "q", "choices": ["a", "b"], "right_answer": "A",
    }  # fmt: skip
    (found,) = read_annotations(write(tmp_path / "a", [record]), "cgbench").records
    assert (found.id, found.video, found.kind) == ("5", "v", "Event")
    assert found.evidence == ((3.0, 9.5),)


def test_lvbench(tmp_path):
    found = read_annotations(as_lines(tmp_path / "video_info.meta.jsonl", LVBENCH), "lvbench")
    assert [(one.id, one.video, one.evidence, one.duration) for one in found.records] == [
        ("55", "Cm73", ((10.0, 13.0),), None),
        ("56", "Cm73", ((3900.0, 3907.0),), None),
    ]
    path = as_lines(tmp_path / "own.jsonl", [{"video": "v", "question": "q"}])
    with pytest.raises(DataError, match=r"not lvbench: 'q' has no uid"):
        read_annotations(path, "lvbench")


@pytest.mark.parametrize("duration", ["126", True, None, [9], -1])
@pytest.mark.parametrize(
    "format", ["longvideobench", "qvhighlights", "nextgqa", "cgbench", "jsonl"]
)
def test_a_duration_that_is_no_number_of_seconds_is_named(format, duration, tmp_path):
    common = {"id": "a", "qid": "a", "video_id": "v", "vid": "v", "video_uid": "v"}
    times = {key: [[1, 2]] for key in ("evidence", "relevant_windows", "clue_intervals")}
    record = common | times | {"duration": duration}
    if format == "longvideobench":
        record["position"] = [24]
    if format == "nextgqa":
        record = {"a": {"duration": duration, "location": {"1": [[1, 2]]}}}
    if format == "jsonl" and duration is None:
        pytest.skip("it may be left out")
    lines = format in ("qvhighlights", "jsonl")
    whole = record if format == "nextgqa" else [record]
    path = write(tmp_path / "file", whole, lines=lines)
    with pytest.raises(DataError, match=rf"file: not {format}: 'a': the duration is "):
        read_annotations(path, format)


def test_questions_of_made_videos_are_plain_annotations(tmp_path):
    from ntlbg.data import Sample, write_samples

    path = tmp_path / "questions.jsonl"
    common = {"video": "v.mp4", "question": "Which?", "answer": "owl", "duration": 600}
    write_samples(path, [
        Sample(id="a", evidence=[(3.0, 5.0)], answer_type="first", **common),
        Sample(id="b", evidence=[], answer_type="exist", **common),
    ])  # fmt: skip
    found = read_annotations(path, "jsonl")
    assert [(a.id, a.video, a.kind, a.evidence) for a in found.records] == [
        ("a", "v.mp4", "first", ((3.0, 5.0),))
    ]
    assert found.left_out == (("b", "no evidence"),)


def test_a_line_separator_inside_a_string_ends_no_line(tmp_path):
    line = json.dumps({"id": "a\u2028b\x85", "evidence": [[1, 2]]}, ensure_ascii=False)
    (tmp_path / "file").write_text(line, encoding="utf-8")
    assert [found.id for found in read_annotations(tmp_path / "file", "jsonl").records] == [
        "a\u2028b\x85"
    ]


@pytest.mark.parametrize(
    ("format", "text", "message"),
    [
        ("longvideobench", "[{}]", "a record has no 'id'"),
        ("longvideobench", '[{"id": 1}]', "'1': a record has no 'position'"),
        ("longvideobench", "[{", "not JSON"),
        ("longvideobench", '{"a": 1}', "not longvideobench"),
        ("qvhighlights", '{"qid": 1, "vid": "v", "duration": 9}', "no 'relevant_windows'"),
        ("jsonl", "[1, 2]", "a JSON object is expected"),
        ("jsonl", '{"id": "a", "evidence": [[5, 3]]}', "start, end"),
        ("jsonl", '{"id": "a", "evidence": [[-5, 3]]}', "not negative"),
        ("jsonl", '{"id": "a", "evidence": ["x"]}', "not jsonl"),
        ("longvideobench", '[{"id": 1, "position": "96"}]', "'1': frame numbers must be a list"),
        ("cgbench", '[{"qid": 1, "video_uid": "v", "clue_intervals": "45"}]', "must be a list"),
        ("jsonl", '{"id": "a", "evidence": ["45"]}', "start, end"),
        ("jsonl", '{"id": "a", "evidence": [{"4": 1, "5": 2}]}', "start, end"),
        ("jsonl", '{"id": "a", "evidence": [[true, 2]]}', "list of numbers"),
        ("jsonl", '{"id": "a", "evidence": [1], "id": "b"}', "file:1: id: this key is there twice"),
        ("jsonl", '{"id": "a", "evidence": [NaN]}', "file:1: evidence.0: NaN is no number"),
        ("nextgqa", '{"": {"duration": 1, "location": {"1": [[0, 1]]}}}', "video must be text"),
        ("jsonl", '{"id": "a", "evidence": []}\n' * 2, "two questions have the id 'a'"),
        ("nextgqa", "[]", "not nextgqa"),
        ("mlvu", "[]", "no annotation format 'mlvu'"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path, format, text, message):
    path = tmp_path / "file"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_annotations(path, format)


@pytest.mark.parametrize("format", FORMATS)
def test_a_missing_file_is_named(tmp_path, format):
    with pytest.raises(DataError, match="nowhere: no such file"):
        read_annotations(tmp_path / "nowhere", format)
