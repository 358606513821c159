"""Bytes of the tensors that are alive at the highest moment of a forward or backward pass.

Each formula adds up the tensors that the Hugging Face code of a Llama-style decoder holds at that
moment, in the order of its lines (transformers 5, ``modeling_llama.py``); which tensors autograd
keeps for the backward pass follows from the derivative of each operation
(``derivatives.yaml`` of PyTorch). The idea of counting them per layer is that of Korthikanti et
al. 2022, arXiv:2205.05198, section 4; the numbers differ because attention is fused, the
feed-forward is gated and weights may be frozen.

n tokens of all sequences together, s tokens of one sequence, h hidden, i intermediate, a width of
all query heads, g width of all key heads, e bytes of a number.
"""

from dataclasses import dataclass

from ntlbg.memory.sizes import TextSizes

FP32 = 4


@dataclass(frozen=True)
class Pass:
    """What runs through a decoder.

    Attributes:
        batch: sequences.
        tokens: of one sequence.
        number_bytes: of activations: 2 or 4.
        fused: attention without scores in memory (SDPA); otherwise they are all there.
        masked: an explicit (batch, 1, tokens, tokens) mask is given.
        labelled: positions of all sequences together whose logits are computed.
    """

    batch: int
    tokens: int
    number_bytes: int = 2
    fused: bool = True
    masked: bool = False
    labelled: int = 1

    @property
    def rows(self) -> int:
        return self.batch * self.tokens


def key_value_cache(text: TextSizes, run: Pass) -> int:
    """Keys and values of every layer."""
    return 2 * text.layers * run.rows * text.key_value * run.number_bytes


def prefill_peak(text: TextSizes, run: Pass) -> int:
    """Highest moment of reading a prompt without gradient, the cache included.

    At the last layer the cache is full; what else is alive is what the layer works with, or the
    logits.
    """
    alive = max(layer_activations(text, run), logits_bytes(text, run))
    return key_value_cache(text, run) + alive


def layer_activations(text: TextSizes, run: Pass) -> int:
    """The larger of an attention's and a feed-forward's tensors, without gradient."""
    layer = max(_attention_moment(text, run), _feed_forward_moment(text, run))
    return _shared(text, run) + layer


def logits_bytes(text: TextSizes, run: Pass) -> int:
    """Logits, and the last layer's output that they come from."""
    return (run.labelled * text.vocabulary + run.rows * text.hidden) * run.number_bytes


def _shared(text: TextSizes, run: Pass) -> int:
    """Cosines and sines of the positions, and the mask."""
    mask = run.batch * run.tokens**2 * run.number_bytes
    return 2 * run.tokens * text.head * run.number_bytes + (
        mask if run.masked or not run.fused else 0
    )


def _attention_moment(text: TextSizes, run: Pass) -> int:
    """Layer input, its norm, and q; then rotation, or attention itself."""
    if run.fused:
        return run.rows * (2 * text.hidden + 4 * text.attention) * run.number_bytes
    copies = 2 if text.heads > text.key_value_heads else 0  # k and v, repeated for every head
    width = 2 * text.hidden + text.attention * (1 + copies)
    return run.rows * width * run.number_bytes + _scores(text, run)


def _scores(text: TextSizes, run: Pass) -> int:
    """Scores and their softmax, which is computed in float32."""
    size = 2 * FP32 if run.number_bytes == FP32 else run.number_bytes + 2 * FP32
    return run.batch * text.heads * run.tokens**2 * size


def _feed_forward_moment(text: TextSizes, run: Pass) -> int:
    """The loop's layer input, the residual and its norm; activated gate, up, and their product.

    Scores that are not fused are returned by the attention and stay until the layer ends.
    """
    scores = 0 if run.fused else run.batch * text.heads * run.tokens**2
    rows = run.rows * (3 * text.hidden + 3 * text.intermediate)
    return (rows + scores) * run.number_bytes
