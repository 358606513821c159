"""A time that no other packet near it has, as a flipped bit makes: it is taken away.

A picture whose time is hours ahead would be sampled for hours, and all that come after it would be
too late. Without a time it is shown between its neighbours.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import av

# Of several streams together, while one of them is waited for; set by hand.
MOST_WAITING = 500


class Order(NamedTuple):
    """Of the packets of a stream.

    Attributes:
        depth: none comes after so many that are to be shown later.
        limit: ticks; what is nearer than that is no jump.
    """

    depth: int
    limit: int


class LoneTimes:
    """Follows the packets of one stream or several, and reads ahead only where a time jumps.

    Args:
        orders: by index of the stream.
    """

    def __init__(self, packets: Iterable[av.Packet], orders: Mapping[int, Order]):
        self._packets, self._orders = iter(packets), orders
        self._waiting: deque[av.Packet] = deque()
        self._before: dict[int, deque[int]] = {
            index: deque(maxlen=order.depth) for index, order in orders.items()
        }

    def taken_away(self) -> Iterator[av.Packet]:
        """The same packets; of a lone time both are None, or that one of the two."""
        while (packet := self._next()) is not None:
            ticks, index = packet.pts, packet.stream_index
            if ticks is not None:
                if self._is_lone(index, ticks):
                    self._take_away(packet)
                else:
                    self._before[index].append(ticks)
            yield packet

    def _next(self) -> av.Packet | None:
        return self._waiting.popleft() if self._waiting else next(self._packets, None)

    def _is_lone(self, index: int, ticks: int) -> bool:
        (depth, limit), before = self._orders[index], self._before[index]
        if not before or abs(ticks - before[-1]) <= limit:
            return False
        if ticks > max(before) + limit:
            after = self._times_ahead(index, 2 * depth)  # others may be wrong among them
            return sum(later < ticks for later in after) >= depth
        if len(before) == depth and ticks < min(before) - limit:
            after = self._times_ahead(index, 1)
            return bool(after) and after[0] > ticks + limit
        return False

    def _times_ahead(self, index: int, count: int) -> list[int]:
        """Of the next packets of a stream, fewer at its end."""
        times = [one.pts for one in self._waiting if one.stream_index == index]
        while len(times) < count and len(self._waiting) < MOST_WAITING:
            packet = next(self._packets, None)
            if packet is None:
                break
            self._waiting.append(packet)
            times += [packet.pts] if packet.stream_index == index else []
        return [ticks for ticks in times[:count] if ticks is not None]

    def _take_away(self, packet: av.Packet) -> None:
        index = packet.stream_index
        limit, before = self._orders[index].limit, self._before[index]
        packet.pts = None
        if packet.dts is not None and not min(before) - limit <= packet.dts <= max(before) + limit:
            packet.dts = None
