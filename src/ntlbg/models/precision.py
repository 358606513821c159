"""Which numbers this machine computes fastest."""

import torch
from transformers import PreTrainedModel

# bfloat16 products in the instruction set, as `torch.cpu.get_capabilities` names them: x86, ARM.
BFLOAT16 = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")


def has_bfloat16_instructions() -> bool:
    """Whether the processor multiplies bfloat16 itself, and PyTorch lets it.

    Without that it is slower than float32: a depthwise convolution of 5 x 5 seven times, measured
    with PyTorch 2.13 under AVX2. oneDNN is asked too, since environment variables can take
    instructions away from it.
    """
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return False
    if not hasattr(torch.cpu, "get_capabilities"):  # an older PyTorch knows x86 only
        return torch.cpu._is_avx512_bf16_supported()
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in BFLOAT16)


def inference_dtype() -> torch.dtype:
    """Of weights and activations where the answer may be rounded.

    It depends on the machine alone, never on a measurement: the same video has to get the same
    features every time.
    """
    return torch.bfloat16 if has_bfloat16_instructions() else torch.float32


def gpu_dtype() -> torch.dtype:
    """The same on a GPU: bfloat16 where its cores multiply it, else float16."""
    return (
        torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    )


def mixed_precision(model: PreTrainedModel) -> torch.autocast:
    """Within the block a model of half precision computes in it, whatever parts are in float32.

    Parts that train are: steps of a thousandth vanish in half precision.
    """
    kind, half = model.device.type, model.dtype != torch.float32
    return torch.autocast(kind, dtype=model.dtype if half else None, enabled=half)


def full_precision(device: torch.device) -> torch.autocast:
    """Within the block nothing is computed in half precision, whatever is around it."""
    return torch.autocast(device.type, enabled=False)
