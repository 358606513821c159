"""NTLBG attention: how much likelier a frame is, given the question, than any frame of a video.

T frames, D feature size.
"""

from weakref import WeakKeyDictionary

import numpy as np
import torch

from ntlbg.encoders import Encoder
from ntlbg.encoders.builtin import EXPERT_CHANCES, EXPERT_WORDS
from ntlbg.models.builtin.drawn_videos import chance_of_drawings
from ntlbg.models.builtin.open_vocabulary import OpenVocabulary, compared_words
from ntlbg.models.builtin.wording import ObjectNames, answer_caveats, read_in_english
from ntlbg.models.ntlbg.modeling_ntlbg import NtlbgForConditionalGeneration
from ntlbg.models.ntlbg.processing_ntlbg import NtlbgProcessor
from ntlbg.models.ntlbg.projectors import VocabularyProjector
from ntlbg.models.ntlbg.question_evidence import Calibration, log_odds
from ntlbg.question.timing import recurrence_similarity
from ntlbg.retrievers import Retriever
from ntlbg.types import Question, VideoIndex

ABOUT_ONE = "When does the {name} appear?"


class NtlbgRetriever(Retriever):
    """The log-likelihood ratio of N(mu_Q, Sigma_Q) that a model with NTLBG attention gives.

    Args:
        encoder: what makes the features that the model reads; None where they come from a file.
        track: name of those features; by default the encoder's.
        vocabulary: further words than the model's own.

    Attributes:
        words: that the model compares frames with; none in one that was trained without words.
        names: of all objects that it knows.
    """

    name = "ntlbg"
    unit = "log_odds"

    def __init__(
        self,
        model: NtlbgForConditionalGeneration,
        processor: NtlbgProcessor,
        encoder: Encoder | None,
        *,
        track: str | None = None,
        vocabulary: OpenVocabulary | None = None,
    ):
        self.model, self.processor, self.vocabulary = model, processor, vocabulary
        self.encoders = () if encoder is None else (encoder,)
        [self.track] = [track] if track else [one.name for one in self.encoders]
        self.words = compared_words(model, processor, vocabulary)
        self.names = ObjectNames((*self.words, *(vocabulary.names if vocabulary else ())))
        self.calibration = Calibration(**model.config.calibration or {})
        # of the videos in use: choosing frames and answering both need them
        self._features: WeakKeyDictionary[VideoIndex, np.ndarray] = WeakKeyDictionary()
        self._recurrence: WeakKeyDictionary[VideoIndex, np.ndarray] = WeakKeyDictionary()

    def features(self, index: VideoIndex) -> np.ndarray:
        """Frames that show what the encoder has no word for get the direction of another word."""
        if index not in self._features:
            features = index.features[self.track]
            if self.vocabulary is not None:
                drawn = self.chance_of_drawings(features, index.pts_seconds)
                notes = index.notes.get(self.track, {})
                opinions = None
                if EXPERT_WORDS in notes:
                    opinions = notes[EXPERT_WORDS], notes[EXPERT_CHANCES]
                features = self.vocabulary.express(features, opinions, drawn)
            self._features[index] = features
        return self._features[index]

    def text_tokens(self, text: str) -> tuple[int, int]:
        """Of its language model."""
        read = self.model.config.get_text_config().max_position_embeddings
        return len(self.processor.query_ids(text)), read

    def score(self, index: VideoIndex, text: str) -> np.ndarray:
        """Log-likelihood ratio (T,) of "this frame is meant" to "any frame", in nats."""
        return self.score_features(self.features(index), text)

    def score_features(self, features: np.ndarray, text: str) -> np.ndarray:
        """The same of some frames (N, D).

        A frame is meant by a question about two objects when it is by a question about one, and by
        the name of an object when it is by a question about that.
        """
        pair = read_in_english(text).intent.names_pair
        names = self.names.find(text) if pair else []
        if len(names) > 1:
            return np.max([self.score_features(features, name) for name in names], axis=0)
        if self.names.is_name(text):
            text = ABOUT_ONE.format(name=text)
        query = torch.tensor(self.processor.query_ids(text), device=self.model.device)
        return self.model.score(self.tensor(features), query).double().cpu().numpy()

    def knows(self, question: Question) -> bool:
        """Whether it has a word for a thing that is named, or was trained for such a question."""
        names = bool(self.names.find(question.text))
        return names or not self.words or not answer_caveats(question, self.names)

    def tensor(self, features: np.ndarray) -> torch.Tensor:
        """float32, where the model is."""
        return torch.as_tensor(features).float().to(self.model.device)

    @torch.inference_mode()
    def event_odds(self, index: VideoIndex) -> np.ndarray | None:
        """A named object, surely seen, in a frame unlike the rest of the video; in nats (T,)."""
        projector = self.model.multi_modal_projector
        if not isinstance(projector, VocabularyProjector):
            return None
        features = self.features(index)
        seen = projector.confidence(self.tensor(features)).cpu().numpy()
        if index not in self._recurrence:
            self._recurrence[index] = recurrence_similarity(features, index.pts_seconds)
        recurring = self._recurrence[index]
        if self.vocabulary is not None:  # all frames of a word have one feature
            recurring = np.where(self.vocabulary.replaced_frames(features), 0, recurring)
        return log_odds(self.calibration.event, seen.astype(np.float64), recurring)

    def chance_of_drawings(self, features: np.ndarray, pts_seconds: np.ndarray) -> float:
        """That the video of these frames (T, D) at times (T,) is one with drawn objects."""
        if self.vocabulary is not None:
            own = ~self.vocabulary.replaced_frames(features)
            features, pts_seconds = features[own], pts_seconds[own]
        projector, weights = self.model.multi_modal_projector, self.calibration.drawn
        return chance_of_drawings(projector, features, pts_seconds, weights)
