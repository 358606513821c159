"""Questions and chosen frames -> inputs of the model.

The prompt reads

    Video frames:
    00:03<frame>00:17<frame> ...
    Q: Which animal appears first?
    A:

Its pieces are tokenised one by one, so that several questions can share one prefix.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from transformers.feature_extraction_utils import BatchFeature
from transformers.processing_utils import ProcessorMixin

from ntlbg.errors import QuestionError
from ntlbg.models.layers import IGNORED_LABEL, in_lists
from ntlbg.selectors import Selection
from ntlbg.time_text import format_seconds

HEADER = "Video frames:"
# A word with what joins it (T-shirt, it's, 02:28), a sign, or one ideograph: those have no spaces.
WORD = re.compile(r"[\u2e80-\U0003ffff]|[^\W\u2e80-\U0003ffff]+(?:['’:.-]\w+)*|[^\w\s]")


class NtlbgProcessor(ProcessorMixin):
    """Tokenizer and prompt geometry.

    Args:
        tokenizer: of the language model.
        video_token: an existing special token whose place a frame takes.
        end_token: the token that ends an answer.
    """

    def __init__(
        self, tokenizer, video_token: str, end_token: str = "<|im_end|>", chat_template=None
    ):
        super().__init__(tokenizer, chat_template=chat_template)
        self.video_token, self.end_token = video_token, end_token
        self.video_token_id = _token_id(tokenizer, video_token)
        self.end_token_id = _token_id(tokenizer, end_token)
        pad = tokenizer.pad_token_id
        self.pad_token_id = self.end_token_id if pad is None else pad

    def encode(self, text: str) -> list[int]:
        """Token ids of plain text; what looks like a special token is text as well."""
        return self.tokenizer(text, add_special_tokens=False, split_special_tokens=True).input_ids

    def prefix_ids(self, pts_seconds: Sequence[float]) -> list[int]:
        """Header, then a line with time and video token for every chosen frame.

        Each line begins with its break, so that the question's own break ends the last one.
        """
        ids = self.encode(HEADER)
        for seconds in pts_seconds:
            ids += [*self.encode(f"\n{format_seconds(seconds)}"), self.video_token_id]
        return ids

    def question_ids(self, question: str) -> list[int]:
        """The part of the prompt after the frames."""
        return self.encode(f"\nQ: {question}\nA:")

    def answer_ids(self, answer: str) -> list[int]:
        """The answer and its end."""
        return [*self.encode(f" {answer}"), self.end_token_id]

    def query_ids(self, question: str) -> list[int]:
        """The question as the frame selector reads it.

        Raises:
            QuestionError: when the question is empty, or all of it is unknown to the tokenizer.
        """
        if not question.strip():
            raise QuestionError(f"the question is empty: {question!r}; ask something in words")
        ids = self.encode(f" {question}")
        if not ids:
            raise QuestionError(
                f"{question!r}: the model's tokenizer knows nothing of it; ask in other words, or "
                "copy the model again"
            )
        return ids

    def query_words(self, question: str) -> tuple[list[str], list[int]]:
        """The words of a question, and of each token of `query_ids` the place of its word.

        Signs are words, too. Words that share a token are one, and a tokenizer that does not know
        which characters a token stands for has its tokens for words.
        """
        ids, text = self.query_ids(question), f" {question}"
        if not self.tokenizer.is_fast:
            return self.tokenizer.convert_ids_to_tokens(ids), [*range(len(ids))]
        spans = self.tokenizer(
            text, add_special_tokens=False, split_special_tokens=True, return_offsets_mapping=True
        ).offset_mapping
        # a space belongs to the word behind it
        firsts = [len(text) - len(text[start:].lstrip()) for start, _ in spans]
        begins = [match.start() for match in WORD.finditer(text)]
        shared = {
            begin
            for first, (_, end) in zip(firsts, spans)
            for begin in begins
            if first < begin < end
        }
        begins = [begin for begin in begins if begin not in shared]
        words = [text[one:other].strip() for one, other in zip(begins, [*begins[1:], len(text)])]
        return words, [bisect_right(begins, first) - 1 for first in firsts]

    def __call__(
        self,
        question: str | Sequence[str],
        video_features,
        pts_seconds,
        selection: Selection | Sequence[Selection] | None = None,
        *,
        indices=None,
        point_mass=None,
        answer: str | Sequence[str] | None = None,
    ) -> BatchFeature:
        """Everything `NtlbgForConditionalGeneration.forward` needs, padded on the left.

        One question with one video, or lists of both of the same length.

        Args:
            question: the question.
            video_features: (T, D) features of the candidate frames.
            pts_seconds: (T,) their times.
            selection: the chosen frames; gives `indices`, `point_mass` and, where they are known,
                `frame_scores`.
            indices: (K,) instead of a selection.
            point_mass: (K,) share of the frames each chosen frame stands for.
            answer: appended, with labels, for training.
        """
        alone = isinstance(question, str)
        questions, answers, selections = in_lists(alone, question, answer, selection)
        video_features, pts_seconds = in_lists(alone, video_features, pts_seconds)
        indices, point_mass = in_lists(alone, indices, point_mass)
        frame_scores = None
        if selections is not None:
            indices = [chosen.indices for chosen in selections]
            point_mass = [chosen.weights for chosen in selections]
            if all(chosen.scores is not None for chosen in selections):
                frame_scores = [chosen.scores[chosen.indices] for chosen in selections]
        if indices is None:
            raise ValueError("give the chosen frames: a selection, or indices")
        indices = [torch.as_tensor(np.asarray(x), dtype=torch.int64) for x in indices]
        times = [torch.as_tensor(np.asarray(x), dtype=torch.float64) for x in pts_seconds]
        answers = [None] * len(questions) if answers is None else answers
        rows = [
            self._row(text, seconds[chosen], reply)
            for text, seconds, chosen, reply in zip(questions, times, indices, answers, strict=True)
        ]
        data = {
            "input_ids": pad([ids for ids, _ in rows], self.pad_token_id, left=True),
            "attention_mask": pad([torch.ones_like(ids) for ids, _ in rows], 0, left=True),
            **self.describe(
                questions, video_features, times, indices, point_mass, frame_scores=frame_scores
            ),
        }
        if answer is not None:
            data["labels"] = pad([labels for _, labels in rows], IGNORED_LABEL, left=True)
        return BatchFeature(data)

    def describe(
        self,
        questions: Sequence[str],
        video_features: Sequence,
        pts_seconds: Sequence[Tensor],
        indices: Sequence[Tensor],
        point_mass: Sequence | None = None,
        *,
        frame_scores: Sequence | None = None,
    ) -> dict[str, Tensor]:
        """What the model's ``represent`` is given; of every argument one for each question.

        Args:
            video_features: (T, D). pts_seconds: float64 (T,). indices: int64 (K,).
            point_mass: (K,) share of the frames each chosen frame stands for.
            frame_scores: (K,) in nats.
        """
        features = [torch.as_tensor(x).float() for x in video_features]
        queries = [torch.tensor(self.query_ids(text)) for text in questions]
        data = {
            "video_features": pad(features, 0.0),
            "video_mask": pad([torch.ones(len(x), dtype=torch.int64) for x in features], 0),
            "pts_seconds": pad(list(pts_seconds), 0.0),
            "indices": pad(list(indices), -1),
            "query_input_ids": pad(queries, self.pad_token_id).unsqueeze(1),
            "query_attention_mask": pad([torch.ones_like(x) for x in queries], 0).unsqueeze(1),
        }
        if point_mass is not None:
            data["point_mass"] = pad([torch.as_tensor(x).float() for x in point_mass], 0.0)
        if frame_scores is not None:
            padding = torch.finfo(torch.float32).min
            data["frame_scores"] = pad([torch.as_tensor(x).float() for x in frame_scores], padding)
        return data

    def _row(self, question: str, seconds: Tensor, answer: str | None) -> tuple[Tensor, Tensor]:
        """Token ids and labels of one sequence."""
        prompt = self.prefix_ids(seconds.tolist()) + self.question_ids(question)
        reply = [] if answer is None else self.answer_ids(answer)
        labels = [IGNORED_LABEL] * len(prompt) + reply
        return torch.tensor(prompt + reply), torch.tensor(labels)

    def decode_answer(self, ids: Tensor) -> str:
        """Generated token ids -> answer, without its end."""
        return self.tokenizer.decode(ids, skip_special_tokens=True).strip()

    @property
    def model_input_names(self) -> list[str]:
        return [
            "input_ids",
            "attention_mask",
            "video_features",
            "video_mask",
            "pts_seconds",
            "indices",
            "point_mass",
            "query_input_ids",
            "query_attention_mask",
        ]


def _token_id(tokenizer, token: str) -> int:
    number = tokenizer.convert_tokens_to_ids(token)
    if number is None or number == tokenizer.unk_token_id:
        raise ValueError(f"{token!r} is not a token of this tokenizer; name one that is")
    return number


def pad(rows: list[Tensor], value: float, left: bool = False) -> Tensor:
    """Stack tensors of different length in their first dimension, padded to the longest."""
    side = "left" if left else "right"
    return torch.nn.utils.rnn.pad_sequence(
        rows, batch_first=True, padding_value=value, padding_side=side
    )
