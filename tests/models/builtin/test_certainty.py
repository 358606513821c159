"""Answer, chance, note and moments never contradict each other, and nothing is wrong silently.

Twelve videos, four with drawn objects and eight as people have them, and 500 questions: with and
without the thing asked for, in every wording, and with words the model does not have.
"""

from dataclasses import dataclass, field
from functools import cache
from importlib import resources

import numpy as np
import pytest
from PIL import Image

from ntlbg.choosing import choose
from ntlbg.data import NOT_SEEN
from ntlbg.models.ntlbg.frame_answers import SAME_MOMENT
from ntlbg.question import parse_question
from ntlbg.system import load_system
from ntlbg.types import AnswerInput, VideoIndex
from ntlbg_lab.evaluate import encode_timeline
from ntlbg_lab.haystack.footage import MAKERS, screen_recording
from ntlbg_lab.haystack.questions import TEMPLATES, with_article
from ntlbg_lab.haystack.timeline import plan_timeline

pytestmark = pytest.mark.slow
FRAMES = 8
NAMES = ("owl", "guitar", "pizza", "cactus", "train", "bicycle", "umbrella", "cat", "horse",
         "clock", "motorcycle", "rocket")  # fmt: skip
# Photographs that packages ship, and what of NAMES they show.
PHOTOS = {
    ("skimage", "data/chelsea.png"): ("cat",),
    ("skimage", "data/motorcycle_left.png"): ("motorcycle",),
    ("skimage", "data/clock_motion.png"): ("clock",),
    ("skimage", "data/rocket.jpg"): ("rocket",),
    ("skimage", "data/brick.png"): (),
    ("skimage", "data/page.png"): (),
    ("skimage", "data/coffee.png"): (),
    ("sklearn", "datasets/images/china.jpg"): (),
}
UNKNOWN = (
    "What does the man say{place}?",
    "Is there a pole vaulter{place}?",
    "How many people appear{place}?",
    "What colour is the {name}{place}?",
    "Who holds the {name}{place}?",
)
PLACES = ("", " at the end", " at the start", " first", " at 00:05")


@dataclass
class Video:
    """``shown``: seconds (start, end) by name; other names of NAMES are nowhere in it."""

    index: VideoIndex
    drawn: bool
    shown: dict[str, list[tuple[float, float]]] = field(default_factory=dict)


@cache
def system():
    return load_system("builtin", pristine=True)


@cache
def video(number: int) -> Video:
    """Twelve of them: 0 to 3 have drawn objects."""
    rng = np.random.default_rng((5, number))
    if number < 4:
        timeline = plan_timeline(rng, 60.0, names=list(NAMES), split="test", spacing=8.0)
        shown: dict = {}
        for event in timeline.events:
            shown.setdefault(event.name, []).append((event.start, event.end))
        return Video(encode_timeline(system(), timeline), True, shown)
    frames, shown = footage(number, rng)
    [encoder] = system().encoders
    features, notes = encoder.encode_with_notes(frames)
    tracks = {encoder.name: features}, {encoder.name: notes}
    return Video(VideoIndex(np.arange(float(len(frames))), *tracks), False, shown)


def footage(number: int, rng: np.random.Generator) -> tuple[np.ndarray, dict]:
    """Six shots of photographs in one manner, or a recorded screen."""
    if number in (7, 11):
        return screen_recording(40, rng), {}
    make = list(MAKERS.values())[number % 3]
    shots, shown, at = [], {}, 0
    photos = list(PHOTOS)
    for place in rng.permutation(len(photos))[:6]:
        package, file = photos[place]
        with Image.open(resources.files(package).joinpath(file)) as photo:
            shots.append(make(photo.convert("RGB"), 6, rng))
        for name in PHOTOS[photos[place]]:
            shown.setdefault(name, []).append((at, at + 6))
        at += 6
    return np.concatenate(shots), shown


@cache
def questions() -> list[tuple[str, str, str | None]]:
    """500 of them: (kind, question, name)."""
    rng = np.random.default_rng(7)
    found = []
    for kind in ("exist", "when", "count", "before", "after"):
        for name in NAMES:
            for template in TEMPLATES[kind]:
                asked = template.format(name=name, article=with_article(name))
                found.append((kind, asked, name))
    for kind in ("first", "last"):
        found += [(kind, template, None) for template in TEMPLATES[kind]]
    for template in TEMPLATES["which"]:
        found += [("which", template.format(time=f"00:{at:02}"), None) for at in (5, 20, 33)]
    for template in UNKNOWN:
        for place in PLACES:
            for name in NAMES:
                found.append(("unknown", template.format(name=name, place=place), None))
    found = list(dict.fromkeys(found))
    return [found[place] for place in rng.permutation(len(found))[:500]]


def asked(question: str, of: Video):
    parsed, retriever = parse_question(question), system().retriever
    selection = choose(retriever, of.index, parsed, "ntlbg", FRAMES)
    given = AnswerInput(of.index, retriever.features(of.index), selection)
    return system().answerer.answer(parsed, given)


def is_right(kind: str, name: str | None, said: str, of: Video) -> bool | None:
    """None where nobody can tell: photographs show many things."""
    spans = of.shown.get(name, [])
    if kind == "exist":
        return said == ("Yes" if spans else "No")
    if kind == "count":
        return said == str(len(spans))
    if kind == "when":
        times = parse_question(said).intent.times_seconds
        near = [a - SAME_MOMENT <= t <= b + SAME_MOMENT for t in times for a, b in spans]
        return any(near) if spans else said == NOT_SEEN
    if not of.drawn or kind in ("before", "after", "which"):
        return None
    order = sorted(of.shown, key=lambda name: of.shown[name][0 if kind == "first" else -1])
    return said == (order[0] if kind == "first" else order[-1])


def check(kind: str, reply) -> None:
    """What holds of every answer."""
    if kind == "unknown":
        assert reply.notes
        assert reply.found is None
        return
    assert reply.found is None or 0 <= reply.found <= 1
    if reply.supports is None:
        assert reply.notes
        return
    denied = reply.text in ("No", "0", NOT_SEEN)
    if kind in ("exist", "count"):
        assert denied == (reply.found < 0.5) == (not reply.supports.any())
    if denied:
        assert reply.found < 0.5
        assert not reply.supports.any()
    if not denied and not reply.supports.any():
        assert reply.notes


def outcomes(pairs) -> dict[tuple[bool, str], int]:
    """How many answers, by whether the video has drawn objects, and how they came out."""
    found: dict = {}
    for place, number in pairs:
        kind, question, name = questions()[place]
        of = video(number)
        reply = asked(question, of)
        check(kind, reply)
        right = is_right(kind, name, reply.text, of)
        if right is not None and kind != "unknown":
            how = f"{'right' if right else 'wrong'}, {'noted' if reply.notes else 'silent'}"
            found[of.drawn, how] = found.get((of.drawn, how), 0) + 1
    return found


def test_a_sample():
    """Sixty pairs of questions and videos, five for each."""
    found = outcomes(((5 * number + place * 83) % 500, number) for number in range(12)
                     for place in range(5))  # fmt: skip
    assert not found.get((False, "wrong, silent")), found
    assert found[True, "right, silent"] > 2 * found.get((True, "right, noted"), 0), found


@pytest.mark.thorough
def test_the_whole_grid(capsys):
    found = outcomes((place, number) for number in range(12) for place in range(500))
    with capsys.disabled():
        print(f"\n{sorted(found.items())}")
    drawn = {how: count for (is_drawn, how), count in found.items() if is_drawn}
    others = {how: count for (is_drawn, how), count in found.items() if not is_drawn}
    right = drawn["right, silent"] + drawn.get("right, noted", 0)
    assert drawn["right, silent"] >= 0.95 * right
    assert others.get("wrong, silent", 0) <= 0.01 * sum(others.values())
