"""What compression of visual tokens loses or gains, where it can be measured: on a small reader.

    python benchmarks/compression_loss.py [--films 150] [--reader results/reader]
    python benchmarks/compression_loss.py --tiny

A Qwen2-VL of about a million parameters is trained from scratch, by a plain loop on one core, to
answer questions about films of drawn objects (``compression_films.py``): about one picture, its
colour or shape, and about several, their order and number. It learns from films of few and of many
pictures, large and small, none of them compressed: stock models, too, know nothing of compression.

Then it is asked about films of other seeds, at equal visual tokens: all of them, a half, a quarter
and an eighth, by fewer pictures (evenly, or the most relevant ones), by smaller ones, and by
longvu (with relevance, or where nobody knows any) and vidcom2. Relevance is made, and errs. Printed
are shares of right answers with 95 % intervals of a bootstrap over films, and what the better
compression gains over the best of the others. It ends with 1 if a compressor changes no logit at a
quarter of the tokens: then it did nothing. Nothing was chosen by the films that are told of.

With --reader the trained reader is kept in a folder, and used again if it is there.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import transformers

sys.path.insert(0, str(Path(__file__).parent))

from compression_films import KINDS, Asked, make_film, relevance
from compression_reader import (
    CELLS,
    IDS,
    MERGE,
    STAGES,
    grid_of,
    look,
    new_reader,
    prompt_of,
    question_ids,
    train,
)
from gpu import positive

from ntlbg.answerers.compression import Compression
from ntlbg.compressors import load_compressor
from ntlbg.intervals import ratio_interval
from ntlbg.models.qwen_vl.inputs import VisionPrompt
from ntlbg.models.qwen_vl.vision import VisionFeatures, seen_batch
from ntlbg.selectors import select_frames

FRAMES = 8
HELD_OUT = 3  # seed of the films that are told of
AT_ONCE = 50  # questions read together: a few hundred MB

Row = tuple[VisionPrompt, dict[str, VisionFeatures]]


def main(given: list[str] | None = None) -> int:
    arguments = parse(given)
    torch.set_num_threads(1)
    model = trained_reader(arguments)
    right, groups, films, changed = measured(model, arguments.films)
    print_tables(right, groups, films)
    unchanged = [name for name, moved in changed.items() if not moved]
    if unchanged:
        print(f"{', '.join(unchanged)}: no logit changed at a quarter of the tokens",
              file=sys.stderr)  # fmt: skip
    return 1 if unchanged else 0


def parse(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--films", type=positive, default=150, help="held out (150)")
    parser.add_argument("--reader", type=Path, help="folder of the trained reader")
    parser.add_argument("--tiny", action="store_true", help="4 films, a reader of 6 steps")
    found = parser.parse_args(given)
    if found.tiny:
        found.films = 4
    return found


def trained_reader(arguments: argparse.Namespace):
    folder = arguments.reader
    if folder is not None and (folder / "config.json").exists():
        return transformers.Qwen2VLForConditionalGeneration.from_pretrained(folder).eval()
    torch.manual_seed(0)
    model = new_reader()
    train(model, tuple((2, numbers) for _, numbers in STAGES) if arguments.tiny else STAGES)
    if folder is not None:
        model.save_pretrained(folder)
    return model.eval()


@dataclass(frozen=True)
class Case:
    """A held-out question of a film.

    Attributes:
        relevance: float64 (FRAMES,), what a retriever says.
        seen: the film's features, by the share of tokens of its pictures.
    """

    film: int
    asked: Asked
    relevance: np.ndarray
    seen: dict[float, VisionFeatures]


def fewer(selector: str):
    def row(case: Case, share: float) -> Row:
        number, features = round(FRAMES * share), np.eye(FRAMES, dtype=np.float32)
        chosen = select_frames(selector, features, number, scores=case.relevance,
                               pts_seconds=np.arange(float(FRAMES))).indices  # fmt: skip
        pooled = case.seen[1.0].pooled.unflatten(0, (FRAMES, -1))[chosen].flatten(0, 1)
        every = torch.ones(len(pooled), dtype=torch.bool)
        return prompt_of(question_ids(case.asked), number, CELLS[1.0]), {
            "video": VisionFeatures(pooled, (), grid_of(number, CELLS[1.0]), every)
        }

    return row


def smaller(case: Case, share: float) -> Row:
    prompt = prompt_of(question_ids(case.asked), FRAMES, CELLS[share])
    return prompt, {"video": case.seen[share]}


def compressed(name: str, *, knows: bool = True):
    compressor = load_compressor(name)

    def row(case: Case, share: float) -> Row:
        known = case.relevance if knows else np.zeros(FRAMES)
        left = Compression(compressor, share).of(case.seen[1.0], MERGE, known)
        return prompt_of(question_ids(case.asked), FRAMES, CELLS[1.0]), {"video": left}

    return row


UNCOMPRESSED = {"fewer pictures, evenly": fewer("uniform"),
                "fewer pictures, relevant": fewer("top_k"),
                "smaller pictures": smaller}  # fmt: skip
COMPRESSED = {"longvu": compressed("longvu"),
              "longvu, no relevance": compressed("longvu", knows=False),
              "vidcom2": compressed("vidcom2")}  # fmt: skip
METHODS = UNCOMPRESSED | COMPRESSED


@torch.inference_mode()
def measured(model, number: int):
    """Right answers by method and share, kinds and films of all questions; what changed logits."""
    cases = held_out(model, number)
    answers = torch.tensor([IDS[case.asked.answer] for case in cases])
    whole, right, changed = logits_of(model, cases, smaller, 1.0), {}, {}
    for share in CELLS:
        for name, row in METHODS.items():
            logits = whole if share == 1 else logits_of(model, cases, row, share)
            right[name, share] = (logits.argmax(1) == answers).numpy()
            if share == 0.25 and name in COMPRESSED:
                changed[name] = not torch.equal(logits, whole)
    groups = np.array([KINDS[case.asked.kind] for case in cases])
    return right, groups, np.array([case.film for case in cases]), changed


def held_out(model, number: int, seed: int = HELD_OUT) -> list[Case]:
    draw, cases = np.random.default_rng(seed), []
    for film in range(number):
        made = make_film(draw, FRAMES)
        seen = {share: look(model, [made.pictures], cells)[0]["video"]
                for share, cells in CELLS.items()}  # fmt: skip
        cases += [Case(film, asked, relevance(asked, draw), seen) for asked in made.questions]
    return cases


def logits_of(model, cases: Sequence[Case], row, share: float) -> torch.Tensor:
    """(questions, words), where the answer is to come; of exactly that share of the tokens."""
    found, tokens = [], round(share * FRAMES * CELLS[1.0][0] * CELLS[1.0][1])
    for start in range(0, len(cases), AT_ONCE):
        rows = [row(case, share) for case in cases[start : start + AT_ONCE]]
        assert all(len(seen["video"].pooled) == tokens for _, seen in rows)
        with seen_batch(model, rows) as inputs:
            found.append(model(**inputs, use_cache=False, logits_to_keep=1).logits[:, -1])
    return torch.cat(found)


def print_tables(right, groups: np.ndarray, films: np.ndarray) -> None:
    for group in dict.fromkeys(KINDS.values()):
        those = groups == group
        print(f"\nAbout {group}: {those.sum()} questions, {len(set(films[those]))} films\n")
        print("| " + " | ".join(["tokens read", *(f"{share:g}" for share in CELLS)]) + " |")
        print("|---" * (len(CELLS) + 1) + "|")
        for name in METHODS:
            cells = [shown(right[name, share][those], films[those]) for share in CELLS]
            print("| " + " | ".join([name, *cells]) + " |")
        for share in list(CELLS)[1:]:
            ours, others = (
                max(menu, key=lambda name: right[name, share][those].mean())
                for menu in (COMPRESSED, UNCOMPRESSED)
            )
            gained = right[ours, share][those] * 1.0 - right[others, share][those]
            print(f"{share:g}: {ours} minus {others} {shown(gained, films[those], '+.2f')}")


def shown(values: np.ndarray, films: np.ndarray, form: str = ".2f") -> str:
    """Mean of values (questions,), and its interval over films."""
    sums, counts = np.bincount(films, values), np.bincount(films)
    low, high = ratio_interval(sums, counts)
    return f"{values.mean():{form}} ({low:{form}} to {high:{form}})"


if __name__ == "__main__":
    sys.exit(main())
