"""The configuration file: what is accepted, and how a mistake is explained."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from ntlbg.config import GPUS, LEVELS, Config, changed, load_config, to_json
from ntlbg.config.blocks import VideoConfig
from ntlbg.data import read_questions
from ntlbg.errors import ConfigError

SHIPPED = Path(__file__).parents[1] / "configs" / "longvideo_config.json"


VARIANT = {
    "description": "10 to 20 minutes", "max_frames": 4096, "num_representatives": 512,
    "batch_size": 1, "gradient_accumulation_steps": 32, "gpu_memory_requirement": "40GB",
}  # fmt: skip


@pytest.fixture
def edited(tmp_path):
    """Write the shipped file with one key changed, or removed; returns its path."""

    def edit(where: str, *value) -> Path:
        config = json.loads(SHIPPED.read_text())
        *path, last = [int(key) if key.isdigit() else key for key in where.split(".")]
        block = config
        for key in path:
            block = block[key]
        if value:
            block[last] = value[0]
        else:
            del block[last]
        file = tmp_path / "edited.json"
        file.write_text(json.dumps(config))
        return file

    return edit


def test_shipped_file_holds_the_defaults():
    assert load_config(SHIPPED) == Config()
    assert json.loads(SHIPPED.read_text()) == Config().model_dump(by_alias=True, mode="json")


def test_values_of_the_original_file():
    config = load_config(SHIPPED)
    assert (config.video_config.max_frames, config.video_config.num_representatives) == (4096, 512)
    assert config.video_config.frame_resolution == (224, 224)
    assert config.model.base_model == "Qwen/Qwen2-VL-7B-Instruct"
    assert config.training_config.learning_rate == 5e-5
    assert config.training_config.gradient_accumulation_steps == 32
    assert [d.weight for d in config.dataset_config.train_datasets] == [0.4, 0.3, 0.3]
    targets = {"LongVideoBench": 0.70, "Video-MME": 0.65, "MLVU": 0.68}
    assert config.evaluation_config.target_performance == targets


def test_keys_left_out_keep_their_defaults(tmp_path):
    file = tmp_path / "small.json"
    file.write_text('{"training_config": {"max_steps": 20, "warmup_steps": 0}}')
    config = load_config(file)
    assert config.training_config.max_steps == 20
    assert config.training_config.learning_rate == 5e-5
    assert config.video_config == Config().video_config


def test_a_configuration_does_not_change():
    config = Config()
    with pytest.raises(ValidationError, match="frozen"):
        config.training_config.batch_size = 7


def test_every_key_explains_itself():
    def blocks(kind):
        yield kind
        for field in kind.model_fields.values():
            for part in [field.annotation, *getattr(field.annotation, "__args__", ())]:
                if isinstance(part, type) and issubclass(part, BaseModel):
                    yield from blocks(part)

    kinds = list(blocks(Config))
    assert len(kinds) >= 12
    for kind in kinds:
        for name, field in kind.model_fields.items():
            assert field.description, f"{kind.__name__}.{name}"


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        (
            "video_config.max_frames",
            0,
            "video_config.max_frames: got 0; input should be greater than or equal to 1 "
            "(frames read from a video at most)",
        ),
        ("video_config.max_frames", "4096", "video_config.max_frames: got '4096'; input should be"),
        ("video_config.coverage_ratio", 1.5, "got 1.5; input should be less than or equal to 1"),
        ("video_config.frame_resolution", [224], "video_config.frame_resolution.1: this key must"),
        (
            "video_config.frame_resolution.0",
            0,
            "video_config.frame_resolution.0: got 0; input should be greater than or equal to 1 "
            "(height and width, in pixels, of a frame read by a vision-language model; an "
            "encoder has a size of its own)",
        ),
        (
            "video_config.frame_sampling_strategy",
            "clip",
            "frame_sampling_strategy: got 'clip'; input should be 'uniform'",
        ),
        ("training_config.fp16", "yes", "fp16: got 'yes'; input should be a valid boolean"),
        ("training_config.batch_size", True, "got True; input should be a valid integer"),
        (
            "training_config.optimizer",
            "adamw",
            "got 'adamw'; input should be 'AdamW', 'Adam', 'SGD' or 'RMSprop' (update rule)",
        ),
        ("hardware_config.gpu_type", "H100", "hardware_config.gpu_type: got 'H100'; input should"),
        (
            "hardware_config.memory_optimization.zero_stage",
            2,
            "memory_optimization.zero_stage: got 2; input should be 0 (of DeepSpeed, which "
            "is not used; write 0, and for less memory see distributed_training.strategy and "
            "ntlbg config optimize)",
        ),
        (
            "hardware_config.memory_optimization.cpu_offload",
            True,
            "cpu_offload: got True; input should be False (optimizer states are where the trained "
            "weights are; write false, and for less memory see ntlbg config optimize)",
        ),
        (
            "hardware_config.distributed_training.gradient_as_bucket_view",
            True,
            "gradient_as_bucket_view: got True; input should be False (gradients are copied to be "
            "sent; write false)",
        ),
        (
            "training_config.remove_unused_columns",
            True,
            "remove_unused_columns: got True; input should be False (questions are handed over ",
        ),
        (
            "model_config.rich_point_config.spatial_resolution",
            7,
            "spatial_resolution: got 7; input should be 1 (rows and columns of a frame's features: "
            "a frame is one vector; write 1)",
        ),
        (
            "model_config.rich_point_config.rich_point_layers",
            [8],
            "rich_point_layers.0: got 8; input should be 0 (layers of the language model that are "
            "given rich points: they are tokens of its input, before the first layer; write [0])",
        ),
        (
            "longvideo_variants.short",
            {},
            "longvideo_variants.short: got 'short'; input should be 'moderate_long', 'long' or",
        ),
        (
            "longvideo_variants",
            {"long": VARIANT | {"gpu_memory_requirement": "40"}},
            "gpu_memory_requirement: got '40'; string should match pattern",
        ),
        ("evaluation_config.target_performance.MLVU", 68, "performance.MLVU: got 68; input should"),
        ("evaluation_config.metrics", ["speed"], "evaluation_config.metrics.0: got 'speed'; input"),
        ("model_config.rich_point_config", None, "model_config.rich_point_config: got None; input"),
    ],
)
def test_a_wrong_value_is_explained(where, value, message, edited):
    file = edited(where, value)
    with pytest.raises(ConfigError) as error:
        load_config(file)
    assert str(error.value).startswith(f"{file}: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("where", "known"),
    [
        ("colour", "recipe, schema_version, model_name, description, version, output_dir, "),
        ("video_config.colour", "max_frames, num_representatives"),
        ("model_config.rich_point_config.colour", "enable, feature_dim"),
        (
            "dataset_config.train_datasets.1.colour",
            "name, path, folder, max_length, weight, video_types",
        ),
        ("dataset_config.val_datasets.0.weight", "name, path, folder, max_length"),
    ],
)
def test_an_unknown_key_names_those_there_are(where, known, edited):
    with pytest.raises(ConfigError) as error:
        load_config(edited(where, 1))
    assert f"{where}: there is no such key; the keys here are {known}" in str(error.value)


def test_a_missing_key_is_named(edited):
    with pytest.raises(ConfigError, match=r"train_datasets.0.path: this key must be given \("):
        load_config(edited("dataset_config.train_datasets.0.path"))


def test_several_mistakes_are_counted(tmp_path):
    file = tmp_path / "wrong.json"
    file.write_text('{"video_config": {"max_frames": 0, "temporal_stride": 0}, "colour": 1}')
    with pytest.raises(
        ConfigError, match=r"max_frames: .* \(and 2 more: video_config\.temporal_stride, colour\)$"
    ):
        load_config(file)


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        ("training_config.warmup_steps", 10001, r"warmup_steps \(10001\) must not exceed max_st"),
        (
            "longvideo_variants",
            {"long": VARIANT | {"max_frames": 1024}},
            r"variants\.long\.max_frames is 1024, and the level long has 4096; leave longvideo_v",
        ),
        (
            "evaluation_config.benchmark_datasets",
            ["LongVideoBench", "MLVU"],
            r"names 'MLVU', and of the test_datasets in dataset_config \(LongVideoBench_test\) no",
        ),
        ("dataset_config.train_datasets.0.weight", 0.5, r"sum to 1; got \[0.5, 0.3, 0.3\]"),
    ],
)
def test_keys_that_disagree(where, value, message, edited):
    with pytest.raises(ConfigError, match=message):
        load_config(edited(where, value))


def test_bf16_needs_a_gpu_that_has_it(tmp_path):
    file = tmp_path / "bf16.json"
    hardware = {"gpu_type": "V100_32GB", "mixed_precision": "bf16"}
    training = {"fp16": False, "bf16": True}
    file.write_text(json.dumps({"hardware_config": hardware, "training_config": training}))
    with pytest.raises(ConfigError, match=r"bf16 needs compute capability 8.0; V100_32GB has \(7"):
        load_config(file)
    hardware["gpu_type"] = "A100_80GB"
    file.write_text(json.dumps({"hardware_config": hardware, "training_config": training}))
    assert load_config(file).training_config.bf16


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{\n  'a': 1}", r"file\.json:2: not JSON .*column 3"),
        (b"", "not JSON"),
        (b"[]", r"got \[\]; "),
        (b"\xff", "cannot be read as UTF-8"),
        (None, "no such file; give a configuration file"),
    ],
)
def test_files_that_are_no_configuration(content, message, tmp_path):
    file = tmp_path / "file.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        load_config(file)


SAVING = "hardware_config.memory_optimization"
ONE_KEY = [
    ("video_config.max_frames", 2048, {}, None),
    ("video_config.num_representatives", 256, {}, None),
    ("training_config.batch_size", 2, {}, None),
    ("model_config.ntlbg_use_flash_attention", False, {}, None),
    (
        "training_config.bf16",
        True,
        {"training_config.fp16": False, "hardware_config.mixed_precision": "bf16"},
        "training_config.bf16 is true: training_config.fp16 is off, "
        "hardware_config.mixed_precision is bf16",
    ),
    (
        "model_config.ntlbg_gradient_checkpointing",
        False,
        dict.fromkeys(
            (f"{SAVING}.activation_checkpointing", f"{SAVING}.gradient_checkpointing"), False
        ),
        f"model_config.ntlbg_gradient_checkpointing is false: {SAVING}.activation_checkpointing is "
        f"off, {SAVING}.gradient_checkpointing is off",
    ),
    (
        "hardware_config.distributed_training.find_unused_parameters",
        True,
        {"training_config.ddp_find_unused_parameters": True},
        "hardware_config.distributed_training.find_unused_parameters is true: "
        "training_config.ddp_find_unused_parameters is on",
    ),
    (
        "training_config.fp16",
        False,
        {"hardware_config.mixed_precision": "no"},
        "training_config.fp16 is false: hardware_config.mixed_precision is no",
    ),
    (
        "hardware_config.mixed_precision",
        "bf16",
        {"training_config.fp16": False, "training_config.bf16": True},
        "hardware_config.mixed_precision is bf16: training_config.fp16 is off, "
        "training_config.bf16 is on",
    ),
    (
        "hardware_config.mixed_precision",
        "no",
        {"training_config.fp16": False},
        "hardware_config.mixed_precision is no: training_config.fp16 is off",
    ),
]


@pytest.mark.parametrize("how", ["in the file", "by --set", "alone in a file"])
@pytest.mark.parametrize(("key", "value", "followed", "told"), ONE_KEY)
def test_one_key_can_be_changed_alone(key, value, followed, told, how, edited, tmp_path):
    said = []
    if how == "by --set":
        config = load_config(SHIPPED, [f"{key}={json.dumps(value)}"], said.append)
    elif how == "in the file":
        config = load_config(edited(key, value), say=said.append)
    else:
        *blocks, name = key.split(".")
        content = {name: value}
        for block in reversed(blocks):
            content = {block: content}
        (tmp_path / "one.json").write_text(json.dumps(content))
        config = load_config(tmp_path / "one.json", say=said.append)
    expected = json.loads(SHIPPED.read_text())
    for place, content in {key: value, **followed}.items():
        *blocks, name = place.split(".")
        block = expected
        for part in blocks:
            block = block[part]
        block[name] = content
    assert config.model_dump(by_alias=True, mode="json") == expected
    assert said == ([] if told is None else [told])


@pytest.mark.parametrize(
    ("override", "formats"),
    [
        ("training_config.fp16=true", (True, False, "fp16")),
        ("training_config.bf16=false", (False, False, "no")),
        ("hardware_config.mixed_precision=fp16", (True, False, "fp16")),
        ("training_config.bf16=true", (False, True, "bf16")),
        ("training_config.fp16=false", (False, True, "bf16")),
    ],
)
def test_what_is_set_decides_whatever_the_file_says(override, formats):
    config = load_config(SHIPPED.parent / "long.json", [override])
    training = config.training_config
    assert (training.fp16, training.bf16, config.hardware_config.mixed_precision) == formats


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"training_config.bf16": True, "hardware_config.mixed_precision": "no"},
            "training_config.bf16 is true, hardware_config.mixed_precision is no: these name",
        ),
        (
            {"training_config.fp16": True, "hardware_config.mixed_precision": "bf16"},
            "training_config.fp16 is true, hardware_config.mixed_precision is bf16: these name",
        ),
        (
            {"training_config.fp16": True, "training_config.bf16": True},
            "training_config.fp16 is true, training_config.bf16 is true: these name different",
        ),
    ],
)
def test_keys_changed_to_different_formats_are_named(changes, message, tmp_path):
    overrides = [f"{key}={json.dumps(value)}" for key, value in changes.items()]
    with pytest.raises(ConfigError, match=f"with --set: {message}"):
        load_config(SHIPPED, overrides)
    if "training_config.fp16" not in changes:  # a file's true is the default, and gives way
        path = tmp_path / "both.json"
        hardware, training = {"mixed_precision": "no"}, {"bf16": True}
        path.write_text(json.dumps({"hardware_config": hardware, "training_config": training}))
        with pytest.raises(ConfigError, match=f"^{path}: {message}"):
            load_config(path)


COMMENTED = """// before: frames
{
  "video_config": {  # 帧数
    "max_frames": 2048,              # at most, "quoted" too
    "num_representatives": 256  // an eighth
    // , "fps": 99
  },
  "description": "a # b // c \\" # d",  # a string may hold both
  "output_dir": "http://results"
}
# after
"""


def test_comments_are_read_over(tmp_path):
    path = tmp_path / "commented.json"
    path.write_text(COMMENTED, encoding="utf-8")
    config = load_config(path)
    assert config.video_config.max_frames == 2048
    assert config.video_config.num_representatives == 256
    assert config.video_config.fps == Config().video_config.fps
    assert config.description == 'a # b // c \\" # d'.replace("\\", "")
    assert config.output_dir == "http://results"


def test_the_place_of_a_mistake_behind_comments_is_right(tmp_path):
    path = tmp_path / "wrong.json"
    path.write_text('{  // 一 "one"\n  # two\n  "model_name": wrong\n}', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"wrong\.json:3: not JSON .*column 17\)$"):
        load_config(path)
    path.write_text('{"model_name": "a",  // no end')
    with pytest.raises(ConfigError, match=r"wrong\.json:1: not JSON .*column 31\)$"):
        load_config(path)


@pytest.mark.parametrize(
    ("max_frames", "expected"),
    [
        (8192, 512),
        (4096, 512),
        (4095, 504),
        (2048, 256),
        (1200, 144),
        (1000, 120),
        (600, 72),
        (100, 16),
        (24, 8),
        (16, 8),
        (10, 5),
        (1, 1),
    ],
)
def test_rule_of_the_number_of_representatives(max_frames, expected):
    """align8(min(max(16, 0.125 frames), 0.5 frames)), at most 512, and never nothing."""
    assert VideoConfig().representatives_for(max_frames) == expected


def test_no_more_are_chosen_than_the_number_that_is_given():
    video = VideoConfig(num_representatives=20)
    assert [video.representatives_for(frames) for frames in (30, 100, 600)] == [8, 16, 20]


@given(st.integers(1, 10**6))
def test_representatives_stay_in_bounds(max_frames):
    k = VideoConfig().representatives_for(max_frames)
    assert 1 <= k <= max(max_frames / 2, 1)
    assert k % 8 == 0 or max_frames < 16
    assert k <= min(512, max(16, max_frames / 8))


def test_levels_are_those_of_the_original():
    table = {
        name: (level.max_frames, level.num_representatives, level.batch_size)
        for name, level in LEVELS.items()
    }
    assert table == {
        "moderate_long": (2048, 256, 2), "long": (4096, 512, 1), "very_long": (8192, 1024, 1)
    }  # fmt: skip
    for level in LEVELS.values():
        assert level.num_representatives == level.max_frames / 8
        # every level makes 32 videos an update, or 64
        assert level.batch_size * level.gradient_accumulation_steps in (32, 64)
    assert [level.video_minutes for level in LEVELS.values()] == [(5, 10), (10, 20), (20, None)]
    assert [level.gpu for level in LEVELS.values()] == ["V100_32GB", "A100_40GB", "A100_80GB"]


@pytest.mark.parametrize("base", ["builtin", "smollm2"])
def test_the_encoder_of_a_base_without_a_tower_is_the_built_in_one(base):
    said = []
    keys = {"model_config.base_model": base}
    found = changed(Config(), keys, say=said.append)
    assert found.model.feature_encoder == "builtin"
    assert said == [f"model_config.base_model is {base}: model_config.feature_encoder is builtin"]
    named = changed(Config(), keys | {"model_config.feature_encoder": "dinov2"})
    assert named.model.feature_encoder == "dinov2"
    assert Config().model.feature_encoder == "base"


def test_gpus():
    facts = {name: (gpu.memory_gb, gpu.compute_capability) for name, gpu in GPUS.items()}
    assert facts == {
        "V100_32GB": (32, (7, 0)),
        "A100_40GB": (40, (8, 0)),
        "A100_80GB": (80, (8, 0)),
        "RTX_4090": (24, (8, 9)),
        "L4": (24, (8, 9)),
        "H100_80GB": (80, (9, 0)),
        "H200": (141, (9, 0)),
    }
    assert [name for name, gpu in GPUS.items() if not gpu.has_bf16] == ["V100_32GB"]
    assert set(
        Config.model_json_schema()["$defs"]["HardwareConfig"]["properties"]["gpu_type"]["enum"]
    ) == set(GPUS)


def test_reading_a_configuration_does_not_import_torch():
    code = "import sys; import ntlbg.config; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    "command", ["--help", "config schema", "config generate --category long --output -"]
)
def test_what_plans_nothing_does_not_import_torch(command):
    code = (
        "import sys\n"
        f"sys.argv = 'ntlbg {command}'.split()\n"
        "from ntlbg.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: print(end.code, *sorted(sys.modules))"
    )
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root)
    code, *modules = done.stdout.splitlines()[-1].split()
    assert code == "0"
    assert not {"torch", "transformers"} & set(modules)


def seed_style() -> dict:
    """The blocks of the original's file, with what is true here in them."""
    training = {
        "batch_size": 1, "gradient_accumulation_steps": 32, "learning_rate": 5e-5, "fp16": True,
        "bf16": False, "remove_unused_columns": False, "ddp_find_unused_parameters": False,
    }  # fmt: skip
    points = {"enable": True, "feature_dim": 1024, "spatial_resolution": 1,
              "temporal_context_length": 8, "rich_point_layers": [0]}  # fmt: skip
    model = {
        "base_model": "Qwen/Qwen2-VL-7B-Instruct", "ntlbg_hidden_size": 3584,
        "ntlbg_intermediate_size": 18944, "ntlbg_num_attention_heads": 28,
        "ntlbg_num_key_value_heads": 4, "ntlbg_max_position_embeddings": 32768,
        "ntlbg_rope_theta": 1000000.0, "ntlbg_gradient_checkpointing": True,
        "rich_point_config": points,
    }  # fmt: skip
    train = {"name": "MLVU", "path": "data/mlvu", "weight": 1.0, "video_types": ["long_form"]}
    test = {"name": "MLVU_test", "path": "data/mlvu_test", "max_length": 4096}
    saving = {"activation_checkpointing": True, "gradient_checkpointing": True,
              "cpu_offload": False, "zero_stage": 0}  # fmt: skip
    distributed = {"strategy": "ddp", "find_unused_parameters": False,
                   "gradient_as_bucket_view": False}  # fmt: skip
    return {
        "model_name": "mine", "description": "of the original's form", "version": "1.0.0",
        "video_config": {"max_frames": 4096, "frame_sampling_strategy": "uniform",
                         "frame_resolution": [224, 224], "coverage_ratio": 0.125},
        "model_config": model,
        "training_config": training,
        "dataset_config": {"train_datasets": [train], "test_datasets": [test]},
        "hardware_config": {"gpu_type": "A100_40GB", "num_gpus": 4, "mixed_precision": "fp16",
                            "memory_optimization": saving, "distributed_training": distributed},
        "evaluation_config": {"benchmark_datasets": ["MLVU"], "target_performance": {"MLVU": 0.68}},
        "longvideo_variants": {"long": VARIANT},
    }  # fmt: skip


def test_a_file_of_the_original_s_form_loads_where_it_says_what_is_true(tmp_path):
    path = tmp_path / "seed.json"
    path.write_text(json.dumps(seed_style()))
    config = load_config(path)
    assert config.model.said_of_base["hidden_size"] == 3584
    assert config.longvideo_variants["long"].max_frames == 4096
    assert config.evaluation_config.names("MLVU_test")
    assert not config.evaluation_config.names("LongVideoBench_test")
    assert config.evaluation_config.target("MLVU_test") == 0.68
    assert config.evaluation_config.target("LongVideoBench_test") is None


def test_a_mark_in_front_is_no_part_of_the_file(tmp_path):
    path = tmp_path / "windows.json"
    path.write_text(to_json(Config()), encoding="utf-8-sig")
    assert load_config(path) == Config()
    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"video": "a.mp4", "question": "What?"}\n', encoding="utf-8-sig")
    assert [question.video for question in read_questions(questions)] == ["a.mp4"]


@pytest.mark.parametrize("name", ["builtin.json", "longvu_video.json"])
def test_files_for_another_training_are_named_so(name):
    with pytest.raises(ConfigError, match="of its own kind, for `ntlbg train` alone"):
        load_config(Path(__file__).parents[1] / "configs" / name)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ConfigError, match="is a folder; give a configuration file"):
        load_config(tmp_path)


@pytest.mark.parametrize("name", ["batch_size", "max_frames", "fp16", "num_representatives"])
def test_a_key_without_its_block_is_told_where_it_is(name):
    with pytest.raises(ConfigError) as error:
        load_config(SHIPPED, [f"{name}=2"])
    place = "training_config" if name in ("batch_size", "fp16") else "video_config"
    assert str(error.value).endswith(f"; {place}.{name} is one")
