"""How much memory a piece of work really takes, for people to compare with what was planned."""

import ctypes
import sys
from threading import Event, Thread

import psutil

SAMPLED_EVERY_SECONDS = 0.02  # set by hand


class MeasuredPeak:
    """Context: the highest memory of this process while the block runs.

    Resident memory is sampled, since the system's own peak is that of the process's whole life. Of
    a GPU, PyTorch's allocator counts exactly.

    Attributes:
        resident_bytes: of main memory, libraries and weights included.
        gpu_bytes: of tensors on the first CUDA device; None without one.
        bytes_before: both together when the block began.
    """

    resident_bytes: int = 0
    gpu_bytes: int | None = None
    bytes_before: int = 0

    def __enter__(self) -> "MeasuredPeak":
        self._process, self._ended = psutil.Process(), Event()
        if _gpu() is not None:
            _gpu().reset_peak_memory_stats()
            self.bytes_before = _gpu().max_memory_allocated()
        self._sample()
        self.bytes_before += self.resident_bytes
        self._thread = Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._ended.set()
        self._thread.join()
        self._sample()
        if _gpu() is not None:
            self.gpu_bytes = _gpu().max_memory_allocated()

    @property
    def peak_bytes(self) -> int:
        """Of main memory and GPU together."""
        return self.resident_bytes + (self.gpu_bytes or 0)

    def to_dict(self) -> dict[str, int | None]:
        return {"peak_resident_bytes": self.resident_bytes, "peak_gpu_bytes": self.gpu_bytes}

    def _watch(self) -> None:
        while not self._ended.wait(SAMPLED_EVERY_SECONDS):
            self._sample()

    def _sample(self) -> None:
        self.resident_bytes = max(self.resident_bytes, self._process.memory_info().rss)


def give_back_freed_memory() -> bool:
    """Let the system have what this process has freed; False where the allocator cannot be asked.

    glibc keeps freed memory for later (malloc_trim(3)). Work that takes it again is not seen to
    grow, so before a growth is measured it has to be given back.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is None:
        return False
    trim(0)
    return True


def _gpu():
    """torch.cuda, when torch is loaded and there is a device."""
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_available() else None
