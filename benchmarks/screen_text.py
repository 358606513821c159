"""CPU seconds and letters of text on screen: our way, and each picture by RapidOCR as it is.

    python benchmarks/screen_text.py [--minutes 4] [--fonts FOLDER] [--slides 24] [--films NAME,...]

Films are made and coded by H.264: slides (one every 30 s), code that is typed on, a film with
subtitles, a film without text, a ticker. Each is shorter than an hour and its CPU seconds are
scaled by time; decoding is told apart, since other tracks need it as well. The networks have one
thread. Letters: single pictures, the best reading of each line by edit distance.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import rapidocr
from PIL import Image, ImageDraw, ImageFont
from screen_corpus import code, fonts, panned, scene, sentence, slide, subtitled, write_film

from ntlbg.text.screen import ScreenListener
from ntlbg.text.screen.reading import LOOK_SIDE, RapidReader
from ntlbg.text.screen.watching import is_believed
from ntlbg.types import Passage
from ntlbg.video import sample_frames

Film = tuple[list[Image.Image], list[str]]  # a picture a second, and the lines that are in it


class Counting(RapidReader):
    """Counts what it is asked."""

    finds = reads = 0

    def find(self, picture, side):
        self.finds += 1
        return super().find(picture, side)

    def read(self, picture, box):
        self.reads += 1
        return super().read(picture, box)


def slides(seconds: int, faces: Sequence[Path], mono: Path) -> Film:
    pages = [slide(900 + n, faces[n % len(faces)]) for n in range(-(-seconds // 30))]
    film = [page[0] for page in pages for _ in range(30)][:seconds]
    return film, [line for page in pages for line in page[1]]


def typed_code(seconds: int, faces: Sequence[Path], mono: Path) -> Film:
    """A line more every ten seconds."""
    film, said = [], []
    for start in range(0, seconds, 140):
        _, lines = code(start, mono)
        said += lines
        image = Image.new("RGB", (1280, 720), (30, 30, 36))
        for number, line in enumerate(lines):
            image = image.copy()
            place = (60 + 48 * (number > 0), 40 + 32 * number)
            ImageDraw.Draw(image).text(
                place, line, font=ImageFont.truetype(mono, 20), fill=(200, 220, 200)
            )
            film += [image] * 10
    shown = -(-seconds // 10)
    return film[:seconds], said[:shown]


def subtitles(seconds: int, faces: Sequence[Path], mono: Path) -> Film:
    """Four seconds with, two without, over a picture that pans."""
    ground, rnd = scene(3), random.Random(3)
    said = [sentence(rnd, 6) for _ in range(-(-seconds // 6))]
    film = []
    for second in range(seconds):
        image = panned(ground, 9 * second)
        is_on = second % 6 < 4
        film.append(subtitled(image, said[second // 6], faces[0]) if is_on else image)
    return film, said


def without_text(seconds: int, faces: Sequence[Path], mono: Path) -> Film:
    """Pans, with a cut every 12 s."""
    scenes = [scene(n) for n in range(8)]
    return [panned(scenes[n // 12 % 8], 7 * n) for n in range(seconds)], []


def ticker(seconds: int, faces: Sequence[Path], mono: Path) -> Film:
    """150 pixels a second, about 8 letters; six sentences that come again."""
    rnd, ground = random.Random(5), scene(5)
    said = [sentence(rnd, 7) for _ in range(6)]
    letters = ImageFont.truetype(faces[0], 32)
    text = "  •  ".join(said) + "  •  "
    length, film = letters.getlength(text), []
    for second in range(seconds):
        image = ground.copy()
        draw = ImageDraw.Draw(image)
        draw.rectangle([0, 650, 1280, 720], fill=(150, 0, 0))
        at = 1280 - 150 * second
        for turn in range(-1, seconds * 150 // round(length) + 2):
            place = at + length * turn
            if turn >= 0 and -length < place < 1280:
                draw.text((place, 662), text, font=letters, fill="white")
        film.append(image)
    return film, said


FILMS: dict[str, Callable[..., Film]] = {
    "slides": slides,
    "code that grows": typed_code,
    "subtitles on a pan": subtitles,
    "no text": without_text,
    "ticker": ticker,
}


def cpu(step: Callable[[], object]) -> tuple[float, object]:
    start = time.process_time()
    result = step()
    return time.process_time() - start, result


def heard(listener: ScreenListener, pictures: Sequence[np.ndarray]) -> list[Passage]:
    def stream() -> Iterator:
        from ntlbg.types import Frames

        for start in range(0, len(pictures), 8):
            data = np.stack(pictures[start : start + 8])
            yield Frames(data, np.arange(start, start + len(data), dtype=float))

    return [one for piece in listener.listen(stream(), 0.0, {}) for one in piece.passages]


def measure_film(
    name: str, film: Film, reader: Counting, as_it_is: Callable, every: int, folder: Path
) -> None:
    pictures, said = film
    path = write_film(folder / "film.mkv", pictures, 1)
    decoding, batches = cpu(lambda: [frames.data for frames in sample_frames(path, threads=1)])
    seen = [picture for data in batches for picture in data]
    reader.finds = reader.reads = 0
    ours, found = cpu(lambda: heard(ScreenListener(reader=reader), seen))
    texts = [one.text for one in found]
    right = sum(line in texts for line in said)
    scale = 3600 / len(seen)
    sample = seen[:: max(1, len(seen) // every)][:every]
    whole, _ = cpu(lambda: [as_it_is(picture[..., ::-1].copy()) for picture in sample])
    print(
        f"{name:20s} {len(seen) / 60:4.1f} min: {ours:6.1f} s, hour {ours * scale:6.0f} s "
        f"(+ decoding {decoding * scale:4.0f}); found {reader.finds}x, lines read {reader.reads}; "
        f"every picture as it is: hour {whole / len(sample) * 3600:6.0f} s; "
        f"lines right {right} of {len(said)}, passages {len(texts)}",
        flush=True,
    )


def letters_right(lines: Sequence[str], texts: Sequence[str]) -> float:
    """Of all letters of the lines, those in the most alike reading."""
    right = 0
    for line in lines:
        blocks = [SequenceMatcher(None, line, text, autojunk=False).get_matching_blocks()
                  for text in texts]  # fmt: skip
        right += max((sum(block.size for block in found) for found in blocks), default=0)
    return right / sum(map(len, lines))


def measure_letters(faces: Sequence[Path], mono: Path, count: int, reader: Counting) -> None:
    for name, size in (("720p", (1280, 720)), ("360p", (640, 360)), ("1080p", (1920, 1080))):
        for kind in ("slide", "code"):
            letters, whole, lines_of_all, spent = [], 0, 0, 0.0
            for seed in range(500, 500 + count):
                face = faces[seed % len(faces)]
                made = slide(seed, face, (1280, 720)) if kind == "slide" else code(seed, mono)
                picture = np.asarray(made[0].resize(size, Image.Resampling.LANCZOS))
                took, texts = cpu(lambda picture=picture: read(reader, picture))
                spent += took
                letters.append(letters_right(made[1], texts))
                whole += sum(line in texts for line in made[1])
                lines_of_all += len(made[1])
            print(
                f"{kind} {name}: letters right {np.mean(letters):.4f}, lines exact "
                f"{whole / lines_of_all:.3f} (n = {lines_of_all} lines, {count} pictures), "
                f"{spent / count:.2f} CPU s a picture",
                flush=True,
            )


def read(reader: RapidReader, picture: np.ndarray) -> list[str]:
    found = [reader.read(picture, box) for box in reader.find(picture, LOOK_SIDE)]
    return [one.text for one in found if is_believed(one)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=4)
    parser.add_argument("--fonts", type=Path, help="a folder of held-out fonts")
    parser.add_argument("--slides", type=int, default=24, help="pictures of each kind for letters")
    parser.add_argument("--films", default=",".join(FILMS), help="names with commas between")
    parser.add_argument("--every-picture", type=int, default=6, help="pictures read as they are")
    given = parser.parse_args()
    faces = fonts(given.fonts, ["DejaVuSans", "DejaVuSerif", "STIXGeneral", "cmss10"])
    [mono] = fonts(None, ["DejaVuSansMono"])
    reader = Counting(threads=1)
    read(reader, np.asarray(scene(0)))  # loads the networks
    read(reader, np.asarray(slide(0, faces[0])[0]))
    threads = {"EngineConfig.onnxruntime.intra_op_num_threads": 1}
    as_it_is = rapidocr.RapidOCR(params=threads | {"Global.log_level": "error"})
    as_it_is(np.asarray(slide(0, faces[0])[0]))
    print(f"fonts: {', '.join(face.stem for face in faces)}")
    with tempfile.TemporaryDirectory() as folder:
        for name in filter(None, given.films.split(",")):
            film = FILMS[name](round(given.minutes * 60), faces, mono)
            measure_film(name, film, reader, as_it_is, given.every_picture, Path(folder))
    if given.slides:
        measure_letters(faces, mono, given.slides, reader)


if __name__ == "__main__":
    main()
