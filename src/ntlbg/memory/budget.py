"""How many frames a model can read here, before anything is read."""

from dataclasses import replace

from ntlbg.memory.devices import GIGABYTE, Device, main_memory
from ntlbg.memory.plan import Workload, largest, plan_answer, sequence_tokens
from ntlbg.memory.sizes import KNOWN, base_sizes


def affordable_frames(
    model: str, num_frames: int, sampled_frames: int = 3600, *, device: Device | None = None
) -> tuple[int, str | None]:
    """The frames of a budget that a model can read, and a note when they are fewer.

    Args:
        model: a name in KNOWN; of others nothing is known, and the budget stays.
        num_frames: asked for.
        sampled_frames: looked at.
        device: None is the main memory of this machine.

    Returns:
        (frames, None), or (fewer frames, why).
    """
    if model not in KNOWN:
        return num_frames, None
    sizes, device = base_sizes(model), device or main_memory()
    work, positions = Workload(max(sampled_frames, 1), num_frames), sizes.text.max_positions

    def needed(number: int) -> int:
        # the weights are in memory already, or will be whatever the number of frames is
        plan = plan_answer(sizes, replace(work, num_frames=number))
        return plan.at("read the prompt")

    def fits(number: int) -> bool:
        tokens = sequence_tokens(sizes, replace(work, num_frames=number))
        return tokens <= positions and needed(number) <= device.usable_bytes

    most = max(1, largest(fits, num_frames))
    if most >= num_frames:
        return num_frames, None
    tokens = sequence_tokens(sizes, work)
    why = f"{num_frames} frames are {tokens} tokens, {model} reads {positions}"
    if tokens <= positions:
        need, have = needed(num_frames) / GIGABYTE, device.usable_bytes / GIGABYTE
        why = f"{num_frames} frames need {need:.3g} GB, there are {have:.3g}"
    return most, f"{why}: {most} frames are used"
