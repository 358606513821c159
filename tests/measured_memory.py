"""What a piece of work really allocates, as torch's own profiler counts it."""

from collections.abc import Callable

from torch.profiler import ProfilerActivity, profile


def measure(work: Callable[[], object]) -> tuple[int, int]:
    """Bytes of tensors on the CPU, above those before: at the highest moment, and at the end.

    What ``work`` returns is alive at the end. Every allocation counts, inside operations too.
    """
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=True) as found:
        result = work()
    now = highest = 0
    for event in found.profiler.kineto_results.events():
        if event.name() == "[memory]":
            now += event.nbytes()
            highest = max(highest, now)
    del result
    return highest, now
