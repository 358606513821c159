"""Models of the project's own kind: one visual token a frame, answers of a few words."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch

from ntlbg.answerers import Answerer, Habits
from ntlbg.answerers.language_model import likeliest_option, option_chances, write
from ntlbg.answerers.quoting import with_quotations
from ntlbg.data import NOT_SEEN
from ntlbg.generation import Generation
from ntlbg.memory import Device, Setup, Workload, device_of, model_sizes, plan_answer
from ntlbg.models.builtin.wording import answer_caveats, as_counted, read_in_english
from ntlbg.models.ntlbg.frame_answers import (
    chances_of_times,
    chances_of_words,
    chances_of_yes_and_no,
    frames_in_order,
    nothing_offered,
    stated_answer,
)
from ntlbg.models.ntlbg.inspection import (
    Attention,
    Losses,
    RichPoints,
    attention_of,
    rich_points_of,
)
from ntlbg.models.ntlbg.processing_ntlbg import HEADER
from ntlbg.models.ntlbg.projectors import VocabularyProjector
from ntlbg.models.ntlbg.question_evidence import (
    LARGEST_ODDS,
    NOT_OFFERED,
    RECOGNISED,
    QuestionEvidence,
    question_frame_mask,
    too_late,
    word_chances,
    word_odds,
)
from ntlbg.question.timing import NEIGHBOUR_FLOOR
from ntlbg.retrievers.ntlbg import NtlbgRetriever
from ntlbg.types import AnswerInput, Question, Reply

# Set by hand: it was taught answers of a few words.
LONGEST_ANSWER_TOKENS = 24
# "\nQ: ", "\nA:", and what the end of a word may add where two texts meet: 6, doubled.
SIGN_TOKENS = 12


class NtlbgAnswerer(Answerer):
    """An NtlbgForConditionalGeneration.

    Args:
        retriever: over the same model; what it makes of the frames is read whatever chose them.
    """

    stamp_tokens = 5  # "<12.5 seconds>" at most

    def __init__(
        self,
        retriever: NtlbgRetriever,
        *,
        name: str = "ntlbg",
        fingerprint: str,
        habits: Habits | None = None,
    ):
        self.retriever, self.encoders = retriever, retriever.encoders
        self.model, self.processor = retriever.model.eval(), retriever.processor
        self.name, self.fingerprint, self.habits = name, fingerprint, habits or Habits()
        self.context_length = self.model.config.text_config.max_position_embeddings
        # a plan asks for the same texts again and again
        self._count = lru_cache(maxsize=64)(lambda text: len(self.processor.encode(text)))

    def own_retriever(self) -> NtlbgRetriever:
        """NTLBG attention of the same model."""
        return self.retriever

    def cost(self, num_frames: int, height: int, width: int) -> int:
        """A rich point is a token, whatever the size of the picture."""
        return num_frames

    def text_tokens(self, question: Question, num_frames: int, last_seconds: float) -> int:
        """Of header and question, of the longest option or answer, and of the times of frames."""
        answers = question.options or ()
        longest = max((self._count(text) for text in answers), default=LONGEST_ANSWER_TOKENS)
        beside = self._count(HEADER) + self._count(question.text) + SIGN_TOKENS
        return beside + longest + num_frames * self.stamp_tokens

    def count_text(self, text: str) -> int:
        """By its own tokenizer."""
        return self._count(text)

    def peak_bytes(
        self, num_frames: int, sampled_frames: int, size: tuple[int, int], text_tokens: int
    ) -> int:
        """While the prompt is read: that is when most is in memory."""
        sizes = model_sizes(self.model.config, self.name)
        work = Workload(sampled_frames, num_frames, text_tokens=text_tokens)
        return plan_answer(sizes, work, Setup(self.model.dtype.itemsize)).at("read the prompt")

    def device(self) -> Device:
        """Of the language model."""
        return device_of(self.model)

    @torch.inference_mode()
    def answer(self, question: Question, given: AnswerInput) -> Reply:
        """Text as asked for; with options the likeliest of them after the prompt.

        Without options, a question about what the chosen frames do not show is answered so. When
        and how often something is shown, which of two things first, and what comes next, first or
        last is decided by the prompt's continuation and by the frames themselves
        (:class:`ntlbg.models.ntlbg.question_evidence.QuestionEvidence`); whether two things are
        both there by the frames alone, which the language model was worse at.

        It reads no text: what is said and written is quoted (:mod:`ntlbg.answerers.quoting`).
        """
        reply = self._by_pictures(question, given)
        if question.options is not None:
            return reply
        return with_quotations(question, reply, given)

    def _by_pictures(self, question: Question, given: AnswerInput) -> Reply:
        asked = read_in_english(question.text, question.options)
        intent, options, tokens = asked.intent, asked.options, len(given.selection)
        if options is None and (shown := self._what_is_shown(asked, given)) is not None:
            return Reply(shown, None, tokens, notes=(RECOGNISED,))
        evidence = self._evidence(asked, given)
        stated = stated_answer(intent, evidence) if options is None and evidence else None
        notes = answer_caveats(asked, self.retriever.names) if self.retriever.words else ()
        cannot_tell = evidence is None or bool(notes)  # what was seen is not what was asked about
        if stated is not None:
            reply = Reply(stated, None, tokens)
        elif cannot_tell and options is None and given.decision is not None:
            reply = Reply("", None, tokens)  # a quotation takes its place, whatever it would be
        else:
            reply = self._read(asked, given, evidence)
        if evidence is None or cannot_tell:
            return replace(reply, notes=notes)
        [text] = as_counted(intent, [reply.text])
        doubts = [*evidence.doubts(text), *too_late(intent, given.pts_seconds)]
        if options is not None and self._nothing_offered(asked, evidence, given):
            doubts.append(NOT_OFFERED)
        supports = evidence.supports()
        if evidence.events is not None and supports.any() and given.selection.scores is not None:
            scores = given.selection.scores[given.selection.indices]  # which event is meant
            supports &= scores >= scores[supports].max() + NEIGHBOUR_FLOOR
        return replace(reply, found=evidence.chance(), supports=supports, notes=tuple(doubts))

    def evidence(self, question: str, given: AnswerInput) -> QuestionEvidence | None:
        """What the chosen frames say about being meant.

        None where it cannot be told: without words to compare frames with, or for a question that
        is about no object, moment or event.
        """
        with torch.inference_mode():
            return self._evidence(read_in_english(question), given)

    def _what_is_shown(self, asked: Question, given: AnswerInput) -> str | None:
        """The further word that most chosen frames show, if that is the question."""
        vocabulary, chosen = self.retriever.vocabulary, given.selection.indices
        if vocabulary is None:
            return None
        features = self.retriever.features(given.index)[chosen]
        return vocabulary.answer_what_is_shown(asked.intent, features, given.times)

    def _nothing_offered(
        self, asked: Question, evidence: QuestionEvidence, given: AnswerInput
    ) -> bool:
        known = self._known_chances(replace(asked, options=None), evidence, given)
        offered = self._known_chances(asked, evidence, given)
        return nothing_offered(known, offered, as_counted(asked.intent, asked.options or ()))

    def _evidence(self, question: Question, given: AnswerInput) -> QuestionEvidence | None:
        eyes, projector = self.retriever, self.model.multi_modal_projector
        if not isinstance(projector, VocabularyProjector):
            return None
        chosen, intent = given.selection.indices, question.intent
        features = eyes.features(given.index)
        relevance = eyes.score_features(features[chosen], question.text)
        words = {name: self._word_odds(name, features[chosen])
                 for name in eyes.names.find(question.text)}  # fmt: skip
        asked = question_frame_mask(intent, given.times)
        if asked is None and not (words or intent.asks_about_one):
            return None
        evidence = QuestionEvidence(
            relevance,
            words,
            calibration=eyes.calibration,
            drawn=eyes.chance_of_drawings(features, given.pts_seconds),
            further=eyes.vocabulary.reliability(features[chosen]) if eyes.vocabulary else None,
            next_to=intent.direction != 0,
            ordered=intent.first_of_two != 0,
        )
        if evidence.next_to and len(words) == 1:
            return self._with_neighbours(evidence, intent.direction, given)
        if words or asked is None:
            return evidence
        odds = eyes.event_odds(given.index)
        if odds is None:
            return None
        considered = len(features) if asked.all() else max(1, int(asked.sum()))
        return replace(evidence, events=odds[chosen][asked], asked=asked, considered=considered)

    def _word_odds(self, name: str, features: np.ndarray) -> np.ndarray:
        table = self.model.get_input_embeddings().weight
        embedding = table[self.processor.encode(f" {name}")].float().mean(0)
        projector = self.model.multi_modal_projector
        return word_odds(projector, self.retriever.tensor(features), embedding)

    def _with_neighbours(
        self, evidence: QuestionEvidence, direction: int, given: AnswerInput
    ) -> QuestionEvidence:
        """With the events after (1) or before (-1) the named object, among the chosen frames."""
        odds = self.retriever.event_odds(given.index)
        if odds is None:
            return evidence
        beyond = evidence.beyond_frames(given.times, direction)
        return replace(
            evidence,
            beyond=np.where(beyond, odds[given.selection.indices], -LARGEST_ODDS),
            considered=max(1, int(beyond.sum())),
        )

    @torch.inference_mode()
    def rich_points(self, question: str, given: AnswerInput) -> RichPoints:
        """R = [r; c; w; t] of the selected frames, as the language model gets them."""
        return rich_points_of(self.model, self._inputs(question, given), question, given.times)

    @torch.inference_mode()
    def attention(
        self, question: str, answer: str, given: AnswerInput, *, losses: Losses
    ) -> Attention:
        """How all frames were judged, with ``losses`` of the true answer."""
        features = self.retriever.features(given.index)
        return attention_of(
            self.model, self.processor, question, answer, features,
            given.pts_seconds, given.selection, losses,
        )  # fmt: skip

    def _read(
        self, asked: Question, given: AnswerInput, evidence: QuestionEvidence | None
    ) -> Reply:
        """The language model's answer, and the chances of the options; nothing about the frames."""
        options, tokens = asked.options, len(given.selection)
        if evidence and options:
            stated = chances_of_yes_and_no(asked.intent, evidence, options)
            if stated:
                return Reply(options[int(np.argmax(stated))], stated, tokens)
        known = self._known_chances(asked, evidence, given)
        if known and asked.intent.first_of_two < 0:  # it was taught to read what comes first
            said = max(options or known, key=lambda text: known.get(text, 0.0))
            chances = [known.get(text, 0.0) for text in options] if options else None
            return Reply(said, chances, tokens)
        if options is None and known is None:
            said = self._generate(self._inputs(asked.text, given), given.generation)
            if said == NOT_SEEN and evidence is not None and not evidence.nothing():
                return Reply(self._likeliest_word(evidence, given), None, tokens)
            return Reply(said, None, tokens, written=True)
        choices = list(known or ()) if options is None else options
        if len(choices) == 1:
            return Reply(choices[0], [1.0] if options else None, tokens)
        texts, inputs = as_counted(asked.intent, choices), self._inputs(asked.text, given)
        read = (self.model, self.processor, inputs, texts, known)
        if options is None:
            return Reply(choices[likeliest_option(*read)], None, tokens)
        chances = option_chances(*read)
        return Reply(choices[int(np.argmax(chances))], chances, tokens)

    def _likeliest_word(self, evidence: QuestionEvidence, given: AnswerInput) -> str:
        """Of the frames that show what is asked about: where there are any, something was seen."""
        asked, words = given.selection.indices, self.retriever.words
        if evidence.events is not None:
            asked = asked[evidence.asked]
        features = self.retriever.tensor(self.retriever.features(given.index)[asked])
        chances = self.model.multi_modal_projector.word_chances(features).amax(0)
        named = {place for place, word in enumerate(words) if word in evidence.words}
        chances[list(named)] = 0.0
        return words[int(chances.argmax())]

    def _inputs(self, question: str, given: AnswerInput):
        features = self.retriever.features(given.index)
        inputs = self.processor(question, features, given.pts_seconds, given.selection)
        return inputs.to(self.model.device)

    def _generate(self, inputs, generation: Generation) -> str:
        ids = write(
            self.model, inputs, generation, longest=LONGEST_ANSWER_TOKENS,
            end=self.processor.end_token_id, pad=self.processor.pad_token_id,
        )  # fmt: skip
        return self.processor.decode_answer(ids[0, inputs["input_ids"].shape[1] :])

    def _known_chances(
        self, asked: Question, evidence: QuestionEvidence | None, given: AnswerInput
    ) -> dict[str, float] | None:
        """Chances of all possible answers by the frames; None for most questions."""
        if evidence is None:
            return None
        times, intent = given.times, asked.intent
        if len(evidence.words) == 2 and intent.first_of_two:
            return evidence.first_chances(times, intent.first_of_two)
        if len(evidence.words) == 1 and intent.counts:
            chances = evidence.count_chances(times)
            if len(chances) > 1:  # none or some: that is decided by what is said to be found
                chances[0] = float(evidence.nothing())
            return {str(number): chance for number, chance in enumerate(chances)}
        if len(evidence.words) == 1 and intent.asks_when:
            chances = evidence.time_chances(times, intent.side)
            return chances_of_times(times, chances, asked.options)
        if intent.asks_what_in_order:
            return self._chances_in_order(asked, evidence, given)
        return None

    def _chances_in_order(
        self, asked: Question, evidence: QuestionEvidence, given: AnswerInput
    ) -> dict[str, float] | None:
        """Of what comes first or last, or next to what the question names, which it never is."""
        meant = frames_in_order(asked.intent, evidence, given)
        scores = given.selection.scores
        if scores is None or not meant.size:
            return None
        features = self.retriever.tensor(self.retriever.features(given.index)[meant])
        chances = word_chances(self.model.multi_modal_projector, features, scores[meant])
        return chances_of_words(
            {
                word: 0.0 if word in evidence.words else float(chance)
                for word, chance in zip(self.retriever.words, chances, strict=True)
            },
            asked.options,
        )
