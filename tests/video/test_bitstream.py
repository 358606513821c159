"""What packets say of themselves, against what encoders are known to write."""

import av
import pytest

from conftest import ENCODINGS
from counter_videos import DATA, write_video
from ntlbg.video import nal
from ntlbg.video.bitstream import Bitstream


def packets_of(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        bitstream = Bitstream(stream.codec_context)
        for packet in container.demux(stream):
            if packet.size:
                yield bitstream, packet


def types_without(path, left_out):
    """Picture types and pictures of a decoding without some packets, by time."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = {}
        for packet in container.demux(stream):
            if packet.size and packet.pts in left_out:
                continue
            for frame in stream.codec_context.decode(packet if packet.size else None):
                frames[frame.pts] = frame.to_ndarray().tobytes()
    return frames


@pytest.mark.parametrize(
    "name", [name for name in ENCODINGS if not name.endswith((".avi", "raw.h264"))]
)
def test_nothing_else_changes_without_unreferenced_pictures(encodings, name):
    left_out = {p.pts for bits, p in packets_of(encodings[name]) if bits.is_unreferenced(p)}
    everything = types_without(encodings[name], set())
    rest = types_without(encodings[name], left_out)
    assert rest == {pts: frame for pts, frame in everything.items() if pts not in left_out}


@pytest.mark.parametrize(
    ("name", "at_least"),
    [
        ("h264.mp4", 30),
        ("pyramid.mp4", 60),
        ("hevc.mp4", 40),
        ("hevc-layers.mp4", 60),
        ("mpeg2.mpg", 90),
        ("mpeg4.mp4", 90),
        ("prores.mov", 150),
        ("vp9.webm", 0),
        ("av1.mkv", 0),
    ],
)
def test_how_many_are_unreferenced(encodings, name, at_least):
    found = sum(bits.is_unreferenced(packet) for bits, packet in packets_of(encodings[name]))
    assert found >= at_least
    assert at_least or not found


def test_lower_temporal_layers_are_kept(encodings):
    """A "_N" picture of a lower layer may be referred to from a higher one."""
    for bits, packet in packets_of(encodings["hevc-layers.mp4"]):
        if bits.is_unreferenced(packet):
            units = [u for u in bits._units.units(bytes(packet)) if u[0] >> 1 & 63 < 32]
            assert {unit[1] & 7 for unit in units} == {bits._units.temporal_layers}


def hevc_reader(layers: int | None) -> nal.UnitReader:
    reader = nal.UnitReader("hevc", b"")
    if layers is not None:
        # header of a video parameter set, 12 bits, vps_max_sub_layers_minus1 in 3 bits
        reader.note_layers(bytes([32 << 1, 1, 0, (layers - 1) << 1]))
    return reader


@pytest.mark.parametrize(
    ("layers", "kind", "layer", "unreferenced"),
    [
        (1, 0, 1, True),  # TRAIL_N, the only layer
        (1, 1, 1, False),  # TRAIL_R
        (2, 0, 1, False),  # TRAIL_N below the top layer
        (2, 2, 2, True),  # TSA_N in the top layer
        (2, 3, 2, False),  # TSA_R
        (None, 0, 1, False),  # nothing known of layers
        (1, 19, 1, False),  # IDR
    ],
)
def test_hevc_pictures_without_successors(layers, kind, layer, unreferenced):
    data = b"\0\0\1" + bytes([kind << 1, layer, 0x80])
    assert nal.hevc_unreferenced(data, hevc_reader(layers)) == unreferenced


@pytest.mark.parametrize(
    ("sei", "clean"),
    [
        ("06 06 01 c4 80", True),  # recovery_frame_cnt 0, exact match
        ("06 06 01 84 80", False),  # not an exact match
        ("06 06 01 44 80", False),  # recovers after some pictures
        ("06 05 02 00 00 06 01 c4 80", True),  # after another message
        ("06 05 ff 01", False),  # cut off
    ],
)
def test_h264_recovery_points(sei, clean):
    data = b"\0\0\1" + bytes.fromhex(sei) + b"\0\0\1" + bytes.fromhex("41 9a 00")
    assert nal.h264_entry(data, nal.UnitReader("h264", b"")) == clean


@pytest.mark.parametrize(
    ("units", "unreferenced"),
    [
        ("01", True),
        ("41", False),
        ("09 06 01", True),
        ("67 01", False),  # brings parameters along
        ("02", False),  # data partitions
        ("", False),
    ],
)
def test_h264_pictures_without_successors(units, unreferenced):
    data = b"".join(b"\0\0\1" + bytes([unit, 9, 9]) for unit in bytes.fromhex(units))
    assert nal.h264_unreferenced(data, nal.UnitReader("h264", b"")) == unreferenced


def test_fields_are_never_left_out_alone(encodings):
    """Of interlaced H.264 no picture counts as unreferenced; of others this changes nothing."""
    for name, expected in (("h264.ts", False), ("mpeg2.mpg", True)):
        found = []
        for bits, packet in packets_of(encodings[name]):
            bits.has_fields = True
            found.append(bits.is_unreferenced(packet))
        assert any(found) == expected


@pytest.mark.parametrize(
    ("first", "clean"),
    [(0x82, True), (0x86, False), (0x8A, False), (0xB0, True), (0xB2, False), (0x42, False)],
)
def test_vp9_keyframes(first, clean):
    """Marker 10, profile, show_existing_frame, frame_type; profile 3 has a bit more."""
    assert ask("vp9", bytes([first, 0x49])) == clean


@pytest.mark.parametrize(
    ("frame", "clean"), [("10", True), ("00", False), ("30", False), ("90", False)]
)
def test_av1_keyframes_must_be_shown_at_once(frame, clean):
    assert ask("libdav1d", bytes.fromhex("12 00 0a 01 00 32 01" + frame)) == clean
    assert not ask("libdav1d", bytes.fromhex("12 00"))


@pytest.mark.parametrize(
    ("data", "clean"),
    [
        ("000001b3 00 00000100 0008", True),
        ("00000100 0008", False),  # without the sequence header
        ("000001b3 00 00000100 0010", False),  # a P picture
    ],
)
def test_mpeg2_keyframes(data, clean):
    assert ask("mpeg2video", bytes.fromhex(data)) == clean


def ask(decoder: str, data: bytes) -> bool:
    packet = av.Packet(data)
    packet.is_keyframe = True
    return Bitstream(av.CodecContext.create(decoder, "r")).is_entry(packet)


def test_several_pictures_in_a_packet_are_not_understood():
    one = bytes.fromhex("000001b6 90")
    bitstream = Bitstream(av.CodecContext.create("mpeg4", "r"))
    assert bitstream.is_unreferenced(av.Packet(one))
    assert not bitstream.is_unreferenced(av.Packet(one + one))


def test_hidden_pictures_of_vp8(tmp_path):
    path = write_video(
        tmp_path / "hidden.webm",
        codec="libvpx",
        options={
            "auto-alt-ref": "1",
            "lag-in-frames": "25",
            "g": "60",
            "deadline": "good",
            "cpu-used": "5",
        },
    )
    hidden = sum(bits.is_hidden(packet) for bits, packet in packets_of(path))
    total = sum(1 for _ in packets_of(path))
    assert total - hidden == 75
    for bits, packet in packets_of(DATA / "odd_101x77.webm"):
        assert not bits.is_hidden(packet)
