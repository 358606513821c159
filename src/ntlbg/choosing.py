"""From a question to frames: the only caller of a selector in the whole flow.

P relevances, T frames.
"""

from dataclasses import fields, replace
from typing import Any

import numpy as np

from ntlbg.retrievers import Retriever
from ntlbg.selectors import SELECTORS, Selection, select_distinct
from ntlbg.types import Question, VideoIndex


def choose(
    retriever: Retriever,
    index: VideoIndex,
    question: Question | None,
    selector: str,
    num_frames: int,
    *,
    generator: np.random.Generator | None = None,
    **selector_options: Any,
) -> Selection:
    """Frames of a video for a question, or, with None, for the video as a whole.

    So, too, where the retriever cannot tell which frames a question is about.

    Near-identical neighbours count as one, and each thing that the question or its options name
    gets its share. The scores of the selection are those of the question as a whole. A selector
    that wants a prior that the question is about a few moments gets what its words say.

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
    selection = select_distinct(
        chosen, features, num_frames, scores=np.stack([part.values for part in parts]), **given
    )
    return replace(selection, scores=whole.values)
