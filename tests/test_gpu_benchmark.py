"""``benchmarks/gpu.py``: its code runs on a processor, and without a GPU it makes up no figures."""

import json

import pytest
import torch
import transformers

from ntlbg.memory import model_sizes
from ntlbg.models import LongVUConfig


@pytest.fixture
def gpu(benchmark_script):
    return benchmark_script("gpu")


def test_tiny_models_are_measured_by_the_same_code(gpu, capsys):
    assert gpu.main(["--tiny", "--json", "--rounds", "2", "--tokens", "3"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["device"] == "CPU, tiny sizes"
    qwen, *fewer, longvu = found["models"]
    names = [one["model"] for one in found["models"]]
    assert names == ["qwen2_5_vl", "qwen2_5_vl, longvu", "qwen2_5_vl, vidcom2", "longvu"]
    for one in fewer:  # more frames for no more tokens
        assert one["frames_given"] > qwen["frames_given"]
        assert one["visual_tokens"] <= 256
    assert qwen["frames_given"] < qwen["frames_seen"] == longvu["frames_given"] == 64
    assert 0 < qwen["visual_tokens"] <= 256
    for one in found["models"]:
        assert one["visual_tokens"] < one["prompt_tokens"]
        assert min(one[f"{part}_seconds"] for part in ("vision", "prefill", "token")) > 0
        # weights are there in any case, in bfloat16
        assert min(one["planned_bytes"], one["peak_bytes"]) > 2 * one["parameters"] > 0


def test_the_table_has_a_line_for_a_model(gpu, capsys):
    assert gpu.main(["--tiny", "--only", "longvu", "--rounds", "1", "--tokens", "1"]) == 0
    machine, _, head, _, row = capsys.readouterr().out.splitlines()
    assert f"torch {torch.__version__}" in machine
    assert row.count("|") == head.count("|") == 10
    assert row.startswith("| longvu, ")


def test_without_a_gpu_it_says_so(gpu, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu.main([]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert "no GPU that PyTorch can use" in told.err
    assert "--tiny" in told.err


def test_help_teaches(gpu, capsys):
    with pytest.raises(SystemExit, match="0"):
        gpu.main(["--help"])
    told = capsys.readouterr().out
    for words in ("python benchmarks/gpu.py --tiny", "random weights", "max_memory_allocated"):
        assert words in told
    with pytest.raises(SystemExit, match="2"):
        gpu.main(["--rounds", "0"])
    assert "give 1 or more, got 0" in capsys.readouterr().err


def test_sizes_are_the_published_ones(gpu):
    """By the total_size of the weights that Qwen published, 16,584,333,312 bytes of bfloat16."""
    import gpu_models

    config = gpu_models.qwen_config(transformers.Qwen2_5_VLConfig())
    assert 2 * model_sizes(config).total_parameters == 16_584_333_312
    text = LongVUConfig().text_config
    wanted = gpu_models.QWEN_TEXT
    for name in ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers"):
        assert getattr(text, name) == wanted[name]  # LongVU's is Qwen2-7B, of the same sizes


def test_a_card_that_is_too_small_is_one_line(gpu, monkeypatch):
    import gpu_models

    from ntlbg.memory import Device

    monkeypatch.setattr(gpu_models, "find_device", lambda name: Device("small", 8 * 10**9))
    with pytest.raises(SystemExit, match=r"weights of longvu take 18.4 GB, this GPU has 7.1"):
        gpu_models.random_model(LongVUConfig(), "cuda")
