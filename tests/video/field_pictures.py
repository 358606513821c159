"""H.264 whose pictures are coded as two fields each, written bit by bit: no encoder at hand can.

ITU-T H.264 7.3. The top row of macroblocks of each field, which shows the picture's number, and a
changing one below are stored as they are (I_PCM); the others are copied from the picture before
(P_Skip). Every third picture is a reference, every twelfth starts anew.
"""

import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from counter_videos import numbered_picture

WIDTH, HEIGHT, GOP, REFERENCE = 96, 64, 12, 3
COLUMNS, ROWS = WIDTH // 16, HEIGHT // 32  # macroblocks of a field
MAIN_PROFILE, LEVEL_3 = 77, 30
SLICE, IDR, SPS, PPS = 1, 5, 7, 8  # table 7-1
P_SLICE, I_SLICE = 5, 7  # table 7-6
PCM = 25  # table 7-11; in P slices, types of intra macroblocks are counted from 5 on
RATE, TICKS = 25, 90_000


class Bits:
    def __init__(self):
        self.text = ""

    def u(self, size: int, value: int) -> None:
        self.text += f"{value:0{size}b}"

    def ue(self, *values: int) -> None:
        for value in values:
            digits = f"{value + 1:b}"
            self.text += "0" * (len(digits) - 1) + digits

    def align(self) -> None:
        self.text += "0" * (-len(self.text) % 8)

    def bytes(self, values: np.ndarray) -> None:
        self.text += "".join(f"{value:08b}" for value in values.ravel())

    def unit(self, kind: int, importance: int) -> bytes:
        """With start code, stop bit, and emulation prevention."""
        self.text += "1"
        self.align()
        data, zeros = bytearray([importance << 5 | kind]), 0
        for byte in int(self.text, 2).to_bytes(len(self.text) // 8, "big"):
            if zeros >= 2 and byte <= 3:
                data.append(3)
                zeros = 0
            data.append(byte)
            zeros = 0 if byte else zeros + 1
        return b"\0\0\0\1" + bytes(data)


def parameter_sets() -> bytes:
    sequence = Bits()
    for value in (MAIN_PROFILE, 0, LEVEL_3):
        sequence.u(8, value)
    sequence.ue(0, 4, 0, 4, 2)  # 8 bits of frame_num and of order; 2 reference frames
    sequence.u(1, 0)
    sequence.ue(COLUMNS - 1, ROWS - 1)
    for flag in (0, 0, 1, 0, 0):  # fields, not within frames; inference; no cropping, no VUI
        sequence.u(1, flag)
    picture = Bits()
    picture.ue(0, 0)
    picture.u(2, 0)
    picture.ue(0, 0, 0)
    picture.u(3, 0)
    picture.ue(0, 0, 0)
    picture.u(3, 0b100)  # the deblocking filter is controlled in slices
    return sequence.unit(SPS, 3) + picture.unit(PPS, 3)


def field(number: int, parity: int) -> bytes:
    """One field of one picture, with the parameter sets before a GOP."""
    within = number % GOP
    starts, is_reference = within == 0 and parity == 0, within % REFERENCE == 0
    bits = Bits()
    bits.ue(0, I_SLICE if starts else P_SLICE, 0)
    bits.u(8, -(-within // REFERENCE))  # references since the start
    bits.u(1, 1)
    bits.u(1, parity)
    if starts:
        bits.ue(number // GOP % 2)
    bits.u(8, 2 * within + parity)
    if not starts:
        bits.u(2, 0)  # as many references as by default, in their usual order
    if starts:
        bits.u(2, 0)
    elif is_reference:
        bits.u(1, 0)
    bits.ue(0, 1)  # quantiser as by default, no deblocking
    macroblocks(bits, number, parity, is_intra=starts)
    unit = bits.unit(IDR if starts else SLICE, int(is_reference))
    return parameter_sets() + unit if starts else unit


def macroblocks(bits: Bits, number: int, parity: int, *, is_intra: bool) -> None:
    bright = numbered_picture(number, WIDTH, HEIGHT)[parity::2].mean(axis=-1).astype(np.uint8)
    skipped = 0
    for index in range(COLUMNS * ROWS):
        row, column = divmod(index, COLUMNS)
        if row and number % GOP and column != number % COLUMNS:
            skipped += 1
            continue
        if not is_intra:
            bits.ue(skipped)
            skipped = 0
        bits.ue(PCM if is_intra else PCM + 5)
        bits.align()
        bits.bytes(bright[16 * row : 16 * row + 16, 16 * column : 16 * column + 16])
        bits.bytes(np.full(128, 128))
    if skipped:
        bits.ue(skipped)


def write_fields(path: Path, *, count: int, apart: bool) -> Path:
    """`count` pictures; `apart`: with a packet and a time for each field."""
    first = io.BytesIO(field(0, 0) + field(0, 1))
    with av.open(first, format="h264") as raw, av.open(str(path), "w") as output:
        target = output.add_stream_from_template(raw.streams.video[0])
        for packet in packets(count, apart):
            packet.stream = target
            output.mux(packet)
    return path


def packets(count: int, apart: bool) -> Iterator[av.Packet]:
    for number in range(count):
        fields = [field(number, parity) for parity in (0, 1)]
        for parity, data in enumerate(fields if apart else [b"".join(fields)]):
            packet = av.Packet(data)
            packet.time_base = Fraction(1, TICKS)
            packet.pts = packet.dts = TICKS * (2 * number + parity) // (2 * RATE)
            packet.duration = TICKS // RATE // (2 if apart else 1)
            packet.is_keyframe = number % GOP == 0 and parity == 0
            yield packet
