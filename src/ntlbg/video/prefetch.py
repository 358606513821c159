"""Decoding ahead in a thread, while the caller is busy with what it has."""

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from ntlbg.errors import ConfigError

Item = TypeVar("Item")


def prefetch(items: Iterable[Item], *, depth: int = 2) -> Generator[Item]:
    """The same items in the same order; up to `depth` of them are made while one is in use.

    PyAV lets other threads run while it decodes, so the two kinds of work overlap. An exception
    raised by `items` comes up here, after the items before it. Closing the iterator, or letting go
    of it, waits for the item in the making and ends the thread.

    Raises:
        ConfigError: depth below 1.
    """
    if depth < 1:
        raise ConfigError(f"depth is {depth}; give at least 1")
    return _prefetch(iter(items), depth)


def _prefetch(items: Iterator[Item], depth: int) -> Generator[Item]:
    worker = ThreadPoolExecutor(1, thread_name_prefix="ntlbg-prefetch")
    try:
        ahead = deque(worker.submit(list, islice(items, 1)) for _ in range(depth))
        while item := ahead.popleft().result():
            ahead.append(worker.submit(list, islice(items, 1)))
            yield item[0]
    finally:
        worker.shutdown(wait=True, cancel_futures=True)
        if isinstance(items, Generator):
            items.close()
