"""How many frames a model can read here, before anything is read."""

from ntlbg.answerers import Answerer
from ntlbg.memory.devices import GIGABYTE, Device, main_memory
from ntlbg.memory.plan import Workload, largest_fitting

TEXT_TOKENS = Workload.text_tokens  # of question and answer


def affordable_frames(
    answerer: Answerer,
    num_frames: int,
    sampled_frames: int,
    size: tuple[int, int],
    *,
    device: Device | None = None,
) -> tuple[int, str | None]:
    """The frames of a budget that a model can read, and a note when they are fewer.

    Args:
        num_frames: asked for.
        sampled_frames: looked at.
        size: (height, width) of a frame in pixels as it is given to the model.
        device: None is the main memory of this machine.

    Returns:
        (frames, None), or (fewer frames, why).
    """
    device = device or main_memory()

    def tokens(number: int) -> int:
        return answerer.cost(number, *size) + number * answerer.stamp_tokens + TEXT_TOKENS

    def has_room(number: int) -> bool:
        return answerer.context_length is None or tokens(number) <= answerer.context_length

    def fits(number: int) -> bool:
        # the weights are in memory already, or will be whatever the number of frames is
        need = answerer.peak_bytes(number, sampled_frames) if has_room(number) else None
        return has_room(number) and (need is None or need <= device.usable_bytes)

    most = max(1, largest_fitting(fits, num_frames))
    if most >= num_frames:
        return num_frames, None
    if not has_room(num_frames):
        why = (
            f"{num_frames} frames are {tokens(num_frames)} tokens, {answerer.name} reads "
            f"{answerer.context_length}"
        )
    else:
        need = answerer.peak_bytes(num_frames, sampled_frames) / GIGABYTE
        have = device.usable_bytes / GIGABYTE
        why = f"{num_frames} frames need {need:.3g} GB, there are {have:.3g}"
    return most, f"{why}: {most} frames are used"
