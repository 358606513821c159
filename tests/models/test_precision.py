import pytest
import torch

from ntlbg.models.precision import has_bfloat16_instructions, inference_dtype


@pytest.fixture(autouse=True)
def onednn(monkeypatch):
    """What oneDNN is said to do with bfloat16: call it with True or False."""

    def say(supported: bool) -> None:
        name = "_is_mkldnn_bf16_supported"
        monkeypatch.setattr(torch.ops.mkldnn, name, lambda: supported)

    say(True)
    return say


@pytest.mark.parametrize(
    ("capabilities", "wanted"),
    [
        ({"architecture": "x86_64", "avx512_bf16": True}, torch.bfloat16),
        ({"architecture": "x86_64", "avx512_f": True, "amx_bf16": True}, torch.bfloat16),
        ({"architecture": "aarch64", "neon": True, "bf16": True}, torch.bfloat16),
        # AVX-512 alone emulates bfloat16
        ({"architecture": "x86_64", "avx512_f": True, "avx512_bf16": False}, torch.float32),
        ({"architecture": "x86_64", "avx2": True}, torch.float32),
        ({"architecture": "aarch64", "neon": True}, torch.float32),
        ({}, torch.float32),
    ],
)
def test_bfloat16_needs_an_instruction(monkeypatch, capabilities, wanted):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert inference_dtype() is wanted


@pytest.mark.parametrize("there", [True, False])
def test_an_older_pytorch_is_asked_for_what_it_knows(monkeypatch, there):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: there, raising=False)
    assert has_bfloat16_instructions() is there


def test_instructions_that_are_not_used_do_not_count(monkeypatch, onednn):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True}, raising=False)
    assert inference_dtype() is torch.bfloat16
    onednn(False)
    assert inference_dtype() is torch.float32
