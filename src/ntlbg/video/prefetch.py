"""Decoding ahead in a thread, while the caller is busy with what it has."""

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ntlbg.errors import ConfigError

Item = TypeVar("Item")
END = object()


def prefetch(items: Iterable[Item], *, depth: int = 2) -> Iterator[Item]:
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


def _prefetch(items: Iterator[Item], depth: int) -> Iterator[Item]:
    worker = ThreadPoolExecutor(1, thread_name_prefix="ntlbg-prefetch")
    try:
        ahead = deque(worker.submit(next, items, END) for _ in range(depth))
        while (item := ahead.popleft().result()) is not END:
            ahead.append(worker.submit(next, items, END))
            yield item
    finally:
        worker.shutdown(wait=True, cancel_futures=True)
        if isinstance(items, Generator):
            items.close()
