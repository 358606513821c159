"""Pictures of a video file, streamed: small, exact in time, constant memory.

>>> for frames in sample_frames("film.mp4", fps=1.0, size=(256, 256)):
...     frames.data, frames.pts_seconds

Times are seconds from the first picture that is shown. The picture on screen at a time T is the
last one whose presentation time is at most T (plus one millisecond, the resolution of many files).

Reading order: `sampling` (what can be asked for), `open_video` (one video), `skipping` (the fast
way: `packet_queue`, `bitstream`, `decoder`), `full_reader` (the careful way), `clock` and
`lone_times` (times), `convert` (size and way up), `stills` (a picture as a video of one frame),
`opening` (refusals), `film_stream` (of several streams), `audio` (sound on the same clock),
`mixing` (its form).
"""

from ntlbg.types import Frames
from ntlbg.video.frames import ReadReport, VideoInfo
from ntlbg.video.prefetch import prefetch
from ntlbg.video.sampling import probe, read_frames_at, sample_frames, sample_in_sizes, sampling_fps

__all__ = [
    "Frames",
    "ReadReport",
    "VideoInfo",
    "prefetch",
    "probe",
    "read_frames_at",
    "sample_frames",
    "sample_in_sizes",
    "sampling_fps",
]
