"""Read the talks of the made film aloud, as small Opus files that the laboratory ships.

    apt-get install espeak-ng
    python scripts/build_speech.py src/ntlbg_lab/assets/speech

Writes an Opus file a talk and ``sentences.json``: each talk's sentences with start and end in
seconds. Run only to make again what is shipped.
"""

import argparse
import json
from pathlib import Path

from ntlbg.files import staged_directory
from ntlbg.marks import Kind, json_object
from ntlbg_lab.film.reading_aloud import read_aloud, write_opus
from ntlbg_lab.film.talks import RATE, TALKS_FILE
from ntlbg_lab.transcripts import make_transcript

# Of each talk; six of them are half of an hour, and about 3 MB.
SECONDS = 300.0
WORDS_A_MINUTE = 155
# Clear enough that a small recogniser makes no more mistakes than on the WAV; lower adds some.
BITS_A_SECOND = 13_000
OPUS = Kind("an Opus file", lambda path: path.read_bytes()[:4] == b"OggS")


def main() -> None:
    """Read all talks aloud."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    folder, heard = parser.parse_args().folder, {}
    talks = json.loads(TALKS_FILE.read_text("utf-8"))
    kinds = {"*.opus": OPUS, "sentences.json": json_object("sentences", *talks)}
    with staged_directory(folder, kinds) as stage:
        for name, about in talks.items():
            told = [(text, about["voice"], WORDS_A_MINUTE) for text in sentences(name)]
            heard[name], samples = read_aloud(told, SECONDS)
            write_opus(samples, stage / f"{name}.opus", BITS_A_SECOND)
            print(f"{name}: {len(heard[name])} sentences, {len(samples) / RATE:.0f} s")
        (stage / "sentences.json").write_text(as_json(heard), "utf-8")


def sentences(name: str) -> list[str]:
    """Those that answer questions first, then others; no text twice."""
    made = make_transcript(name)
    answers = [made.passages[one.row].text for one in made.questions if one.row is not None]
    return list(dict.fromkeys([*answers, *(passage.text for passage in made.passages)]))


def as_json(heard: dict[str, list[tuple[str, float, float]]]) -> str:
    """A sentence a line."""
    talks = (
        f'"{name}": [\n' + ",\n".join(json.dumps(row) for row in rows) + "\n]"
        for name, rows in heard.items()
    )
    return "{\n" + ",\n".join(talks) + "\n}\n"


if __name__ == "__main__":
    main()
