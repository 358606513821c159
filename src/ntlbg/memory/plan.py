"""Bytes per part and per moment, for answering and for training."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ntlbg.encoders.builtin import BATCH_SIZE
from ntlbg.memory.activations import (
    ADAMW_STATES,
    FP32,
    Pass,
    Setup,
    gradient_bytes,
    kept_bytes,
    key_value_cache,
    layer_activations,
    logits_bytes,
    step_peak,
)
from ntlbg.memory.devices import Device
from ntlbg.memory.frames import (
    block_bytes,
    cells_per_frame,
    fused_bytes,
    lstm_backward,
    ntlbg_kept,
    ntlbg_transient,
    pixel_bytes,
    scoring_bytes,
    tower_activations,
    tower_pixel_bytes,
    vision_activations,
    vision_widths,
)
from ntlbg.memory.sizes import ModelSizes

# "<3599.5 seconds>" by the tokenizer of Qwen2-VL, and the marks before and after a picture.
MARKED_STAMP_TOKENS = 13
MOST = 2**24  # frames, tokens or videos; nothing real is larger


@dataclass(frozen=True)
class Workload:
    """What is read at once.

    Attributes:
        sampled_frames: T, looked at and kept as features.
        num_frames: k, chosen of them and read by the language model.
        frame_size: height and width in pixels as a vision-language model reads them.
        batch: videos at once.
        text_tokens: of question and answer.
        stamp_tokens: of the time that stands before a frame.
        answer_tokens: that training computes logits for.
        max_visual_tokens: of frames that a vision-language model reads with a rich point each.
    """

    sampled_frames: int
    num_frames: int
    frame_size: tuple[int, int] = (224, 224)
    batch: int = 1
    text_tokens: int = 96
    stamp_tokens: int = 5
    answer_tokens: int = 16
    max_visual_tokens: int | None = None


@dataclass(frozen=True)
class Plan:
    """Bytes.

    Attributes:
        purpose: "answer" or "train".
        parts: of each part, by name.
        moments: which parts are there at the same time, by what happens then.
        tokens: of one sequence.
    """

    purpose: str
    parts: dict[str, int]
    moments: dict[str, tuple[str, ...]]
    tokens: int

    def at(self, moment: str) -> int:
        """Bytes at a moment."""
        return sum(self.parts[name] for name in self.moments[moment])

    @property
    def highest(self) -> str:
        """The moment that needs most."""
        return max(self.moments, key=self.at)

    @property
    def peak(self) -> int:
        return self.at(self.highest)


def sequence_tokens(model: ModelSizes, work: Workload) -> int:
    """Tokens of one sequence: frames, question and answer.

    A frame is a rich point and its time, or the patches of a vision-language model. LongVU fills
    its context, however many frames there are.
    """
    if model.longvu is not None and work.num_frames:
        return max(model.longvu.context_length, work.text_tokens)
    if model.ntlbg is not None and model.vision is not None:
        visual = work.num_frames * (1 + cells_per_frame(model.config.text_config, *work.frame_size))
        most = visual if work.max_visual_tokens is None else work.max_visual_tokens
        return min(visual, most) + work.num_frames * MARKED_STAMP_TOKENS + work.text_tokens
    each: float = 1 + work.stamp_tokens
    if model.vision is not None:
        each = cells_per_frame(model.config, *work.frame_size)
        each /= getattr(model.vision, "temporal_patch_size", 1)
    return round(work.num_frames * each) + work.text_tokens


def plan_answer(model: ModelSizes, work: Workload, setup: Setup | None = None) -> Plan:
    """Memory of answering ``batch`` questions at once, with the cache of keys and values."""
    setup = setup or Setup()
    tokens, e = sequence_tokens(model, work), setup.number_bytes
    run = Pass(work.batch, tokens, setup, labelled=work.batch)
    weights = _weights(model, setup)
    parts = {
        **weights,
        **_frames(model, work, e),
        "embedded prompt": _embedded(model, run),
        "KV cache": key_value_cache(model.text, run),
        "activations": layer_activations(model.text, run),
        "logits": logits_bytes(model.text, run),
    }
    held = [*weights, "frame features" if model.longvu is None else "fused frames"]
    reading = [*held, "embedded prompt", "KV cache"]
    moments = {
        "encode frames": (*held, "pixel buffers", "vision activations"),
        "read the prompt": (*reading, "activations"),
        "write the answer": (*reading, "logits"),
    }
    if model.longvu is not None:
        fused = fused_bytes(model.longvu, work.sampled_frames, e)
        parts |= {"fused frames": work.batch * fused, "joined frames": fused}
        moments["join frames"] = (*held, "joined frames")
    if model.ntlbg is not None:
        parts["frame scores"] = scoring_bytes(model.ntlbg, work.sampled_frames)
        moments["select frames"] = (*held, "frame scores")
    return Plan("answer", parts, moments, tokens)


def plan_training(model: ModelSizes, work: Workload, setup: Setup | None = None) -> Plan:
    """Memory of training on frame features that were computed before."""
    setup = setup or Setup()
    text, tokens, e = model.text, sequence_tokens(model, work), setup.number_bytes
    run = Pass(work.batch, tokens, setup, labelled=work.batch * work.answer_tokens)
    own, kept = gradient_bytes(text, run), kept_bytes(text, run)
    small, ntlbg, losses, lstm = _ntlbg_training(model, work)
    seen, connector = _seen_training(model, work, e)
    small += model.trained.get("connector", 0) * FP32
    # prompts with pictures are read one by one, and kept until the backward pass
    once = run if model.vision is None else replace(run, batch=1, labelled=work.answer_tokens)
    # of what accumulated, the gradients are a part of their own
    beyond = step_peak(text, once) - (own if setup.accumulated else 0) - kept_bytes(text, once)
    largest = setup.rank * max(text.hidden, text.intermediate) * FP32
    if setup.trained == "full":
        largest = max(text.layer_parameters, text.vocabulary * text.hidden) * e
    weights = _weights(model, setup)
    parts = {
        **weights,
        "adapters": own if setup.trained == "lora" else 0,
        "frame features": work.batch * _features(model, work),
        "frames as seen": seen,
        "activations, connector": connector,
        "embedded prompt": _embedded(model, run),
        "gradients": own + small,
        "optimizer states": ADAMW_STATES * (own + small),
        "activations, language model": kept,
        "activations, NTLBG parts": ntlbg,
        "backward": max(losses, beyond),
        "LSTM backward": lstm,
        "optimizer step": 2 * largest,
    }
    divided = (*weights, "adapters", "gradients", "optimizer states")
    parts["gathered weights"] = 0
    parts |= _divided(model, setup, {name: parts[name] for name in divided})
    held = (*weights, "adapters", "frame features", "optimizer states", "gathered weights")
    prompt = ("embedded prompt", "frames as seen", "activations, connector",
              "activations, NTLBG parts")  # fmt: skip
    earlier = ("gradients",) if setup.accumulated else ()
    moments = {
        "forward and backward": (
            *held, *prompt, "activations, language model", "backward", *earlier
        ),
        "end of backward": (*held, *prompt, "gradients", "LSTM backward"),
        "update weights": (*held, "gradients", "optimizer step"),
    }  # fmt: skip
    return Plan("train", parts, moments, tokens)


def _divided(model: ModelSizes, setup: Setup, parts: dict[str, int]) -> dict[str, int]:
    """What one of several processes holds of parts, and what it gathers of the weights of all.

    Gathered are the layer that computes, the next one, and all that is in no layer: with their
    gradients where they train, in float32 then.
    """
    if setup.processes == 1:
        return {}
    text, full = model.text, setup.trained == "full"
    wider = FP32 // setup.number_bytes if full else 1
    rest = (text.layers - 2) * text.layer_parameters * setup.number_bytes
    weights = sum(size for name, size in parts.items() if name.startswith("weights"))
    shares = {name: -(-size * wider // setup.processes) for name, size in parts.items()}
    return shares | {"gathered weights": max(0, weights - rest) * wider * (1 + full)}


def _ntlbg_training(model: ModelSizes, work: Workload) -> tuple[int, int, int, int]:
    """Bytes of the NTLBG parts: gradients, what they keep, their losses, the LSTM's backward."""
    parts, frames, chosen = model.ntlbg, work.sampled_frames, work.num_frames
    if parts is None:
        return 0, 0, 0, 0
    return (
        model.ntlbg_numbers * FP32,
        work.batch * ntlbg_kept(parts, model.text, frames, chosen),
        work.batch * ntlbg_transient(parts, frames, chosen),
        lstm_backward(parts, work.batch * chosen),
    )


def _seen_training(model: ModelSizes, work: Workload, number_bytes: int) -> tuple[int, int]:
    """Bytes of what a vision-language model sees of the chosen frames.

    Before and after they are compressed, and what the connector keeps for its gradient: of each
    token the patches that are joined, normalised and as its first layer makes them, and its output.
    """
    if model.ntlbg is None or model.vision is None:
        return 0, 0
    whole = model.config.text_config
    cells = work.batch * work.num_frames * cells_per_frame(whole, *work.frame_size)
    deep = 1 + len(getattr(model.vision, "deepstack_visual_indexes", ()))
    width, merge = vision_widths(model.vision)[0], getattr(model.vision, "spatial_merge_size", 1)
    joined = 3 * width * merge**2
    return (
        2 * cells * model.text.hidden * deep * number_bytes,
        cells * (joined + model.text.hidden) * deep * number_bytes,
    )


def _weights(model: ModelSizes, setup: Setup) -> dict[str, int]:
    e = setup.number_bytes
    parts = {
        "weights, language model": model.text.parameters * e,
        "weights, vision": model.vision_parameters * e + model.head_parameters * FP32,
    }
    if model.ntlbg is not None:
        parts["weights, NTLBG parts"] = model.ntlbg_numbers * FP32
    return parts


def _embedded(model: ModelSizes, run: Pass) -> int:
    """The prompt in float32, and in the language model's numbers where those differ."""
    return run.rows * model.text.hidden * (FP32 + run.how.number_bytes * run.how.half)


def _features(model: ModelSizes, work: Workload) -> int:
    """float32 features and float64 times of T frames."""
    return 0 if model.ntlbg is None else work.sampled_frames * (model.ntlbg.feature_size * FP32 + 8)


def _frames(model: ModelSizes, work: Workload, number_bytes: int) -> dict[str, int]:
    """Features of all frames, and the batch of pictures that is encoded at once."""
    pixels = activations = 0
    if model.tower is not None:
        at_once = min(BATCH_SIZE, work.sampled_frames)
        pixels = tower_pixel_bytes(model.tower, at_once)
        activations = tower_activations(model.tower, at_once, number_bytes)
    elif model.vision is not None:
        height, width = work.frame_size
        # behind NTLBG's parts the tower sees each picture by itself
        at_once = work.num_frames if model.ntlbg is None else 1
        patches = at_once * height * width // model.vision.patch_size**2
        patches = -(-patches // getattr(model.vision, "temporal_patch_size", 1))
        pixels = pixel_bytes(work.num_frames, height, width)
        activations = vision_activations(model.vision, patches, number_bytes)
    elif model.longvu is not None:
        pixels, activations = block_bytes(model.longvu, work.sampled_frames, number_bytes)
    features = work.batch * _features(model, work)
    return {
        "frame features": features, "pixel buffers": pixels, "vision activations": activations
    }  # fmt: skip


def largest_fitting(fits: Callable[[int], bool], limit: int = MOST) -> int:
    """The largest number up to ``limit`` that fits, where every smaller one does; 0 for none."""
    low, high = 0, 1
    while high <= limit and fits(high):
        low, high = high, high * 2
    high = min(high, limit + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def largest_budgets(
    model: ModelSizes, work: Workload, how: Setup, device: Device, purpose: str
) -> dict[str, int]:
    """Largest frames, tokens and batch that fit, each with the others as they are.

    Frames and tokens of a prompt end at the positions that the language model knows, too. Tokens
    are those of text alone.
    """
    plan = plan_answer if purpose == "answer" else plan_training

    def fits(**changes: Any) -> bool:
        wanted = replace(work, **changes)
        within = sequence_tokens(model, wanted) <= model.text.max_positions
        return within and plan(model, wanted, how).peak <= device.usable_bytes

    looked_at = work.sampled_frames
    return {
        "frames": largest_fitting(lambda k: fits(num_frames=k, sampled_frames=max(looked_at, k))),
        "tokens": largest_fitting(lambda number: fits(num_frames=0, text_tokens=number)),
        "batch": largest_fitting(lambda number: fits(batch=number), limit=2**16),
    }
