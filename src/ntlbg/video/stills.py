"""A picture file is a video of one frame, shown at 0 seconds and for no time at all.

Pillow decodes it: FFmpeg shows what is left of a picture that was cut off without a word, and does
not turn mirrored pictures. An animation is a video.
"""

import os
import struct
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from ntlbg.errors import VideoOpenError
from ntlbg.video.frames import ReadReport
from ntlbg.video.opening import MAX_PIXELS, check_pixels, open_video, regular_file
from ntlbg.video.time_match import ROUNDING_SECONDS, Mode, Picture

# Not `Image.open`, whose own limit of pixels warns or refuses before ours is asked.
READERS = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WebP": WebPImageFile,
    "BMP": BmpImageFile,
    "GIF": GifImageFile,
}
# A file of many JPEG pictures in a row, of which Pillow would show the first.
MOTION_JPEG = (".mjpeg", ".mjpg")
# What those readers raise at damaged files; the reason is in the message. The last one: some part
# of the picture says that it is far larger than the whole.
DAMAGE = (
    OSError, ValueError, SyntaxError, LookupError, TypeError, EOFError, struct.error,
    Image.DecompressionBombError,
)  # fmt: skip
ORIENTATION = 0x0112  # of EXIF: how the camera was held, and what a viewer does about it
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, eq=False)
class Still:
    """A decoded picture that is read as a `Video` is: upright, in square pixels."""

    codec: str
    first: av.VideoFrame
    report: ReadReport
    pixel_aspect = None

    def pictures(self, times: Iterable[float], mode: Mode) -> Iterator[Picture]:
        """The picture, for each time up to its end, which is its beginning."""
        self.report.packets += 1
        self.report.decoded += 1
        for seconds in times:
            if mode.stops_at_end and seconds > ROUNDING_SECONDS:
                return
            yield Picture(0.0, 0.0, self.first)

    def measure(self) -> tuple[int, float, float]:
        """One picture, 0 seconds to its end and between keyframes."""
        return 1, 0.0, 0.0


def read_still(
    path: str | os.PathLike, report: ReadReport, max_pixels: int = MAX_PIXELS
) -> Still | None:
    """The picture in a file; None where it is no picture, or one that moves.

    Raises:
        VideoNotFound, VideoOpenError: not a file, or the picture is cut off or damaged.
        VideoTooLargeError: it has more pixels; nothing was decoded.
    """
    path = regular_file(path)
    kind = _kind(path)
    if kind is None:
        return None
    try:
        # They warn of damaged side information, without which a viewer shows the picture too.
        quiet = warnings.catch_warnings(action="ignore")
        with quiet, path.open("rb") as file, READERS[kind](file) as image:
            check_pixels(path, image.width, image.height, max_pixels)
            if getattr(image, "is_animated", False):
                _check_animation(path, kind)
                return None
            pixels = _as_shown(image)
    except DAMAGE as error:
        raise VideoOpenError(
            f"{path}: this {kind} picture is cut off or damaged ({error}). Give a complete copy."
        ) from error
    return Still(kind.lower(), av.VideoFrame.from_ndarray(pixels, format="rgb24"), report)


def check_video(path: str | os.PathLike) -> None:
    """Fail early where a file is neither a video nor a picture; of a video, no frame is decoded.

    Raises:
        VideoError: it cannot be used.
    """
    if read_still(path, ReadReport()) is None:
        container, _ = open_video(path)
        container.close()


def _kind(path: Path) -> str | None:
    """By the beginning of the file, as its name may be anything."""
    with path.open("rb") as file:
        beginning = file.read(16)
    if beginning.startswith(b"\xff\xd8\xff") and path.suffix.lower() not in MOTION_JPEG:
        return "JPEG"
    if beginning.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if beginning.startswith(b"RIFF") and beginning[8:12] == b"WEBP":
        return "WebP"
    if beginning.startswith(b"BM") and beginning[6:10] == bytes(4):  # reserved
        return "BMP"
    return "GIF" if beginning.startswith((b"GIF87a", b"GIF89a")) else None


def _check_animation(path: Path, kind: str) -> None:
    """FFmpeg, which reads the others as videos, cannot decode this kind."""
    if kind == "WebP":
        raise VideoOpenError(
            f"{path}: is an animated WebP, which is not read. Convert it to mp4 or gif."
        )


def _as_shown(image: ImageFile) -> np.ndarray:
    """uint8 (H, W, 3): upright, on white paper where it is transparent."""
    turn = UPRIGHT.get(image.getexif().get(ORIENTATION))
    if image.mode.startswith("I"):  # 16 bits of grey, which convert() would cut off at 8
        shown = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    elif image.has_transparency_data:
        shown = Image.new("RGBA", image.size, "white")
        shown.alpha_composite(image.convert("RGBA"))
        shown = shown.convert("RGB")
    else:
        shown = image.convert("RGB")
    return np.ascontiguousarray(shown if turn is None else shown.transpose(turn))
