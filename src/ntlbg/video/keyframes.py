"""Can decoding start at this packet and give the same pictures as decoding from the beginning?

The keyframe flag alone does not say so: H.264 intra refresh marks points where the picture only
starts to recover, and files without a table of keyframes mark every picture.
"""

from collections.abc import Iterator

import av

# ITU-T H.264 table 7-1 and annex D; ITU-T H.265 table 7-1; ISO/IEC 14496-2 6.3.5.
H264_SLICE, H264_IDR, H264_SEI = 1, 5, 6
RECOVERY_POINT = 6
HEVC_RANDOM_ACCESS = range(16, 22)
HEVC_SLICES = range(0, 32)
MPEG4_PICTURE, MPEG4_INTRA = b"\0\0\1\xb6", 0


def is_clean_entry(packet: av.Packet, codec: av.VideoCodecContext) -> bool:
    """Every picture shown at or after this one decodes exactly when starting here."""
    if not packet.is_keyframe:
        return False
    if codec.name == "h264":
        return _h264(bytes(packet), codec.extradata or b"")
    if codec.name == "hevc":
        return _hevc(bytes(packet), codec.extradata or b"")
    if codec.name == "mpeg4":
        _, _, picture = bytes(packet).partition(MPEG4_PICTURE)
        return bool(picture) and picture[0] >> 6 == MPEG4_INTRA
    return True


def _h264(data: bytes, extradata: bytes) -> bool:
    length_size = (extradata[4] & 3) + 1 if len(extradata) > 6 and extradata[0] == 1 else 0
    for unit in _units(data, length_size):
        kind = unit[0] & 31
        if kind == H264_IDR or (kind == H264_SEI and _recovers_at_once(unit)):
            return True
        if kind == H264_SLICE:
            return False
    return False


def _hevc(data: bytes, extradata: bytes) -> bool:
    length_size = (extradata[21] & 3) + 1 if len(extradata) > 22 and extradata[0] == 1 else 0
    for unit in _units(data, length_size):
        kind = unit[0] >> 1 & 63
        if kind in HEVC_SLICES:
            return kind in HEVC_RANDOM_ACCESS
    return False


def _units(data: bytes, length_size: int) -> Iterator[bytes]:
    """NAL units: each after its length (mp4, mkv), or after start codes when length_size is 0."""
    if not length_size:
        yield from (unit for unit in data.split(b"\0\0\1") if unit.strip(b"\0"))
        return
    position = 0
    while position + length_size < len(data):
        length = int.from_bytes(data[position : position + length_size], "big")
        position += length_size
        if length:
            yield data[position : position + length]
        position += length


def _recovers_at_once(sei: bytes) -> bool:
    """A recovery point message whose recovery_frame_cnt is 0, that is, whose first bit is 1."""
    position = 1
    while position + 2 < len(sei):
        kind, position = _sei_number(sei, position)
        size, position = _sei_number(sei, position)
        if kind == RECOVERY_POINT and size > 0 and position < len(sei):
            return bool(sei[position] & 0x80)
        position += size
    return False


def _sei_number(sei: bytes, position: int) -> tuple[int, int]:
    """A value coded as any number of 255s plus one smaller byte, and the position after it."""
    value = 0
    while position < len(sei) and sei[position] == 255:
        value, position = value + 255, position + 1
    if position < len(sei):
        value, position = value + sei[position], position + 1
    return value, position
