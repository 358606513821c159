"""What `fuzzing` damages: small films of every kind, the same bytes each time they are made."""

import json
import sys
import tempfile
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "text")]  # it is also run as a script

from odd_films import with_matrix, with_times, write_palette_film  # noqa: E402
from subtitle_videos import write_with_tracks  # noqa: E402

from counter_videos import DATA, write_video  # noqa: E402
from sound_films import clicks, write_film  # noqa: E402

LARGEST_BYTES = 100_000
SAME = {"fflags": "+bitexact"}  # no random identifiers
# Name: codec, samples a second, channels, when sound and pictures begin.
SOUNDS = {
    "aac.mp4": ("aac", 48_000, "stereo", 0, 0),
    "late-sound.mkv": ("libopus", 48_000, "mono", 1, 0),
    "late-pictures.mkv": ("aac", 44_100, "mono", 0, 6),
    "mp2.ts": ("mp2", 16_000, "mono", 0, 0),
    "mp3.flv": ("libmp3lame", 44_100, "mono", 0, 0),
    "pcm.mov": ("pcm_s16le", 8_000, "mono", 0, 0),
    "mulaw.avi": ("pcm_mulaw", 8_000, "mono", 0, 0),
    "ac3.mkv": ("ac3", 32_000, "stereo", 0, 0),
    "flac.mkv": ("flac", 16_000, "mono", 0, 0),
    "alone.ogg": ("libopus", 48_000, "stereo", 0, 0),
}
CUES = [("A first line.", 5, 20), ("A second line.", 25, 45), ("And a third.", 45, 60)]
TRACKS = {"text.mp4": ("mov_text", "mov_text"), "text.mkv": ("subrip", "ass")}


@cache
def films() -> dict[str, bytes]:
    """Contents by name."""
    expected = json.loads((DATA / "expected.json").read_text(encoding="utf-8"))
    stored = [DATA / name for name, facts in expected.items() if "frames" in facts]
    with tempfile.TemporaryDirectory() as folder:
        made = _pictures(Path(folder)) + _sounds(Path(folder)) + _tracks(Path(folder))
        read = {path.name: path.read_bytes() for path in sorted([*stored, *made])}
    return {name: content for name, content in read.items() if len(content) < LARGEST_BYTES}


def _pictures(folder: Path) -> list[Path]:
    options = {"preset": "ultrafast", "g": "20", "threads": "1"}
    plain = write_video(folder / "plain.mkv", options=options, container_options=SAME,
                        times=[40 * number for number in range(75)])  # fmt: skip
    jumps = {40 * number: 40 * number + 10**12 * (number >= 40) for number in range(75)}
    mirrored = write_video(folder / "mirrored.mp4", options=options, container_options=SAME)
    small = {"count": 20, "size": (27, 48)}
    return [
        with_matrix(mirrored, (-1, 0, 0, 1)),
        with_times(plain, folder / "jumping.mkv", jumps, SAME),
        write_palette_film(folder / "palette.avi", **small),
        write_palette_film(folder / "palette-rle.avi", codec="msrle", **small),
        write_palette_film(folder / "palette.mov", **small),
    ]


def _sounds(folder: Path) -> list[Path]:
    made = []
    for name, (codec, rate, layout, sound_at, pictures_at) in SOUNDS.items():
        seconds = 8 if pictures_at else 2
        sound = clicks(seconds, [0.5, 1.5], rate)
        made.append(write_film(
            folder / name, sound, rate=rate, codec=codec, layout=layout, sound_at=sound_at,
            pictures_at=pictures_at,
            pictures=0 if name.startswith("alone") else 50, options={"g": "20", "threads": "1"},
            video_codec="mpeg4" if name.endswith("avi") else "libx264", container_options=SAME,
        ))  # fmt: skip
    return made


def _tracks(folder: Path) -> list[Path]:
    return [
        write_with_tracks(
            folder / name, [(codec, "eng", CUES) for codec in codecs], sound_start=0.0,
            options={"preset": "ultrafast", "threads": "1"}, container_options=SAME,
        )
        for name, codecs in TRACKS.items()
    ]  # fmt: skip
