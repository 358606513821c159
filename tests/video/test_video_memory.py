"""How much memory reading takes, in processes of their own."""

import subprocess
import sys

import pytest
from reading import needs_linux, same, sample

from counter_videos import DATA, write_video
from ntlbg.video import packet_queue as ahead
from ntlbg.video import skipping


def peak_megabytes(code: str, *arguments) -> list[int]:
    """What a fresh process prints with `print_peak()`: its highest memory use so far."""
    code = f"""
import sys
from ntlbg.video import sample_frames
def print_peak():
    lines = open("/proc/self/status").read().split("VmHWM:")[1]
    print(int(lines.split()[0]) // 1024)
{code}
"""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [int(line) for line in done.stdout.split()]


@needs_linux
def test_a_huge_picture_is_shrunk_within_little_memory():
    code = """
assert sum(len(frames) for frames in sample_frames(sys.argv[1], size=(224, 224))) == 3
print_peak()
"""
    assert peak_megabytes(code, DATA / "huge_7680x4320.mp4")[0] < 400


@needs_linux
@pytest.mark.parametrize("read", ["probe", "sample"])
def test_a_picture_above_the_limit_takes_no_memory(read):
    code = f"""
from ntlbg.errors import VideoTooLargeError
from ntlbg.video import probe
sample = lambda path, **options: next(sample_frames(path, **options))
try:
    {read}(sys.argv[1], max_pixels=10**6)
except VideoTooLargeError:
    print_peak()
"""
    assert peak_megabytes(code, DATA / "huge_7680x4320.mp4")[0] < 90


@pytest.mark.parametrize("name", ["intra-refresh.mkv", "pyramid.mp4"])
def test_few_packets_wait_even_without_keyframes(encodings, name, monkeypatch):
    """Above the limit they are decoded ahead of time, to the same result."""
    exact = sample(encodings[name], fps=0.3)
    monkeypatch.setattr(skipping, "SHORTEST_JUMP_SECONDS", 1e9)
    most = []
    admit = ahead.Ahead.admit

    def watched(self, item, slot):
        admit(self, item, slot)
        most.append(self.size)

    monkeypatch.setattr(ahead.Ahead, "admit", watched)
    assert same(sample(encodings[name], fps=0.3), exact)
    unlimited = max(most)
    most.clear()
    monkeypatch.setattr(skipping, "MAX_WAITING_BYTES", unlimited // 4)
    assert same(sample(encodings[name], fps=0.3), exact)
    assert max(most) < unlimited / 2


@needs_linux
def test_memory_stays_the_same(tmp_path):
    """Ten times as long, hardly a megabyte more (a batch alone is 9 MB)."""
    short = write_video(tmp_path / "short.mp4", count=100)
    long = write_video(tmp_path / "long.mp4", count=1000)
    code = """
for path in sys.argv[1:]:
    for frames in sample_frames(path, fps=25, size=(300, 300)):
        pass
    print_peak()
"""
    peak_short, peak_long = peak_megabytes(code, short, long)
    assert peak_long - peak_short < 5


@needs_linux
def test_a_decompression_bomb_takes_no_memory(tmp_path):
    bomb = tmp_path / "bomb.gif"  # 12000 x 12000 pixels, so the header says
    side = b"\xe0\x2e\xe0\x2e"
    header = b"GIF89a" + side + b"\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0" + side
    bomb.write_bytes(header + b"\0\x02\x02D\x01\0;")
    code = """
from ntlbg.errors import VideoError
try:
    list(sample_frames(sys.argv[1], size=(24, 24)))
except VideoError:
    print_peak()
"""
    assert peak_megabytes(code, bomb)[0] < 150
