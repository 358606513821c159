"""What decides the answers to a file of questions, as it is kept beside each of them."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ntlbg.answerers import Habits
from ntlbg.generation import Generation
from ntlbg.index.passages import USUAL_WORDS, Words
from ntlbg.system import System
from ntlbg.text import Listener

AS_TRAINED = "as trained"  # the number of frames, where the model decides it
# Of the settings whose option has another name.
_FLAGS = {
    "num_frames": "--frames",
    "selector_options": "--selector-option",
    "speech": "--listen",
    "screen": "--read-screen",
}
# Told apart by fingerprints, which say nothing to people.
_OF_THEN = {"weights": "weights", "encoder": "--encoder", "encoders": "--encoder"}


def settings_of(
    system: System,
    words: Words,
    generation: Generation,
    *,
    encoder: object,
    text_encoder: object,
    num_frames: int | None,
    max_visual_tokens: int | None,
    fps: float | None,
    selector: str | None,
    selector_options: Mapping[str, Any] | None,
    max_frames: int | None,
) -> dict[str, Any]:
    """Plain JSON values; None is what is usual, so that files of before go on."""
    habits = system.habits
    reader = None if text_encoder is None else system.words.text_encoder
    return {
        "model": system.name,
        "weights": system.fingerprint,
        "encoder": None if encoder is None else system.encoders[0].fingerprint,
        "num_frames": num_frames or _usual_frames(habits),
        "fps": habits.fps if fps is None else fps,
        "selector": selector or habits.selector,
        "max_frames": habits.max_frames if max_frames is None else max_frames,
        **asdict(generation),
        "selector_options": dict(selector_options) if selector_options else None,
        "max_visual_tokens": max_visual_tokens,
        "encoders": None if system.finds_frames_itself else system.seen_by,
        **_settings_of_words(words),
        "text_encoder": None if reader is None else reader.name,
    }


def as_asked(name: str, value: Any) -> str:
    """A setting in the words of the command line."""
    if name in _OF_THEN:
        return f"{'without' if value is None else 'with'} the {_OF_THEN[name]} of then"
    flag = _FLAGS.get(name, f"--{name.replace('_', '-')}")
    if value is None or value == AS_TRAINED:
        return f"without {flag}"
    if value is True:
        return f"with {flag}"
    if not isinstance(value, dict):
        return f"with {flag} {value}"
    texts = {key: one if isinstance(one, str) else json.dumps(one) for key, one in value.items()}
    return f"with {' '.join(f'{flag} {key}={text}' for key, text in texts.items())}"


def _settings_of_words(words: Words) -> dict[str, Any]:
    usual = USUAL_WORDS.transcript
    streams = [one.name if isinstance(one, Listener) else one for one in words.listen_to]
    return {
        "subtitles": None if words.subtitles is None else str(words.subtitles),
        "transcript": None if words.transcript == usual else words.transcript,
        "speech": True if "speech" in streams else None,
        "screen": True if "screen" in streams else None,
    }


def _usual_frames(habits: Habits) -> int | str:
    return habits.num_frames if habits.frames_of is None else AS_TRAINED
