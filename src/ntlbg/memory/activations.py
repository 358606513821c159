"""Bytes of a decoder's tensors at the highest moment of a forward or backward pass.

Each formula adds up the tensors that the Hugging Face code of a Llama-style decoder holds at that
moment, in the order of its lines (transformers 5, ``modeling_llama.py``); which tensors autograd
keeps for the backward pass follows from the derivative of each operation
(``derivatives.yaml`` of PyTorch). The idea of counting them per layer is that of Korthikanti et
al. 2022, arXiv:2205.05198, section 4; the numbers differ because attention is fused, the
feed-forward is gated and weights may be frozen.
"""

from dataclasses import dataclass
from typing import Literal

from ntlbg.memory.sizes import TextSizes

FP32 = 4  # bytes of a number
Trained = Literal["full", "lora", "frozen"]
RANDOM_STATE = 5056  # of torch's generator, kept with every checkpoint
ADAMW_STATES = 2  # running means of the gradient and of its square (arXiv:1711.05101)


@dataclass(frozen=True)
class Setup:
    """How it is computed.

    Attributes:
        number_bytes: of weights and activations of the language model: 2 or 4.
        fused: attention without scores in memory (SDPA); otherwise they are all there.
        trained: "full" (all weights), "lora" (low-rank factors in float32 beside frozen weights) or
            "frozen" (nothing, but gradient passes through to what is in front).
        rank: of the factors, with "lora".
        checkpointing: layers keep their input only and are computed again.
        accumulated: gradients of an earlier pass are already there.
        processes: that weights, gradients and optimizer states are divided among.
    """

    number_bytes: int = 2
    fused: bool = True
    trained: Trained = "lora"
    rank: int = 16
    checkpointing: bool = True
    accumulated: bool = True
    processes: int = 1

    @property
    def half(self) -> bool:
        return self.number_bytes != FP32


@dataclass(frozen=True)
class Pass:
    """What runs through a decoder.

    Attributes:
        batch: sequences.
        tokens: of one sequence.
        labelled: positions of all sequences together whose logits are computed.
    """

    batch: int
    tokens: int
    how: Setup = Setup()
    labelled: int = 1

    @property
    def rows(self) -> int:
        return self.batch * self.tokens

    @property
    def pairs(self) -> int:
        """Of a mask, or of one head's scores."""
        return self.batch * self.tokens**2


def key_value_cache(text: TextSizes, run: Pass) -> int:
    """Keys and values of every layer."""
    return 2 * text.layers * run.rows * text.key_value * run.how.number_bytes


def prefill_peak(text: TextSizes, run: Pass) -> int:
    """Highest moment of reading a prompt without gradient, the cache included.

    At the last layer the cache is full; what else is alive is what the layer works with, or the
    logits.
    """
    alive = max(layer_activations(text, run), logits_bytes(text, run))
    return key_value_cache(text, run) + alive


def layer_activations(text: TextSizes, run: Pass) -> int:
    """The larger of an attention's and a feed-forward's tensors, without gradient.

    Beside them are cosines and sines of the positions, and where attention is not fused a mask.
    """
    e, scores = run.how.number_bytes, 0 if run.how.fused else run.pairs * text.heads
    # layer input, its norm, and q; then rotation, or attention itself
    attention = run.rows * (2 * text.hidden + 4 * text.attention) * e
    if not run.how.fused:
        copies = 2 if text.heads > text.key_value_heads else 0  # k and v, repeated for every head
        attention = run.rows * (2 * text.hidden + text.attention * (1 + copies)) * e
        attention += scores * (2 * FP32 + e * run.how.half)  # and their softmax, in float32
    # the loop's layer input, the residual and its norm; activated gate, up, and their product;
    # scores that are not fused are returned by the attention and stay until the layer ends
    feed_forward = (run.rows * 3 * (text.hidden + text.intermediate) + scores) * e
    shared = (2 * run.tokens * text.head + (0 if run.how.fused else run.pairs)) * e
    return shared + max(attention, feed_forward)


def logits_bytes(text: TextSizes, run: Pass) -> int:
    """Logits, and the last layer's output that they come from."""
    return (run.labelled * text.vocabulary + run.rows * text.hidden) * run.how.number_bytes


def step_peak(text: TextSizes, run: Pass) -> int:
    """Highest moment of forward and backward, above weights and optimizer states.

    At the start of the backward pass every layer's tensors are there, and those of the loss; then
    layers give theirs back while gradients of the weights appear. The gradient of embeddings that
    are also the output layer comes twice, and is added up at the end.
    """
    kept, layer = kept_bytes(text, run), layer_kept(text, run)
    below = kept - (0 if run.how.checkpointing else layer)
    gradients = gradient_bytes(text, run)
    earlier = gradients if run.how.accumulated else 0
    table = text.vocabulary * text.hidden * run.how.number_bytes if run.how.trained == "full" else 0
    # log-softmax, its gradient and the gradient of the logits, all float32
    start = kept + run.labelled * text.vocabulary * 3 * FP32
    inside = max(layer + _feed_forward_back(text, run), _attention_back(text, run))
    fresh = 0 if run.how.accumulated else gradients - table
    bottom = fresh + table + inside
    end = fresh + table * (3 if text.tied else 1)
    return earlier + max(start, below + table + inside, bottom, end)


def kept_bytes(text: TextSizes, run: Pass) -> int:
    """Everything the forward pass keeps, but the logits.

    The mask is kept only for layers that are computed again.
    """
    e = run.how.number_bytes
    layer = layer_kept(text, run)
    if run.how.checkpointing:
        layer = run.rows * text.hidden * e + RANDOM_STATE
    mask = run.pairs * e if run.how.checkpointing and not run.how.fused else 0
    return text.layers * layer + _norm(text, run) + mask + 2 * run.tokens * text.head * e


def layer_kept(text: TextSizes, run: Pass) -> int:
    """What one decoder layer keeps for its backward pass."""
    gated = 3 * text.intermediate * run.how.number_bytes  # gate, its activation, up
    rows = 2 * _norm(text, run) + run.rows * (_linear_inputs(text, run) + gated)
    return rows + _attention_kept(text, run)


def _norm(text: TextSizes, run: Pass) -> int:
    """Input in float32; for a weight that trains, also the input divided by its length."""
    kept = FP32 + (run.how.number_bytes if run.how.trained == "full" else 0)
    return run.rows * text.hidden * kept


def _linear_inputs(text: TextSizes, run: Pass) -> int:
    """Per row: inputs of q, k, v, of o, of gate and up, and of down."""
    if run.how.trained == "frozen":
        return 0
    between = 7 * run.how.rank * FP32 if run.how.trained == "lora" else 0
    if run.how.trained == "lora" and run.how.half:  # every factor has a float32 copy of its own
        return (5 * text.hidden + text.attention + text.intermediate) * FP32 + between
    own = 0 if run.how.fused else text.attention  # fused attention keeps its output itself
    return (2 * text.hidden + own + text.intermediate) * run.how.number_bytes + between


def _attention_kept(text: TextSizes, run: Pass) -> int:
    e = run.how.number_bytes
    if run.how.fused:  # q, k, v, output, and the logarithm of each row's sum
        return run.rows * ((2 * text.attention + 2 * text.key_value) * e + text.heads * FP32)
    repeated = text.attention if text.heads > text.key_value_heads else text.key_value
    inputs = run.rows * (text.attention + 2 * repeated) * e
    return inputs + run.pairs * text.heads * (FP32 + e * run.how.half)


def _feed_forward_back(text: TextSizes, run: Pass) -> int:
    """Gradients alive in a layer's feed-forward; those of factors are float32."""
    e = FP32 if run.how.trained == "lora" else run.how.number_bytes
    return run.rows * (2 * text.hidden + 2 * text.intermediate) * e


def _attention_back(text: TextSizes, run: Pass) -> int:
    """A layer's attention when its feed-forward is done: kept scores and two float32 gradients.

    A half-precision copy of the scores is given back before the second one.
    """
    kept = _norm(text, run) + _attention_kept(text, run)
    if run.how.fused:
        return kept
    return kept + run.pairs * text.heads * (2 * FP32 - run.how.number_bytes * run.how.half)


def gradient_bytes(text: TextSizes, run: Pass) -> int:
    """Gradients of all that trains of the language model; factors are float32."""
    return {
        "full": text.parameters * run.how.number_bytes,
        "lora": text.adapter_parameters * run.how.rank * FP32,
        "frozen": 0,
    }[run.how.trained]
