"""What is said, heard by faster-whisper: piece by piece, each at its own place in time.

Read `voice` first: it finds speech and cuts it. Here a piece becomes text, and text sentences. A
sentence that a cut parts is kept in the state, and goes on in the next piece.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

from ntlbg.errors import WeightsError
from ntlbg.hub import reason
from ntlbg.packages import check_installed
from ntlbg.text import Listener, Piece
from ntlbg.text.sentence_ends import is_sentence_end
from ntlbg.text.sentences import Fragment, sentences
from ntlbg.text.voice import RATE, SileroDetector, spoken_pieces
from ntlbg.text.whisper_models import BASE, load_whisper, whisper_fingerprint
from ntlbg.types import Passage, Sound

# Change this when the same model would give other passages.
RULES = 1
# The model's own chance of the language it names: below, the next piece is asked again. The first
# words of a film are often a song or a name.
SURE_OF_LANGUAGE = 0.7
# A text that the model gives so often in a row is a loop of it, not speech. "Location, location,
# location" is said.
LOOP = 4
DIGIT_LOOP = 9  # "7 7 7 7" is a code, and no number that is spoken has so many equal digits
# Of a text that repeats itself: whole words, up to 80 letters, LOOP times or more.
REPEATED = re.compile(rf"(?<!\w)(\w.{{0,79}}?)(?:\W+\1){{{LOOP - 1},}}(?!\w)", re.I | re.S)
# What the model writes of sounds that are no words: "[Music]", "(applause)", "*sighs*", notes.
NO_WORDS = re.compile(r"\s*(?:\[.*\]|\(.*\)|\*.*\*|[♪♫].*)\s*", re.DOTALL)


class Segment(Protocol):
    """Of faster-whisper: seconds from the beginning of what it heard, and text."""

    start: float
    end: float
    text: str


class SpeechListener(Listener):
    """Speech as passages of one sentence, in the language of the film.

    Times are those of the model's segments, and each letter of a segment takes as long as any
    other: sentences begin .11 s beside the truth (median), .48 s (90 %). Times of words would make
    it .06 and .16 s, for 10 % more work.

    Args:
        model: "base", which is fetched by hash; or one of ``whisper_models.SIZES``, a folder, or a
            name of the hub.

    Raises:
        ConfigError, WeightsError: there is no such model. Of "base" nothing is fetched yet.
    """

    name = "speech"
    source = "speech"
    wants = "sound"

    def __init__(self, model: str = BASE):
        self.model = model
        self.fingerprint = f"{RULES} {whisper_fingerprint(model)}"

    def listen(
        self, stream: Iterator[Sound], after_seconds: float, state: Mapping[str, Any]
    ) -> Iterator[Piece]:
        """As every listener; the state holds the language, and a sentence that is not over.

        Raises:
            MissingPackage: faster-whisper is not installed.
            WeightsError: the model cannot be fetched, loaded or run.
        """
        check_installed("faster_whisper", "listening to speech")
        said = _Said(state)
        until = after_seconds
        for heard in spoken_pieces(stream, SileroDetector()):
            if heard.sound is not None:
                said.add(self._fragments(heard.sound, said))
            until = heard.until_seconds
            yield Piece(said.take(goes_on=heard.goes_on), until, said.state)
        if said.fragments or until == after_seconds:
            yield Piece(said.take(goes_on=False), until, said.state)

    @cached_property
    def _whisper(self):
        return load_whisper(self.model, threads=len(os.sched_getaffinity(0)))

    def _fragments(self, sound: Sound, said: "_Said") -> list[Fragment]:
        # One beam and no second try at a higher temperature: five beams cost twice as much for
        # two words in a hundred. No text of the piece before: it is what loops grow from.
        try:
            segments, about = self._whisper.transcribe(
                sound.samples,
                language=said.language,
                beam_size=1,
                temperature=0.0,
                condition_on_previous_text=False,
                vad_filter=False,
            )
            found = fragments(list(segments), sound)
        except RuntimeError as error:  # so CTranslate2 says that a library or memory is missing
            raise WeightsError(
                f"{self.model}: the model of speech cannot be run here ({reason(error)}); a GPU "
                "needs CUDA 12 with cuBLAS and cuDNN, or set CUDA_VISIBLE_DEVICES= to use the CPU"
            ) from error
        if found and about.language_probability >= SURE_OF_LANGUAGE:
            said.language = about.language
        return found


class _Said:
    """What is known after a piece: the language once it is sure, and a sentence that goes on."""

    def __init__(self, state: Mapping[str, Any]):
        self.language: str | None = state.get("language")
        self.fragments = [
            Fragment(text, start, end) for start, end, text in state.get("unfinished", [])
        ]

    def add(self, found: Sequence[Fragment]) -> None:
        self.fragments += found

    def take(self, *, goes_on: bool) -> tuple[Passage, ...]:
        """The sentences; without the last one if it is not over and speech goes on."""
        found = sentences(self.fragments, SpeechListener.source)
        self.fragments = []
        if goes_on and found and not _is_over(found[-1].text):
            last = found.pop()
            self.fragments = [Fragment(last.text, last.start_seconds, last.end_seconds)]
        return tuple(found)

    @property
    def state(self) -> dict[str, Any]:
        known = {} if self.language is None else {"language": self.language}
        open_ = [[one.start_seconds, one.end_seconds, one.text] for one in self.fragments]
        return known | ({"unfinished": open_} if open_ else {})


def fragments(segments: Sequence[Segment], sound: Sound) -> list[Fragment]:
    """What is really said in a piece of sound: inside it, and not before the first picture."""
    end_seconds = sound.start_seconds + len(sound.samples) / RATE
    found = []
    for segment in _without_loops(segments):
        text = without_repeats(segment.text.strip())
        # of a loop only the first turn was said
        spoken = (segment.end - segment.start) * len(text) / max(1, len(segment.text.strip()))
        start = min(max(0.0, sound.start_seconds + segment.start), end_seconds)
        end = min(max(start, sound.start_seconds + segment.start + spoken), end_seconds)
        if any(letter.isalnum() for letter in text) and not NO_WORDS.fullmatch(text):
            found.append(Fragment(text, start, max(start, end)))
    return found


def _without_loops(segments: Sequence[Segment]) -> list[Segment]:
    """Of segments with one text in a row only the first, where they are LOOP or more."""
    runs: list[list[Segment]] = []
    for segment in segments:
        if runs and _plain(runs[-1][0].text) == _plain(segment.text):
            runs[-1].append(segment)
        else:
            runs.append([segment])
    return [segment for run in runs for segment in (run[:1] if len(run) >= LOOP else run)]


def _plain(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def without_repeats(text: str) -> str:
    """A text whose phrases do not loop.

    >>> without_repeats("And then, and then, and then, and then, we left.")
    'And then, we left.'
    """
    return REPEATED.sub(_first_turn, text)


def _first_turn(loop: re.Match) -> str:
    is_number = not any(letter.isalpha() for letter in loop[1])
    return loop[0] if is_number and loop[0].count(loop[1]) < DIGIT_LOOP else loop[1]


def _is_over(text: str) -> bool:
    return is_sentence_end(text.split()[-1], "")
