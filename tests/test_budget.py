"""Frames and their size fit the tokens, the context and the memory there are; else it is said."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import ColourAnswerer, ColourEncoder
from ntlbg import budget, looking, pipeline
from ntlbg.answerers import Habits
from ntlbg.budget import check_used, plan_frames
from ntlbg.errors import BudgetError, InvalidBudget
from ntlbg.index.store import FeatureIndex
from ntlbg.memory import Setup, Workload, model_sizes, plan_answer
from ntlbg.memory.devices import Device
from ntlbg.question import parse_question
from ntlbg.types import Plan, Reply, VideoIndex
from tiny_models import tiny_answerer

FRAMES = 2000
SIZE = (64, 96)
ROOM = Device("CPU", 10**11, is_gpu=False)
QUESTION = parse_question("When is it red?")


class Reader(ColourAnswerer):
    """Reads 8192 tokens at once: a frame is one, and its time five."""

    name, context_length, stamp_tokens = "reader", 8192, 5


class Heavy(ColourAnswerer):
    """A megabyte for every frame that is read, and a kilobyte for every one looked at."""

    def peak_bytes(self, num_frames, sampled_frames, size, text_tokens):
        return 10**6 * num_frames + 10**3 * sampled_frames


class Patches(ColourAnswerer):
    """A token for every 16 x 16 pixels, in pictures of any multiple of that."""

    name, habits = "patches", Habits(num_frames=32)

    def cost(self, num_frames, height, width):
        return num_frames * (height // 16) * (width // 16)

    def picture_sizes(self, height, width):
        return [(16 * side, 16 * side) for side in range(40, 2, -1)]


class CloseLook(Patches):
    """As some models, it looks at a single picture more closely than at each of several."""

    def cost(self, num_frames, height, width):
        return super().cost(num_frames if num_frames != 1 else 5, height, width)


def planned(answerer, num_frames=None, *, cap=None, device=ROOM, sampled=FRAMES, **more):
    """Frames, and why they are fewer."""
    plan, notes = plan_frames(
        answerer, QUESTION, SIZE, sampled, num_frames=num_frames, max_visual_tokens=cap,
        device=device, **more,
    )  # fmt: skip
    return plan.num_frames, " ".join(notes)


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
    assert planned(Reader(), 16) == (16, "")
    frames, why = planned(Reader(), 5000, sampled=6000)
    assert frames == (8192 - 96) // 6
    assert why == f"5000 frames are 30096 tokens, reader reads 8192: {frames} frames are used"


def test_as_many_frames_as_memory_allows():
    little = Device("CPU", 4 * 10**8, is_gpu=False)
    most = (little.usable_bytes - 10**6) // 10**6  # a megabyte is for those that are looked at
    frames, why = planned(Heavy(), 1000, sampled=1000, device=little)
    assert frames == most
    assert why == f"1000 frames need 1 GB, there are 0.38: {most} frames are used"
    assert planned(Heavy(), most, sampled=1000, device=little) == (most, "")


def test_without_limits_all_are_read():
    nothing = Device("CPU", 1, is_gpu=False)
    assert planned(ColourAnswerer(), 5000, sampled=6000, device=nothing) == (5000, "")


def test_a_model_of_our_own_kind_says_what_it_needs():
    """512 positions; and the memory that a plan of its sizes has."""
    answerer = tiny_answerer()

    def tokens(number):
        return number + answerer.text_tokens(QUESTION, number, 0.0)

    frames, why = planned(answerer, 200)
    assert tokens(frames) <= 512 < tokens(frames + 1)
    assert why == f"200 frames are {tokens(200)} tokens, tiny reads 512: {frames} frames are used"
    sizes = model_sizes(answerer.model.config, "tiny")
    for chosen in (8, 64):
        plan = plan_answer(sizes, Workload(FRAMES, chosen), Setup(4))
        assert answerer.peak_bytes(chosen, FRAMES, SIZE, 96) == plan.at("read the prompt")
    few = Device("CPU", answerer.peak_bytes(8, FRAMES, SIZE, 96), is_gpu=False)
    frames, why = planned(answerer, 64, device=few)
    assert frames < 8  # of main memory a share is left to others
    assert why.endswith(f": {frames} frames are used")


@settings(deadline=None, max_examples=300)
@given(
    answerer=st.sampled_from([Patches(), CloseLook()]),
    cap=st.integers(1, 60000),
    num_frames=st.none() | st.integers(1, 200),
    sampled=st.integers(1, 300),
)
def test_the_cap_is_hard_and_the_pictures_are_as_large_as_it_allows(
    answerer, cap, num_frames, sampled
):
    """Against all sizes and numbers, one by one."""
    sizes = answerer.picture_sizes(*SIZE)
    wanted = min(num_frames or 32, sampled)
    try:
        plan, _ = plan_frames(answerer, QUESTION, SIZE, sampled, num_frames=num_frames,
                              max_visual_tokens=cap, device=ROOM)  # fmt: skip
    except BudgetError:
        least = answerer.cost(wanted if num_frames else 1, *sizes[-1])
        assert least > cap
        return
    assert plan.visual_tokens == answerer.cost(plan.num_frames, plan.height, plan.width) <= cap
    larger = sizes[: sizes.index((plan.height, plan.width))]
    assert all(answerer.cost(plan.num_frames, *size) > cap for size in larger)
    if num_frames is not None:
        assert plan.num_frames == wanted  # never fewer than somebody asked for
    elif plan.num_frames < wanted:
        useful = (224, 224)
        floor = useful if answerer.cost(1, *useful) <= cap or plan.num_frames > 1 else sizes[-1]
        more = range(plan.num_frames + 1, wanted + 1)
        assert all(answerer.cost(number, *floor) > cap for number in more)


def test_too_few_tokens_are_an_error_that_says_what_would_do():
    with pytest.raises(BudgetError, match=r"^8 frames take at least 72 visual tokens, the cap is "
                       r"50; give --max-visual-tokens 72, or at most 5 frames$"):  # fmt: skip
        planned(Patches(), 8, cap=50)
    assert planned(Patches(), 5, cap=50) == (5, "")
    assert planned(Patches(), 8, cap=72) == (8, "")
    with pytest.raises(BudgetError, match="one frame takes at least 9 visual tokens of patches, "
                       "the cap is 8; give --max-visual-tokens 9 or more"):  # fmt: skip
        planned(Patches(), cap=8)
    short = Reader()
    short.context_length = 99
    with pytest.raises(BudgetError, match="one frame and the question are 102 tokens, reader reads "
                       "99; ask a shorter question, or another model"):  # fmt: skip
        planned(short, 3)


class ScalesUp(Patches):
    """Shows what is smaller than 224 pixels in 448, as some processors do."""

    def cost(self, num_frames, height, width):
        side = 448 if max(height, width) < 224 else max(height, width)
        return super().cost(num_frames, side, side)


def test_a_smaller_picture_that_takes_more_is_not_the_least():
    answerer = ScalesUp()
    least = min(answerer.cost(8, *size) for size in answerer.picture_sizes(*SIZE))
    assert (
        least == answerer.cost(8, 224, 224) < answerer.cost(8, *answerer.picture_sizes(*SIZE)[-1])
    )
    with pytest.raises(BudgetError, match=f"8 frames take at least {least} visual tokens"):
        planned(answerer, 8, cap=least - 1)
    assert planned(answerer, 8, cap=least) == (8, "")


@pytest.mark.parametrize("cap", ["100", 100.5, True, float("nan"), -1, 0])
def test_a_cap_that_is_no_number_of_tokens_is_refused(cap):
    with pytest.raises(BudgetError, match=r"max_visual_tokens is .*; give a whole number of at"):
        planned(Patches(), 8, cap=cap)


@pytest.mark.parametrize("habits", [Habits(num_frames=2.5), Habits(frames_of=lambda looked: 0)])
def test_habits_that_are_no_number_of_frames_are_refused(habits):
    answerer = ColourAnswerer()
    answerer.habits = habits
    with pytest.raises(InvalidBudget, match="a whole number of at least 1"):
        plan_frames(answerer, QUESTION, SIZE, FRAMES, device=ROOM)


def test_fewer_frames_are_said_where_the_cap_demands_it():
    assert planned(Patches(), cap=1000) == (
        5, "32 frames of 224x224 pixels are 6272 visual tokens, the cap is 1000: 5 frames are used"
    )  # fmt: skip


def test_the_context_holds_the_question_too():
    class Long(Reader):
        def text_tokens(self, question, num_frames, last_seconds):
            return len(question.text) + num_frames * len(str(last_seconds))

    frames, _ = planned(Long(), 5000, sampled=6000, last_seconds=3599.5)
    assert frames == (8192 - len(QUESTION.text)) // (1 + len("3599.5"))


def test_what_is_used_is_what_was_planned():
    plan, answerer = Plan(4, 64, 96, 40), ColourAnswerer()
    check_used(plan, Reply("red", None, 40), answerer)
    check_used(plan, Reply("red", None, None), answerer)  # a server that does not say
    for used in (39, 41):
        with pytest.raises(BudgetError, match=f"colours read {used} visual tokens, 40 were plan"):
            check_used(plan, Reply("red", None, used), answerer)
    answerer.tokens_are_exact = False  # it compresses: 40 is the most
    check_used(plan, Reply("red", None, 39), answerer)
    with pytest.raises(BudgetError):
        check_used(plan, Reply("red", None, 41), answerer)


def test_what_cannot_fit_is_refused_before_the_film_is_read(colour_video, tmp_path):
    answerer = Patches()
    with pytest.raises(BudgetError, match="20 frames take at least 180 visual tokens"):
        pipeline.ask(colour_video, "Is it red?", model=answerer, num_frames=20,
                     max_visual_tokens=100, index=FeatureIndex(tmp_path))  # fmt: skip
    assert answerer.encoder.encoded == 0


def test_ask_holds_the_cap_and_says_what_was_used(colour_video, tmp_path):
    class Wasteful(ColourAnswerer):
        def answer(self, question, given):
            reply = super().answer(question, given)
            return replace(reply, visual_tokens=reply.visual_tokens + 1)

    how = {"num_frames": 5, "max_visual_tokens": 5, "index": FeatureIndex(tmp_path)}
    answer = pipeline.ask(colour_video, "Is it red?", model=ColourAnswerer(), **how)
    assert answer.usage["visual_tokens"] == 5
    with pytest.raises(BudgetError, match="6 visual tokens, 5 were planned"):
        pipeline.ask(colour_video, "Is it red?", model=Wasteful(), **how)
