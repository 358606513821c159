"""A time that no other packet near it has, as a flipped bit makes: it is taken away.

A picture whose time is hours ahead would be sampled for hours, and all that come after it would be
too late. Without a time it is shown between its neighbours.
"""

from collections import deque
from collections.abc import Iterable, Iterator

import av


class LoneTimes:
    """Follows the packets of one stream, and reads ahead only where a time jumps.

    Args:
        depth: no packet comes later than so many that are to be shown after it.
        limit: ticks; what is nearer than that is no jump.
    """

    def __init__(self, packets: Iterable[av.Packet], *, depth: int, limit: int):
        self._packets = iter(packets)
        self._depth, self._limit = depth, limit
        self._waiting: deque[av.Packet] = deque()
        self._before: deque[int] = deque(maxlen=depth)

    def taken_away(self) -> Iterator[av.Packet]:
        """The same packets."""
        while (packet := self._next()) is not None:
            if packet.pts is not None:
                if self._is_lone(packet.pts):
                    self._take_away(packet)
                else:
                    self._before.append(packet.pts)
            yield packet

    def _next(self) -> av.Packet | None:
        return self._waiting.popleft() if self._waiting else next(self._packets, None)

    def _is_lone(self, ticks: int) -> bool:
        if not self._before:
            return False
        if ticks > max(self._before) + self._limit:
            after = self._times_ahead(self._depth)
            return bool(after) and max(after) < ticks
        if ticks < min(self._before) - self._limit:
            after = self._times_ahead(1)
            return bool(after) and after[0] > ticks + self._limit
        return False

    def _times_ahead(self, count: int) -> list[int]:
        """Of the next packets; none where the stream ends before."""
        while len(self._waiting) < count:
            packet = next(self._packets, None)
            if packet is None:
                return []
            self._waiting.append(packet)
        times = [packet.pts for packet in list(self._waiting)[:count]]
        return [ticks for ticks in times if ticks is not None]

    def _take_away(self, packet: av.Packet) -> None:
        low, high = min(self._before) - self._limit, max(self._before) + self._limit
        packet.pts = None
        if packet.dts is not None and not low <= packet.dts <= high:
            packet.dts = None
