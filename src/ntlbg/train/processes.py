"""The processes of one training, as torchrun starts them: which this is, what they agree on.

One process alone needs none of this: then there is nothing to start and nothing to wait for.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from ntlbg.errors import NtlbgError

# One process may keep the others waiting while it looks at a long video for the first time, which
# takes minutes on a CPU, or writes a checkpoint to a slow disk. A process that dies is noticed at
# once, by torchrun; this limit is for one that stands still.
PATIENCE = timedelta(minutes=30)
_PARENT = os.getppid()


def count() -> int:
    """Of the processes that train together."""
    return int(os.environ["WORLD_SIZE"]) if "RANK" in os.environ else 1


def rank() -> int:
    """0 for the first process, which alone prints and writes."""
    return int(os.environ.get("RANK", 0))


@contextmanager
def together() -> Iterator[None]:
    """The processes can talk within this: over NCCL where there are GPUs, else over gloo.

    Where they already can, nothing is begun or ended. What ends with an error leaves the
    connections to the end of the process: the others must hear of it, and need not be waited for.
    """
    if count() == 1 or _talking():
        yield
        return
    import torch
    from torch import distributed

    # torchrun ends the others when one has failed. A handler of Python's would not run while they
    # wait for it in C++, and torchrun would wait half a minute for them.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    gpu = torch.cuda.is_available()
    if gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("cpu:gloo,cuda:nccl" if gpu else "gloo", timeout=PATIENCE)
    try:
        yield
    except NtlbgError:  # is told before this process ends, which it does by itself
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise
    distributed.destroy_process_group()


def stop_without_torchrun() -> None:
    """Stop where torchrun was killed: it can no longer end this process, and may be started again.

    Raises:
        KeyboardInterrupt: the process that started this one is not there any more.
    """
    if count() > 1 and "TORCHELASTIC_RUN_ID" in os.environ and os.getppid() != _PARENT:
        raise KeyboardInterrupt


def _talking() -> bool:
    """Whether there are others that can be asked."""
    if count() == 1:
        return False
    from torch import distributed

    return distributed.is_initialized()


def of_all(value: Any) -> list[Any]:
    """The value of every process, in their order; every process must ask."""
    if not _talking():
        return [value]
    from torch import distributed

    values: list[Any] = [None] * count()
    distributed.all_gather_object(values, value)
    return values


def any_of_all(value: bool) -> bool:
    """Whether it holds in one of them; every process must ask. Cheaper than `of_all`."""
    if not _talking():
        return value
    import torch
    from torch import distributed

    flag = torch.tensor(float(value))
    distributed.all_reduce(flag, distributed.ReduceOp.MAX)
    return bool(flag)


def wait_for_all() -> None:
    """Until every process has come here."""
    any_of_all(False)
