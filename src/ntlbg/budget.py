"""How many frames, and how large, so that they fit the tokens and the memory there are.

k frames chosen, T looked at. Sizes are (height, width) in pixels.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from ntlbg.answerers import Answerer
from ntlbg.errors import BudgetError
from ntlbg.memory.devices import GIGABYTE, Device, main_memory
from ntlbg.memory.plan import largest_fitting
from ntlbg.types import Plan, Question, Reply

Size = tuple[int, int]

# Where nobody says how many frames, they are not made smaller than this to have more of them: the
# longer side in pixels. It is what SigLIP and CLIP read, so a scene can still be recognised.
SMALLEST_USEFUL_SIDE = 224


@dataclass(frozen=True)
class Room:
    """What frames of a video have to fit into.

    Attributes:
        answerer: that reads them.
        question: beside them in its context.
        sampled_frames: T.
        last_seconds: the latest time that may stand before a frame.
        max_visual_tokens: cap; None for none.
        device: whose memory there is.
        told_tokens: of passages, which are read beside the question.
    """

    answerer: Answerer
    question: Question
    sampled_frames: int
    last_seconds: float
    max_visual_tokens: int | None
    device: Device
    told_tokens: int = 0

    def tokens(self, number: int, size: Size) -> int:
        """Of the prompt and the answer."""
        return self.answerer.cost(number, *size) + self.text_tokens(number)

    def text_tokens(self, number: int) -> int:
        """Of those what does not stand for frames."""
        text = self.answerer.text_tokens(self.question, number, self.last_seconds)
        return text + self.told_tokens

    def within_cap(self, number: int, size: Size) -> bool:
        cap = self.max_visual_tokens
        return cap is None or self.answerer.cost(number, *size) <= cap

    def within_context(self, number: int, size: Size) -> bool:
        length = self.answerer.context_length
        return length is None or self.tokens(number, size) <= length

    def needed(self, number: int, size: Size) -> int | None:
        """Bytes of memory, weights included."""
        text = self.text_tokens(number)
        return self.answerer.peak_bytes(number, self.sampled_frames, size, text)

    def within_memory(self, number: int, size: Size) -> bool:
        need = self.needed(number, size)
        return need is None or need <= self.device.usable_bytes

    def fits(self, number: int, size: Size) -> bool:
        return (
            self.within_cap(number, size)
            and self.within_context(number, size)
            and self.within_memory(number, size)
        )


def plan_frames(
    answerer: Answerer,
    question: Question,
    size: Size,
    sampled_frames: int,
    *,
    num_frames: int | None = None,
    max_visual_tokens: int | None = None,
    last_seconds: float = 0.0,
    told_tokens: int = 0,
    device: Device | None = None,
) -> tuple[Plan, list[str]]:
    """The most frames up to those asked for that a model can read, as large as there is room.

    Args:
        size: of the video's pictures.
        num_frames: asked for; None: as many as the model usually takes, fewer if the tokens
            demand it.
        max_visual_tokens: hard cap on the tokens that stand for the frames; None is the model's
            own, if it has one.
        last_seconds: of the last frame looked at.
        told_tokens: of passages that are read beside the question.
        device: None is the one that the answerer computes on, or else the main memory here.

    Returns:
        The plan, and a sentence for each reason why there are fewer frames.

    Raises:
        BudgetError: the frames asked for exceed the cap even at their smallest, not one fits, or
            a cap was given for a model whose tokens nobody counts.
    """
    _check_number(max_visual_tokens)
    planned = partial(_planned, answerer, question, size, sampled_frames, num_frames,
                      max_visual_tokens, last_seconds, told_tokens, device)  # fmt: skip
    try:
        return planned()
    except BudgetError:
        if not answerer.recount():
            raise
    return planned()


def _planned(
    answerer: Answerer,
    question: Question,
    size: Size,
    sampled_frames: int,
    num_frames: int | None,
    max_visual_tokens: int | None,
    last_seconds: float,
    told_tokens: int,
    device: Device | None,
) -> tuple[Plan, list[str]]:
    if max_visual_tokens is not None and not answerer.counts_tokens:
        raise BudgetError(
            f"nobody says how many tokens {answerer.name} reads, so that --max-visual-tokens "
            f"{max_visual_tokens} cannot be kept; leave it out, and give --frames"
        )
    cap = answerer.habits.max_visual_tokens if max_visual_tokens is None else max_visual_tokens
    device = device or answerer.device() or main_memory()
    room = Room(answerer, question, sampled_frames, last_seconds, cap, device, told_tokens)
    wanted = min(num_frames or answerer.habits.budget(sampled_frames), sampled_frames)
    sizes = _cheaper_and_cheaper(answerer, size, wanted)
    if num_frames is not None:
        _check_cap(room, wanted, sizes[-1])
    floor = sizes[-1] if num_frames is not None else _smallest_useful(sizes)
    number = _most(lambda count: room.fits(count, floor), wanted)
    if not number:
        floor = sizes[-1]
        number = _most(lambda count: room.fits(count, floor), wanted)
    if not number:
        sizes = _cheaper_and_cheaper(answerer, size, 1)
        number = int(room.fits(1, sizes[-1]))
    if not number:
        raise BudgetError(_not_even_one(room, sizes[-1]))
    chosen = _largest(room, number, sizes)
    plan = Plan(number, *chosen, answerer.cost(number, *chosen))
    return plan, [] if number == wanted else [_why_fewer(room, number, wanted, floor)]


def check_used(
    plan: Plan, reply: Reply, answerer: Answerer, max_visual_tokens: int | None = None
) -> None:
    """Whether what was read is what was planned, and within the cap if one was given.

    Raises:
        BudgetError: it is not: the answer rests on something else. Or a cap was given, and nobody
            says what was read.
    """
    used = reply.visual_tokens
    if used is None and max_visual_tokens is not None:
        raise BudgetError(
            f"{answerer.name} does not say how many tokens it read, so that --max-visual-tokens "
            f"{max_visual_tokens} could not be checked, and its answer does not count; leave it "
            "out, and give --frames"
        )
    if used is None or used == plan.visual_tokens:
        return
    most = plan.visual_tokens + answerer.slack(plan)
    if max_visual_tokens is not None:
        most = min(most, max_visual_tokens)
    if answerer.tokens_are_exact or used > most:
        raise BudgetError(
            f"{answerer.name} read {used} visual tokens, {plan.visual_tokens} were planned; this "
            "is a fault of ours or of the model's processor, so its answer does not count"
        )


def _check_number(max_visual_tokens: object) -> None:
    number, is_bool = max_visual_tokens, isinstance(max_visual_tokens, bool)
    if number is not None and (not isinstance(number, int) or is_bool or number < 1):
        raise BudgetError(
            f"max_visual_tokens is {max_visual_tokens!r}; give a whole number of at least 1"
        )


def _cheaper_and_cheaper(answerer: Answerer, size: Size, number: int) -> list[Size]:
    """Sizes of pictures, the largest first, each with fewer tokens than the one before.

    Some processors scale up what is very small or narrow, so that a smaller one takes more.
    """
    sizes = answerer.picture_sizes(*size)
    if answerer.counting_is_slow:
        return sizes
    found = sizes[:1]
    for one in sizes[1:]:
        if answerer.cost(min(number, 2), *one) < answerer.cost(min(number, 2), *found[-1]):
            found.append(one)
    return found


def _most(fits: Callable[[int], bool], wanted: int) -> int:
    """The most frames up to ``wanted`` that fit, 0 for none.

    From two on, more take more; a single one may take more than two, as models look closer at it.
    """
    several = largest_fitting(lambda count: fits(max(count, 2)), wanted) if wanted > 1 else 0
    return several or int(fits(1))


def _largest(room: Room, number: int, sizes: Sequence[Size]) -> Size:
    """The first of the sizes, largest first, in which so many frames fit; the last one does."""
    # few are tried: to count the tokens of a size may be a request to a server
    return sizes[bisect_left(sizes[:-1], True, key=lambda size: room.fits(number, size))]


def _smallest_useful(sizes: Sequence[Size]) -> Size:
    useful = [size for size in sizes if max(size) >= SMALLEST_USEFUL_SIDE]
    return useful[-1] if useful else sizes[0]


def _check_cap(room: Room, number: int, smallest: Size) -> None:
    if room.within_cap(number, smallest):
        return
    least = room.answerer.cost(number, *smallest)
    most = _most(lambda count: room.within_cap(count, smallest), number)
    instead = f"or at most {_frames(most)}" if most else "or a model whose pictures take less"
    raise BudgetError(
        f"{_frames(number)} {_take(number)} at least {least} visual tokens, the cap is "
        f"{room.max_visual_tokens}; give --max-visual-tokens {least}, {instead}"
    )


def _not_even_one(room: Room, smallest: Size) -> str:
    answerer = room.answerer
    if not room.within_cap(1, smallest):
        least = answerer.cost(1, *smallest)
        return (
            f"one frame takes at least {least} visual tokens of {answerer.name}, the cap is "
            f"{room.max_visual_tokens}; give --max-visual-tokens {least} or more"
        )
    if not room.within_context(1, smallest):
        told = f" and {room.told_tokens} of what is said" if room.told_tokens else ""
        less = "leave --transcript at best, " if told else ""
        asked = "the question with its options" if room.question.options else "the question"
        return (
            f"one frame and {asked}{told} are {room.tokens(1, smallest)} tokens, "
            f"{answerer.name} reads {answerer.context_length}; {less}ask a shorter question, or "
            "another model"
        )
    return f"one frame {_memory(room, 1, smallest)}; free some memory, or take another model"


def _why_fewer(room: Room, number: int, wanted: int, floor: Size) -> str:
    if not room.within_cap(wanted, floor):
        why = (
            f"{_frames(wanted)} of {floor[1]}x{floor[0]} pixels are "
            f"{room.answerer.cost(wanted, *floor)} visual tokens, the cap is "
            f"{room.max_visual_tokens}"
        )
    elif not room.within_context(wanted, floor):
        why = (
            f"{_frames(wanted)} are {room.tokens(wanted, floor)} tokens, {room.answerer.name} "
            f"reads {room.answerer.context_length}"
        )
    else:
        why = f"{_frames(wanted)} {_memory(room, wanted, floor)}"
    return f"{why}: {_frames(number)} {'is' if number == 1 else 'are'} used"


def _memory(room: Room, number: int, size: Size) -> str:
    need = room.needed(number, size)
    assert need is not None  # else it fits
    verb, have = "needs" if number == 1 else "need", room.device.usable_bytes / GIGABYTE
    return f"{verb} {need / GIGABYTE:.3g} GB, there are {have:.3g}"


def _take(number: int) -> str:
    return "takes" if number == 1 else "take"


def _frames(number: int) -> str:
    return "one frame" if number == 1 else f"{number} frames"
