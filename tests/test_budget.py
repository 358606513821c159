"""``ask`` uses as many frames as its model can read, and says when they are fewer."""

import numpy as np
import pytest

from fakes import ColourAnswerer, ColourEncoder
from ntlbg import budget, looking, pipeline
from ntlbg.budget import affordable_frames
from ntlbg.index.store import FeatureIndex
from ntlbg.memory import Setup, Workload, model_sizes, plan_answer
from ntlbg.memory.devices import Device
from ntlbg.types import VideoIndex
from tiny_models import tiny_answerer

FRAMES = 2000
SIZE = (64, 96)
ROOM = Device("CPU", 10**11, is_gpu=False)


class Reader(ColourAnswerer):
    """Reads 8192 tokens at once: a frame is one, and its time five."""

    name, context_length, stamp_tokens = "reader", 8192, 5


class Heavy(ColourAnswerer):
    """A megabyte for every frame that is read, and a kilobyte for every one looked at."""

    def peak_bytes(self, num_frames, sampled_frames):
        return 10**6 * num_frames + 10**3 * sampled_frames


@pytest.fixture
def long_index(monkeypatch):
    """Every video has two thousand frames."""
    draw = np.random.default_rng(0)
    features = draw.random((FRAMES, ColourEncoder.feature_size), dtype=np.float32)
    meta = {"damaged": False, "height": 64, "width": 96, "duration_seconds": float(FRAMES)}
    video = VideoIndex(np.arange(float(FRAMES)), {"colour": features}, meta=meta)
    monkeypatch.setattr(looking, "index_video", lambda *args, **kwargs: video)
    monkeypatch.setattr(budget, "main_memory", lambda: ROOM)


def test_more_frames_than_the_model_reads(long_index, colour_video, tmp_path):
    answer = pipeline.ask(colour_video, "When is it red?", model=Reader(), num_frames=1800,
                          selector="uniform", index=FeatureIndex(tmp_path))  # fmt: skip
    most = (8192 - 96) // 6
    assert len(answer.evidence) == most
    assert answer.notes == [
        f"1800 frames are 10896 tokens, reader reads 8192: {most} frames are used"
    ]
    assert answer.usage["frames_requested"] == 1800


def test_a_budget_that_the_model_reads(long_index, colour_video, tmp_path):
    answer = pipeline.ask(colour_video, "When is it red?", model=Reader(), num_frames=64,
                          selector="uniform", index=FeatureIndex(tmp_path))  # fmt: skip
    assert (len(answer.evidence), answer.notes) == (64, [])


def test_selecting_alone_has_no_such_limit(long_index, colour_video, tmp_path):
    moments = pipeline.select(colour_video, model=Reader(), num_frames=1800,
                              selector="uniform", index=FeatureIndex(tmp_path))  # fmt: skip
    assert len(moments.evidence) == 1800


def test_as_many_frames_as_the_context_allows():
    assert affordable_frames(Reader(), 16, FRAMES, SIZE, device=ROOM) == (16, None)
    frames, why = affordable_frames(Reader(), 5000, FRAMES, SIZE, device=ROOM)
    assert frames == (8192 - 96) // 6
    assert why == f"5000 frames are 30096 tokens, reader reads 8192: {frames} frames are used"


def test_as_many_frames_as_memory_allows():
    little = Device("CPU", 4 * 10**8, is_gpu=False)
    most = (little.usable_bytes - 10**6) // 10**6  # a megabyte is for those that are looked at
    frames, why = affordable_frames(Heavy(), 1000, 1000, SIZE, device=little)
    assert frames == most
    assert why == f"1000 frames need 1 GB, there are 0.38: {most} frames are used"
    assert affordable_frames(Heavy(), most, 1000, SIZE, device=little) == (most, None)


def test_without_limits_all_are_read():
    nothing = Device("CPU", 1, is_gpu=False)
    assert affordable_frames(ColourAnswerer(), 5000, FRAMES, SIZE, device=nothing) == (5000, None)


def test_a_model_of_our_own_kind_says_what_it_needs():
    """512 positions; and the memory that a plan of its sizes has."""
    answerer = tiny_answerer()
    frames, why = affordable_frames(answerer, 200, FRAMES, SIZE, device=ROOM)
    assert frames == (512 - 96) // 6
    assert why == f"200 frames are 1296 tokens, tiny reads 512: {frames} frames are used"
    sizes = model_sizes(answerer.model.config, "tiny")
    for chosen in (8, 64):
        plan = plan_answer(sizes, Workload(FRAMES, chosen), Setup(4))
        assert answerer.peak_bytes(chosen, FRAMES) == plan.at("read the prompt")
    few = Device("CPU", answerer.peak_bytes(8, FRAMES), is_gpu=False)
    frames, why = affordable_frames(answerer, 64, FRAMES, SIZE, device=few)
    assert frames < 8  # of main memory a share is left to others
    assert f": {frames} frames are used" in why
