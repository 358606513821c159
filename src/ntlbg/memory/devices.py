"""How much memory there is: of a card of the menu, or of what this machine has."""

from dataclasses import dataclass

from ntlbg.config import GPUS
from ntlbg.errors import ConfigError

GIGABYTE = 10**9
# What a CUDA context and loaded kernels take before the first tensor; half a gigabyte is what
# PyTorch documents as typical ("CUDA semantics", memory management).
CUDA_CONTEXT = GIGABYTE // 2
# The allocator rounds and fragments; of main memory, the rest of the machine needs some.
USABLE_SHARE = 0.95
PRESENT = "present"


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


def main_memory() -> Device:
    """Main memory that is available without swapping."""
    import psutil

    return Device("CPU", psutil.virtual_memory().available, is_gpu=False)
