"""Episodes -> one padded batch; several questions share the frames in front of them.

The frames are read once: every question with its answer sees the shared prefix and itself, but no
other question (a block mask), and its positions continue from the prefix.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ntlbg.models.builtin.vision_tower import normalize_pixels
from ntlbg.models.layers import IGNORED_LABEL
from ntlbg.models.ntlbg.processing_ntlbg import NtlbgProcessor, pad
from ntlbg_lab.training.episodes import Episode

PREFIX, PADDING = 0, -1


class EpisodeCollator:
    """Packs episodes for ``NtlbgForConditionalGeneration.forward``."""

    def __init__(self, processor: NtlbgProcessor):
        self.processor = processor

    def __call__(self, episodes: Sequence[Episode]) -> dict[str, Tensor]:
        rows = [self._pack(episode) for episode in episodes]
        segments = pad([row["segments"] for row in rows], PADDING)
        queries, query_mask = self._queries(episodes)
        batch = {
            "input_ids": pad([row["ids"] for row in rows], self.processor.pad_token_id),
            "labels": pad([row["labels"] for row in rows], IGNORED_LABEL),
            "position_ids": pad([row["positions"] for row in rows], 0),
            "attention_mask": block_mask(segments),
            "video_features": pad([episode.features for episode in episodes], 0.0),
            "video_mask": pad(
                [torch.ones(len(e.features), dtype=torch.int64) for e in episodes], 0
            ),
            "pts_seconds": pad([episode.pts_seconds for episode in episodes], 0.0),
            "indices": pad([episode.indices for episode in episodes], -1),
            "query_input_ids": queries,
            "query_attention_mask": query_mask,
            "evidence": pad([episode.evidence.T for episode in episodes], 0.0).mT,
        }
        if episodes[0].frames is not None:
            pixels = [normalize_pixels(episode.frames) for episode in episodes]
            batch["pixel_values_videos"] = pad(pixels, 0.0)
        return batch

    def _pack(self, episode: Episode) -> dict[str, Tensor]:
        ids = list(self.processor.prefix_ids(episode.pts_seconds[episode.indices].tolist()))
        length = len(ids)
        labels, segments, positions = [IGNORED_LABEL] * length, [PREFIX] * length, [*range(length)]
        for number, sample in enumerate(episode.questions, start=1):
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

    def _queries(self, episodes: Sequence[Episode]) -> tuple[Tensor, Tensor]:
        """(B, Q, L) question tokens as the selector reads them, and their mask."""
        rows = [
            torch.tensor(self.processor.query_ids(sample.question))
            for episode in episodes
            for sample in episode.questions
        ]
        shape = (len(episodes), -1)
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
