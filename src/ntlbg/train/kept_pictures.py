"""Pictures of chosen frames, kept beside what else is kept of a film.

A training looks at the same moments again and again; to decode them takes longer than to read them.

k frames.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ntlbg.files import staged_file
from ntlbg.marks import Kind
from ntlbg.types import Frames
from ntlbg.video import read_frames_at

# Every name in the folder is a hash that nothing else has; what is damaged there is ours, too.
OURS = Kind("a picture of a film", lambda path: True)
PICTURE = "picture"


def read_pictures(
    film: Path, pts_seconds: np.ndarray, size: tuple[int, int], folder: Path | None
) -> Frames:
    """The pictures at times (k,), as ``read_frames_at`` gives them.

    Args:
        size: (height, width).
        folder: where pictures of this film are kept, by content; None: nothing is kept.

    Raises:
        VideoError: the film cannot be read. OutputError: nothing can be written there.
    """
    if folder is None:
        return read_frames_at(film, pts_seconds, size=size)
    paths = [folder / f"{_name(float(seconds), size)}.safetensors" for seconds in pts_seconds]
    found = [_kept(path, size) for path in paths]
    data = np.empty((len(paths), *size, 3), np.uint8)
    missing = []
    for place, picture in enumerate(found):
        if picture is None:
            missing.append(place)
        else:
            data[place] = picture
    if missing:
        data[missing] = read_frames_at(film, pts_seconds[missing], size=size).data
    for place in missing:
        with staged_file(paths[place], OURS) as stage:
            save_file({PICTURE: torch.from_numpy(data[place])}, stage)
    return Frames(data, np.asarray(pts_seconds, np.float64))


def _name(seconds: float, size: tuple[int, int]) -> str:
    return hashlib.sha256(json.dumps([PICTURE, seconds, size]).encode()).hexdigest()


def _kept(path: Path, size: tuple[int, int]) -> np.ndarray | None:
    """None where there is none, or it is damaged."""
    try:
        picture = load_file(path).get(PICTURE)
    except (OSError, SafetensorError):
        return None
    if picture is None or tuple(picture.shape) != (*size, 3) or picture.dtype != torch.uint8:
        return None
    return picture.numpy()
