"""Frames check themselves."""

import numpy as np
import pytest

from ntlbg.video import Frames


def test_frames_check_themselves():
    data, pts_seconds = np.zeros((3, 4, 5, 3), np.uint8), np.arange(3.0)
    frames = Frames(data, pts_seconds)
    assert len(frames) == 3
    assert frames[1:].pts_seconds.tolist() == [1, 2]
    assert frames[np.array([2, 0])].pts_seconds.tolist() == [2, 0]
    for bad_data, bad_times in [
        (data.astype(np.float32), pts_seconds),
        (data[..., :1], pts_seconds),
        (data[0], pts_seconds),
        (data, pts_seconds[:2]),
        (data, pts_seconds.astype(np.float32)),
        (data, np.array([0, np.nan, 1])),
    ]:
        with pytest.raises(ValueError, match=r"(data|pts_seconds) must"):
            Frames(bad_data, bad_times)
    with pytest.raises(TypeError, match="slice"):
        frames[1]
