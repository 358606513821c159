"""What a player needs to know of a film, and pictures of it."""

import io
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from ntlbg.pictures import fit_within
from ntlbg.video import VideoInfo, probe, read_frames_at
from ntlbg.video.opening import file_state, open_video
from ntlbg.video.start import file_start, is_still

# What Chromium, Firefox and Safari of today all decode, by FFmpeg's names.
PLAYED_PICTURES = ("h264", "vp8", "vp9", "av1")
PLAYED_SOUND = ("aac", "mp3", "opus", "vorbis", "flac", "pcm_s16le")
# Of H.264 they decode eight bits with colour at half the lines, and nothing else.
PLAYED_PIXELS = ("yuv420p", "yuvj420p")
PLAYED_FILES = {"mov", "mp4", "matroska", "webm"}
# By the end of the name; what is not named here is not played as it is.
MEDIA_TYPES = {
    ".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/mp4", ".webm": "video/webm",
    ".mkv": "video/x-matroska", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png",
    ".webp": "image/webp", ".gif": "image/gif", ".bmp": "image/bmp",
}  # fmt: skip
UNKNOWN_TYPE = "application/octet-stream"
# A row that fills a page of 1,400 pixels, each as high as a line of text is not. Set by hand.
STRIP_PICTURES, STRIP_SIDE = 12, 160
STRIP_QUALITY = 80  # as of thumbnails
# Of films whose facts are remembered: more than anybody looks at in a day. Set by hand.
REMEMBERED = 256


@dataclass(frozen=True)
class Facts:
    """Of a file.

    Attributes:
        plays: whether browsers play it as it is.
        first_picture_seconds: on the clock of players, which count from the first sound or picture.
    """

    info: VideoInfo
    is_still: bool
    plays: bool
    first_picture_seconds: float


def facts(path: Path) -> Facts:
    """Reads the whole file once, and remembers it.

    Raises:
        VideoError: it is no film.
    """
    return _facts(path, file_state(path))


@lru_cache(maxsize=REMEMBERED)
def _facts(path: Path, _state: tuple[int, int, int, int] | None) -> Facts:
    info, still = probe(path), is_still(path)
    start = file_start(path)
    is_played = True if still else plays(path)
    return Facts(info, still, is_played, start.first_picture - start.first_stream)


def check_film(path: Path) -> None:
    """That a file is a film or a picture: nothing else in the folders is sent to anybody.

    Raises:
        VideoError: it is something else.
    """
    _checked(path, file_state(path))


@lru_cache(maxsize=REMEMBERED)
def _checked(path: Path, _state: tuple[int, int, int, int] | None) -> None:
    if not is_still(path):
        container, _ = open_video(path)
        container.close()


def plays(path: str | os.PathLike) -> bool:
    """Whether browsers play a film as it is, with its sound.

    Raises:
        VideoError: it is none.
    """
    container, stream = open_video(path)
    with container:
        codec, formats = stream.codec_context.name, set(container.format.name.split(","))
        pixels, sound = (
            stream.codec_context.pix_fmt,
            [s.codec.name for s in container.streams.audio],
        )
    codec = "av1" if codec in ("libdav1d", "libaom-av1") else codec
    is_eight_bits = codec != "h264" or pixels in PLAYED_PIXELS
    heard = not sound or sound[0].removesuffix("float") in PLAYED_SOUND
    return bool(formats & PLAYED_FILES) and codec in PLAYED_PICTURES and is_eight_bits and heard


def media_type(path: Path) -> str:
    """As browsers are told."""
    return MEDIA_TYPES.get(path.suffix.lower(), UNKNOWN_TYPE)


def strip(path: Path) -> bytes:
    """A JPEG of pictures at equal times, side by side; those of the last films are remembered.

    Raises:
        VideoError: it is no film.
    """
    return _strip(path, file_state(path))


@lru_cache(maxsize=REMEMBERED)
def _strip(path: Path, _state: tuple[int, int, int, int] | None) -> bytes:
    about = facts(path).info
    size = fit_within(about.height, about.width, longest_side=STRIP_SIDE)
    times = (np.arange(STRIP_PICTURES) + 0.5) * about.duration_seconds / STRIP_PICTURES
    frames = read_frames_at(path, times, size=size)
    row = np.concatenate(list(frames.data), axis=1)
    file = io.BytesIO()
    Image.fromarray(row).save(file, "JPEG", quality=STRIP_QUALITY)
    return file.getvalue()
