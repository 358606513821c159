"""What a vision-language model is shown: times, pictures and the question, in order.

The same for models in this process and for servers: ``<12.5 seconds>`` stands before each picture,
and the question comes last, so that a model without a clock of its own knows when things are seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ntlbg.errors import QuestionError
from ntlbg.time_text import stamp
from ntlbg.types import AnswerInput, Passage, Plan, Question

Content = list["str | Image.Image"]

# Hour-long video in 8k tokens, as LongVU was evaluated; most models have seen prompts of that size.
VISUAL_TOKENS = 8192
# Where nobody says: a frame has 256 tokens then, a picture of 448 x 448.
NUM_FRAMES = 32
# Set by hand: a few sentences.
LONGEST_ANSWER_TOKENS = 256
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# By source of a passage, in the words of a reader.
HOW_KNOWN = {"subtitles": "subtitle", "speech": "said", "screen": "on screen"}
NOTHING_WRITTEN = "the model ended its answer without a word; ask in other words"


@dataclass(frozen=True)
class ChoiceStyle:
    """The words around a question with options.

    Attributes:
        before: the question.
        heading: of the options, a line of its own; empty for none.
        after: the options, says how to answer.
    """

    before: str = ""
    heading: str = ""
    after: str = "Answer with the option's letter from the given choices directly."


# As LLaVA-OneVision, InternVL and LMMs-Eval ask, which most open models were trained on.
USUAL_STYLE = ChoiceStyle()
_QWEN = ChoiceStyle(
    "Question: ", "Options:", "Please select the correct answer from the options above."
)
# Others, by model_type: as their makers evaluate them with VLMEvalKit.
CHOICE_STYLES = {
    "qwen2_vl": _QWEN,
    "qwen2_5_vl": _QWEN,
    "qwen3_vl": _QWEN,
    "qwen3_vl_moe": _QWEN,
    "smolvlm": ChoiceStyle("Question: ", "Choices:", "Answer with the letter."),
    "idefics3": ChoiceStyle("Question: ", "Choices:", "Answer with the letter."),
}


def question_text(
    question: Question,
    order: Sequence[int] | None = None,
    style: ChoiceStyle = USUAL_STYLE,
) -> str:
    """What is asked, with the options by letter where there are some.

    Args:
        order: positions of the options, in which they are shown.
        style: the words around them.

    Raises:
        QuestionError: more options than letters.
    """
    options = question.options
    if options is None:
        return question.text
    if len(options) > len(LETTERS):
        raise QuestionError(f"{len(options)} options; give at most {len(LETTERS)}")
    shown = [options[place] for place in order or range(len(options))]
    lines = [f"{letter}. {option}" for letter, option in zip(LETTERS, shown)]
    heading = [style.heading] if style.heading else []
    return "\n".join([style.before + question.text, *heading, *lines, style.after])


def portable_content(given: AnswerInput, text: str, mark: str | None = None) -> Content:
    """What is said and written, the chosen frames with their times, then the question.

    Args:
        mark: stands before the time of each frame.
    """
    pictures = [Image.fromarray(picture) for picture in resized(given.pictures, given.plan)]
    told = [told_text(given.passages)] if given.passages else []
    return [*told, *timed(pictures, given.times, mark), text]


def told_text(passages: Sequence[Passage]) -> str:
    """Passages as a model reads them, a line each after its time; empty without any."""
    if not passages:
        return ""
    heading = "What is said and written in the video, some of it:"
    return "\n".join([heading, *map(told_line, passages), ""])


def told_line(passage: Passage) -> str:
    """``<12.5 seconds> said: ...``, in one line."""
    how, text = HOW_KNOWN[passage.source], " ".join(passage.text.split())
    return f"{stamp(passage.start_seconds)} {how}: {text}"


def timed(
    pictures: Sequence[Image.Image], times: Sequence[float] | np.ndarray, mark: str | None = None
) -> Content:
    """Each picture after its time, of k seconds; before each time the mark, if there is one."""
    before = [] if mark is None else [mark]
    pieces: Content = []
    for seconds, picture in zip(times, pictures, strict=True):
        pieces += [*before, stamp(seconds), picture]
    return pieces


def resized(pictures: np.ndarray, plan: Plan | None) -> np.ndarray:
    """uint8 (k, H, W, 3) in the size of a plan; as they are without one."""
    if plan is None or pictures.shape[1:3] == (plan.height, plan.width):
        return pictures
    size = plan.width, plan.height
    # bicubic, as the image processors of these models resize
    return np.stack([
        np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))
        for picture in pictures
    ])  # fmt: skip
