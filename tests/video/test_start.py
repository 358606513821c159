"""Where pictures and streams begin, beside what FFmpeg and the pictures themselves say."""

import av
import pytest
from PIL import Image

from counter_videos import write_video
from ntlbg.errors import NoVideoStreamError, VideoError
from ntlbg.video.start import FileStart, file_start, is_still


def first_pts(path):
    """Of the first picture that FFmpeg decodes."""
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        return float(frame.pts * frame.time_base)


@pytest.mark.parametrize("ending", ["mp4", "mkv", "mov", "ts", "flv"])
@pytest.mark.parametrize("start", [0, 40, 3000])
def test_the_first_picture(tmp_path, ending, start):
    times = [start + 40 * number for number in range(10)]
    path = write_video(tmp_path / f"film.{ending}", times=times, options={"bf": "2"})
    found = file_start(path)
    assert found.first_picture == pytest.approx(first_pts(path), abs=1e-9)
    assert found.first_stream <= found.first_picture


def test_a_picture_file(tmp_path):
    Image.new("RGB", (32, 32)).save(tmp_path / "one.png")
    assert is_still(tmp_path / "one.png")
    assert file_start(tmp_path / "one.png") == FileStart(0.0, 0.0)


def test_what_is_no_video(tmp_path):
    (tmp_path / "text.mp4").write_text("a letter")
    with pytest.raises(VideoError):
        file_start(tmp_path / "text.mp4")
    with av.open(str(tmp_path / "sound.mp3"), "w") as container:
        stream = container.add_stream("mp3", rate=44100)
        container.mux(stream.encode())
    with pytest.raises((NoVideoStreamError, VideoError)):
        file_start(tmp_path / "sound.mp3")
