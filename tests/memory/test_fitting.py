"""What fits: budgets at their limit, configurations changed as little as needed."""

import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntlbg.config import GPUS, LEVELS, Config, changed, config_for_level, to_json
from ntlbg.errors import ConfigError
from ntlbg.memory import (
    Device,
    Setup,
    Workload,
    answer_plan,
    as_text,
    base_sizes,
    find_device,
    fit,
    frames_plan,
    largest_budgets,
    plan_answer,
    plan_training,
    plans,
    reader_sizes,
    setup,
    smallest_cards,
    training_plan,
    workload,
)
from ntlbg.memory.plan import largest_fitting, sequence_tokens

BUILTIN = base_sizes("builtin")


@given(st.integers(0, 1000), st.integers(1, 1000))
def test_largest_finds_the_limit(limit, most):
    assert largest_fitting(lambda number: number <= limit, most) == min(limit, most)


@pytest.mark.parametrize("gpu", GPUS)
@pytest.mark.parametrize("category", LEVELS)
def test_every_level_is_made_to_fit_every_gpu(category, gpu):
    base, device = config_for_level(category), find_device(gpu)
    base = changed(base, {"training_config.batch_size": 8})
    before = to_json(base)
    fitted = fit(base, device)
    assert to_json(base) == before
    assert training_plan(fitted.config).peak <= device.usable_bytes
    changed_keys = [line.split(":")[0] for line in fitted.changes]
    assert len(set(changed_keys)) == len(changed_keys)
    assert (fitted.config == base) == (not fitted.changes)
    training, old = fitted.config.training_config, base.training_config
    videos = training.batch_size * training.gradient_accumulation_steps
    assert videos >= old.batch_size * old.gradient_accumulation_steps
    assert not fit(fitted.config, device).changes


def test_frames_are_given_up_last():
    config = config_for_level("very_long", "L4")
    smaller = Device("small", 21 * 10**9)
    fitted = fit(config, smaller)
    assert training_plan(fitted.config).peak <= smaller.usable_bytes
    assert fitted.config.video_config.num_representatives < 1024
    assert "GB for" in fitted.changes[0]
    one_more = fitted.config.video_config.num_representatives + 8
    bigger = replace(workload(fitted.config), num_frames=one_more)
    peak = plan_training(reader_sizes(fitted.config), bigger, setup(fitted.config)).peak
    assert peak > smaller.usable_bytes


def test_plans_count_the_most_frames_that_can_be_chosen():
    keys = {"video_config.num_representatives": 4000, "video_config.max_frames": 2048}
    config = changed(Config(), keys)
    # an eighth of 2048; every second frame may still be 2048 of a video that is long enough
    for stride in (1, 2):
        work = workload(changed(config, {"video_config.temporal_stride": stride}))
        assert (work.sampled_frames, work.num_frames) == (2048, 256)
    # the time and the marks of each, and all the visual tokens that there may be
    assert answer_plan(config).tokens == 256 * 13 + 8192 + 96


def test_frames_are_looked_at_less_often_where_fewer_chosen_are_not_enough():
    keys = {
        "model_config.base_model": "builtin",
        "model_config.feature_encoder": "builtin",
        "video_config.max_frames": 10**6,
    }
    device = Device("small", 10**10, is_gpu=False)
    fitted = fit(changed(Config(), keys), device)
    video = fitted.config.video_config
    assert training_plan(fitted.config).peak <= device.usable_bytes
    assert video.representatives_for(video.max_frames) == 8
    twice = changed(fitted.config, {"video_config.max_frames": 2 * video.max_frames})
    assert training_plan(twice).peak > device.usable_bytes
    assert [line.split(":")[0] for line in fitted.changes] == [
        "video_config.num_representatives",
        "video_config.max_frames",
    ]


def test_the_smallest_cards_have_the_number_format():
    half = {
        "model_config.base_model": "builtin",
        "model_config.feature_encoder": "builtin",
        "video_config.max_frames": 64,
    }
    assert smallest_cards(changed(Config(), half)) == ["RTX_4090", "L4"]
    seven = config_for_level("moderate_long")
    assert smallest_cards(seven) == ["V100_32GB"]  # 27.5 GB of 29.9
    newer = {"training_config.bf16": True, "hardware_config.gpu_type": "A100_40GB"}
    assert smallest_cards(changed(seven, newer)) == ["A100_40GB"]
    assert smallest_cards(changed(seven, {"training_config.batch_size": 1000})) == []


def test_a_model_that_cannot_fit_is_refused_with_the_figures():
    with pytest.raises(
        ConfigError, match=r"cannot be trained on tiny: .* needs 1\d\.\d GB"
    ) as told:
        fit(config_for_level("long"), Device("tiny", 10**10))
    assert "zero_stage" not in str(told.value)


@pytest.mark.parametrize("purpose", ["answer", "train"])
def test_budgets_fit_and_one_more_does_not(purpose):
    work, device = Workload(64, 16), Device("x", 2 * 10**9, is_gpu=False)
    how = Setup(trained="lora", rank=8)
    plan = plan_answer if purpose == "answer" else plan_training
    found = largest_budgets(BUILTIN, work, how, device, purpose)
    batch = found["batch"]
    assert plan(BUILTIN, replace(work, batch=batch), how).peak <= device.usable_bytes
    assert plan(BUILTIN, replace(work, batch=batch + 1), how).peak > device.usable_bytes
    frames = found["frames"]
    assert sequence_tokens(BUILTIN, replace(work, num_frames=frames)) <= 8192
    more = replace(work, num_frames=frames + 1, sampled_frames=frames + 1)
    assert sequence_tokens(BUILTIN, more) > 8192 or (
        plan(BUILTIN, more, how).peak > device.usable_bytes
    )


def test_memory_grows_with_everything():
    how, work = Setup(), Workload(1000, 64, batch=2)
    for plan in (plan_answer, plan_training):
        before = plan(BUILTIN, work, how).peak
        assert plan(BUILTIN, replace(work, batch=4), how).peak > before
        assert plan(BUILTIN, replace(work, num_frames=256), how).peak > before
        assert plan(BUILTIN, replace(work, sampled_frames=10**6), how).peak > before


def test_recomputing_and_fused_attention_save_memory():
    config = config_for_level("very_long")
    model, work, base = reader_sizes(config), workload(config, 2), setup(config)
    peak = plan_training(model, work, base).peak
    assert plan_training(model, work, replace(base, checkpointing=False)).peak > peak
    assert plan_training(model, work, replace(base, fused=False)).peak > peak
    assert plan_training(model, work, replace(base, trained="full")).peak > peak


@pytest.mark.parametrize("category", LEVELS)
def test_every_level_fits_its_gpu_alone(category):
    config = config_for_level(category)
    many = changed(config, {"hardware_config.num_gpus": 8})
    assert training_plan(many) == training_plan(config)
    assert training_plan(config).peak <= find_device(LEVELS[category].gpu).usable_bytes


TRUE = {  # as Qwen's config.json has them
    "hidden_size": 3584, "intermediate_size": 18944, "num_attention_heads": 28,
    "num_key_value_heads": 4, "max_position_embeddings": 32768, "rope_theta": 1e6,
}  # fmt: skip


def test_what_is_said_of_the_base_model_has_to_be_so():
    said = changed(Config(), {f"model_config.ntlbg_{key}": size for key, size in TRUE.items()})
    assert training_plan(said) == training_plan(Config())
    for key, size in TRUE.items():
        wrong = changed(Config(), {f"model_config.ntlbg_{key}": size + 8})
        with pytest.raises(ConfigError) as told:
            reader_sizes(wrong)
        assert str(told.value) == (
            f"model_config.ntlbg_{key} is {size + 8:.9g}, but Qwen/Qwen2-VL-7B-Instruct has "
            f"{size:.9g}; write that, or null, which is what base_model has"
        )


def test_prompts_are_made_no_longer_than_they_may_be():
    config = changed(Config(), {"model_config.ntlbg_max_position_embeddings": 1000})
    device = find_device("H200")
    assert plans(config, device)["plans"]["train"]["largest"]["frames"] == (1000 - 96) // 78
    fitted = fit(config, device).config
    assert fitted.video_config.num_representatives == 8  # of 11, in eights
    assert training_plan(fitted).tokens <= 1000


def test_a_stock_model_reads_pixels_at_the_frames_size():
    config = changed(Config(), {"video_config.frame_resolution": [448, 448]})
    small, large = frames_plan(Config()), frames_plan(config)
    # 16 patches a side, merged by 2, two frames at a time: 32 tokens a frame
    assert small.tokens == 512 * 32 + 96
    assert large.tokens == 512 * 128 + 96
    assert large.parts["KV cache"] > 3.9 * small.parts["KV cache"]
    assert answer_plan(Config()).tokens == 512 * 13 + 8192 + 96
    free = {"video_config.max_visual_tokens": None}
    # each frame alone, and its rich point
    assert answer_plan(changed(Config(), free)).tokens == 512 * (13 + 64 + 1) + 96


def test_devices():
    assert find_device("A100_40GB").usable_bytes == int(0.95 * 40e9) - 5 * 10**8
    assert find_device("present").total_bytes > 0
    with pytest.raises(ConfigError, match=r"no GPU 'A100'; there are: V100_32GB, .*, and present"):
        find_device("A100")


def test_the_report_adds_up():
    device = find_device("A100_40GB")
    found = plans(Config(), device)
    assert set(found["plans"]) == {"answer", "train", "answer from pixels"}
    for plan in found["plans"].values():
        assert plan["peak"] == max(plan["moments"].values())
        assert plan["fits"]
        assert plan["largest"]["frames"] >= 512
    text = as_text(found)
    assert "37.5 GB to use" in text
    assert "weights, language model                 15,231.2" in text


def test_who_plans_nothing_does_not_import_torch():
    code = (
        "import sys; from ntlbg import memory; memory.find_device('L4');"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_processes_divide_what_they_hold_and_gather_what_computes():
    work, base = Workload(64, 8), Setup(number_bytes=4, trained="full")
    whole = plan_training(BUILTIN, work, base)
    held = [name for name in whole.parts if name.startswith("weights")]
    peaks = []
    for number in (2, 4, 8):
        plan = plan_training(BUILTIN, work, replace(base, processes=number))
        for name in (*held, "gradients", "optimizer states"):
            assert plan.parts[name] == -(-whole.parts[name] // number)
        assert 0 < plan.parts["gathered weights"] < 2 * sum(whole.parts[name] for name in held)
        peaks.append(plan.peak)
    assert peaks == sorted(peaks, reverse=True)
    keys = {"hardware_config.num_gpus": 8, "hardware_config.distributed_training.strategy": "fsdp"}
    assert setup(changed(Config(), keys)).processes == 8
    assert setup(changed(Config(), {"hardware_config.num_gpus": 8})).processes == 1
