"""The project's own kind of model as a backend."""

import weakref
from dataclasses import replace

import numpy as np
import torch

from ntlbg.backends import Habits, Reply, RichPoints, VideoContext
from ntlbg.backends.by_frames import (
    chances_of_times,
    chances_of_words,
    chances_of_yes_and_no,
    frames_in_order,
    nothing_offered,
    stated_answer,
)
from ntlbg.backends.drawn_videos import chance_of_drawings
from ntlbg.backends.further_words import FurtherWords, compared_words
from ntlbg.backends.generation import GREEDY, Generation
from ntlbg.backends.inspection import Attention, Losses, attention_of, rich_points_of
from ntlbg.backends.likelihoods import option_chances
from ntlbg.backends.seen import (
    LARGEST_ODDS,
    NOT_OFFERED,
    RECOGNISED,
    Calibration,
    Signs,
    frames_asked_about,
    log_odds,
    too_late,
    word_chances,
    word_odds,
)
from ntlbg.backends.wording import ObjectNames, as_counted, read_in_english, reservations
from ntlbg.backends.writing import write
from ntlbg.data import NOT_SEEN
from ntlbg.encoders import Encoder
from ntlbg.question.timing import NEIGHBOUR_FLOOR, recurrence_similarity
from ntlbg.types import Question

LONGEST_ANSWER_TOKENS = 24
ABOUT_ONE = "When does the {name} appear?"


class NtlbgBackend:
    """An NtlbgForConditionalGeneration: one visual token per frame, answers of a few words."""

    needs_frames = False
    score_unit = "log_odds"

    def __init__(
        self,
        model,
        processor,
        encoder: Encoder,
        *,
        name: str = "ntlbg",
        fingerprint: str | None = None,
        habits: Habits | None = None,
        further_words: FurtherWords | None = None,
    ):
        self.model, self.processor = model.eval(), processor
        self.encoder, self.name, self.further_words = encoder, name, further_words
        self.fingerprint, self.habits = fingerprint or encoder.fingerprint, habits or Habits()
        self.words = compared_words(model, processor, further_words)
        further = further_words.names if further_words else ()
        self.names = ObjectNames((*self.words, *further))
        self.calibration = Calibration(**model.config.calibration or {})
        self._last_video: tuple[weakref.ref, np.ndarray] | None = None

    def express(
        self, features: np.ndarray, notes: dict[str, np.ndarray], pts_seconds: np.ndarray
    ) -> np.ndarray:
        """Frames that show what the tower has no word for get the direction of another word."""
        if self.further_words is None:
            return features
        drawn = self._chance_of_drawings(features, pts_seconds)
        return self.further_words.express(features, notes, drawn)

    def score_frames(self, features: np.ndarray, question: str) -> np.ndarray:
        """Log-likelihood ratio (T,) of "this frame is meant" to "any frame", in nats.

        A frame is meant by a question about two objects when it is by a question about one, and by
        the name of an object when it is by a question about that.
        """
        pair = read_in_english(question).intent.names_pair
        names = self.names.find(question) if pair else []
        if len(names) > 1:
            return np.max([self.score_frames(features, name) for name in names], axis=0)
        if self.names.is_name(question):
            question = ABOUT_ONE.format(name=question)
        query = torch.tensor(self.processor.query_ids(question), device=self.model.device)
        return self.model.score(self._tensor(features), query).double().cpu().numpy()

    def _tensor(self, features: np.ndarray) -> torch.Tensor:
        """float32, where the model is."""
        return torch.as_tensor(features).float().to(self.model.device)

    @torch.inference_mode()
    def event_odds(self, features: np.ndarray, pts_seconds: np.ndarray) -> np.ndarray | None:
        """A named object, surely seen, in a frame unlike the rest of the video; in nats (T,)."""
        projector = self.model.multi_modal_projector
        if not hasattr(projector, "confidence"):
            return None
        seen = projector.confidence(self._tensor(features)).cpu().numpy()
        recurring = self._recurrence(features, pts_seconds)
        if self.further_words is not None:  # all frames of a word have one feature
            recurring = np.where(self.further_words.set_to_words(features), 0, recurring)
        return log_odds(self.calibration.event, seen.astype(np.float64), recurring)

    def _recurrence(self, features: np.ndarray, pts_seconds: np.ndarray) -> np.ndarray:
        """That of the last video is kept: choosing frames and answering both need it."""
        if self._last_video is None or self._last_video[0]() is not features:
            self._last_video = weakref.ref(features), recurrence_similarity(features, pts_seconds)
        return self._last_video[1]

    @torch.inference_mode()
    def answer(
        self,
        question: str,
        *,
        video: VideoContext,
        options: list[str] | None,
        generation: Generation = GREEDY,
    ) -> Reply:
        """Text as ``generation`` says; with options the likeliest of them after the prompt.

        Without options, a question about what the chosen frames do not show is answered so. When
        and how often something is shown, which of two things first, and what comes next, first or
        last is decided by the prompt's continuation and by the frames themselves
        (:class:`ntlbg.backends.seen.Signs`); whether two things are both there by the frames alone,
        which the language model was worse at.
        """
        tokens, asked = len(video.selection.indices), read_in_english(question, options)
        if options is None and self.further_words is not None:
            chosen = video.selection.indices
            shown = self.further_words.shown(
                asked.intent, video.features[chosen], video.pts_seconds[chosen]
            )
            if shown is not None:
                return Reply(shown, None, tokens, notes=(RECOGNISED,))
        signs = self._signs(asked, video)
        stated = stated_answer(asked.intent, signs) if options is None and signs else None
        if stated is None:
            reply = self._read(asked, video, options, signs, generation)
        else:
            reply = Reply(stated, None, tokens)
        notes = reservations(asked, self.names) if self.words else ()
        if signs is None or notes:  # what was seen is not what was asked about
            return replace(reply, notes=notes)
        [text] = as_counted(asked.intent, [reply.text])
        notes = [*signs.doubts(text), *too_late(asked.intent, video.pts_seconds)]
        if options is not None and self._nothing_offered(asked, signs, video, options):
            notes.append(NOT_OFFERED)
        supports = signs.supports()
        if signs.events is not None and supports.any() and video.selection.scores is not None:
            scores = video.selection.scores[video.selection.indices]  # which of the events is meant
            supports &= scores >= scores[supports].max() + NEIGHBOUR_FLOOR
        return replace(reply, found=signs.chance(), supports=supports, notes=tuple(notes))

    def _nothing_offered(
        self, asked: Question, signs: Signs, video: VideoContext, options: list[str]
    ) -> bool:
        known = self._known_chances(asked, signs, video, None)
        offered = self._known_chances(asked, signs, video, options)
        return nothing_offered(known, offered, as_counted(asked.intent, options))

    @torch.inference_mode()
    def signs(self, question: str, video: VideoContext) -> Signs | None:
        """What the chosen frames say about being meant.

        None where it cannot be told: without words to compare frames with, or for a question that
        is about no object, moment or event.
        """
        return self._signs(read_in_english(question), video)

    def _signs(self, question: Question, video: VideoContext) -> Signs | None:
        projector = self.model.multi_modal_projector
        if not hasattr(projector, "confidence"):
            return None
        chosen = video.selection.indices
        features = self._tensor(video.features[chosen])
        text, intent = question.text, question.intent
        relevance = self.score_frames(video.features[chosen], text)
        table = self.model.get_input_embeddings().weight
        words = {
            name: word_odds(
                projector, features, table[self.processor.encode(f" {name}")].float().mean(0)
            )
            for name in self.names.find(text)
        }
        asked = frames_asked_about(intent, video.pts_seconds[chosen])
        if asked is None and not (words or intent.asks_about_one):
            return None
        signs = Signs(
            relevance,
            words,
            calibration=self.calibration,
            drawn=self._chance_of_drawings(video.features, video.pts_seconds),
            further=self.further_words and self.further_words.reliability(video.features[chosen]),
            next_to=intent.direction != 0,
            ordered=intent.first_of_two != 0,
        )
        if signs.next_to and len(words) == 1:
            return self._with_neighbours(signs, intent.direction, video)
        if words or asked is None:
            return signs
        odds = self.event_odds(video.features, video.pts_seconds)
        if odds is None:
            return None
        considered = len(video.features) if asked.all() else max(1, int(asked.sum()))
        return replace(signs, events=odds[chosen][asked], asked=asked, considered=considered)

    def _with_neighbours(self, signs: Signs, direction: int, video: VideoContext) -> Signs:
        """With the events after (1) or before (-1) the named object, among the chosen frames."""
        odds = self.event_odds(video.features, video.pts_seconds)
        if odds is None:
            return signs
        chosen = video.selection.indices
        beyond = signs.beyond_frames(video.pts_seconds[chosen], direction)
        return replace(
            signs,
            beyond=np.where(beyond, odds[chosen], -LARGEST_ODDS),
            considered=max(1, int(beyond.sum())),
        )

    def _chance_of_drawings(self, features: np.ndarray, pts_seconds: np.ndarray) -> float:
        """That the video of these frames (T, D) at times (T,) is one with drawn objects."""
        if self.further_words is not None:
            own = ~self.further_words.set_to_words(features)
            features, pts_seconds = features[own], pts_seconds[own]
        projector, weights = self.model.multi_modal_projector, self.calibration.drawn
        return chance_of_drawings(projector, features, pts_seconds, weights)

    @torch.inference_mode()
    def rich_points(self, question: str, *, video: VideoContext) -> RichPoints:
        """R = [r; c; w; t] of the selected frames, as the language model gets them."""
        inputs = self._inputs(question, video)
        times = video.pts_seconds[video.selection.indices]
        return rich_points_of(self.model, inputs, question, times)

    @torch.inference_mode()
    def attention(
        self, question: str, answer: str, *, video: VideoContext, losses: Losses
    ) -> Attention:
        """How all frames were judged, with ``losses`` of the true answer."""
        return attention_of(self.model, self.processor, question, answer, video, losses)

    def _read(
        self,
        asked: Question,
        video: VideoContext,
        options: list[str] | None,
        signs: Signs | None,
        generation: Generation,
    ) -> Reply:
        """The language model's answer, and the chances of the options; nothing about the frames."""
        tokens = len(video.selection.indices)
        stated = signs and options and chances_of_yes_and_no(asked.intent, signs, options)
        if stated:
            return Reply(options[int(np.argmax(stated))], stated, tokens)
        known = self._known_chances(asked, signs, video, options)
        if known and asked.intent.first_of_two < 0:  # it was taught to read what comes first
            said = max(options or known, key=lambda text: known.get(text, 0.0))
            chances = [known.get(text, 0.0) for text in options] if options else None
            return Reply(said, chances, tokens)
        if options is None and known is None:
            said = self._generate(self._inputs(asked.text, video), generation)
            if said == NOT_SEEN and signs is not None and not signs.nothing():
                return Reply(self._likeliest_word(signs, video), None, tokens)
            return Reply(said, None, tokens, written=True)
        choices = list(known) if options is None else options
        if len(choices) == 1:
            return Reply(choices[0], [1.0] if options else None, tokens)
        texts, inputs = as_counted(asked.intent, choices), self._inputs(asked.text, video)
        chances = option_chances(self.model, self.processor, inputs, texts, known)
        best = choices[int(np.argmax(chances))]
        return Reply(best, chances if options else None, tokens)

    def _likeliest_word(self, signs: Signs, video: VideoContext) -> str:
        """Of the frames that show what is asked about: where there are any, something was seen."""
        asked = video.selection.indices
        if signs.events is not None:
            asked = asked[signs.asked]
        features = self._tensor(video.features[asked])
        chances = self.model.multi_modal_projector.word_chances(features).amax(0)
        named = {place for place, word in enumerate(self.words) if word in signs.words}
        chances[list(named)] = 0.0
        return self.words[int(chances.argmax())]

    def _inputs(self, question: str, video: VideoContext):
        inputs = self.processor(question, video.features, video.pts_seconds, video.selection)
        return inputs.to(self.model.device)

    def _generate(self, inputs, generation: Generation) -> str:
        ids = write(
            self.model, inputs, generation, longest=LONGEST_ANSWER_TOKENS,
            end=self.processor.end_token_id, pad=self.processor.pad_token_id,
        )  # fmt: skip
        return self.processor.decode_answer(ids[0, inputs["input_ids"].shape[1] :])

    def _known_chances(
        self, asked: Question, signs: Signs | None, video: VideoContext, options: list[str] | None
    ) -> dict[str, float] | None:
        """Chances of all possible answers by the frames; None for most questions."""
        if signs is None:
            return None
        times, intent = video.pts_seconds[video.selection.indices], asked.intent
        if len(signs.words) == 2 and intent.first_of_two:
            return signs.first_chances(times, intent.first_of_two)
        if len(signs.words) == 1 and intent.counts:
            chances = signs.count_chances(times)
            if len(chances) > 1:  # none or some: that is decided by what is said to be found
                chances[0] = float(signs.nothing())
            return {str(number): chance for number, chance in enumerate(chances)}
        if len(signs.words) == 1 and intent.asks_when:
            chances = signs.time_chances(times, intent.side)
            return chances_of_times(times, chances, options)
        if intent.asks_what_in_order:
            return self._chances_in_order(asked, signs, video, options)
        return None

    def _chances_in_order(
        self, asked: Question, signs: Signs, video: VideoContext, options: list[str] | None
    ) -> dict[str, float] | None:
        """Of what comes first or last, or next to what the question names, which it never is."""
        meant = frames_in_order(asked.intent, signs, video)
        if not meant.size:
            return None
        features, scores = self._tensor(video.features[meant]), video.selection.scores[meant]
        chances = word_chances(self.model.multi_modal_projector, features, scores)
        return chances_of_words(
            {
                word: 0.0 if word in signs.words else float(chance)
                for word, chance in zip(self.words, chances, strict=True)
            },
            options,
        )
