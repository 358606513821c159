"""Long videos with planted needles, and questions whose answers are known.

Backgrounds are computed or come from short clips; needles are named objects from openly licensed
emoji sets, on screen for 1 to 5 seconds. Everything follows from a seed. To train on, there are
three files of questions and the made videos that they are about.
"""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from ntlbg.data import Sample, write_samples
from ntlbg.errors import ConfigError
from ntlbg.files import check_folder, staged_directory
from ntlbg.marks import MARK, Kind, json_lines
from ntlbg_lab.checks import check_positive
from ntlbg_lab.haystack.backgrounds import SPLITS
from ntlbg_lab.haystack.pictures import STYLES, drawable_names
from ntlbg_lab.haystack.questions import QUESTION_TYPES, make_question
from ntlbg_lab.haystack.timeline import Timeline, draw_frames, plan_timeline

Progress = Callable[[int, float | None], None]
MULTIPLE_CHOICE = 0.4  # share of questions with options
# x264's fastest routines do not always give the same bits; the same seed shall give the same file
X264_OPTIONS = {"crf": "26", "preset": "veryfast", "x264-params": "cpu-independent=1"}
# Of a picture; a fifth of the least that was measured of films of a minute, .024.
LEAST_BYTES_A_PIXEL = 0.005
SIZE, FPS = (256, 448), 4  # height and width in pixels; enough of each that an object is named
QUESTIONS_FILE = "questions.jsonl"
PREFIX = "haystack-"


def _is_made(path: Path) -> bool:
    try:
        with av.open(f"file:{path.absolute()}", metadata_errors="ignore") as container:
            return container.metadata.get("title") == MARK
    except av.FFmpegError:
        return False


def questions_kind(video: str) -> Kind:
    """Files of questions about made videos, whose names are under this key."""
    return json_lines(
        "questions about made videos", "id", video, "question",
        where=lambda row: str(row["id"]).startswith(PREFIX),
    )  # fmt: skip


FILMS = {f"{PREFIX}*.mp4": Kind("a made video", _is_made)}
FILES = FILMS | {QUESTIONS_FILE: questions_kind("video")}


@dataclass(frozen=True)
class MadeVideos:
    """What some videos are like.

    Attributes:
        minutes: length of each, at least one frame.
        seed: the same seed, the same videos and questions; not negative.
        questions: for each video, at least one.
        split: backgrounds, ``train``, ``val`` or ``test``; they share none but plain drawings.
        style: one of STYLES or a zip of pictures; all styles by default.
        size: (height, width) in pixels, even numbers.
        fps: frames a second.

    Raises:
        ConfigError: they cannot be made; naming what was given.
    """

    minutes: float = 10
    seed: int = 0
    questions: int = 12
    split: str = "test"
    style: str | None = None
    size: tuple[int, int] = SIZE
    fps: float = FPS

    def __post_init__(self):
        minutes, fps = self.minutes, self.fps
        check_positive(questions_a_video=self.questions, minutes=minutes, fps=fps)
        if not 1 <= minutes * 60 * fps < math.inf:  # nor NaN
            raise ConfigError(
                f"{minutes} minutes at {fps} frames a second are not one frame or more"
            )
        if self.seed < 0:
            raise ConfigError(f"seed {self.seed}: must not be negative")
        if self.split not in SPLITS:
            raise ConfigError(f"split {self.split!r}: choose from {', '.join(SPLITS)}")
        if any(side < 32 or side % 2 for side in self.size):
            raise ConfigError(f"size {self.size}: height and width must be even and at least 32")

    @property
    def num_frames(self) -> int:
        """Of each."""
        return int(self.minutes * 60 * self.fps)

    @property
    def least_bytes(self) -> float:
        """Of each."""
        return self.num_frames * math.prod(self.size) * LEAST_BYTES_A_PIXEL

    def draw(self, folder: Path, number: int, count: Callable[[int], None]) -> list[Sample]:
        """Write so many into a folder; returns questions about each.

        ``count`` is called with further frames written.
        """
        styles = STYLES if self.style is None else (self.style,)
        names, samples = drawable_names(styles), []
        for place in range(number):
            rng = np.random.default_rng((self.seed, place, SPLITS.index(self.split)))
            timeline = plan_timeline(
                rng, self.minutes * 60, names=names, split=self.split, styles=styles
            )
            name = f"{PREFIX}{self.split}-{self.seed}-{place:03d}.mp4"
            write_video(timeline, folder / name, size=self.size, fps=self.fps, written=count)
            samples += make_questions(timeline, rng, self.questions, names=names, video=name)
        return samples


def make_videos(
    out_dir: str | Path, *, num_videos: int = 1, progress: Progress | None = None, **options: Any
) -> list[Path]:
    """Write videos and ``questions.jsonl`` into a folder.

    Args:
        progress: called with frames written and the share done.
        options: of :class:`MadeVideos`.

    Raises:
        ConfigError, OutputError.
    """
    check_positive(videos=num_videos)
    videos = MadeVideos(**options)
    count = counted(progress, num_videos * videos.num_frames)
    with staged_directory(out_dir, FILES, needed=num_videos * videos.least_bytes) as stage:
        samples = videos.draw(stage, num_videos, count)
        write_samples(stage / QUESTIONS_FILE, samples)
    return [Path(out_dir) / name for name in dict.fromkeys(sample.video for sample in samples)]


def counted(progress: Progress | None, total: int) -> Callable[[int], None]:
    """What is called with further frames written, and tells those so far and their share."""
    done = 0

    def count(frames: int) -> None:
        nonlocal done
        done += frames
        if progress:
            progress(done, done / total)

    return count


def make_questions(
    timeline: Timeline,
    rng: np.random.Generator,
    number: int,
    *,
    names: list[str],
    video: str,
    wordings: str = "train",
    kinds: Sequence[str] = QUESTION_TYPES,
) -> list[Sample]:
    """Questions about a timeline, every kind in turn; two in five are multiple choice."""
    order, samples = rng.permutation(kinds), []
    for place in range(number):
        sample = make_question(
            timeline.events,
            rng,
            names,
            kind=str(order[place % len(order)]),
            multiple_choice=bool(rng.random() < MULTIPLE_CHOICE),
            wordings=wordings,
        )
        identifier = f"{Path(video).stem}-{place:03d}"
        samples.append(
            sample.model_copy(
                update={"id": identifier, "video": video, "duration": timeline.duration}
            )
        )
    return samples


def write_video(
    timeline: Timeline,
    path: Path,
    *,
    size: tuple[int, int],
    fps: float,
    written: Callable[[int], None] | None = None,
) -> None:
    """Draw and encode a timeline into a new file; the caller moves it to its place."""
    height, width = size
    rate = Fraction(fps).limit_denominator(1001)
    with av.open(path, "w") as output:
        output.metadata["title"] = MARK
        stream = output.add_stream("libx264", rate=rate, options=X264_OPTIONS)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.gop_size = max(12, int(4 * fps))
        for number, (_, frame) in enumerate(draw_frames(timeline, size, fps)):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = number, 1 / rate
            output.mux(stream.encode(picture))
            if written:
                written(1)
        output.mux(stream.encode())


VIDEOS = "videos"
DATASET_FILES = {f"{split}.jsonl": questions_kind("video_id") for split in SPLITS}
# Of the videos to train on: enough to watch the loss by, and to tell a gain of a tenth.
SHARES = {"train": 1.0, "val": 1 / 8, "test": 1 / 4}


def make_dataset(
    out_dir: str | Path,
    *,
    num_videos: int = 48,
    progress: Progress | None = None,
    minutes: float = 1,
    **options: Any,
) -> list[Path]:
    """Write ``train.jsonl``, ``val.jsonl``, ``test.jsonl`` and ``videos/`` into a folder.

    The three have no background but plain drawings in common, and no video.

    Args:
        num_videos: to train on; an eighth as many to validate and a quarter as many to test with,
            at least one.
        progress: called with frames written and the share done.
        minutes, options: of :class:`MadeVideos`.

    Returns:
        the three files.

    Raises:
        ConfigError, OutputError.
    """
    check_positive(videos=num_videos)
    videos = {split: MadeVideos(minutes, split=split, **options) for split in SPLITS}
    folder = Path(out_dir)
    numbers = {split: max(1, round(share * num_videos)) for split, share in SHARES.items()}
    needed = sum(numbers.values()) * videos["train"].least_bytes
    check_folder(folder, DATASET_FILES, needed=needed)
    count = counted(progress, sum(numbers.values()) * videos["train"].num_frames)
    with staged_directory(folder / VIDEOS, FILMS) as stage:
        samples = {split: videos[split].draw(stage, numbers[split], count) for split in numbers}
    with staged_directory(folder, DATASET_FILES) as stage:
        for split, found in samples.items():
            lines = "".join(f"{line}\n" for line in _records(found, split))
            (stage / f"{split}.jsonl").write_text(lines, encoding="utf-8")
    return [folder / name for name in DATASET_FILES]


def _records(samples: list[Sample], split: str) -> Iterator[str]:
    for sample in samples:
        record = sample.model_dump(exclude_none=True)
        video = {"id": record.pop("id"), "video_id": record.pop("video")}
        yield json.dumps(video | record | {"metadata": {"scene": "made", "split": split}})


__all__ = ["SPLITS", "make_dataset", "make_questions", "make_videos", "write_video"]
