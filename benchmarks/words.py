"""What questions about words achieve in long films, from the sound and the screen to the answer.

    apt-get install espeak-ng; ntlbg fetch speech text
    python benchmarks/words.py results/words          # four films of an hour; two hours of a core
    python benchmarks/words.py results/tiny --tiny    # one of three minutes

Texts, voices, layouts and fonts are those of ``ntlbg_lab.film.held_out``: no constant was set by
them. Films, tracks and answers are kept in the folder, so a run that was stopped goes on; what the
tables say of time and memory is of a track that was made in one go. Writes ``words.md`` there.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from words_answers import Answered, Case, answer_of, cases_of
from words_tables import tables

from ntlbg.errors import NtlbgError
from ntlbg.files import staged_directory
from ntlbg.index.store import FeatureIndex
from ntlbg.index.text_tracks import text_track
from ntlbg.json_lines import RecordFile
from ntlbg.system import load_system
from ntlbg.text import load_listener
from ntlbg.text.meaning import DEFAULT_TEXT_ENCODER, load_text_encoder
from ntlbg.types import Passage
from ntlbg_lab.film.asking import Question, ask_about
from ntlbg_lab.film.held_out import NAMES, held_out_talk, one_of_each, written
from ntlbg_lab.film.plan import FPS, Film, plan_film
from ntlbg_lab.film.writing import write_film
from ntlbg_lab.haystack import FILMS, PREFIX, counted
from ntlbg_lab.transcripts.measuring import Remembering

# Of the plan; drawn once, and not changed after a result was seen.
SEED = 2026
TALKS_A_FILM = 2
LISTENERS = ("speech", "screen")
ANSWERS_FILE, COSTS_FILE, TABLES_FILE = "answers.jsonl", "costs.jsonl", "words.md"
WHAT = "what benchmarks/words.py keeps"
TELL_SECONDS = 20.0
LISTEN = Path(__file__).with_name("words_listen.py")


@dataclass(frozen=True)
class Cost:
    """What a track took: of so many hours, in CPU seconds and MB; whether it was made in one go."""

    film: int
    listener: str
    hours: float
    cpu_seconds: float
    mb: int
    in_one_go: bool


@dataclass(frozen=True)
class Made:
    """A film, its file, and what is asked about it."""

    number: int
    film: Film
    path: Path
    questions: list[Question]


@dataclass(frozen=True)
class Size:
    """How much is measured: films, minutes of each, seconds of speech of each talk."""

    films: int
    minutes: float
    speech_seconds: float
    whole: bool


# A talk speaks for 19 of 30 minutes, pauses among them.
USUAL, TINY = Size(len(NAMES) // TALKS_A_FILM, 60, 1000, True), Size(1, 3, 100, False)


def made_films(folder: Path, size: Size) -> Iterator[Made]:
    """Each with its file, which is written where it is not there yet."""
    for number in range(size.films):
        names = NAMES[TALKS_A_FILM * number :][: TALKS_A_FILM if size.whole else 1]
        texts = {name: written(name) if size.whole else one_of_each(written(name))
                 for name in names}  # fmt: skip
        talks = [held_out_talk(text, folder / "speech", size.speech_seconds)
                 for text in texts.values()]  # fmt: skip
        rng = np.random.default_rng((SEED, number))
        film = plan_film(rng, size.minutes, talks)
        path = folder / f"{PREFIX}words-{number}.mp4"
        if not path.exists():
            write(film, path)
        yield Made(number, film, path, ask_about(film, texts, rng))


def write(film: Film, path: Path) -> None:
    tell = Teller(f"{path.name} is drawn")
    with staged_directory(path.parent, FILMS) as stage:
        count = counted(lambda done, share: tell(share), FPS * film.seconds)
        write_film(film, stage / path.name, written=count)


class Teller:
    """Says now and then how far something is and how long it will take."""

    def __init__(self, what: str):
        self.what, self.began = what, time.monotonic()
        self.told = self.began

    def __call__(self, share: float) -> None:
        now = time.monotonic()
        if now - self.told >= TELL_SECONDS or share >= 1:
            left, self.told = (now - self.began) * (1 - share) / share / 60, now
            print(f"{self.what}: {share:.0%}, {left:.1f} minutes left", flush=True)


def listened(made: Made, folder: Path, costs: RecordFile) -> dict[str, list[Passage]]:
    """By source what was found, each listener in a process of its own; and what is said."""
    index, found = FeatureIndex(folder / "index"), {}
    for name in LISTENERS:
        track = text_track(index, made.path, load_listener(name))
        if not track.is_complete:
            in_one_go = not track.path.exists()
            print(f"{made.path.name}: {name}", flush=True)
            command = [sys.executable, LISTEN, name, made.path, index.root]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
            if done.returncode:
                sys.exit(done.returncode)  # it has said why
            cost = json.loads(done.stdout)
            costs.add([Cost(made.number, name, made.film.seconds / 3600, *cost, in_one_go)])
        found[name] = track.passages()
    said = (Passage(one.sentence.text, one.start, one.end, "subtitles") for one in made.film.spoken)
    return found | {"subtitles": list(said)}


def answer_all(
    made: Made, folder: Path, cases: list[Case], answers: RecordFile, ask: Callable
) -> None:
    """One line, which is on the disk before the next question, for each case that has none."""
    known = {(one.film, one.question, one.condition) for one in answers.records}
    left = [case for case in cases if (made.number, *case.key) not in known]
    tell = Teller(f"{made.path.name}: {len(left)} questions")
    for place, case in enumerate(left, start=1):
        began = time.process_time()
        answer = ask(made.path, case)
        answers.add([answer_of(made.number, case, answer, time.process_time() - began)])
        with answers.path.open("rb") as file:
            os.fsync(file.fileno())
        tell(place / len(left))


def measure(folder: Path, size: Size) -> str:
    """Everything; returns the tables."""
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["NTLBG_INDEX"] = str(folder / "index")  # vectors of passages, too
    answers = RecordFile(folder / ANSWERS_FILE, Answered, WHAT)
    costs = RecordFile(folder / COSTS_FILE, Cost, WHAT)
    ask, films, heard = asking(), [], {}
    for made in made_films(folder, size):
        heard[made.number] = listened(made, folder, costs)
        answer_all(made, folder, cases_of(made.questions, heard[made.number]), answers, ask)
        films.append((made.number, made.film))
        text = tables(answers.records, costs.records, films, heard)
        (folder / TABLES_FILE).write_text(text, encoding="utf-8")
    return text


def asking() -> Callable:
    """Asks by the public function; the system is loaded once, and no sentence is encoded twice."""
    from ntlbg import ask

    encoder, index = Remembering(load_text_encoder(DEFAULT_TEXT_ENCODER)), FeatureIndex()
    system = load_system("builtin", text_encoder=encoder, pristine=True)

    def of(path: Path, case: Case):
        return ask(path, case.question.sample.question, model=system, index=index,
                   num_frames=case.frames, selector=case.selector, words=case.words)  # fmt: skip

    return of


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tiny", action="store_true", help="one film of three minutes")
    given = parser.parse_args()
    try:
        print(measure(given.folder, TINY if given.tiny else USUAL))
    except NtlbgError as error:
        print(f"words.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
