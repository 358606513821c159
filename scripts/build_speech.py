"""Read the talks of the made film aloud, as small Opus files that the laboratory ships.

    apt-get install espeak-ng
    python scripts/build_speech.py src/ntlbg_lab/assets/speech

Writes an Opus file a talk and ``sentences.json``: each talk's sentences with start and end in
seconds. Run only to make again what is shipped.
"""

import argparse
import json
import subprocess
from pathlib import Path

import av
import numpy as np

from ntlbg.files import staged_directory
from ntlbg.marks import Kind, json_object
from ntlbg_lab.film.talks import RATE, TALKS_FILE
from ntlbg_lab.transcripts import make_transcript

# Of each talk; six of them are half of an hour, and about 3 MB.
SECONDS = 300.0
WORDS_A_MINUTE = 155
# Clear enough that a small recogniser makes no more mistakes than on the WAV; lower adds some.
BITS_A_SECOND = 13_000
ESPEAK_RATE = 22_050
PAUSE = 0.3  # seconds between two sentences of a file, so that codecs do not smear one on the next
LOUDNESS = 0.08  # root mean square of every voice
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
            heard[name], samples = read_aloud(sentences(name), about["voice"])
            write_opus(samples, stage / f"{name}.opus")
            print(f"{name}: {len(heard[name])} sentences, {len(samples) / RATE:.0f} s")
        (stage / "sentences.json").write_text(as_json(heard), "utf-8")


def sentences(name: str) -> list[str]:
    """Those that answer questions first, then others; no text twice."""
    made = make_transcript(name)
    answers = [made.passages[one.row].text for one in made.questions if one.row is not None]
    return list(dict.fromkeys([*answers, *(passage.text for passage in made.passages)]))


def read_aloud(texts: list[str], voice: str) -> tuple[list[tuple[str, float, float]], np.ndarray]:
    """Sentences with their times, and float32 (N,) at RATE, as many as SECONDS hold."""
    heard, pieces, time = [], [np.zeros(round(PAUSE * RATE), np.float32)], PAUSE
    for text in texts:
        sound = spoken(text, voice)
        end = time + len(sound) / RATE
        if end > SECONDS:
            break
        heard.append((text, round(time, 3), round(end, 3)))
        pieces += [sound, np.zeros(round(PAUSE * RATE), np.float32)]
        time = end + PAUSE
    return heard, np.concatenate(pieces)


def spoken(text: str, voice: str) -> np.ndarray:
    """float32 (N,) at RATE, without the silence around it."""
    command = ["espeak-ng", "-v", voice, "-s", str(WORDS_A_MINUTE), "--stdout", text]
    wave = subprocess.run(command, capture_output=True, check=True).stdout
    body = wave[wave.index(b"data") + 8 :]
    raw = np.frombuffer(body[: len(body) // 2 * 2], "<i2").astype(np.float32) / 32768
    loud = np.flatnonzero(np.abs(raw) > 0.005)
    raw = raw[loud[0] : loud[-1] + 1]
    times = np.arange(round(len(raw) * RATE / ESPEAK_RATE)) * ESPEAK_RATE / RATE
    sound = np.interp(times, np.arange(len(raw)), raw)
    return (sound * LOUDNESS / np.sqrt(np.mean(sound**2))).astype(np.float32)


def write_opus(samples: np.ndarray, path: Path) -> None:
    """Mono speech."""
    options = {"b": str(BITS_A_SECOND), "application": "voip"}
    with av.open(str(path), "w", format="ogg") as file:
        stream = file.add_stream("libopus", rate=RATE, layout="mono", options=options)
        stream.bit_rate = BITS_A_SECOND
        frame = av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
        frame.sample_rate = RATE
        size = RATE // 50  # 20 ms, as the codec wants
        resampler = av.AudioResampler(stream.codec_context.format, "mono", RATE, frame_size=size)
        for whole in (frame, None):
            for piece in resampler.resample(whole):
                file.mux(stream.encode(piece))
        file.mux(stream.encode(None))


def as_json(heard: dict[str, list[tuple[str, float, float]]]) -> str:
    """A sentence a line."""
    talks = (
        f'"{name}": [\n' + ",\n".join(json.dumps(row) for row in rows) + "\n]"
        for name, rows in heard.items()
    )
    return "{\n" + ",\n".join(talks) + "\n}\n"


if __name__ == "__main__":
    main()
