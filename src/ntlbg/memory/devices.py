"""How much memory there is: of a card of the menu, or of what this machine has."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ntlbg.config import GPUS
from ntlbg.errors import ConfigError

GIGABYTE = 10**9
# What a CUDA context and loaded kernels take before the first tensor; half a gigabyte is what
# PyTorch documents as typical ("CUDA semantics", memory management).
CUDA_CONTEXT = GIGABYTE // 2
# The allocator rounds and fragments; of main memory, the rest of the machine needs some.
USABLE_SHARE = 0.95
PRESENT = "present"
# Weights that transformers keeps in main memory or on a disk, for want of room on the GPU, stand in
# the model as tensors without numbers until they are needed.
ELSEWHERE = "meta"


@dataclass(frozen=True)
class Device:
    """Where a model runs.

    Attributes:
        name: key of GPUS, or what the device calls itself.
        total_bytes: of its memory; of a CPU, what is available now.
        is_gpu: whether a CUDA context takes its part.
    """

    name: str
    total_bytes: int
    is_gpu: bool = True

    @property
    def usable_bytes(self) -> int:
        return int(self.total_bytes * USABLE_SHARE) - (CUDA_CONTEXT if self.is_gpu else 0)


def find_device(name: str) -> Device:
    """A card of GPUS by its key, or PRESENT for the GPU, else the CPU, of this machine.

    Raises:
        ConfigError: no such card.
    """
    if name in GPUS:
        return Device(name, GPUS[name].memory_gb * GIGABYTE)
    if name != PRESENT:
        raise ConfigError(f"no GPU {name!r}; there are: {', '.join(GPUS)}, and {PRESENT}")
    import torch

    if torch.cuda.is_available():
        card = torch.cuda.get_device_properties(0)
        return Device(card.name, card.total_memory)
    return main_memory()


def main_memory(held: int = 0) -> Device:
    """Main memory that is available without swapping.

    Args:
        held: bytes that what is planned has already; what this process does not hold itself, as
            weights that are read from their file when they are needed, is available as it is.
    """
    import psutil

    found = psutil.Process().memory_info()
    private = found.rss - getattr(found, "shared", found.rss)  # where the system tells them apart
    available = psutil.virtual_memory().available
    return Device("CPU", available + min(held, private), is_gpu=False)


def held_bytes(model: Any) -> int:
    """Bytes that a loaded model's weights take where it computes; of those elsewhere the largest.

    They come one by one. A model that is spread over several GPUs computes on the first.
    """
    there = sum(one.nbytes for one in _tensors(model) if one.device == model.device)
    lent = (one.nbytes for one in _tensors(model) if one.device.type == ELSEWHERE)
    return there + max(lent, default=0)


def _tensors(model: Any) -> Iterator[Any]:
    yield from model.parameters()
    yield from model.buffers()


def device_of(model: Any) -> Device:
    """Where a loaded model of PyTorch computes, with the memory that it has and can have there."""
    import torch

    place, held = model.device, held_bytes(model)
    if place.type != "cuda":
        return main_memory(held)
    free, _ = torch.cuda.mem_get_info(place)
    # what PyTorch has taken of the card and gives to nobody at the moment
    spare = torch.cuda.memory_reserved(place) - torch.cuda.memory_allocated(place)
    name = torch.cuda.get_device_name(place)
    return Device(name, free + spare + held + CUDA_CONTEXT)  # which is not among the free any more
