"""What an answer or a selection saw, as a file: enough to draw it again without the video."""

from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from ntlbg.errors import DataError
from ntlbg.evidence import describe_evidence
from ntlbg.files import staged_file
from ntlbg.marks import tensor_file
from ntlbg.tensor_files import read_arrays
from ntlbg.types import Answer, AnswerInput, SelectedFrames, Selection, VideoIndex

FILE_NAME = "seen.safetensors"
ARRAYS = ("features", "pts_seconds", "indices", "weights", "spans")
TEXTS = ("video", "question", "answer", "selector")
SEEN = {FILE_NAME: tensor_file("what an answer saw", *ARRAYS, *TEXTS)}


def save_seen(result: Answer | SelectedFrames, folder: str | Path) -> Path:
    """Write ``seen.safetensors``: features, times, scores and the frames chosen.

    Raises:
        OutputError: the folder cannot be written.
    """
    seen, chosen = result.context, result.context.selection
    arrays = {
        "features": seen.features,
        "pts_seconds": seen.pts_seconds,
        "indices": chosen.indices,
        "weights": chosen.weights,
        "spans": chosen.spans,
    }
    if chosen.scores is not None:
        arrays["scores"] = chosen.scores
    # names of files need not be UTF-8, and these texts must
    video = str(result.video).encode("utf-8", "backslashreplace").decode()
    texts = (video, result.question or "", getattr(result, "text", ""), result.selector)
    path = Path(folder) / FILE_NAME
    with staged_file(path, SEEN[FILE_NAME], inputs=[result.video]) as stage:
        plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        stage.write_bytes(save(plain, metadata=dict(zip(TEXTS, texts, strict=True))))
    return path


def read_seen(path: str | Path) -> Answer | SelectedFrames:
    """The answer, or the moments where there was none; without pictures.

    Raises:
        DataError: the file cannot be read, or is not from ``save_seen``.
    """
    arrays, texts = read_arrays(path, "what an answer saw, such as seen.safetensors")
    missing = sorted({*ARRAYS, *TEXTS} - arrays.keys() - texts.keys())
    if missing:
        raise DataError(f"{path}: not what an answer saw, it has no {', '.join(missing)}")
    _check_shapes(arrays, path)
    seen = _context(arrays)
    common: dict[str, Any] = {
        "evidence": describe_evidence(seen),
        "usage": {},
        "video": Path(texts["video"]),
        "selector": texts["selector"],
        "context": seen,
    }
    if texts["answer"]:
        return Answer(text=texts["answer"], question=texts["question"], model="", **common)
    return SelectedFrames(question=texts["question"] or None, **common)


def _check_shapes(arrays: dict[str, np.ndarray], path: str | Path) -> None:
    """T frames with times and perhaps scores, of which K were chosen.

    Raises:
        DataError: something else.
    """
    frames, chosen = arrays["pts_seconds"].size, arrays["indices"].size
    wanted: dict[str, tuple[int | None, ...]] = {
        "features": (frames, None), "pts_seconds": (frames,), "scores": (frames,),
        "indices": (chosen,), "weights": (chosen,), "spans": (chosen, 2),
    }  # fmt: skip
    for name, shape in wanted.items():
        array = arrays.get(name)
        if array is None and name == "scores":
            continue
        assert array is not None
        fits = array.ndim == len(shape) and all(
            want in (None, got) for want, got in zip(shape, array.shape)
        )
        kind = "iu" if name == "indices" else "fiu"
        if not fits or array.dtype.kind not in kind or not np.isfinite(array).all():
            raise DataError(f"{path}: {name} is damaged: {array.dtype} {array.shape}")
    indices = arrays["indices"]
    if not frames or (len(indices) and not 0 <= indices.min() <= indices.max() < frames):
        raise DataError(f"{path}: indices are damaged: there are {frames} frames")


def _context(arrays: dict[str, np.ndarray]) -> AnswerInput:
    selection = Selection(
        indices=arrays["indices"],
        scores=arrays.get("scores"),
        z=None,
        weights=arrays["weights"],
        spans=arrays["spans"],
    )
    features = arrays["features"]
    return AnswerInput(VideoIndex(arrays["pts_seconds"], {}), features, selection)
