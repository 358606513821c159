"""Keyframes passed while reading, to go back to; and what was counted since each of them."""

from dataclasses import dataclass, replace

from ntlbg.video.frames import ReadReport
from ntlbg.video.packets import PacketPosition


@dataclass(slots=True)
class Landmark:
    """A clean keyframe shown at `ticks`, and the work done for it and everything after it.

    order: the number of the packet in this read.
    """

    place: PacketPosition
    ticks: int
    order: int
    decoded: int = 0
    skipped: int = 0


class Landmarks:
    """Counts into a report in such a way that the work since a landmark can be taken back."""

    def __init__(self, report: ReadReport):
        self._report = report
        self._beginning = replace(report)
        self._passed: list[Landmark] = []

    def add(self, landmark: Landmark, *, oldest: int) -> None:
        """Pass a keyframe; forget those that no picture from `oldest` on will need."""
        while len(self._passed) > 1 and self._passed[1].ticks <= oldest:
            del self._passed[0]
        self._passed.append(landmark)

    def count_decoded(self, ticks: int) -> None:
        self._report.decoded += 1
        for landmark in self._passed:
            landmark.decoded += ticks >= landmark.ticks

    def count_skipped(self, order: int) -> None:
        self._report.skipped += 1
        for landmark in self._passed:
            landmark.skipped += order >= landmark.order

    def last_before(self, ticks: int) -> Landmark | None:
        return next((mark for mark in reversed(self._passed) if mark.ticks <= ticks), None)

    def take_back(self, landmark: Landmark) -> None:
        """As if nothing had been read from a landmark on; damage that was met stays counted."""
        self._report.packets = landmark.order - 1
        self._report.decoded -= landmark.decoded
        self._report.skipped -= landmark.skipped

    def take_back_all(self) -> None:
        for name in ("packets", "decoded", "skipped"):
            setattr(self._report, name, getattr(self._beginning, name))
