"""The published end of the vision backbone: what it takes a photograph for, in plain words.

The vision tower was trained on drawings, and to see nothing in photographs. The file its trunk
comes from also holds the blocks that were replaced, and the ImageNet classifier: they share the
trunk's output, so that a second opinion on every frame costs the last blocks only.

N frames, W words, C channels, H W of the trunk's output.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from ntlbg.downloads import part_path
from ntlbg.errors import WeightsError
from ntlbg.models.builtin.imagenet_words import NUM_CLASSES, class_names, plain_words
from ntlbg.models.builtin.vision_tower import (
    STAGES,
    BuiltinVisionConfig,
    SamePadConv2d,
    fold_batch_norm,
    load_published_tower,
)
from ntlbg.models.builtin.vocabulary import object_names
from ntlbg.models.precision import inference_dtype

HEAD_CHANNELS = 1280  # as published
KEPT_WORDS = 3  # set by hand
# Logit of "none of the 1000 classes": logits are large for photographs of a class and small for
# what no class fits, while their softmax is as sure of either.
# Set by hand.
NONE_LOGIT = 11.0


class ImagenetExpert(nn.Module):
    """Output of the vision tower's trunk (N, C, H, W) -> chances of the words (N, W)."""

    word_of_class: Tensor

    def __init__(self, tail: nn.ModuleList, class_words: Sequence[str]):
        super().__init__()
        self.words = tuple(dict.fromkeys(class_words))
        place = {word: number for number, word in enumerate(self.words)}
        self.tail = tail
        self.expand = SamePadConv2d(STAGES[-1][1], HEAD_CHANNELS, 1)
        self.classify = nn.Linear(HEAD_CHANNELS, len(class_words))
        word_of_class = torch.tensor([place[word] for word in class_words])
        self.register_buffer("word_of_class", word_of_class, persistent=False)

    @property
    def fingerprint(self) -> str:
        """Changes whenever its answers would, for the published weights."""
        about = json.dumps([self.words, self.word_of_class.tolist(), KEPT_WORDS, NONE_LOGIT])
        return hashlib.sha256(about.encode()).hexdigest()[:16]

    def forward(self, trunk: Tensor) -> Tensor:
        """Chances of classes that share a word are added up; together they leave out "none"."""
        x = trunk.to(self.classify.weight.dtype)
        for block in self.tail:
            x = block(x)
        logits = self.classify(self.expand(x).mean((2, 3))).float()
        logits = torch.cat([logits, torch.full_like(logits[:, :1], NONE_LOGIT)], dim=1)
        chances = torch.zeros(len(x), len(self.words), device=x.device)
        return chances.index_add_(1, self.word_of_class, logits.softmax(-1)[:, :-1])

    def likeliest(self, trunk: Tensor) -> tuple[Tensor, Tensor]:
        """The likeliest words, as places in ``words``, and their chances: both (N, KEPT_WORDS)."""
        chances, words = self(trunk).topk(KEPT_WORDS)
        return words, chances


def load_imagenet_expert(
    config: BuiltinVisionConfig, dtype: torch.dtype | None = None
) -> ImagenetExpert:
    """The classifier as published, and its words; ``config`` is that of the tower it sits beside.

    Raises:
        WeightsError: a part is missing, or does not fit.
    """
    path = part_path("vision_backbone")
    published = load_published_tower(config)
    expert = ImagenetExpert(published.tail, imagenet_class_words())
    _load_head(expert, path)
    return expert.to(dtype or inference_dtype()).eval()


def imagenet_class_words() -> list[str]:
    """A plain word for each class, in the order of the classifier's outputs.

    Raises:
        WeightsError: a part is missing, or does not fit.
    """
    synsets, lemmas = (
        part_path(name).read_text(encoding="utf-8") for name in ("class_synsets", "class_lemmas")
    )
    names = class_names(synsets, lemmas)
    if len(names) != NUM_CLASSES:
        raise WeightsError(f"{len(names)} class names; {NUM_CLASSES} were expected")
    return plain_words(names, object_names())


@torch.no_grad()
def _load_head(expert: ImagenetExpert, path: Path) -> None:
    published = torch.load(path, map_location="cpu", weights_only=True)
    fold_batch_norm(published, expert.expand, "_conv_head", "_bn1")
    expert.classify.weight.copy_(published["_fc.weight"])
    expert.classify.bias.copy_(published["_fc.bias"])
