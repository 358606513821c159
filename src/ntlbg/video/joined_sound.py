"""Sound of several recordings that were joined in one file, put where their pictures are put.

Each recording counts its times anew. Its sound and its pictures have not quite the same length, so
that putting sound end to end by itself would leave it a little earlier or later at every joint.
"""

from collections import deque
from collections.abc import Iterator

import av

from ntlbg.video.clock import RESTART_SECONDS, Clock

# Packets of sound that wait for the first picture of their recording, which comes within a second:
# ten seconds of AAC. If none comes, the sound alone has jumped back.
MAX_WAITING = 500


def shifted_as_pictures(packets: Iterator[av.Packet], clock: Clock) -> Iterator[av.Packet]:
    """The packets of sound, with their times moved as the clock of the pictures moves its own.

    Args:
        packets: of sound and of pictures.
    """
    shifts = [0.0]  # seconds, of each recording whose pictures have come
    waiting: deque[tuple[int, av.Packet]] = deque()  # with the number of their recording
    recording, last = 0, None
    for packet in packets:
        if packet.stream.type == "video":
            clock.read(packet)
            if clock.shift_seconds != shifts[-1]:
                shifts.append(clock.shift_seconds)
        else:
            seconds = _seconds(packet)
            if seconds is not None and last is not None and last - seconds > RESTART_SECONDS:
                recording += 1
            last = last if seconds is None else seconds
            waiting.append((recording, packet))
        while waiting and (waiting[0][0] < len(shifts) or len(waiting) > MAX_WAITING):
            yield _shifted(*waiting.popleft(), shifts)
    for number, packet in waiting:
        yield _shifted(number, packet, shifts)


def _seconds(packet: av.Packet) -> float | None:
    ticks = packet.dts if packet.pts is None else packet.pts
    return None if ticks is None else float(ticks * packet.time_base)


def _shifted(recording: int, packet: av.Packet, shifts: list[float]) -> av.Packet:
    seconds = _seconds(packet)
    if seconds is not None:
        moved = seconds + shifts[min(recording, len(shifts) - 1)]
        packet.pts = round(moved / packet.time_base)
    return packet
