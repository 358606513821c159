"""What the program answers today, as one JSON file; to compare with after a change of structure.

    python scripts/record_answers.py before.json
    python scripts/record_answers.py after.json --against before.json

Eighty questions about six made videos, all selectors on twenty sets of features, plans and
configurations, and LongVU's tokens for random weights. It goes through the commands and the public
names only, so it runs on either side of a move. Files stay in the folder beside the record.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

import ntlbg

VIDEOS, MINUTES, QUESTIONS = 6, 2, 14  # 84 questions, of which the first 80 count
SEED = 4  # a number that no other figure was made with
COMMANDS = {
    **{
        f"plan {name}": ["plan", "--config", f"configs/{name}.json", "--gpu", "A100_80GB", "--json"]
        for name in ("moderate_long", "long", "very_long", "quickstart")
    },
    **{
        f"validate {name}": ["config", "validate", "--config", f"configs/{name}.json"]
        for name in ("moderate_long", "long", "very_long", "longvideo_config")
    },
    "generate": ["config", "generate", "--category", "long", "--gpu", "A100_40GB", "--output", "-"],
    "optimize": ["config", "optimize", "--config", "configs/long.json", "--gpu", "V100_32GB",
                 "--output", "-"],
}  # fmt: skip


def ntlbg_command(*arguments: str | Path) -> str:
    """Standard output of a command, and its error line where it ends with 2."""
    command = [sys.executable, "-m", "ntlbg.cli", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
    if done.returncode not in (0, 2):
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout + (done.stderr if done.returncode else "")


def answers(folder: Path) -> dict:
    """By question: text, notes, times and scores of the frames that were read."""
    made, out = folder / "videos", folder / "answers.jsonl"
    if not made.exists():
        ntlbg_command(
            "haystack", made, "--videos", VIDEOS, "--minutes", MINUTES,
            "--questions", QUESTIONS, "--seed", SEED,
        )  # fmt: skip
    out.unlink(missing_ok=True)
    ntlbg_command("answer", made, out, "-k", 8)
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()][:80]
    kept = ("answer", "option_scores", "found", "notes", "pts_seconds", "scores")
    return {
        f"{row['place']} {row['video']}: {row['question']} {row['options'] or ''}": {
            name: row[name] for name in kept
        }
        for row in rows
    }


def selections() -> dict:
    """Indices and weights of every selector on random features, a third of them repeated."""
    found = {}
    for number in range(20):
        generator = np.random.default_rng(number)
        frames, size = 60 + 20 * number, 16 + 8 * (number % 4)
        features = generator.normal(size=(frames, size)).astype(np.float32)
        features[: frames // 3] = features[0] + 0.05 * features[: frames // 3]
        scores = generator.normal(size=frames) - 3
        scores[generator.integers(0, frames, 3)] += 8
        for name in ntlbg.SELECTORS:
            selection = ntlbg.select_frames(
                name, features, 8, scores=scores, pts_seconds=np.arange(frames) * 1.0,
                generator=np.random.default_rng(number),
            )  # fmt: skip
            found[f"{name} {number}"] = {
                "indices": selection.indices.tolist(),
                "weights": selection.weights.tolist(),
            }
    return found


def golden() -> dict:
    """Whether LongVU still gives the numbers of the published code."""
    tests = sorted(map(str, Path("tests").rglob("test_*golden*.py")))
    command = [sys.executable, "-m", "pytest", "-q", *tests]
    return {"passes": subprocess.run(command, capture_output=True, check=False).returncode == 0}


def differences(before: object, after: object, place: str = "") -> list[str]:
    """Every value that differs, numbers by more than 1e-4 of their size."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            line
            for key in dict.fromkeys([*before, *after])
            for line in differences(before.get(key), after.get(key), f"{place} / {key}")
        ]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [
            line
            for number, pair in enumerate(zip(before, after, strict=True))
            for line in differences(*pair, f"{place}[{number}]")
        ]
    if isinstance(before, float) and isinstance(after, float):
        return (
            []
            if np.isclose(before, after, rtol=1e-4, atol=1e-5)
            else [f"{place}: {before} -> {after}"]
        )
    return [] if before == after else [f"{place}: {before!r} -> {after!r}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="where the record is written")
    parser.add_argument("--against", type=Path, help="an earlier record: tell what differs")
    parser.add_argument("--only", choices=("answers", "selections", "commands", "golden"))
    asked = parser.parse_args()
    folder = asked.out.absolute().parent / "recorded"
    folder.mkdir(parents=True, exist_ok=True)
    parts = {
        "answers": lambda: answers(folder),
        "selections": selections,
        "commands": lambda: {name: ntlbg_command(*line) for name, line in COMMANDS.items()},
        "golden": golden,
    }
    wanted = [asked.only] if asked.only else list(parts)
    record = {name: parts[name]() for name in wanted}
    asked.out.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")
    if asked.against:
        before = json.loads(asked.against.read_text("utf-8"))
        found = differences({name: before[name] for name in wanted}, record)
        print("\n".join(found) or "nothing differs")
        sys.exit(bool(found))


if __name__ == "__main__":
    main()
