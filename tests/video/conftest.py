"""Nothing here may hang; films in every codec that the wheel can encode."""

import signal

import av
import pytest

from counter_videos import write_video

GOP = "keyint=25:min-keyint=25:scenecut=0"
HEVC = "log-level=none:keyint=25"
# file name: codec and its options. Most have a keyframe (or refresh) a second, 25 pictures.
ENCODINGS = {
    "h264.mp4": ("libx264", {"x264-params": GOP}),
    "h264.mkv": ("libx264", {"x264-params": GOP}),
    "h264.mov": ("libx264", {"x264-params": GOP}),
    "h264.ts": ("libx264", {"x264-params": GOP}),
    "h264.flv": ("libx264", {"x264-params": GOP}),
    "h264-in.avi": ("libx264", {"x264-params": GOP}),
    "raw.h264": ("libx264", {"x264-params": GOP}),
    "pyramid.mp4": ("libx264", {"x264-params": "keyint=60:bframes=8:b-adapt=0:scenecut=0"}),
    "zerolatency.flv": ("libx264", {"tune": "zerolatency", "x264-params": GOP}),
    "open-gop.mp4": ("libx264", {"x264-params": f"{GOP}:open-gop=1:bframes=4:b-adapt=0"}),
    "open-gop.ts": ("libx264", {"x264-params": f"{GOP}:open-gop=1:bframes=4:b-adapt=0"}),
    "intra-refresh.mkv": ("libx264", {"x264-params": "keyint=25:intra-refresh=1:bframes=3"}),
    "interlaced.mkv": ("libx264", {"flags": "+ildct", "x264-params": f"{GOP}:bframes=3"}),
    "hevc.mp4": ("libx265", {"x265-params": HEVC}),
    "hevc-open-gop.mkv": ("libx265", {"x265-params": f"{HEVC}:open-gop=1:bframes=6:b-adapt=0"}),
    "hevc-open-gop.ts": ("libx265", {"x265-params": f"{HEVC}:open-gop=1:bframes=6:b-adapt=0"}),
    "hevc-layers.mp4": (
        "libx265",
        {"x265-params": f"{HEVC}:temporal-layers=3:bframes=7:b-adapt=0"},
    ),
    "mpeg1.mpg": ("mpeg1video", {"g": "12", "bf": "2"}),
    "mpeg2.mpg": ("mpeg2video", {"g": "12", "bf": "2"}),
    "mpeg2-interlaced.ts": ("mpeg2video", {"g": "12", "bf": "2", "flags": "+ildct+ilme"}),
    "mpeg4.mp4": ("mpeg4", {"g": "25", "bf": "2"}),
    "mpeg4.avi": ("mpeg4", {"g": "25", "bf": "2"}),
    "mpeg4-forward.avi": ("mpeg4", {"g": "12", "bf": "0"}),
    "vp8.webm": ("libvpx", {"g": "25", "cpu-used": "8", "auto-alt-ref": "1"}),
    "vp9.webm": ("libvpx-vp9", {"g": "25", "cpu-used": "8", "lag-in-frames": "16"}),
    "av1.mkv": ("libsvtav1", {"preset": "12", "svtav1-params": "keyint=25"}),
    "av1-forward-keys.mp4": ("libsvtav1", {"preset": "12", "svtav1-params": "irefresh-type=1"}),
    "wmv2.wmv": ("wmv2", {"g": "25"}),
    "mjpeg.avi": ("mjpeg", {}),
    "prores.mov": ("prores", {}),
    "ffv1.mkv": ("ffv1", {"g": "10"}),
}
PIXELS = {"mjpeg": "yuvj420p", "prores": "yuv422p10le"}


@pytest.fixture(autouse=True)
def nothing_hangs():
    """A test that waits for a pipe or a thread fails after two minutes instead of waiting on."""

    def give_up(*_):
        raise TimeoutError("a video hung")

    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(120)
    yield
    signal.alarm(0)


class Encodings:
    """Paths by name, written when first asked for; skips the test when there is no such encoder."""

    def __init__(self, folder):
        self._folder = folder

    def __getitem__(self, name):
        path, (codec, options) = self._folder / name, ENCODINGS[name]
        if not path.exists():
            try:
                write_video(
                    path,
                    codec=codec,
                    options=options,
                    count=150,
                    pixels=PIXELS.get(codec, "yuv420p"),
                )
            except (av.FFmpegError, av.codec.codec.UnknownCodecError) as error:
                path.unlink(missing_ok=True)
                pytest.skip(f"this build cannot encode it: {error}")
        return path


@pytest.fixture(scope="session")
def encodings(tmp_path_factory):
    return Encodings(tmp_path_factory.mktemp("encodings"))


@pytest.fixture
def film(encodings):
    return encodings["h264.mp4"]
