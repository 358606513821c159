"""Settings of the published evaluations against what the published scripts do."""

import pytest

from golden_longvu import Case, cases
from ntlbg.errors import ConfigError
from ntlbg.models.longvu.formats import (
    BENCHMARKS,
    FRAME_RULES,
    format_question,
    frame_indices,
    parse_letter,
)

RULES = {
    "inference_1fps": "inference",
    "train_video_fps_1": "training",
    "train_uniform_sample": "training_uniform",
    "videomme": "half_fps",
    "mlvu_egoschema": "half_fps_thinned",
    "mvbench_unbounded": "two_fps",
}
OPTIONS = {"videomme_mlvu": 4, "egoschema": 5, "mvbench_2": 2, "mvbench_4": 4}


def _rule_and_window(name: str) -> tuple[str, dict]:
    if not name.startswith("mvbench_bound"):
        return RULES[name], {}
    start, end = map(float, name.split("_")[2:])
    return "two_fps", {"start_seconds": start, "end_seconds": end}


@pytest.mark.parametrize("entry", cases("sampling"))
def test_frames_are_those_the_published_scripts_read(entry):
    for row in Case(entry)["rows"]:
        clip = row["num_frames"], row["avg_fps"]
        for name in row.keys() - {"num_frames", "avg_fps"}:
            rule, window = _rule_and_window(name)
            expected = row[name]
            if isinstance(expected, str):
                with pytest.raises(ConfigError, match="sample it by time"):
                    frame_indices(FRAME_RULES[rule], *clip, **window)
                continue
            indices = frame_indices(FRAME_RULES[rule], *clip, **window)
            found = {
                "count": len(indices),
                "first": indices[:5],
                "last": indices[-3:],
                "sum": sum(indices),
            }
            assert {key: found[key] for key in expected} == expected, (clip, name)


def test_an_even_selection_is_cut_from_products_of_floats():
    """As the published code computes it: 114 / 100 * 50 is 56.99999999999999."""
    indices = frame_indices(FRAME_RULES["training_uniform"], 114, 1.0)
    assert indices[49:52] == [55, 56, 58]


@pytest.mark.parametrize("entry", cases("answers"))
def test_letters_are_read_as_the_published_scripts_do(entry):
    for row in Case(entry)["rows"]:
        for name, count in OPTIONS.items():
            expected = row[name] if len(row[name]) == 1 else None
            assert parse_letter(row["pred"], count) == expected, row


def test_questions_list_lettered_options():
    text = format_question(BENCHMARKS["mlvu"], "Which colour?", ["red", "blue"])
    assert text.startswith("Question: Which colour?\nOptions:\n(A) red\n(B) blue\nRespond")
    assert BENCHMARKS["mlvu"].dino_threshold == 0.82
    assert {name: b.drop_threshold for name, b in BENCHMARKS.items()} == {
        "videomme": 0.65,
        "mlvu": 0.77,
        "egoschema": 0.8,
        "mvbench": 0.8,
    }
