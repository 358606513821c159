"""Levels, experiment suites, overrides, the JSON Schema, and the files in configs/."""

import json
from itertools import combinations
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntlbg.config import (
    GPUS,
    LEVELS,
    Config,
    ablation_suite,
    changed,
    comparison_suite,
    config_for_level,
    json_schema,
    load_config,
    representatives,
    to_json,
)
from ntlbg.errors import ConfigError
from ntlbg.video.sampling import sampling_fps

CONFIGS = Path(__file__).parents[2] / "configs"
# of the schemas in training/settings.py and training/longvu_settings.py
TRAINED_BY_THEMSELVES = ("builtin.json", "longvu_image.json", "longvu_video.json")


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(CONFIGS.glob("*.json")) if path.name not in TRAINED_BY_THEMSELVES],
    ids=lambda path: path.name,
)
def test_every_shipped_file_is_valid_and_complete(path):
    config = load_config(path)
    assert json.loads(path.read_text()) == json.loads(to_json(config))
    jsonschema.validate(json.loads(path.read_text()), json_schema())


@pytest.mark.parametrize("category", LEVELS)
def test_a_file_for_every_level(category):
    assert load_config(CONFIGS / f"{category}.json") == config_for_level(category)


@pytest.mark.parametrize("gpu", GPUS)
@pytest.mark.parametrize("category", LEVELS)
def test_a_level_for_every_gpu(category, gpu):
    config, level = config_for_level(category, gpu), LEVELS[category]
    video = config.video_config
    assert video.num_representatives == video.representatives_for(video.max_frames)
    assert (video.num_representatives, video.fps) == (level.num_representatives, level.fps)
    assert config.training_config.batch_size == level.batch_size
    assert config.hardware_config.gpu_type == gpu
    assert config.training_config.bf16 == GPUS[gpu].has_bf16 != config.training_config.fp16


def test_unknown_levels_and_gpus_name_those_there_are():
    with pytest.raises(ConfigError, match="no category 'short'; there are: moderate_long, long"):
        config_for_level("short")
    with pytest.raises(ConfigError, match="no GPU 'TPU'; there are: V100_32GB, "):
        config_for_level("long", "TPU")


def without_names(config: Config) -> dict:
    content = config.model_dump(by_alias=True)
    return {key: value for key, value in content.items() if key not in ("model_name", "output_dir")}


def test_every_ablation_differs_from_every_other_in_what_it_does():
    suite = ablation_suite(config_for_level("long"))
    assert len(suite) >= 12
    for one, other in combinations(suite, 2):
        assert without_names(suite[one]) != without_names(suite[other]), (one, other)
    assert len({config.output_dir for config in suite.values()}) == len(suite)
    budgets = {config.video_config.num_representatives for config in suite.values()}
    assert budgets == {64, 128, 256, 512, 1024, 2048}
    assert suite["constraint_none"].loss_config.contour_weight == 0
    assert not suite["no_rich_points"].model.rich_point_config.enable


def test_ablations_leave_their_base_alone():
    base = config_for_level("long")
    before = to_json(base)
    ablation_suite(base)
    assert to_json(base) == before


def test_a_comparison_has_one_file_per_selector():
    suite = comparison_suite(Config(), ["uniform", "ntlbg"])
    assert {name: c.video_config.frame_selector for name, c in suite.items()} == {
        "uniform": "uniform",
        "ntlbg": "ntlbg",
    }


@pytest.mark.parametrize(
    ("category", "minutes", "frames"),
    [("moderate_long", 10, 2048), ("long", 20, 4096), ("very_long", 40, 8192)],
)
def test_the_longest_video_of_a_level_fills_it(category, minutes, frames):
    video = config_for_level(category).video_config
    rate = sampling_fps(60 * minutes, fps=video.fps, max_frames=video.max_frames)
    assert rate * 60 * minutes == pytest.approx(frames)
    # at one frame a second it would not
    assert sampling_fps(60 * minutes, fps=1.0, max_frames=video.max_frames) == 1.0
    assert {level.max_length for level in config_for_level(category).dataset_config.train_datasets
            } == {frames}  # fmt: skip


def test_the_length_that_a_data_set_is_read_at_stays_where_it_is_its_own():
    base = changed(Config(), {"dataset_config.train_datasets.1.max_length": 100})
    sets = config_for_level("very_long", base=base).dataset_config
    assert [entry.max_length for entry in sets.train_datasets] == [8192, 100, 8192]


@given(st.one_of(st.integers(1, 7), st.integers(1, 256).map(lambda steps: 8 * steps)))
def test_any_aligned_number_of_representatives_can_be_had(number):
    video = changed(Config(), representatives(number, Config())).video_config
    # whatever a video's eighth would be, as soon as half of it is enough
    for frames in (2 * number, 2 * number + 1, 4 * number, 4096):
        assert video.representatives_for(frames) == number


@pytest.mark.parametrize("number", [12, 2056])
def test_a_number_of_representatives_that_cannot_be_had_is_refused(number):
    with pytest.raises(ConfigError, match=rf"{number} frames cannot .* of 8 up to 2048$"):
        representatives(number, Config())


def test_the_schema_describes_every_key():
    schema = json_schema()
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == set(json.loads(to_json(Config())))
    for block in schema["$defs"].values():
        for name, key in block.get("properties", {}).items():
            assert key.get("description") or "$ref" in key, name
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"colour": 1}, schema)


def test_overrides_are_put_in_place_before_the_check():
    config = load_config(
        CONFIGS / "longvideo_config.json",
        [
            "training_config.max_steps=2000",
            "dataset_config.train_datasets.0.path=elsewhere/questions.jsonl",
            "model_config.rich_point_config.enable=false",
            "evaluation_config.metrics.1=accuracy",
        ],
    )
    assert config.training_config.max_steps == 2000
    assert config.dataset_config.train_datasets[0].path == "elsewhere/questions.jsonl"
    assert config.model.rich_point_config.enable is False
    assert config.evaluation_config.metrics[:2] == ("accuracy", "accuracy")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training_config.max_steps", r"--set training_config.max_steps: write path.to.key=value"),
        ("training_config.colour=1", r"training_config.colour: there is no such key; the keys"),
        ("colour.shade=1", r"with --set: colour holds no keys"),
        ("model_name.part=1", r"with --set: model_name holds no keys"),
        ("dataset_config.train_datasets.9.path=x", r"train_datasets.9 holds no keys"),
        ("dataset_config.train_datasets.9=x", r"its list has 3 elements, from 0"),
        ("dataset_config.train_datasets.3=x", r"its list has 3 elements, from 0"),
        ("dataset_config.train_datasets.3.path=x", r"train_datasets.3 holds no keys"),
        ("training_config.max_steps=0", r"with --set: training_config.max_steps: got 0; input"),
        ("schema_version=2", r"schema_version: got 2; input should be 1"),
    ],
)
def test_an_override_that_is_wrong_is_explained(override, message):
    with pytest.raises(ConfigError, match=message):
        load_config(CONFIGS / "longvideo_config.json", [override])


def test_changes_make_a_new_configuration():
    config = Config()
    other = changed(config, {"training_config.seed": 7})
    assert (config.training_config.seed, other.training_config.seed) == (0, 7)


def test_a_number_that_does_less_than_one_may_think_is_told():
    assert Config().hints() == []
    (told,) = changed(Config(), {"video_config.num_representatives": 520}).hints()
    assert told.startswith("video_config.num_representatives is 520 and is never reached: of max_")
    assert told.endswith("give 512")
    small = {"model_config.base_model": "smollm2", "model_config.feature_encoder": "builtin"}
    for key, value in (
        ("video_config.frame_resolution", [448, 448]),
        ("video_config.max_visual_tokens", 100),
        ("model_config.compress", "none"),
        ("training_config.cache_features", False),
    ):
        assert changed(Config(), {key: value}).hints() == []
        (told,) = changed(Config(), small | {key: value}).hints()
        assert told.startswith(f"{key} changes nothing of base_model smollm2")
    points = {"model_config.rich_point_config.feature_dim": 64}
    assert changed(Config(), points).hints() == []
    (told,) = changed(Config(), points | {"model_config.base_model": "builtin"}).hints()
    assert told.startswith("model_config.rich_point_config changes nothing of base_model builtin")


def test_all_weights_need_more_than_float16():
    with pytest.raises(ConfigError, match="lora_rank 0 trains all weights"):
        changed(Config(), {"model_config.lora_rank": 0})
