"""The parts of the training loss for one answered question, with what each means."""

from collections.abc import Mapping

from torch import Tensor

from ntlbg.models.modeling_outputs import NtlbgOutput
from ntlbg.models.ntlbg.inspection import LossPart
from ntlbg.train.losses import CONTOUR_WEIGHT, NLL_WEIGHT, pass_terms

MEANINGS = {
    "task": "cross-entropy of the true answer, nats per token; 0 where the model is sure of it",
    "quantisation": "squared distance of a frame to the nearest code vector, as a share of that to "
    "the mean; below 1 where code vectors tell more than the mean alone",
    "contour": "mean square of what the code vectors' distances miss of c, in units of c; 0 where "
    "all lie on one ellipsoid",
    "nll": "how badly the Gaussian fits the frames, nats per dimension; a round one as wide as the "
    "frames has 0.5",
    "ntlbg": f"quantisation + {CONTOUR_WEIGHT} contour + {NLL_WEIGHT} nll",
    "align": "how far the frames' tokens are from those of text; only known while training, which "
    "gathers the statistics of text",
    "context": "how badly one frame's context tells the next one's; only known while training, "
    "which has the predictor",
}


def loss_parts(batch: Mapping[str, Tensor], output: NtlbgOutput) -> list[LossPart]:
    """Terms as of ``losses.loss_terms``, from the model's inputs with labels and its output."""
    known = pass_terms(output, batch)
    return [
        LossPart(name, known[name].item() if name in known else None, meaning)
        for name, meaning in MEANINGS.items()
    ]
