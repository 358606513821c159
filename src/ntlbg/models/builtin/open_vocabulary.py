"""What frames show that the vision tower has no word for: photographs, and what was enrolled.

Frames keep their features unless there is reason to say more about them; then the feature becomes
the direction of a word. So the learned attention finds the frame when a question names the word,
and the language model reads it.

T frames, D feature size, W words of the photograph expert, P prototypes.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ntlbg.models.builtin.enrolment import EnrolledObject
from ntlbg.question.timing import named_frames
from ntlbg.types import Intent

# Constants of this module: scripts/calibrate_further_words.py.
# The tower's own opinion stands from this chance of a word on.
OWN_OPINION = 0.5
# The expert takes drawings for things too. It is not heard in videos with drawn objects at all; in
# others it is where its chances of the classes of photographs reach this on an average of a scene,
LIKELY_DRAWN = 0.5
FOOTAGE = 0.4
# and where the tower is sure of something in no more than this share of it: it knows drawings.
DRAWN = 0.1
SAME_SCENE = 0.9  # cosine of neighbouring frames
EXPERT_SURE = 0.3  # chance of its likeliest word
# Added to the logit of a prototype, which is a cosine on the scale of the vocabulary.
PROTOTYPE_BIAS = 2.0
# Of the videos with frames that were set to the word that is asked for, those that show it: 37 of
# 37 for the expert (scripts/calibrate_footage.py), 47 of 50 before. What was taught from cut-outs
# is mistaken about as seldom. A photo teaches its background too, and nothing is known of that: an
# even chance.
EXPERT_RIGHT, CUTOUT_RIGHT, PHOTO_RIGHT = 0.95, 0.9, 0.5
SET_TO_A_WORD = 0.9999  # cosine of a feature that was replaced; rounding aside it is 1


class OpenVocabulary:
    """Turns features into the directions of words that the vocabulary does not have.

    Args:
        model, processor: with a projector of words, which will read the further words as well.
        expert_words: what ``expert_words`` in an encoder's notes count.
        enrolled: objects with their prototypes.

    Attributes:
        names: of all these words.
        added: of those that the projector did not know, in its order.
    """

    def __init__(
        self,
        model,
        processor,
        expert_words: Sequence[str] = (),
        enrolled: Sequence[EnrolledObject] = (),
    ):
        self.projector = model.multi_modal_projector
        self.enrolled = tuple(enrolled)
        self.names = (*expert_words, *(thing.name for thing in self.enrolled))
        known = {tuple(ids) for ids in self.projector.words}
        table = model.get_input_embeddings().weight
        ids = [tuple(processor.encode(f" {name}")) for name in self.names]
        rows = [table[list(word)].float().mean(0).detach() for word in ids]
        embeddings = torch.stack(rows) if rows else torch.zeros(0, table.shape[1])
        self.directions = F.normalize(embeddings - self.projector.embedding_mean, dim=-1)
        own = self.projector.word_embeddings - self.projector.embedding_mean
        self.own_words = F.normalize(own, dim=-1)
        self.num_expert_words = len(expert_words)
        own = [PHOTO_RIGHT if thing.has_background else CUTOUT_RIGHT for thing in self.enrolled]
        self._reliable = [EXPERT_RIGHT] * len(expert_words) + own
        new = {word: place for place, word in enumerate(ids) if word not in known}
        self.added = tuple(self.names[place] for place in new.values())
        if new:
            self.projector.add_words(embeddings[list(new.values())])

    @torch.inference_mode()
    def express(
        self,
        features: np.ndarray,
        opinions: tuple[np.ndarray, np.ndarray] | None,
        drawn: float = 0.0,
    ) -> np.ndarray:
        """Features (T, D), those of frames with a further word replaced.

        Args:
            opinions: the expert's likeliest words (T, K) and their chances; None without an expert.
            drawn: chance that the video is one with drawn objects. In such a video the expert is
                not heard: photographs are what objects are drawn on, and nobody asks about them.
        """
        found = torch.tensor(features).float()
        logits = self.projector.scale * F.normalize(found, dim=-1) @ self.own_words.T
        if opinions is not None and drawn < LIKELY_DRAWN:
            unsure = logits.softmax(-1)[:, :-1].amax(-1) < OWN_OPINION
            found = self._hear_expert(found, unsure, *opinions)
        if self.enrolled:
            found = self._recognise(torch.tensor(features).float(), logits, found)
        return found.numpy()

    @torch.inference_mode()
    def reliability(self, features: np.ndarray) -> np.ndarray:
        """Chance (T,) that a frame shows the word it was set to; 0 for those that were not."""
        alike = torch.tensor(features).float() @ self.directions.T
        best, word = alike.max(-1)
        found = torch.tensor(self._reliable)[word] * (best > SET_TO_A_WORD)
        return found.numpy()

    @torch.inference_mode()
    def replaced_frames(self, features: np.ndarray) -> np.ndarray:
        """Mask (T,) of the frames whose features :meth:`express` replaced."""
        alike = torch.tensor(features).float() @ self.directions.T
        return (alike > SET_TO_A_WORD).any(-1).numpy()

    def answer_what_is_shown(
        self, intent: Intent, features: np.ndarray, pts_seconds: np.ndarray
    ) -> str | None:
        """What most of the frames (K, D) that were set to a word show, if that is the question.

        The language model was trained on the vocabulary: it reads other words, but not always to
        the letter. Of a question that names a time only frames near it count.
        """
        if not intent.asks_what_is_shown:
            return None
        if intent.names_time:
            features = features[named_frames(pts_seconds, intent)]
        rows = torch.tensor(features[self.replaced_frames(features)]).float()
        words = (rows @ self.directions.T).argmax(-1).tolist()
        return self.names[Counter(words).most_common(1)[0][0]] if words else None

    def _hear_expert(
        self, found: Tensor, unsure: Tensor, labels: np.ndarray, label_chances: np.ndarray
    ) -> Tensor:
        words, chances = torch.tensor(labels).long(), torch.tensor(label_chances).float()
        scenes = _scenes(found)
        footage = _means(chances.sum(-1), scenes) >= FOOTAGE
        drawn = _means((~unsure).float(), scenes) > DRAWN
        heard = unsure & footage & ~drawn & (chances[:, 0] >= EXPERT_SURE)
        return torch.where(heard[:, None], self.directions[words[:, 0]], found)

    def _recognise(self, features: Tensor, logits: Tensor, found: Tensor) -> Tensor:
        """Frames that look more like a prototype than like any word, or nothing."""
        logits = logits.clone()
        logits[:, -1] += self.projector.nothing_bias
        owner = torch.tensor(
            [number for number, thing in enumerate(self.enrolled) for _ in thing.prototypes]
        )
        prototypes = torch.tensor(np.concatenate([thing.prototypes for thing in self.enrolled]))
        alike = self.projector.scale * F.normalize(features, dim=-1) @ prototypes.T
        best, which = (alike + PROTOTYPE_BIAS).max(-1)
        seen = best > logits.amax(-1)
        directions = self.directions[self.num_expert_words + owner[which]]
        return torch.where(seen[:, None], directions, found)


def compared_words(model, processor, further_words: OpenVocabulary | None) -> tuple[str, ...]:
    """Words that frames are compared with, but for "nothing"."""
    words = getattr(model.config, "vocabulary", None) or []
    own = (processor.decode_answer(torch.tensor(ids)) for ids in words[:-1])
    return (*own, *(further_words.added if further_words else ()))


def _scenes(features: Tensor) -> Tensor:
    """Number (T,) of each frame's scene: a new one begins where the picture changes."""
    units = F.normalize(features, dim=-1)
    changes = (units[1:] * units[:-1]).sum(-1) < SAME_SCENE
    return F.pad(changes.long().cumsum(0), (1, 0))


def _means(values: Tensor, scenes: Tensor) -> Tensor:
    """Mean (T,) of the values (T,) of each frame's scene."""
    sums = torch.zeros(int(scenes[-1]) + 1).index_add_(0, scenes, values)
    return (sums / scenes.bincount())[scenes]
