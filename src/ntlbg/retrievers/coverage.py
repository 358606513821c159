"""An encoder that knows no texts: frames that cover the video, and a note that says so."""

import numpy as np

from ntlbg.encoders import Encoder
from ntlbg.retrievers import Retriever
from ntlbg.types import Question, VideoIndex


class CoverageRetriever(Retriever):
    """All frames matter alike, since nothing here can compare them with a question.

    Frames are told apart by the encoder and chosen to cover the video, as without a question; where
    a question names times, the frames there come first, which needs no encoder.
    """

    name = "coverage"
    unit = "similarity"

    def __init__(self, encoder: Encoder):
        self.encoders = (encoder,)

    def score(self, index: VideoIndex, text: str) -> np.ndarray:
        """Zeros (T,)."""
        return np.zeros(len(index))

    def covers(self, question: Question) -> bool:
        """Always, but where the question names times."""
        return not question.intent.times_seconds

    def notes(self, index: VideoIndex, question: Question) -> list[str]:
        """By what frames are chosen instead."""
        chosen = "cover the video" if self.covers(question) else "are those at the times it names"
        return [
            f"encoder {self.encoders[0].name} knows pictures only: the frames {chosen}, and were "
            "not chosen by what the question asks"
        ]
