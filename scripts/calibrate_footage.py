"""Fit the constants by which the built-in model doubts what it sees where nothing is drawn.

    apt-get download mate-backgrounds gnome-backgrounds ukui-wallpapers tuxpaint-stamps-default
    for file in *.deb; do dpkg-deb -x "$file" debian; done
    python scripts/calibrate_footage.py debian/usr/share

Pictures are looked for in backgrounds/ and named cut-outs in tuxpaint/stamps/ of the folder: none
of them is shipped, and none was trained on. Half of each makes the videos that constants are fitted
on, half those that are reported beside them. Prints what belongs into
``ntlbg.models.ntlbg.question_evidence.Calibration`` and EXPERT_RIGHT of
``ntlbg.models.builtin.open_vocabulary``.
"""

import argparse
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter
from sklearn.linear_model import LogisticRegression

from ntlbg.answerers.builtin import load_builtin_answerer
from ntlbg.choosing import choose
from ntlbg.models.builtin.drawn_videos import drawn_signs
from ntlbg.models.builtin.vocabulary import object_names
from ntlbg.question import parse_question
from ntlbg.system import load_system
from ntlbg.types import AnswerInput, VideoIndex
from ntlbg_lab.evaluate import KINDS, VideoCondition, encode_timeline, plan_video
from ntlbg_lab.haystack.footage import HEIGHT, MAKERS, WIDTH, screen_recording

LARGEST_SIDE = 900  # pixels; a pan shows at least .6 of a picture
SHOTS, SECONDS = (3, 10), (3, 12)  # least, and one more than most
CUTOUTS = 0.45  # share of the shots that show a named object
ABSENT = 8  # names asked for in vain, a video
PRIOR = 0.4  # chance that what somebody asks for by name is there, before looking
CLEAR = -4.0  # log-odds of a named object from which on it was mostly there


@dataclass
class Video:
    """What is known of its frames, and when which name is shown."""

    index: VideoIndex
    shown: list[tuple[str, float, float]] = field(default_factory=list)


def read_pictures(folder: Path) -> list[Image.Image]:
    """All pictures below the folder that Pillow reads, in order of their names."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".jpg", ".jpeg", ".png", ".webp"):
            picture = Image.open(path).convert("RGB")
            picture.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
            found.append(picture)
    return found


def read_cutouts(folder: Path, names) -> list[tuple[str, Path]]:
    """Photographs cut out, whose file is called like one of the names; no drawings."""
    found = {}
    for path in sorted(folder.rglob("*.png")):
        if {"cartoon", "symbols"} & set(path.parts) or "_mirror" in path.stem:
            continue
        words = re.sub(r"[-_ ]?\d+$", "", path.stem.lower()).replace("_", " ").split()
        for name in filter(None, (" ".join(words), *words[-1:], *words[:1])):
            if names.is_name(name):
                found[path] = names.find(name)[0]
                break
    return [(name, path) for path, name in found.items()]


def on_a_ground(path: Path, rng: np.random.Generator, pictures: list[Image.Image]) -> Image.Image:
    """The cut-out in the middle of white, of a colour, or of a blurred picture."""
    cutout = Image.open(path).convert("RGBA")
    cutout.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    wide = int(max(cutout.width, cutout.height * WIDTH / HEIGHT) * 1.3)
    size = (wide, wide * HEIGHT // WIDTH)
    colour = tuple(rng.integers(0, 256, 3).tolist())
    blurred = pictures[rng.integers(len(pictures))].resize(size)
    grounds = [Image.new("RGB", size, "white"), Image.new("RGB", size, colour),
               blurred.filter(ImageFilter.GaussianBlur(wide / 80))]  # fmt: skip
    ground = grounds[rng.integers(3)]
    ground.paste(cutout, ((size[0] - cutout.width) // 2, (size[1] - cutout.height) // 2), cutout)
    return ground


def make_footage(answerer, number: int, pictures, cutouts) -> Video:
    """One of five kinds in turn: pans, stills, a fixed camera, a screen, a mixture."""
    rng, makers = np.random.default_rng(number), list(MAKERS.values())
    kind, shots, shown, at = number % 5, [], [], 0
    if kind == 3:
        shots.append(screen_recording(int(rng.integers(40, 120)), rng))
    for _ in range(0 if kind == 3 else 1 if kind == 2 else int(rng.integers(*SHOTS))):
        count = int(rng.integers(40, 150) if kind == 2 else rng.integers(*SECONDS))
        picture = pictures[rng.integers(len(pictures))]
        if kind != 2 and rng.random() < CUTOUTS:
            name, path = cutouts[rng.integers(len(cutouts))]
            picture = on_a_ground(path, rng, pictures)
            shown.append((name, at, at + count))
        make = makers[rng.integers(3)] if kind == 4 else makers[kind]
        shots.append(make(picture, count, rng))
        at += count
    frames = np.concatenate(shots)
    [encoder] = answerer.encoders
    features, notes = encoder.encode_with_notes(frames)
    tracks = {encoder.name: features}, {encoder.name: notes}
    return Video(VideoIndex(np.arange(float(len(frames))), *tracks), shown)


def make_drawn(answerer, clips: int, videos: int, seed: int) -> list[Video]:
    """Validation videos with drawn objects: clips of 8 and 16 s, and ten minutes."""
    found = []
    for kind, number in (("clip-8", clips), ("clip-16", clips), ("ten-minutes", videos)):
        for place in range(number):
            timeline, _ = plan_video(KINDS[kind], place, VideoCondition(seed=seed, split="val"))
            found.append(Video(encode_timeline(load_system(answerer), timeline)))
    return found


def signs_of(answerer, videos: list[Video]) -> np.ndarray:
    projector, [encoder] = answerer.model.multi_modal_projector, answerer.encoders
    found = []
    with torch.inference_mode():
        for index in (video.index for video in videos):
            features = torch.as_tensor(index.features[encoder.name]).float()
            found.append(drawn_signs(projector, features, index.pts_seconds))
    return np.array(found)


def fit_drawn(drawn: np.ndarray, others: np.ndarray) -> LogisticRegression:
    """Whether a video is one with drawn objects."""
    labels = np.repeat([1, 0], [len(drawn), len(others)])
    model = LogisticRegression(C=1.0, class_weight="balanced", max_iter=5000)
    return model.fit(np.concatenate([drawn, others]), labels)


def ask_for_names(answerer, videos: list[Video]) -> dict[str, list]:
    """What was found of names that are there and that are not, and of what comes first and last.

    ``named``: (there, log-odds, set to a further word); ``ends``: whether the answer was right.
    """
    names = sorted({*object_names(), *answerer.retriever.vocabulary.names})
    found: dict[str, list] = {"named": [], "ends": []}
    for number, video in enumerate(videos):
        rng = np.random.default_rng(number)
        there = sorted({name for name, _, _ in video.shown})
        absent = [n for n in rng.choice(names, ABSENT, replace=False).tolist() if n not in there]
        for name in (*there, *absent):
            question = f"When does the {name} appear?"
            evidence = answerer.evidence(question, _given(answerer, video, question))
            if list(evidence.words) == [name]:
                odds = evidence.named(name)
                best = int(odds.argmax())
                set_to_it = evidence.further[best] > 0 and evidence.words[name][best] > 8
                found["named"].append((name in there, odds[best], set_to_it))
        in_order = sorted(video.shown, key=lambda event: event[1])
        for question, place in (("Which object appears first?", 0), ("What is shown last?", -1)):
            given = _given(answerer, video, question)
            said = answerer.answer(parse_question(question), given).text
            found["ends"].append(bool(in_order) and said == in_order[place][0])
    return found


def _given(answerer, video: Video, question: str) -> AnswerInput:
    retriever, index = answerer.retriever, video.index
    selection = choose(retriever, index, parse_question(question), "ntlbg", 16)
    return AnswerInput(index, retriever.features(index), selection)


def report_names(what: str, found: dict[str, list]) -> None:
    """Chances as the prior has them, and as they were counted."""
    there, odds, set_to_it = map(np.array, zip(*found["named"]))
    print(f"{what}: set to a further word, {there[set_to_it].sum()} of {set_to_it.sum()} there")
    for label, rows in (
        ("clear", ~set_to_it & (odds >= CLEAR)),
        ("not", ~set_to_it & (odds < CLEAR)),
    ):
        given = rows[there].mean(), rows[~there].mean()
        chance = PRIOR * given[0] / max(PRIOR * given[0] + (1 - PRIOR) * given[1], 1e-9)
        print(f"{what}: {label}, {there[rows].sum()} of {rows.sum()} there, chance {chance:.2f}")
    print(f"{what}: first and last, {sum(found['ends'])} of {len(found['ends'])} right")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="with backgrounds/ and tuxpaint/stamps/")
    parser.add_argument("--videos", type=int, default=60, help="to fit on, and as many to report")
    parser.add_argument("--seed", type=int, default=77, help="of the drawn videos")
    options = parser.parse_args()
    answerer = load_builtin_answerer(pristine=True)
    pictures = read_pictures(options.folder / "backgrounds")
    cutouts = read_cutouts(options.folder / "tuxpaint" / "stamps", answerer.retriever.names)
    print(f"{len(pictures)} pictures, {len(cutouts)} cut-outs", flush=True)
    halves = [(pictures[half::2], cutouts[half::2]) for half in range(2)]
    footage = [
        [make_footage(answerer, n + 1000 * half, *halves[half]) for n in range(options.videos)]
        for half in range(2)
    ]
    drawn = [make_drawn(answerer, 20, 10, options.seed + half) for half in range(2)]
    model = fit_drawn(signs_of(answerer, drawn[0]), signs_of(answerer, footage[0]))
    print(f"drawn={[*model.coef_[0].round(2).tolist(), model.intercept_.round(2).item()]}")
    for half, what in enumerate(("fitted", "others")):
        for name, videos in (("drawn", drawn[half]), ("not drawn", footage[half])):
            chances = model.predict_proba(signs_of(answerer, videos))[:, 1]
            shares = ", ".join(f"{(chances > c).mean():.2f} above {c}" for c in (0.25, 0.5, 0.75))
            print(f"{what}: {name}, {shares}")
        report_names(what, ask_for_names(answerer, footage[half]))


if __name__ == "__main__":
    main()
