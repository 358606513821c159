"""Damaged and hostile copies of the text that people hand in, read in this process.

    python tests/fuzzing_texts.py [--seconds 300 | --count 10000] [--seed 0] [--target NAME ...]

Bytes are flipped, cut and put elsewhere; of JSON, values, keys and objects are replaced, doubled
and taken away. Every input must end in one of our errors, in one line, or in a right result:
times are numbers that the file has as numbers, features are those that were kept. Anything else
is told with the numbers that make the input again.
"""

import argparse
import contextlib
import json
import random
import re
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from fuzzing_kept import KEPT
from fuzzing_models import MODELS
from fuzzing_targets import HANDED, Target
from ntlbg.errors import NtlbgError

TARGETS = HANDED | KEPT | MODELS
SECONDS = 60  # for one input, which takes milliseconds; the machine may be busy
RAW = "\x00raw:"  # a text that begins so is written into JSON as it stands
# What is put in the place of a value, beside values from elsewhere in the file.
HOSTILE = (
    None, True, False, 0, -1, 1.5, 1e300, -0.0, 2**63, 10**39, "", "45", "1e9", "nan", "inf", "²",
    "\ud800", "\x1b[2J", "a\nb", "a\x00b", "../../x", "x" * 5000, [], {}, [[]], ["45"], {"4": 5},
    [[1, 2], [3]], RAW + "NaN", RAW + "-Infinity", RAW + "1e400", RAW + "9" * 5000,
    RAW + "[" * 100_000, RAW + "[" * 300 + "]" * 300, RAW + '{"a": 1, "a": 2}', RAW + "01", RAW,
)  # fmt: skip
PIECES = (
    b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xc3", b"\r", b"\n\n", b'"', b"\\", b"[", b"{", b"]", b"}",
    b",", b":", b"-->", b"9" * 30, b"NaN", b"1e400", b"\xe2\x80\xa8", b"-", b"<", b"#", b"//",
)  # fmt: skip


def mutated(target: Target, seed: int, number: int) -> tuple[str, bytes]:
    """The name and content of an input; the same for the same numbers."""
    rng = random.Random(f"{seed} {number}")
    name, content = rng.choice(target.seeds)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        content = _changed(rng, content, target)
    return name, content


def _changed(rng: random.Random, content: bytes, target: Target) -> bytes:
    kind = rng.random()
    if kind < 0.6:
        with contextlib.suppress(ValueError, RecursionError):  # no JSON, or no more of it
            return _json_changed(rng, content)
    if kind < 0.63:
        with contextlib.suppress(UnicodeError):
            other = rng.choice(("utf-8-sig", "utf-16", "utf-16-be", "cp1252"))
            return content.decode().encode(other)
    return _bytes_changed(rng, content, rng.choice(target.seeds)[1])


def _bytes_changed(rng: random.Random, content: bytes, other: bytes) -> bytes:
    changed, at = bytearray(content), rng.randrange(len(content) + 1)
    match rng.randrange(5):
        case 0:
            for _ in range(2 ** rng.randrange(4)):
                if changed:
                    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        case 1:
            del changed[at:]
        case 2:
            del changed[at : at + 2 ** rng.randrange(8)]
        case 3:
            start = rng.randrange(len(other) + 1)
            changed[at:at] = other[start : start + 2 ** rng.randrange(10)]
        case _:
            changed[at : at + rng.randrange(3)] = rng.choice(PIECES)
    return bytes(changed)


def _json_changed(rng: random.Random, content: bytes) -> bytes:
    """One place of the JSON of a file changed, or of one of its lines, or of a safetensors header.

    Raises:
        ValueError: it holds none.
    """
    size = int.from_bytes(content[:8], "little")
    if content[8:9] == b"{" and size < len(content):
        header = _json_changed(rng, content[8 : 8 + size])
        return len(header).to_bytes(8, "little") + header + content[8 + size :]
    text = content.decode()
    try:
        return _written(_mutated(rng, json.loads(text))).encode()
    except json.JSONDecodeError:
        lines = text.split("\n")
        number = rng.randrange(len(lines))
        lines[number] = _written(_mutated(rng, json.loads(lines[number])))
        return "\n".join(lines).encode()


def _mutated(rng: random.Random, value):
    """A value with one of its places changed; the holder of the place is drawn first."""
    whole = [value]
    holders = [one for one in _holders(whole) if one]
    holder = rng.choice(holders)
    key = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    action = rng.randrange(6)
    if action == 0 and holder is not whole:
        del holder[key]
    elif action == 1:
        other = rng.choice(holders)
        holder[key] = rng.choice(list(other.values() if isinstance(other, dict) else other))
    elif action == 2 and isinstance(holder, dict):
        other = rng.choice((key + RAW, key.upper(), rng.choice(list(holder)) + "2", ""))
        holder[other] = holder[key]
    elif action == 3 and isinstance(holder, list):
        holder.insert(key, holder[key])
    else:
        holder[key] = rng.choice(HOSTILE)
    return whole[0]


def _holders(value) -> Iterator[dict | list]:
    if isinstance(value, dict | list):
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _holders(inner)


def _written(value) -> str:
    """JSON in which raw texts are as they stand, and a key that ends in RAW is there twice."""
    if isinstance(value, dict):
        pairs = (f"{json.dumps(k.removesuffix(RAW))}: {_written(v)}" for k, v in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    if isinstance(value, str) and value.startswith(RAW):
        return value.removeprefix(RAW)
    return json.dumps(value)


class EndlessError(BaseException):
    """No error of a library, which might be told as ours."""


def _end(signum, frame):
    raise EndlessError(f"no end after {SECONDS} s")


def attempt(target: Target, path: Path, content: bytes) -> str:
    """What became of an input: "read", or the name of our error; raises all else."""
    path.write_bytes(content)
    signal.signal(signal.SIGALRM, _end)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            target.read(path)
        return "read"
    except NtlbgError as error:
        return type(error).__name__
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def run(
    name: str, folder: Path, *, seed: int = 0, count: int | None = None, seconds: float = 0.0
) -> tuple[Counter, list[str]]:
    """How often inputs ended in what, and what went wrong; so many inputs, or so many seconds."""
    target = TARGETS[name](folder)
    outcomes: Counter = Counter()
    problems: list[str] = []
    until, number = time.monotonic() + seconds, 0
    while number < count if count is not None else time.monotonic() < until:
        file, content = mutated(target, seed, number)
        try:
            outcomes[attempt(target, folder / file, content)] += 1
        except (Exception, EndlessError):  # noqa: BLE001  (all that is not ours is what is looked for)
            outcomes["fell"] += 1
            told = "".join(traceback.format_exc(limit=-3).splitlines(True)[:40])
            problems.append(f"{name}, seed {seed}, number {number}\n{told:.3000}")
        number += 1
    return outcomes, problems


def _unlike(problems: list[str]) -> list[str]:
    """The first of each place in the code."""
    places = {}
    for problem in problems:
        places.setdefault(tuple(re.findall(r'File ".*", line \d+', problem)), problem)
    return list(places.values())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--count", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", action="append", choices=list(TARGETS))
    given = parser.parse_args()
    fell = 0
    for name in given.target or TARGETS:
        with tempfile.TemporaryDirectory() as folder:
            outcomes, problems = run(
                name, Path(folder), seed=given.seed, count=given.count, seconds=given.seconds
            )
        told = ", ".join(f"{outcome} {number}" for outcome, number in sorted(outcomes.items()))
        print(f"{name}: {outcomes.total()} inputs, {len(problems)} fell ({told})", flush=True)
        print(*_unlike(problems), sep="\n", end="\n" if problems else "")
        fell += len(problems)
    return 1 if fell else 0


if __name__ == "__main__":
    sys.exit(main())
