"""``ask`` uses as many frames as its model can read, and says when they are fewer."""

import numpy as np
import pytest

from fakes import ColourAnswerer, ColourEncoder
from ntlbg import pipeline
from ntlbg.index.store import FeatureIndex, IndexedVideo
from ntlbg.memory import budget
from ntlbg.memory.devices import Device

FRAMES = 2000


@pytest.fixture
def long_index(monkeypatch):
    """Every video has two thousand frames."""
    draw = np.random.default_rng(0)
    features = draw.random((FRAMES, ColourEncoder.feature_size), dtype=np.float32)
    meta = {"damaged": False, "height": 64, "width": 96, "duration_seconds": float(FRAMES)}
    video = IndexedVideo(features, np.arange(FRAMES, dtype=np.float64), meta)
    monkeypatch.setattr(pipeline, "index_video", lambda *args, **kwargs: video)
    monkeypatch.setattr(budget, "main_memory", lambda: Device("CPU", 10**11, is_gpu=False))


def named_builtin() -> ColourAnswerer:
    answerer = ColourAnswerer()
    answerer.name = "builtin"
    return answerer


def test_more_frames_than_the_model_reads(long_index, colour_video, tmp_path):
    answerer = named_builtin()
    answer = pipeline.ask(colour_video, "When is it red?", model=answerer, num_frames=1800,
                          selector="uniform", index=FeatureIndex(tmp_path))  # fmt: skip
    most = (8192 - 96) // 6
    assert len(answer.evidence) == most
    assert answer.notes == [
        f"1800 frames are 10896 tokens, builtin reads 8192: {most} frames are used"
    ]
    assert answer.usage["frames_requested"] == 1800


def test_a_budget_that_the_model_reads(long_index, colour_video, tmp_path):
    answer = pipeline.ask(colour_video, "When is it red?", model=named_builtin(), num_frames=64,
                          selector="uniform", index=FeatureIndex(tmp_path))  # fmt: skip
    assert (len(answer.evidence), answer.notes) == (64, [])


def test_selecting_alone_has_no_such_limit(long_index, colour_video, tmp_path):
    moments = pipeline.select(colour_video, model=named_builtin(), num_frames=1800,
                              selector="uniform", index=FeatureIndex(tmp_path))  # fmt: skip
    assert len(moments.evidence) == 1800
