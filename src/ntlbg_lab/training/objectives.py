"""What the later stages minimise, as modules for a Hugging Face Trainer, and their batches.

Several questions share the frames in front of them, which are read once: every question with its
answer sees the shared prefix and itself, but no other question (a block mask), and its positions
continue from the prefix. B videos, T candidate frames, Q questions.
"""

from collections.abc import Collection, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ntlbg.models.builtin.vision_tower import normalize_pixels
from ntlbg.models.layers import IGNORED_LABEL
from ntlbg.models.ntlbg.modeling_ntlbg import NtlbgForConditionalGeneration
from ntlbg.models.ntlbg.processing_ntlbg import NtlbgProcessor, pad
from ntlbg.train.losses import total
from ntlbg.train.objective import AnswerLosses
from ntlbg.train.stages import loss_weights
from ntlbg_lab.training.synthetic_videos import SyntheticVideo

PREFIX, PADDING = 0, -1


class SyntheticVideoCollator:
    """Packs videos for ``NtlbgForConditionalGeneration.forward``."""

    def __init__(self, processor: NtlbgProcessor):
        self.processor = processor

    def __call__(self, videos: Sequence[SyntheticVideo]) -> dict[str, Tensor]:
        rows = [self._pack(video) for video in videos]
        segments = pad([row["segments"] for row in rows], PADDING)
        queries, query_mask = self._queries(videos)
        batch = {
            "input_ids": pad([row["ids"] for row in rows], self.processor.pad_token_id),
            "labels": pad([row["labels"] for row in rows], IGNORED_LABEL),
            "position_ids": pad([row["positions"] for row in rows], 0),
            "attention_mask": block_mask(segments),
            "video_features": pad([video.features for video in videos], 0.0),
            "video_mask": pad([torch.ones(len(e.features), dtype=torch.int64) for e in videos], 0),
            "pts_seconds": pad([video.pts_seconds for video in videos], 0.0),
            "indices": pad([video.indices for video in videos], -1),
            "query_input_ids": queries,
            "query_attention_mask": query_mask,
            "evidence": pad([video.evidence.T for video in videos], 0.0).mT,
        }
        if videos[0].frames is not None:
            pixels = [normalize_pixels(video.frames) for video in videos]
            batch["pixel_values_videos"] = pad(pixels, 0.0)
        return batch

    def _pack(self, video: SyntheticVideo) -> dict[str, Tensor]:
        ids = list(self.processor.prefix_ids(video.pts_seconds[video.indices].tolist()))
        length = len(ids)
        labels, segments, positions = [IGNORED_LABEL] * length, [PREFIX] * length, [*range(length)]
        for number, sample in enumerate(video.questions, start=1):
            question = self.processor.question_ids(sample.question)
            answer = self.processor.answer_ids(sample.answer)
            ids += question + answer
            labels += [IGNORED_LABEL] * len(question) + answer
            segments += [number] * (len(question) + len(answer))
            positions += range(length, length + len(question) + len(answer))
        return {
            "ids": torch.tensor(ids),
            "labels": torch.tensor(labels),
            "segments": torch.tensor(segments),
            "positions": torch.tensor(positions),
        }

    def _queries(self, videos: Sequence[SyntheticVideo]) -> tuple[Tensor, Tensor]:
        """(B, Q, L) question tokens as the selector reads them, and their mask."""
        rows = [
            torch.tensor(self.processor.query_ids(sample.question))
            for video in videos
            for sample in video.questions
        ]
        shape = (len(videos), -1)
        ids = pad(rows, self.processor.pad_token_id).unflatten(0, shape)
        mask = pad([torch.ones_like(row) for row in rows], 0).unflatten(0, shape)
        return ids, mask


def block_mask(segments: Tensor) -> Tensor:
    """(B, S) segment numbers -> (B, 1, S, S) bool, True where a row's token may see a column's.

    Segment 0 is the shared prefix, -1 is padding (which sees itself, so that no row is empty).
    """
    rows, columns = segments[:, :, None], segments[:, None, :]
    allowed = (rows == columns) | ((columns == PREFIX) & (rows != PADDING))
    return allowed.tril().unsqueeze(1)


# Relevant frames are rare: a miss costs the answer, a false alarm costs one frame of the budget.
POSITIVE_WEIGHT = 3.0
SCORE_LIMIT = 50.0  # nats; masked frames hold the lowest float


class SelectionObjective(nn.Module):
    """Second half of stage one: which frames does a question ask about? No language model runs."""

    def __init__(self, model: NtlbgForConditionalGeneration):
        super().__init__()
        self.attention = model.ntlbg_attention
        self._embed = [model.get_input_embeddings()]  # in a list: not a part of this module

    def forward(self, video_features, video_mask, query_input_ids, query_attention_mask, evidence,
                progress: float = 0.0, **unused) -> dict:  # fmt: skip
        """The keys of a collated batch -> loss and terms."""
        embeds = self._embed[0](query_input_ids).float()
        found = self.attention(video_features, embeds, query_attention_mask, video_mask)
        loss = evidence_loss(found.scores, evidence, video_mask)
        hits = evidence_recall(found.scores.detach(), evidence)
        return {"loss": loss, "terms": {"evidence": loss.detach(), "recall_at_8": hits}}


class AnswerObjective(AnswerLosses):
    """Stages two and three: task, NTLBG, alignment and context losses, and the evidence.

    Terms in ``without`` are only shown.
    """

    def __init__(self, model: NtlbgForConditionalGeneration, without: Collection[str] = ()):
        super().__init__(model)
        self.without = frozenset(without)

    def forward(self, progress: float = 0.0, **batch: Tensor) -> dict:
        """A collated batch -> loss and terms."""
        evidence = batch.pop("evidence")
        real = batch["attention_mask"].diagonal(dim1=2, dim2=3)[:, 0]
        output, terms = self.read(batch, real)
        scores = output["statistics"].scores
        terms["evidence"] = evidence_loss(scores, evidence, batch["video_mask"])
        weights = {**loss_weights(progress), "evidence": 1.0}
        loss = total(terms, {k: w for k, w in weights.items() if k not in self.without})
        shown = {name: value.detach() for name, value in terms.items()}
        shown["recall_at_8"] = evidence_recall(scores.detach(), evidence)
        shown["right"] = answered_right(output["logits"].detach(), batch["labels"])
        return {"loss": loss, "terms": shown}

    def kept(self) -> set[str]:
        """What this stage changes."""
        return {name for name, value in self.model.named_parameters() if value.requires_grad}


def evidence_loss(scores: Tensor, evidence: Tensor, mask: Tensor) -> Tensor:
    """Binary cross-entropy of log-ratios against worth, both (B, Q, T), on real frames (B, T)."""
    weight = torch.where(evidence > 0, POSITIVE_WEIGHT, 1.0) * mask.unsqueeze(1)
    limited = scores.clamp(-SCORE_LIMIT, SCORE_LIMIT)
    loss = F.binary_cross_entropy_with_logits(limited, evidence, weight, reduction="sum")
    return loss / weight.sum()


def evidence_recall(scores: Tensor, evidence: Tensor, budget: int = 8) -> Tensor:
    """Share of the sure evidence (worth 1) among the ``budget`` best frames, over questions."""
    best = torch.zeros_like(scores).scatter(
        -1, scores.topk(min(budget, scores.shape[-1])).indices, 1
    )
    sure = (evidence == 1).float()
    wanted = sure.sum(-1).clamp(max=budget)
    return ((best * sure).sum(-1) / wanted.clamp_min(1))[wanted > 0].mean()


def answered_right(logits: Tensor, labels: Tensor) -> Tensor:
    """Share of the answers whose every token is the most likely one."""
    targets = F.pad(labels[:, 1:], (0, 1), value=IGNORED_LABEL)
    labelled = targets != IGNORED_LABEL
    # answers are separated by at least the tokens of the next question
    starts = labelled & ~F.pad(labelled, (1, 0))[:, :-1]
    number = starts.flatten().cumsum(0)[labelled.flatten()] - 1
    right = (logits.argmax(-1) == targets[labelled]).float()
    return torch.ones(int(number.max()) + 1).scatter_reduce(0, number, right, "amin").mean()
