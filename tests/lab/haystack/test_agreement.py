"""Drawing in memory, as training and evaluation do, against encoding and decoding a video."""

import numpy as np
import pytest

from ntlbg.encoders import ENCODERS
from ntlbg.models.builtin.vocabulary import object_names
from ntlbg.video import sample_frames
from ntlbg_lab.haystack import write_video
from ntlbg_lab.haystack.timeline import draw_frames, plan_timeline


@pytest.fixture(scope="module")
def encoder():
    return ENCODERS["builtin"]()


def test_features_of_drawn_and_decoded_frames_agree(tmp_path, encoder):
    """Mean cosine, needle frames and empty frames: 448 x 256 H.264 against drawn at 224 x 128."""
    rng = np.random.default_rng(12)
    plan = plan_timeline(rng, 90, names=list(object_names()))
    write_video(plan, tmp_path / "video.mp4", size=(256, 448), fps=4)
    drawn = [frame for _, frame in draw_frames(plan, encoder.image_size, 1.0)]
    decoded = [
        frames.data for frames in sample_frames(tmp_path / "video.mp4", size=encoder.image_size)
    ]
    first = encoder.encode_frames(np.stack(drawn))
    second = encoder.encode_frames(np.concatenate(decoded))
    cosine = (first * second).sum(1)
    shown = np.array([any(e.start <= t < e.end for e in plan.events) for t in range(90)])
    assert shown.sum() >= 6
    assert cosine[shown].mean() > 0.93
    assert cosine[~shown].mean() > 0.93
    # the comparison can fail: other frames are far apart
    assert (first[shown] * np.roll(second, 30, axis=0)[shown]).sum(1).mean() < 0.6
