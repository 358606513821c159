"""Damaged copies of small videos, read in processes that are ended when they take too long.

    python tests/video/fuzzing.py [--count 500] [--seed 0]

Bits are flipped, pieces cut out, and pieces of one file put into another. Every reading must end
in pictures, sound, passages or one of our errors: no crash, no hang, no other exception, no time
that goes back, no memory beyond a bound.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from fuzzed_films import films

BATCH = 25  # files a process, since starting one costs more than reading a file
SECONDS = 600  # for a batch, which takes a few
READ = (Path(__file__).parent / "fuzzed_readings.py").read_text(encoding="utf-8")


def mutations(count: int, seed: int) -> list[tuple[str, bytes]]:
    """Names that tell how they were made, and contents; the same for the same seed."""
    rng = random.Random(seed)
    sources = films()
    names, mutated = sorted(sources), []
    for number in range(count):
        source = rng.choice(names)
        content, kind = bytearray(sources[source]), rng.choice(["flip", "cut", "splice"])
        if kind == "flip":
            for _ in range(2 ** rng.randrange(9)):
                content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        elif kind == "cut":
            start = rng.randrange(len(content))
            del content[start : start + 2 ** rng.randrange(15)]
        else:
            other = sources[rng.choice(names)]
            start, position = rng.randrange(len(other)), rng.randrange(len(content))
            content[position:position] = other[start : start + 2 ** rng.randrange(15)]
        mutated.append((f"{number:04d}-{kind}-{source}", bytes(content)))
    return mutated


def run(folder: Path, mutated: list[tuple[str, bytes]]) -> tuple[dict[str, int], list[str]]:
    """How often each reading ended in what, and what went wrong."""
    outcomes, problems = {}, []
    for start in range(0, len(mutated), BATCH):
        paths = []
        for name, content in mutated[start : start + BATCH]:
            (folder / name).write_bytes(content)
            paths.append(str(folder / name))
        lines, problem = _read(paths)
        for _, outcome in lines:
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
        if problem:
            last = lines[-1] if lines else ["no file", "start"]
            problems.append(f"{last[0]} after {last[1]}: {problem}")
    return outcomes, problems


def _read(paths: list[str]) -> tuple[list[list[str]], str | None]:
    command = [sys.executable, "-W", "error", "-c", READ, *paths]
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as complaints:
        try:
            code = subprocess.run(
                command, stdout=output, stderr=complaints, timeout=SECONDS
            ).returncode
            problem = None if code == 0 else f"exit code {code}"
        except subprocess.TimeoutExpired:
            problem = f"no end after {SECONDS} s"
        output.seek(0)
        complaints.seek(0)
        if problem:
            problem += "\n" + complaints.read()[-2000:]
        return [json.loads(line) for line in output.read().splitlines()], problem


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcomes, problems = run(Path(folder), mutations(arguments.count, arguments.seed))
    for outcome, times in sorted(outcomes.items()):
        print(f"{times:6}  {outcome}")
    print(*problems, sep="\n")
    print(f"{arguments.count} files, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
