"""RapidOCR as we use it: where text is in a small picture, and what a line of the large one says.

Not its whole way from picture to text: that finds text in the large picture, which costs five times
as much and finds no more (`benchmarks/screen_text.py`), and turns lines upside down to see whether
they are.
"""

import hashlib
import os
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from ntlbg.downloads import check_wheel_file
from ntlbg.errors import ConfigError, WeightsError
from ntlbg.packages import check_installed

# What rapidocr 3.10 ships: Latin and Chinese, 48 languages.
FINDS, READS = "PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"
# Shortest side in pixels of a picture in which text is looked for: lines of 360p to 1080p are all
# found at the first. The second is for pictures that rarely hold text, and costs .036 s, not .09:
# slides, code of 20 pixels and subtitles of 720p are all found at it too.
LOOK_SIDE, GLANCE_SIDE = 352, 224
# Lines lower than this many pixels are enlarged before they are read. The reader enlarges them as
# well, but less smoothly: lines of code of 360p are .983 right without and 1.000 with, of 266p .73
# and .83 (60 lines each).
SMALL_LINE = 25
ENLARGED = 2
# A line parted by less than its height is one line: detectors part it at wide spaces.
GAP = 1.0
# Text that fills more than this of the height of a picture is a false find, or a letter of a logo.
TALLEST = 1 / 3


class Reading(NamedTuple):
    """What a line says, and how sure the reader is, 0 to 1."""

    text: str
    confidence: float


class Reader(Protocol):
    """Finds lines of text in pictures and reads them."""

    fingerprint: str

    def find(self, picture: np.ndarray, side: int) -> list[np.ndarray]:
        """Boxes (4, 2) of the lines of a picture, uint8 (H, W, 3), seen with that shortest side."""

    def read(self, picture: np.ndarray, box: np.ndarray) -> Reading:
        """The text in a box of a picture."""


class RapidReader:
    """RapidOCR with the models of its wheel. Nothing is fetched, and no network asked.

    Args:
        recogniser: an .onnx file of PaddleOCR's recognition models for another script, its
            characters within it, as those that rapidocr publishes.
        threads: of the networks; they change the speed only.

    Raises:
        ConfigError: the recogniser is no file.
    """

    def __init__(self, recogniser: str | os.PathLike | None = None, threads: int | None = None):
        self._recogniser = None if recogniser is None else Path(recogniser)
        self._threads = threads or len(os.sched_getaffinity(0))
        self.fingerprint = f"{FINDS} {_named(self._recogniser)}"

    def find(self, picture: np.ndarray, side: int) -> list[np.ndarray]:
        """As every reader.

        Raises:
            MissingPackage: rapidocr or onnxruntime is not installed.
            WeightsError: this version of rapidocr lacks the models. ConfigError: the recogniser
                cannot be used.
        """
        for package in ("rapidocr", "onnxruntime"):
            check_installed(package, "reading text on screen")
        import cv2

        height, width = picture.shape[:2]
        scale = side / min(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        ways = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        small = np.ascontiguousarray(cv2.resize(picture, size, interpolation=ways)[..., ::-1])
        found = self._engine(small, use_det=True, use_cls=False, use_rec=False).boxes
        boxes = [] if found is None else list(np.asarray(found, np.float64) / scale)
        return joined_rows([box for box in boxes if _is_line(box, picture.shape)])

    def read(self, picture: np.ndarray, box: np.ndarray) -> Reading:
        """As every reader."""
        line = _cut_out(picture, box)
        read = self._engine(
            np.ascontiguousarray(line[..., ::-1]), use_det=False, use_cls=False, use_rec=True
        )
        if not read.txts:
            return Reading("", 0.0)
        return Reading(" ".join(read.txts[0].split()), float(read.scores[0]))

    @cached_property
    def _engine(self) -> Any:
        import rapidocr

        models = Path(rapidocr.__file__).parent / "models"
        reads = self._recogniser or models / READS
        _check_models(models / FINDS, reads)
        return rapidocr.RapidOCR(
            params={
                "Global.log_level": "error",
                # pictures come in the size that they are to be seen in
                "Global.use_preprocess_img": False,
                "Global.use_vertical_padding": False,
                "Det.model_path": str(models / FINDS),
                "Det.limit_side_len": GLANCE_SIDE,
                "Rec.model_path": str(reads),
                "EngineConfig.onnxruntime.intra_op_num_threads": self._threads,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )


def joined_rows(boxes: list[np.ndarray]) -> list[np.ndarray]:
    """Boxes (4, 2), those on one row with less than a letter's width between them as one."""
    from ntlbg.text.screen.looks import Rectangle

    rows: list[np.ndarray] = []
    for box in sorted(boxes, key=lambda box: box[:, 0].min()):
        here = Rectangle.around(box)
        for number, other in enumerate(rows):
            left = Rectangle.around(other)
            gap = here.left - left.right
            if left.shares_row(here) and -here.height < gap < GAP * min(here.height, left.height):
                rows[number] = np.array([other[0], box[1], box[2], other[3]])
                break
        else:
            rows.append(box)
    return sorted(rows, key=lambda box: (box[:, 1].min(), box[:, 0].min()))


def _is_line(box: np.ndarray, shape: tuple[int, ...]) -> bool:
    width, height = np.ptp(box, axis=0)
    return min(width, height) < TALLEST * min(shape[:2]) and min(width, height) >= 1


def _cut_out(picture: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The line in a box, uint8 (h, w, 3), made level, and enlarged if it is low."""
    import cv2

    across = max(np.linalg.norm(box[1] - box[0]), np.linalg.norm(box[2] - box[3]))
    down = max(np.linalg.norm(box[3] - box[0]), np.linalg.norm(box[2] - box[1]))
    scale = ENLARGED if min(across, down) < SMALL_LINE else 1
    width, height = max(1, round(float(across) * scale)), max(1, round(float(down) * scale))
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    turn = cv2.getPerspectiveTransform(box.astype(np.float32), corners)
    line = cv2.warpPerspective(
        picture, turn, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.rot90(line) if height > 1.5 * width else line


def _named(recogniser: Path | None) -> str:
    if recogniser is None:
        return READS
    try:
        return hashlib.sha256(recogniser.read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigError(
            f"{recogniser}: cannot be read as a recognition model ({error.strerror}); give an "
            ".onnx file of PaddleOCR's, or nothing for Latin and Chinese"
        ) from error


def _check_models(finds: Path, reads: Path) -> None:
    """Before rapidocr looks: of what it misses it would ask a server."""
    import onnxruntime
    from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, InvalidProtobuf

    for path in (finds, reads):
        if not path.is_file():
            raise WeightsError(
                f"this rapidocr does not ship {path.name}, 3.10 does; run `pip install "
                "'ntlbg-llm[screen]'` again"
            )
        check_wheel_file(path, "rapidocr")
    try:
        about = onnxruntime.InferenceSession(reads, providers=["CPUExecutionProvider"])
    except (Fail, InvalidArgument, InvalidProtobuf) as error:
        raise ConfigError(f"{reads}: not an ONNX model: give one of PaddleOCR's") from error
    if "character" not in about.get_modelmeta().custom_metadata_map:
        raise ConfigError(f"{reads}: it lacks its characters; give a model that rapidocr publishes")
