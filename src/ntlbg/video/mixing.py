"""Sound of any form as float32 at one rate, mono or stereo."""

import av
import numpy as np

# Of whole numbers as samples, the one that stands for 1, and the one for silence.
FULL, SILENCE = {"u1": 2.0**7, "i2": 2.0**15, "i4": 2.0**31}, {"u1": 2.0**7}


class Mixer:
    """Follows frames of one form. Channels are weighted by where they stand.

    Where nobody says where they stand, all are heard alike: recorders of 9 and more microphones.

    Args:
        rate: samples a second of what is given back.
        layout: "mono" or "stereo", of what is given back.
    """

    def __init__(self, rate: int, layout: str = "mono"):
        self._rate, self._layout = rate, layout
        self._resampler = self._new()
        self._is_first, self._alike = True, False

    def mixed(self, frame: av.AudioFrame | None) -> list[np.ndarray]:
        """Samples (N,) in -1 to 1 that are ready, of one channel; as :meth:`planes`."""
        return [samples[0] for samples in self.planes(frame)]

    def planes(self, frame: av.AudioFrame | None) -> list[np.ndarray]:
        """Samples (channels, N) in -1 to 1 that are ready; None ends it and gives the rest.

        Raises:
            av.FFmpegError: there is no way to resample it.
        """
        if self._alike and frame is not None:
            frame = _mean(frame)
        try:
            made = self._resampler.resample(frame)
        except av.FFmpegError:
            if frame is None or not self._is_first:
                raise
            self._alike, self._resampler = True, self._new()
            made = self._resampler.resample(_mean(frame))
        self._is_first = False
        # what needs no resampling is handed through, and so is the None that ends it
        return [_in_range(one.to_ndarray()) for one in made if one is not None]

    def _new(self) -> av.AudioResampler:
        # weighted so that loud surround sound stays within -1 to 1
        return av.AudioResampler("fltp", self._layout, self._rate, options={"rematrix_maxval": "1"})


def _mean(frame: av.AudioFrame) -> av.AudioFrame:
    values = frame.to_ndarray()
    kind = values.dtype.str[1:]
    if not frame.format.is_planar:  # (1, N * channels)
        values = values.reshape(frame.samples, -1).T
    mean = (values.mean(axis=0, dtype=np.float64) - SILENCE.get(kind, 0.0)) / FULL.get(kind, 1.0)
    mono = av.AudioFrame.from_ndarray(mean.astype(np.float32)[None], "fltp", "mono")
    mono.sample_rate, mono.pts, mono.time_base = frame.sample_rate, frame.pts, frame.time_base
    return mono


def _in_range(samples: np.ndarray) -> np.ndarray:
    """Decoders of lossy codecs overshoot, and stored floats may be no numbers at all."""
    return np.clip(np.nan_to_num(samples, copy=False, nan=0.0), -1, 1)
