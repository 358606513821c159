"""From a question to frames: the only caller of a selector in the whole flow.

P relevances, T frames.
"""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from ntlbg.retrievers import Retriever
from ntlbg.selectors import SELECTORS, Selection, select_distinct
from ntlbg.types import Passage, Question, VideoIndex


def choose(
    retriever: Retriever,
    index: VideoIndex,
    question: Question | None,
    selector: str,
    num_frames: int,
    quoted: Sequence[Passage] = (),
    *,
    generator: np.random.Generator | None = None,
    **selector_options: Any,
) -> Selection:
    """Frames of a video for a question, or, with None, for the video as a whole.

    So, too, where the retriever cannot tell which frames a question is about.

    Near-identical neighbours count as one, and each thing that the question or its options name
    gets its share. The scores of the selection are those of the question as a whole. A selector
    that wants a prior that the question is about a few moments gets what its words say.

    Args:
        quoted: what is said or written in answer, best first. Selectors that go by the question
            choose a frame at each, in half of the frames at most, be it ever so like the others:
            somebody who talks looks the same all the time.

    Raises:
        ConfigError: an option that the selector does not have, or a value out of range.
    """
    chosen, features = SELECTORS[selector], retriever.features(index)
    given: dict[str, Any] = {"pts_seconds": index.pts_seconds, "generator": generator}
    if question is None or retriever.covers_video(index, question):
        return select_distinct(chosen, features, num_frames, **given, **selector_options)
    if "prior" in {option.name for option in fields(chosen.options)}:
        given["prior"] = question.intent.localized_prior
    whole, *parts = retriever.relevance(index, question)
    parts = parts or [whole]
    given |= {"score_unit": whole.unit} | selector_options
    if chosen.uses_query:
        given["kept"] = _frames_at(quoted, index.pts_seconds)[: max(1, num_frames // 2)]
    selection = select_distinct(
        chosen, features, num_frames, scores=np.stack([part.values for part in parts]), **given
    )
    return replace(selection, scores=whole.values)


def _frames_at(passages: Sequence[Passage], pts_seconds: np.ndarray) -> list[int]:
    """Of each passage in the part that is looked at, the frame nearest to its middle."""
    first, last = pts_seconds.min(), pts_seconds.max()
    spans = [
        (max(one.start_seconds, first), min(one.end_seconds, last))
        for one in passages
        if one.start_seconds <= last and one.end_seconds >= first
    ]
    return [int(np.abs(pts_seconds - (start + end) / 2).argmin()) for start, end in spans]
