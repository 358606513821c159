"""Benchmarks' files as they are published, and no question asked without its options."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntlbg.data import QuestionRecord, Sample, read_published, read_questions, read_samples
from ntlbg.errors import DataError
from ntlbg.question_forms import FORMS, recognise
from published_files import (
    LONGVIDEOBENCH,
    LVBENCH,
    MLVU,
    MLVU_OPEN,
    VIDEOMME,
    as_lines,
    as_list,
)


def fields(question: QuestionRecord) -> dict:
    """What is known of a question, without what the file says besides."""
    known = question.model_dump(exclude_none=True)
    return {key: known[key] for key in QuestionRecord.model_fields if key in known}


def read(tmp_path, *records) -> list[QuestionRecord]:
    return list(read_questions(as_list(tmp_path / "q.json", list(records))))


def test_longvideobench(tmp_path):
    first, second = read_samples(as_list(tmp_path / "lvb_val.json", LONGVIDEOBENCH))
    assert fields(first) == {
        "id": "86Cx_0",
        "video": "86Cx.mp4",
        "question": LONGVIDEOBENCH[0]["question"],
        "options": ["green", "red", "blue", "yellow"],
        "answer": "red",
        "duration": 40.0,
        "evidence": [],
    }
    assert (second.options, second.answer) == (["blue", "red", "a bar"], "a bar")
    assert first.categories == {"question_category": ["T2A"], "duration_group": ["15"]}
    read_elsewhere = ("correct_choice", "candidates", "video_path")
    kept = {key: value for key, value in LONGVIDEOBENCH[0].items() if key not in read_elsewhere}
    assert kept.items() <= first.model_dump().items()


def test_longvideobench_with_numbered_options_as_in_its_table(tmp_path):
    record = {key: value for key, value in LONGVIDEOBENCH[1].items() if key != "candidates"}
    table = record | {f"option{n}": text for n, text in enumerate(["x", "y", "z", "N/A", "N/A"])}
    assert fields(*read(tmp_path, table)) == fields(*read(tmp_path, LONGVIDEOBENCH[1])) | {
        "options": ["x", "y", "z"],
        "answer": "z",
    }


@pytest.mark.parametrize("change", [{}, {"correct_choice": -1}, {"correct_choice": None}])
def test_longvideobench_test_questions_have_no_answer(change, tmp_path):
    record = {key: value for key, value in LONGVIDEOBENCH[0].items() if key != "correct_choice"}
    (question,) = read(tmp_path, record | change)
    assert (question.answer, len(question.options)) == (None, 4)


def test_longvideobench_without_a_path_goes_by_the_id_of_the_video(tmp_path):
    record = {key: value for key, value in LONGVIDEOBENCH[0].items() if key != "video_path"}
    assert read(tmp_path, record)[0].video == "86Cx"
    assert read(tmp_path, record | {"video": "here.mkv"})[0].video == "here.mkv"


@pytest.mark.parametrize("choice", [4, -2, True, "1", 1.0])
def test_a_choice_is_the_place_of_an_option(choice, tmp_path):
    with pytest.raises(DataError, match=r"q\.json:2: correct_choice: got .*one of the 4 options"):
        read(tmp_path, LONGVIDEOBENCH[1], LONGVIDEOBENCH[0] | {"correct_choice": choice})


def test_padding_is_not_the_answer(tmp_path):
    with pytest.raises(DataError, match=r"q\.json:1: .*'N/A' is not one of the options"):
        read(tmp_path, LONGVIDEOBENCH[1] | {"correct_choice": 3})


@pytest.mark.parametrize("write", [as_lines, as_list])
def test_videomme(write, tmp_path):
    path = write(tmp_path / ("q.jsonl" if write is as_lines else "q.json"), VIDEOMME)
    first, second = read_samples(path)
    assert fields(first) == {
        "id": "001-1",
        "video": "fFjv",
        "question": VIDEOMME[0]["question"],
        "options": ["green", "blue", "red", "yellow"],
        "answer": "red",
        "evidence": [],
    }
    assert second.options == ["blue", "Mr. A. Smith", "2.", "None."]
    assert second.answer == "None."
    assert first.duration is None
    assert first.categories == {"task_type": ["Attribute Perception"], "duration_group": ["short"]}
    assert (first.video_id, first.domain, first.sub_category) == ("001", "Knowledge", "Astronomy")


@pytest.mark.parametrize("given", ["b", "(B)", "B.", " B ", "B. blue", "blue"])
def test_an_answer_is_a_letter_in_any_dress_or_the_text(given, tmp_path):
    assert read(tmp_path, VIDEOMME[0] | {"answer": given})[0].answer == "blue"


@pytest.mark.parametrize("given", ["E", "", "purple", 1, ["B"]])
def test_an_answer_that_is_no_option_is_refused(given, tmp_path):
    with pytest.raises(DataError, match=r"q\.json:1: answer: got .*letter of one of the 4 options"):
        read(tmp_path, VIDEOMME[0] | {"answer": given})


def test_letters_are_taken_off_only_where_each_option_has_its_own(tmp_path):
    record = VIDEOMME[0] | {"options": ["A. D. Smith", "B. Jones", "A. Miller"], "answer": "B"}
    (question,) = read(tmp_path, record)
    assert (question.options, question.answer) == (record["options"], "B. Jones")
    for style in ("{}. {}", "({}) {}", "{}) {}", "{}: {}", "{}.{}", " {} . {} "):
        lettered = [style.format(letter, text) for letter, text in zip("ABC", "xyz")]
        (question,) = read(tmp_path, record | {"options": lettered})
        assert (question.options, question.answer) == (["x", "y", "z"], "y")


@given(
    st.lists(st.text("abc .()", min_size=1).map(str.strip).filter(bool), min_size=2, max_size=10,
             unique=True),
    st.data(),
)  # fmt: skip
def test_the_letter_means_the_option_that_stands_there(texts, data):
    place = data.draw(st.integers(0, len(texts) - 1))
    letters = "ABCDEFGHIJ"
    record = VIDEOMME[0] | {
        "options": [f"{letter}. {text}" for letter, text in zip(letters, texts)],
        "answer": letters[place],
    }
    made = recognise(record).fields(record, "here")
    assert (made["options"], made["answer"]) == (texts, texts[place])


def test_lettered_options_of_other_data_sets_are_read_too(tmp_path):
    record = {"video": "v.mp4", "question": "q", "options": ["A. x", "B. y"], "answer": "B"}
    assert fields(*read(tmp_path, record)) == {
        "video": "v.mp4", "question": "q", "options": ["x", "y"], "answer": "y", "evidence": [],
    }  # fmt: skip


def test_own_options_stay_as_they_are_written(tmp_path):
    record = {"video": "v", "question": "q", "options": ["A. x", "B. y"], "answer": "B. y"}
    assert read(tmp_path, record)[0].options == ["A. x", "B. y"]


def test_mlvu(tmp_path):
    first, second = read_samples(as_list(tmp_path / "1_plotQA.json", MLVU))
    assert fields(first) == {
        "video": "count_126.mp4",
        "question": MLVU[0]["question"],
        "options": ["blue", "red", "green"],  # one of two that are the same
        "answer": "red",
        "duration": 572.8599999999999,
        "evidence": [],
    }
    assert (second.options, second.answer) == (["2", "1", "blue"], "2")  # an empty one is none
    assert second.categories == {"question_type": ["count"]}


def test_mlvu_open_ended(tmp_path):
    first, second = read_samples(as_list(tmp_path / "8_sub_scene.json", MLVU_OPEN))
    assert fields(first) == {
        "video": "count_126.mp4",
        "question": MLVU_OPEN[0]["question"],
        "answer": "Red.",
        "duration": 40.25,
        "evidence": [],
    }
    assert first.scoring_points == ["The picture turns red"]
    assert second.categories == {"question_type": ["summary"]}


def test_mlvu_test_questions_have_ids_and_no_answer(tmp_path):
    record = {key: value for key, value in MLVU[0].items() if key != "answer"}
    (question,) = read(tmp_path, record | {"question_id": "TR_7"})
    assert (question.id, question.answer) == ("TR_7", None)


def test_a_benchmark_s_question_that_cannot_be_used_does_not_hide_the_others(tmp_path):
    spoilt = [
        MLVU[0] | {"answer": "purple"},
        MLVU[0] | {"candidates": ["a", ""], "answer": ""},
        {"question": "", "candidates": [""] * 4, "answer": "", "video": "v", "duration": 1},
        MLVU[0] | {"duration": -1},
    ]
    path = as_list(tmp_path / "q.json", [*spoilt, MLVU[1]])
    *wrong, right = read_published(path)
    assert right.question == MLVU[1]["question"]
    assert [type(one) for one in wrong] == [DataError] * 4
    for number, key in enumerate(("record", "answer", "question", "duration"), start=1):
        assert str(wrong[number - 1]).startswith(f"{path}:{number}: {key}: ")
    with pytest.raises(DataError, match=r"q\.json:1: record: .*'purple' is not one of"):
        list(read_questions(path))


def test_an_own_question_that_cannot_be_used_is_to_be_repaired(tmp_path):
    path = as_list(tmp_path / "q.json", [MLVU[0], {"video": "v", "question": ""}])
    with pytest.raises(DataError, match=r"q\.json:2: question: "):
        list(read_published(path))


def test_lvbench(tmp_path):
    first, second = read_samples(as_lines(tmp_path / "video_info.meta.jsonl", LVBENCH))
    assert fields(first) == {
        "id": "55",
        "video": "Cm73",
        "question": "Which is red?",
        "options": ["green", "red", "blue", "1633"],
        "answer": "red",
        "evidence": [(10.0, 13.0)],
    }
    assert second.options == ["all of it (B too)", "blue", "a bar", "it"]
    assert (second.answer, second.evidence) == ("all of it (B too)", [(3900.0, 3907.0)])
    types = ["entity recognition", "key information retrieval"]
    assert second.categories == {"question_type": types}
    assert (first.type, first.video_info) == ("cartoon", LVBENCH[0]["video_info"])


def test_lvbench_with_a_row_for_each_question(tmp_path):
    film = {key: LVBENCH[0][key] for key in ("key", "type")}
    rows = [film | {"video_path": "Cm73.mp4"} | one for one in LVBENCH[0]["qa"]]
    found = list(read_questions(as_lines(tmp_path / "rows.jsonl", rows)))
    whole = read_questions(as_lines(tmp_path / "films.jsonl", LVBENCH))
    assert [fields(one) for one in found] == [fields(one) | {"video": "Cm73.mp4"} for one in whole]
    apart = {"question": "Which is red?", "options": ["green", "red", "blue", "1633"]}
    assert fields(*read(tmp_path, rows[0] | apart)) == fields(found[0])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("00:15-00:19", [(15, 19)]),
        ("62:05-62:10", [(3725, 3730)]),
        ("1:02:05-01:02:10", [(3725, 3730)]),
        ("59:58 - 1:00:02", [(3598, 3602)]),
        ("00:15-00:19, 01:00-01:01;2:00:00-2:00:01", [(15, 19), (60, 61), (7200, 7201)]),
        ("0:7", [(7, 8)]),  # a second, not an instant that no frame hits
        ("12:30-12:30", [(750, 751)]),
        ("12:30-12:10", [(730, 750)]),
        ("20:12-20-15", [(1212, 1215)]),
        ("", []),
        ("N/A", []),
        (None, []),
    ],
)
def test_time_references_become_seconds(text, seconds, tmp_path):
    record = {"key": "v", "qa": [LVBENCH[0]["qa"][0] | {"time_reference": text}]}
    assert read(tmp_path, record)[0].evidence == seconds


@given(st.integers(0, 9 * 3600), st.integers(1, 3600), st.booleans())
def test_a_time_is_read_as_it_is_written(start, length, hours):
    def written(second):
        if hours:
            return f"{second // 3600}:{second // 60 % 60:02d}:{second % 60:02d}"
        return f"{second // 60:02d}:{second % 60:02d}"

    record = LVBENCH[0]["qa"][0] | {"time_reference": f"{written(start)}-{written(start + length)}"}
    assert recognise(record).fields(record, "here")["evidence"] == [(start, start + length)]


@pytest.mark.parametrize("text", ["soon", "15-19", "00:15-", "-00:15-00:19", "1:2:3:4", 15, [1, 2]])
def test_what_is_no_time_is_named(text, tmp_path):
    record = {
        "key": "v",
        "qa": [LVBENCH[0]["qa"][0], LVBENCH[0]["qa"][1] | {"time_reference": text}],
    }
    path = as_lines(tmp_path / "q.jsonl", [record])
    with pytest.raises(DataError, match=r"q\.jsonl:1: qa\.1: time_reference: got .*give "):
        list(read_questions(path))
    first, second = read_published(path)
    assert (first.id, type(second)) == ("55", DataError)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"qa": "none"}, r"q\.json:1: qa: got 'none'; give a list of questions"),
        ({"qa": [1]}, r"q\.json:1: qa: got \[1\]; give a list of questions"),
        ({"qa": [{"question": "Why?"}]}, r"qa\.0: question: got 'Why\?'; its options follow"),
        ({"qa": [{"question": "Why?\n(A) a\n(C) c"}]}, r"qa\.0: question: .*in this order"),
        ({"qa": [{"answer": "A"}]}, r"qa\.0: question: got None"),
    ],
)
def test_films_without_usable_questions_are_refused(change, told, tmp_path):
    with pytest.raises(DataError, match=told):
        read(tmp_path, LVBENCH[0] | change)


@pytest.mark.parametrize(
    "keys",
    [
        {"option_a": "x", "option_b": "y"},
        {"choices": ["x", "y"]},
        {"answer_choices": ["x", "y"]},
        {"mcOptions": "A. x B. y"},
        {"candidates_en": ["x", "y"]},
        {"choices": ["x", "y"], "options": None},
        {"A": "x", "B": "y", "C": "z"},
        {"a0": "x", "a1": "y"},
        {"question_type": "plotQA", "choices": ["x", "y"]},
    ],
)
@pytest.mark.parametrize("name", ["q.json", "q.jsonl"])
def test_what_looks_like_options_is_refused_with_what_is_accepted(keys, name, tmp_path):
    record = {"video": "v", "question": "q"}
    write = as_list if name == "q.json" else as_lines
    path = write(tmp_path / name, [record, record | keys])
    with pytest.raises(DataError, match=rf"{name}:2: .*looks like options") as caught:
        list(read_questions(path))
    message = str(caught.value)
    assert next(key for key in keys if keys[key] is not None) in message or "choices" in message
    for form in FORMS.values():
        assert form.told in message


@pytest.mark.parametrize(
    "keys",
    [
        {"a": 1},
        {"optional": "yes"},
        {"multiple_choice": False},
        {"choices": None},
        {"options": ["x", "y"], "option_a": "x", "choices_shuffled": True},
    ],
)
def test_what_does_not_hide_options_is_kept(keys, tmp_path):
    (question,) = read(tmp_path, {"video": "v", "question": "q"} | keys)
    assert keys.items() <= question.model_dump().items()


@pytest.mark.parametrize("record", [LONGVIDEOBENCH[0], MLVU[0], MLVU_OPEN[0]])
@pytest.mark.parametrize("duration", ["45", True, -1.0])
def test_a_duration_is_a_number_of_seconds(record, duration, tmp_path):
    with pytest.raises(DataError, match=r"q\.json:2: duration: Input should be"):
        read(tmp_path, record | {"id": "other"}, record | {"duration": duration})


def test_the_records_that_the_documents_show_are_read():
    page = Path(__file__).parents[1] / "docs" / "config.md"
    shown = re.findall(r"^(\S+?), .*\n(\{.*\})$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert {name for name, _ in shown} == set(FORMS) - {"LLaVA", "your own"}
    for name, text in shown:
        record = json.loads(text.replace(", ...}", "}"))
        form = recognise(record)
        assert form is FORMS[name]
        for place, said in form.split(record, name):
            found = Sample.model_validate(form.fields(said, place))
            assert found.answer in found.options


def test_forms_may_be_mixed(tmp_path):
    own = {"video": "v.mp4", "question": "Which?", "options": ["a", "b"], "answer": "a"}
    talk = {
        "image": "p.png",
        "conversations": [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "So."}],
    }
    records = [own, LVBENCH[0], talk, VIDEOMME[0], MLVU[0], LONGVIDEOBENCH[0]]
    assert [one.video for one in read(tmp_path, *records)] == [
        "v.mp4", "Cm73", "Cm73", "p.png", "fFjv", "count_126.mp4", "86Cx.mp4",
    ]  # fmt: skip


def test_a_record_is_not_changed_by_reading_it():
    for record in (LONGVIDEOBENCH[1], VIDEOMME[0], MLVU[0], LVBENCH[0]["qa"][0]):
        before = json.dumps(record)
        recognise(record).fields(record, "here")
        assert json.dumps(record) == before


def test_categories_of_an_own_file(tmp_path):
    record = {"video": "v", "question": "q", "options": ["a", "b"], "task_type": ["x", "x", "y"]}
    assert read(tmp_path, record)[0].categories == {"task_type": ["x", "y"]}
    assert Sample(video="v", question="q", answer="a").categories == {}
