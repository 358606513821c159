"""The sound of a stretch of a film, cut to the sample."""

import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import chain, groupby
from operator import itemgetter

import av
import numpy as np

from ntlbg.errors import NoSoundError, UnsupportedCodecError
from ntlbg.video import ReadReport
from ntlbg.video.audio import in_runs, sound_form, sound_frames
from ntlbg.video.mixing import Mixer

# Samples a second that AAC has (ISO/IEC 14496-3, table of sampling frequencies).
AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
USUAL_RATE = 48_000  # of films; for sound at any other rate
END = 0, 0.0, None  # of a run


@dataclass(frozen=True)
class SoundForm:
    """Of the sound of a clip: that of the film, as far as AAC has it and every player plays it.

    Attributes:
        rate: samples a second.
        layout: "mono", or "stereo" for all with more channels.
    """

    rate: int
    layout: str

    @property
    def channels(self) -> int:
        return 1 if self.layout == "mono" else 2


def form_of(path: str | os.PathLike) -> tuple[SoundForm | None, list[str]]:
    """None for a film without sound; and why sound cannot be read that is there.

    Raises:
        VideoError: the file cannot be opened.
    """
    try:
        rate, channels = sound_form(path)
    except NoSoundError:
        return None, []
    except UnsupportedCodecError as error:
        return None, [f"the clips have no sound: {error}"]
    layout = "mono" if channels == 1 else "stereo"
    return SoundForm(rate if rate in AAC_RATES else USUAL_RATE, layout), []


def sound_of(
    path: str | os.PathLike, form: SoundForm, start: float, count: int, report: ReadReport
) -> Generator[np.ndarray, None, None]:
    """``count`` samples in blocks (channels, N), float32 in -1 to 1, silence where there are none.

    Args:
        start: of the first one, in seconds from the first picture.
        report: counters to add to.
    """
    position = 0
    for index, samples in _placed(path, form, start, report):
        if position >= count:
            return
        for silence in _silence(form, min(index, count) - position):
            position += silence.shape[1]
            yield silence
        own = samples[:, max(position - index, 0) : max(count - index, 0)]
        if own.shape[1]:
            position += own.shape[1]
            yield own
    yield from _silence(form, count - position)


def _silence(form: SoundForm, count: int) -> Iterator[np.ndarray]:
    """In blocks of a second at most."""
    for first in range(0, count, form.rate):
        yield np.zeros((form.channels, min(form.rate, count - first)), np.float32)


def _placed(
    path: str | os.PathLike, form: SoundForm, start: float, report: ReadReport
) -> Iterator[tuple[int, np.ndarray]]:
    """Samples (channels, N), and the number of the first one counted from ``start``."""
    for _, run in groupby(in_runs(sound_frames(path, start, report)), key=itemgetter(0)):
        mixer, index = Mixer(form.rate, form.layout), None
        try:
            for _, seconds, frame in chain(run, [END]):
                index = round((seconds - start) * form.rate) if index is None else index
                for samples in mixer.planes(frame):
                    yield index, samples
                    index += samples.shape[1]
        except av.FFmpegError:  # there is no way to mix it: silence in its place
            report.lost += 1
