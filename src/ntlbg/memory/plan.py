"""Bytes per part and per moment, for answering and for training, and whether they fit."""

from dataclasses import dataclass, replace

from ntlbg.memory.activations import (
    FP32,
    Pass,
    key_value_cache,
    layer_activations,
    logits_bytes,
)
from ntlbg.memory.frames import (
    ENCODED_AT_ONCE,
    feature_bytes,
    lstm_backward,
    ntlbg_kept,
    ntlbg_transient,
    pixel_bytes,
    scoring_bytes,
    tower_activations,
    tower_pixel_bytes,
    vision_activations,
    visual_token_bytes,
)
from ntlbg.memory.longvu import longvu_parameters
from ntlbg.memory.longvu_frames import block_activations, block_pixels, fused_bytes
from ntlbg.memory.parameters import (
    backbone_parameters,
    ntlbg_parameters,
    pool_parameters,
    text_parameters,
    vision_parameters,
)
from ntlbg.memory.sizes import ModelSizes
from ntlbg.memory.training import (
    ADAMW_STATES,
    Step,
    Trained,
    gradient_bytes,
    kept_bytes,
    largest_layer,
    optimizer_bytes,
    step_peak,
)


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
    """

    sampled_frames: int
    num_frames: int
    frame_size: tuple[int, int] = (224, 224)
    batch: int = 1
    text_tokens: int = 96
    stamp_tokens: int = 5
    answer_tokens: int = 16


@dataclass(frozen=True)
class Setup:
    """How it is computed.

    Attributes:
        number_bytes: of weights and activations of the language model: 2 or 4.
        fused: attention without scores in memory.
        trained, rank, checkpointing: as in ``training.Step``.
        accumulated: gradients are added up over several passes.
    """

    number_bytes: int = 2
    fused: bool = True
    trained: Trained = "lora"
    rank: int = 16
    checkpointing: bool = True
    accumulated: bool = True


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


def tokens_per_frame(model: ModelSizes, work: Workload) -> float:
    """A rich point and its time; or the patches of a vision-language model."""
    if model.ntlbg is None and model.vision is not None:
        return model.vision.tokens_per_frame(*work.frame_size)
    return 1 + work.stamp_tokens


def sequence_tokens(model: ModelSizes, work: Workload) -> int:
    """Tokens of one sequence: frames, question and answer; of LongVU, all that it may read."""
    if model.longvu is not None:
        return max(model.longvu.context, work.text_tokens)
    return round(work.num_frames * tokens_per_frame(model, work)) + work.text_tokens


def plan_answer(model: ModelSizes, work: Workload, setup: Setup | None = None) -> Plan:
    """Memory of answering ``batch`` questions at once, with the cache of keys and values."""
    setup = setup or Setup()
    tokens, e = sequence_tokens(model, work), setup.number_bytes
    run = Pass(work.batch, tokens, e, setup.fused, labelled=work.batch)
    parts = {
        **_weights(model, setup),
        **_frames(model, work, e),
        "embedded prompt": visual_token_bytes(model.text, run.rows, e),
        "KV cache": key_value_cache(model.text, run),
        "activations": layer_activations(model.text, run),
        "logits": logits_bytes(model.text, run),
    }
    if model.longvu is not None:
        parts["fused frames"] = work.batch * fused_bytes(model.longvu, work.sampled_frames, e)
        parts["joined frames"] = parts["fused frames"] // work.batch
    seen = "frame features" if model.longvu is None else "fused frames"
    held = [*_weights(model, setup), seen]
    reading = [*held, "embedded prompt", "KV cache"]
    moments = {
        "encode frames": (*held, "pixel buffers", "vision activations"),
        "read the prompt": (*reading, "activations"),
        "write the answer": (*reading, "logits"),
    }
    if model.longvu is not None:
        moments["join frames"] = (*held, "joined frames")
    if model.ntlbg is not None:
        parts["frame scores"] = scoring_bytes(model.ntlbg, work.sampled_frames)
        moments["select frames"] = (*held, "frame scores")
    return Plan("answer", parts, moments, tokens)


def plan_training(model: ModelSizes, work: Workload, setup: Setup | None = None) -> Plan:
    """Memory of training on frame features that were computed before."""
    setup = setup or Setup()
    text, tokens, e = model.text, sequence_tokens(model, work), setup.number_bytes
    labelled = work.batch * work.answer_tokens
    run = Pass(work.batch, tokens, e, setup.fused, labelled=labelled)
    step = Step(run, setup.trained, setup.rank, setup.checkpointing, False, e)
    kept = kept_bytes(text, step)
    small, ntlbg, moment, made = _ntlbg_training(model, work)
    parts = {
        **_weights(model, setup, adapters=gradient_bytes(text, step)),
        "frame features": work.batch * _features(model, work),
        "embedded prompt": visual_token_bytes(text, run.rows, e),
        "gradients": gradient_bytes(text, step) + small,
        "optimizer states": optimizer_bytes(text, step) + ADAMW_STATES * small,
        "activations, language model": kept,
        "activations, NTLBG parts": ntlbg,
        "backward": max(moment, _beyond_kept(model, step, setup, kept)),
        "LSTM backward": made,
        "optimizer step": 2 * _largest_trained(model, step),
    }
    held = (*_weights(model, setup), "adapters", "frame features", "optimizer states")
    earlier = ("gradients",) if setup.accumulated else ()
    prompt = ("embedded prompt", "activations, NTLBG parts")
    moments = {
        "forward and backward": (
            *held, *prompt, "activations, language model", "backward", *earlier
        ),
        "end of backward": (*held, *prompt, "gradients", "LSTM backward"),
        "update weights": (*held, "gradients", "optimizer step"),
    }  # fmt: skip
    return Plan("train", parts, moments, tokens)


def _ntlbg_training(model: ModelSizes, work: Workload) -> tuple[int, int, int, int]:
    """Bytes of the NTLBG parts: gradients, what they keep, their losses, the LSTM's backward."""
    parts, text = model.ntlbg, model.text
    if parts is None:
        return 0, 0, 0, 0
    frames, chosen = work.sampled_frames, work.num_frames
    return (
        ntlbg_parameters(parts, text) * FP32,
        work.batch * ntlbg_kept(parts, text, frames, chosen),
        work.batch * ntlbg_transient(parts, frames, chosen),
        lstm_backward(parts, work.batch * chosen),
    )


def _beyond_kept(model: ModelSizes, step: Step, setup: Setup, kept: int) -> int:
    """What the backward pass needs beyond what the forward pass kept.

    With accumulated gradients these are a part of their own.
    """
    peak = step_peak(model.text, replace(step, accumulated=setup.accumulated))
    earlier = gradient_bytes(model.text, step) if setup.accumulated else 0
    return peak - earlier - kept


def _largest_trained(model: ModelSizes, step: Step) -> int:
    if step.trained != "full":
        return step.rank * max(model.text.hidden, model.text.intermediate) * FP32
    return largest_layer(model.text) * step.weight_bytes


def _weights(model: ModelSizes, setup: Setup, adapters: int | None = None) -> dict[str, int]:
    e, text = setup.number_bytes, model.text
    parts = {"weights, language model": text_parameters(text) * e}
    vision = 0
    if model.vision is not None and model.ntlbg is None:
        vision = vision_parameters(model.vision) * e
    if model.tower is not None:
        vision = backbone_parameters() * e + pool_parameters(model.tower) * FP32
    if model.longvu is not None:
        vision = longvu_parameters(model.longvu, text.hidden) * e
    parts["weights, vision"] = vision
    if model.ntlbg is not None:
        parts["weights, NTLBG parts"] = ntlbg_parameters(model.ntlbg, text) * FP32
    if adapters is not None:
        parts["adapters"] = adapters if setup.trained == "lora" else 0
    return parts


def _features(model: ModelSizes, work: Workload) -> int:
    width = model.ntlbg.features if model.ntlbg is not None else 0
    return feature_bytes(work.sampled_frames, width) if width else 0


def _frames(model: ModelSizes, work: Workload, number_bytes: int) -> dict[str, int]:
    """Features of all frames, and the batch of pictures that is encoded at once."""
    parts = {"frame features": work.batch * _features(model, work)}
    if model.tower is not None:
        at_once = min(ENCODED_AT_ONCE, work.sampled_frames)
        parts["pixel buffers"] = tower_pixel_bytes(model.tower, at_once)
        parts["vision activations"] = tower_activations(model.tower, at_once, number_bytes)
    elif model.vision is not None and model.ntlbg is None:
        patch = model.vision.patch
        patches = work.num_frames * work.frame_size[0] * work.frame_size[1] // patch**2
        patches = -(-patches // model.vision.temporal)
        parts["pixel buffers"] = pixel_bytes(work.num_frames, *work.frame_size)
        parts["vision activations"] = vision_activations(model.vision, patches, number_bytes)
    elif model.longvu is not None:
        frames = work.sampled_frames
        parts["pixel buffers"] = block_pixels(model.longvu, frames)
        parts["vision activations"] = block_activations(model.longvu, frames, number_bytes)
    else:
        parts |= {"pixel buffers": 0, "vision activations": 0}
    return parts
