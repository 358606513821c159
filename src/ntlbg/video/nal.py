"""H.264 and HEVC: network abstraction layer units, and which pictures depend on which.

Sources: ITU-T H.264 table 7-1 and annex D; ITU-T H.265 table 7-1, 7.3.2.1 and 7.4.2.2;
ISO/IEC 14496-15 for the units in mp4 and mkv.
"""

from collections.abc import Iterator

H264_SLICE, H264_IDR, H264_SEI = 1, 5, 6
H264_ALONGSIDE = {6, 9, 12}  # messages, delimiters, filler: nothing that later pictures need
RECOVERY_POINT = 6

HEVC_SLICES, HEVC_RANDOM_ACCESS = range(0, 32), range(16, 22)
HEVC_UNREFERENCED = range(0, 15, 2)  # TRAIL_N, TSA_N, ... "sub-layer non-reference"
HEVC_PARAMETERS = 32
HEVC_ALONGSIDE = {35, 38, 39}


class UnitReader:
    """Splits packets into units: each after its length (mp4, mkv), or after start codes.

    temporal_layers: of HEVC, the most that a parameter set has announced; None while unknown.
    """

    def __init__(self, codec: str, extradata: bytes):
        self.temporal_layers: int | None = None
        self._length_size = 0
        header = {"h264": 6, "hevc": 22}.get(codec, len(extradata))
        if len(extradata) > header and extradata[0] == 1:
            self._length_size = (extradata[4 if codec == "h264" else 21] & 3) + 1
        if codec == "hevc":
            for unit in self._parameter_sets(extradata):
                self.note_layers(unit)

    def units(self, data: bytes) -> Iterator[bytes]:
        return self._after_lengths(data) if self._length_size else _after_start_codes(data)

    def note_layers(self, unit: bytes) -> None:
        """vps_max_sub_layers_minus1, 12 bits into a video parameter set."""
        if unit[0] >> 1 & 63 == HEVC_PARAMETERS and len(unit) > 3:
            self.temporal_layers = max(self.temporal_layers or 1, (unit[3] >> 1 & 7) + 1)

    def _after_lengths(self, data: bytes) -> Iterator[bytes]:
        position = 0
        while position + self._length_size < len(data):
            length = int.from_bytes(data[position : position + self._length_size], "big")
            position += self._length_size
            if length:
                yield data[position : position + length]
            position += length

    def _parameter_sets(self, extradata: bytes) -> Iterator[bytes]:
        if not self._length_size:
            yield from _after_start_codes(extradata)
            return
        position = 23
        while position + 3 <= len(extradata):  # arrays: type, count, then length and unit each
            count = int.from_bytes(extradata[position + 1 : position + 3], "big")
            position += 3
            for _ in range(count):
                length = int.from_bytes(extradata[position : position + 2], "big")
                position += 2 + length
                if unit := extradata[position - length : position]:
                    yield unit


def _after_start_codes(data: bytes) -> Iterator[bytes]:
    start = data.find(b"\0\0\1")
    while start >= 0:
        following = data.find(b"\0\0\1", start + 3)
        unit = data[start + 3 : following] if following >= 0 else data[start + 3 :]
        if unit:
            yield unit
        start = following


def h264_entry(data: bytes, reader: UnitReader) -> bool:
    """An IDR picture, or a recovery point that recovers exactly and at once."""
    for unit in reader.units(data):
        kind = unit[0] & 31
        if kind == H264_IDR or (kind == H264_SEI and _recovers_at_once(unit)):
            return True
        if kind == H264_SLICE:
            return False
    return False


def h264_unreferenced(data: bytes, reader: UnitReader) -> bool:
    """nal_ref_idc is 0, which all slices of a picture have in common."""
    for unit in reader.units(data):
        kind = unit[0] & 31
        if kind == H264_SLICE:
            return not unit[0] >> 5 & 3
        if kind not in H264_ALONGSIDE:
            return False
    return False


def hevc_entry(data: bytes, reader: UnitReader) -> bool:
    """An IDR, CRA or BLA picture."""
    for unit in reader.units(data):
        reader.note_layers(unit)
        kind = unit[0] >> 1 & 63
        if kind in HEVC_SLICES:
            return kind in HEVC_RANDOM_ACCESS
    return False


def hevc_unreferenced(data: bytes, reader: UnitReader) -> bool:
    """Unreferenced in its own temporal layer, and that is the top one."""
    for unit in reader.units(data):
        kind = unit[0] >> 1 & 63
        if kind in HEVC_SLICES:
            layer = unit[1] & 7 if len(unit) > 1 else 0  # nuh_temporal_id_plus1
            return kind in HEVC_UNREFERENCED and layer == reader.temporal_layers
        if kind not in HEVC_ALONGSIDE:
            return False
    return False


def _recovers_at_once(sei: bytes) -> bool:
    """A recovery point message: recovery_frame_cnt 0 (a 1 bit), then exact_match_flag 1."""
    position = 1
    while position + 2 < len(sei):
        kind, position = _sei_number(sei, position)
        size, position = _sei_number(sei, position)
        if kind == RECOVERY_POINT and size > 0 and position < len(sei):
            return sei[position] >> 6 == 0b11
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
