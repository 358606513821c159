"""Bytes that a training step keeps: activations for the backward pass, gradients, optimizer.

What autograd keeps of a decoder layer, by what trains: *full* (all weights), *lora* (low-rank
factors in float32 beside frozen weights), *frozen* (nothing, but gradient passes through to what
is in front of the language model). The letters are those of ``activations``.
"""

from dataclasses import dataclass
from typing import Literal

from ntlbg.memory.activations import FP32, Pass
from ntlbg.memory.parameters import lora_parameters, text_layer_parameters, text_parameters
from ntlbg.memory.sizes import TextSizes

Trained = Literal["full", "lora", "frozen"]
RANDOM_STATE = 5056  # of torch's generator, kept with every checkpoint
ADAMW_STATES = 2  # running means of the gradient and of its square


@dataclass(frozen=True)
class Step:
    """A training step of a decoder.

    Attributes:
        run: the forward pass; its ``labelled`` positions give logits.
        trained: what of the language model trains.
        rank: of the factors, with "lora".
        checkpointing: layers keep their input only and are computed again.
        accumulated: gradients of an earlier pass are already there.
        weight_bytes: of a weight of the language model.
    """

    run: Pass
    trained: Trained = "full"
    rank: int = 0
    checkpointing: bool = False
    accumulated: bool = False
    weight_bytes: int = 4


def step_peak(text: TextSizes, step: Step) -> int:
    """Highest moment of forward and backward, above weights and optimizer states.

    At the start of the backward pass every layer's tensors are there, and those of the loss; then
    layers give theirs back while gradients of the weights appear. The gradient of embeddings that
    are also the output layer comes twice, and is added up at the end.
    """
    kept, layer = kept_bytes(text, step), layer_kept(text, step)
    below = kept - (0 if step.checkpointing else layer)
    gradients = gradient_bytes(text, step)
    earlier = gradients if step.accumulated else 0
    table = text.vocabulary * text.hidden * step.weight_bytes if step.trained == "full" else 0
    start = kept + loss_bytes(text, step.run)
    inside = max(layer + _feed_forward_back(text, step), _attention_back(text, step))
    top = below + table + inside
    fresh = 0 if step.accumulated else gradients - table
    bottom = fresh + table + inside
    end = fresh + table * (3 if text.tied else 1)
    return earlier + max(start, top, bottom, end)


def kept_bytes(text: TextSizes, step: Step) -> int:
    """Everything the forward pass keeps, but the logits.

    A mask that the decoder makes for itself is kept only for layers that are computed again.
    """
    run = step.run
    layer = layer_kept(text, step)
    if step.checkpointing:
        layer = run.rows * text.hidden * run.number_bytes + RANDOM_STATE
    layers = text.layers * layer
    masked = run.masked or (step.checkpointing and not run.fused)
    mask = run.batch * run.tokens**2 * run.number_bytes if masked else 0
    rotary = 2 * run.tokens * text.head * run.number_bytes
    return layers + _norm(text, step) + mask + rotary


def layer_kept(text: TextSizes, step: Step) -> int:
    """What one decoder layer keeps for its backward pass."""
    run, e = step.run, step.run.number_bytes
    gated = 3 * text.intermediate * e  # gate, its activation, up
    rows = 2 * _norm(text, step) + run.rows * (_linear_inputs(text, step) + gated)
    return rows + _attention_kept(text, step)


def _norm(text: TextSizes, step: Step) -> int:
    """Input in float32; for a weight that trains, also the input divided by its length."""
    kept = FP32 + (step.run.number_bytes if step.trained == "full" else 0)
    return step.run.rows * text.hidden * kept


def _linear_inputs(text: TextSizes, step: Step) -> int:
    """Per row: inputs of q, k, v, of o, of gate and up, and of down."""
    e = step.run.number_bytes
    once = 2 * text.hidden + text.attention + text.intermediate
    if step.trained == "frozen":
        return 0
    if step.trained == "full":
        return (once - (text.attention if step.run.fused else 0)) * e
    between = 7 * step.rank * FP32
    if e == FP32:
        return (once - (text.attention if step.run.fused else 0)) * e + between
    # every factor has a float32 copy of its own
    return (5 * text.hidden + text.attention + text.intermediate) * FP32 + between


def _attention_kept(text: TextSizes, step: Step) -> int:
    run, e = step.run, step.run.number_bytes
    if run.fused:  # q, k, v, output, and the logarithm of each row's sum
        rows = (2 * text.attention + 2 * text.key_value) * e + text.heads * FP32
        return run.rows * rows
    repeated = text.attention if text.heads > text.key_value_heads else text.key_value
    inputs = run.rows * (text.attention + 2 * repeated) * e
    weights = FP32 if e == FP32 else FP32 + e
    return inputs + run.batch * text.heads * run.tokens**2 * weights


def loss_bytes(text: TextSizes, run: Pass) -> int:
    """Log-softmax, its gradient and the gradient of the logits, all float32."""
    return run.labelled * text.vocabulary * 3 * FP32


def _feed_forward_back(text: TextSizes, step: Step) -> int:
    """Gradients alive in a layer's feed-forward; those of factors are float32."""
    e = FP32 if step.trained == "lora" else step.run.number_bytes
    return step.run.rows * (2 * text.hidden + 2 * text.intermediate) * e


def _attention_back(text: TextSizes, step: Step) -> int:
    """A layer's attention when its feed-forward is done: kept scores and two float32 gradients.

    A half-precision copy of the scores is given back before the second one.
    """
    kept = _norm(text, step) + _attention_kept(text, step)
    if step.run.fused:
        return kept
    scores = step.run.batch * text.heads * step.run.tokens**2
    copy = 0 if step.run.number_bytes == FP32 else step.run.number_bytes
    return kept + scores * (2 * FP32 - copy)


def trained_parameters(text: TextSizes, step: Step) -> int:
    """How many weights of the language model train."""
    return {
        "full": text_parameters(text),
        "lora": lora_parameters(text, step.rank),
        "frozen": 0,
    }[step.trained]


def gradient_bytes(text: TextSizes, step: Step) -> int:
    """Gradients of all that trains; factors are float32."""
    size = FP32 if step.trained == "lora" else step.weight_bytes
    return trained_parameters(text, step) * size


def optimizer_bytes(text: TextSizes, step: Step) -> int:
    """AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101): two numbers for each that trains."""
    return ADAMW_STATES * gradient_bytes(text, step)


def largest_layer(text: TextSizes) -> int:
    """Parameters of the larger of a decoder layer and the embeddings."""
    return max(text_layer_parameters(text), text.vocabulary * text.hidden)
