"""What a compressed picture needs and is needed for, read from its first bytes.

The keyframe flag alone does not say where decoding may start: H.264 intra refresh marks points
where the picture only starts to recover, and files without a table of keyframes mark every picture.
Codecs that are not in ``CODECS`` are decoded from the beginning, picture by picture.
"""

from collections.abc import Callable
from dataclasses import dataclass

import av

from ntlbg.video import nal

START_OF_PICTURE, START_OF_SEQUENCE = b"\0\0\1\0", b"\0\0\1\xb3"  # ISO/IEC 13818-2 table 6-1
START_OF_VOP = b"\0\0\1\xb6"  # ISO/IEC 14496-2 6.3.5
AV1_FRAME_HEADER, AV1_FRAME = 3, 6  # AV1 specification 6.2.2


class Bitstream:
    """Answers about the packets of one stream; asked in decoding order.

    has_fields: set once the pictures are known to be interlaced. The two fields of an H.264 picture
    may then be packets of their own, of which neither may be left out alone.
    """

    def __init__(self, codec: av.VideoCodecContext):
        self.has_fields = False
        self._intra_only = codec.codec.intra_only
        self._rules = CODECS.get(codec.codec.canonical_name)
        self._units = nal.UnitReader(codec.codec.canonical_name, codec.extradata or b"")

    @property
    def has_entries(self) -> bool:
        """Whether decoding may start anywhere but at the beginning."""
        return self._intra_only or self._rules is not None

    def is_entry(self, packet: av.Packet) -> bool:
        """Every picture shown at or after this one decodes exactly when starting here."""
        if packet.is_corrupt or not (self._intra_only or packet.is_keyframe):
            return False
        if self._intra_only:
            return True
        return self._rules is not None and self._rules.is_entry(bytes(packet), self._units)

    def is_keyframe(self, packet: av.Packet) -> bool:
        """Decodes alone, as far as can be told: codecs without rules are taken at their word."""
        return self.is_entry(packet) if self.has_entries else packet.is_keyframe

    def is_unreferenced(self, packet: av.Packet) -> bool:
        """No other picture is built on this one, and nothing else is in the packet."""
        if self._intra_only:
            return True
        if self._rules is None or (self._rules is H264 and self.has_fields):
            return False
        return self._rules.is_unreferenced(bytes(packet), self._units)

    def is_hidden(self, packet: av.Packet) -> bool:
        """Decoded but never shown: the alternate reference pictures of VP8."""
        return self._rules is VP8 and not memoryview(packet)[0] >> 4 & 1


@dataclass(frozen=True)
class Rules:
    """Functions of a packet's bytes and the stream's unit reader."""

    is_entry: Callable[[bytes, nal.UnitReader], bool]
    is_unreferenced: Callable[[bytes, nal.UnitReader], bool]


def _never(data: bytes, units: nal.UnitReader) -> bool:
    return False


def _mpeg2_type(data: bytes) -> int:
    """picture_coding_type: 1 I, 2 P, 3 B; 0 without a picture."""
    start = data.find(START_OF_PICTURE)
    return data[start + 5] >> 3 & 7 if 0 <= start < len(data) - 5 else 0


def _mpeg2_entry(data: bytes, units: nal.UnitReader) -> bool:
    # The sequence header resets the quantiser matrices, which pictures left out may have changed.
    sequence = data.find(START_OF_SEQUENCE)
    return 0 <= sequence < data.find(START_OF_PICTURE) and _mpeg2_type(data) == 1


def _mpeg2_unreferenced(data: bytes, units: nal.UnitReader) -> bool:
    return data.startswith(START_OF_PICTURE) and _mpeg2_type(data) == 3


def mpeg4_type(data: bytes) -> int | None:
    """vop_coding_type: 0 I, 1 P, 2 B, 3 S; None unless the packet holds exactly one picture."""
    start = data.find(START_OF_VOP)
    if not 0 <= start < len(data) - 4 or data.find(START_OF_VOP, start + 4) >= 0:
        return None
    return data[start + 4] >> 6


def _mpeg4_entry(data: bytes, units: nal.UnitReader) -> bool:
    return mpeg4_type(data) == 0


def _mpeg4_unreferenced(data: bytes, units: nal.UnitReader) -> bool:
    return data.startswith(START_OF_VOP) and mpeg4_type(data) == 2


def _vp8_entry(data: bytes, units: nal.UnitReader) -> bool:
    return not data[0] & 1  # RFC 6386 9.1


def _vp9_entry(data: bytes, units: nal.UnitReader) -> bool:
    """frame_marker 2, profile low and high bit, [reserved], show_existing_frame, frame_type."""
    profile = (data[0] >> 5 & 1) + 2 * (data[0] >> 4 & 1)
    after_profile = data[0] << (5 if profile == 3 else 4)
    return data[0] >> 6 == 2 and not after_profile & 0b1100_0000


def _av1_entry(data: bytes, units: nal.UnitReader) -> bool:
    """The first frame is a key frame shown at once, not a delayed random access point."""
    position = 0
    while position < len(data):
        header = data[position]
        size, start = len(data), position + (2 if header & 0b100 else 1)
        if header & 0b10:
            size, start = _leb128(data, start)
        if header >> 3 & 15 in (AV1_FRAME_HEADER, AV1_FRAME):
            # show_existing_frame 0, frame_type 00 (key), show_frame 1
            return start < len(data) and data[start] >> 4 == 0b0001
        position = start + size
    return False


def _leb128(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(data) and shift < 56:
        byte = data[position]
        value |= (byte & 127) << shift
        position, shift = position + 1, shift + 7
        if not byte & 128:
            break
    return value, position


H264 = Rules(nal.h264_entry, nal.h264_unreferenced)
VP8 = Rules(_vp8_entry, _never)
MPEG2 = Rules(_mpeg2_entry, _mpeg2_unreferenced)
CODECS = {
    "h264": H264,
    "hevc": Rules(nal.hevc_entry, nal.hevc_unreferenced),
    "mpeg1video": MPEG2,
    "mpeg2video": MPEG2,
    "mpeg4": Rules(_mpeg4_entry, _mpeg4_unreferenced),
    "vp8": VP8,
    # Frames of VP9 that update no reference still pass on probabilities and motion vectors.
    "vp9": Rules(_vp9_entry, _never),
    "av1": Rules(_av1_entry, _never),
}
