"""An answerer without a model: it says what it was given. For tests, and to look at retrieval."""

from ntlbg.answerers import Answerer, Wants
from ntlbg.time_text import timestamp
from ntlbg.types import AnswerInput, Question, Reply


class EchoAnswerer(Answerer):
    """Says the times of the frames it was given; of options it takes the first.

    Attributes:
        given: all that it was given, in order.
    """

    name, fingerprint = "echo", "echo-1"

    def __init__(self, *, pictures: bool = False, talk: bool = False):
        self.wants = Wants(pictures=pictures, talk=talk)
        self.given: list[AnswerInput] = []

    def cost(self, num_frames: int, height: int, width: int) -> int:
        """A token a frame."""
        return num_frames

    def answer(self, question: Question, given: AnswerInput) -> Reply:
        """``12:40, 31:05``."""
        self.given.append(given)
        cost = self.cost(len(given.selection), 0, 0)
        if question.options is None:
            return Reply(", ".join(map(timestamp, given.times)), None, cost)
        rest = len(question.options) - 1
        return Reply(question.options[0], [1.0] + [0.0] * rest, cost)
