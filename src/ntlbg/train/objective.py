"""What a model that answers is trained by: the loss terms, and what of it a checkpoint holds."""

from abc import abstractmethod
from collections.abc import Mapping

from torch import Tensor, nn

from ntlbg.models.modeling_outputs import NtlbgOutput
from ntlbg.models.ntlbg.modeling_ntlbg import NtlbgForConditionalGeneration
from ntlbg.models.precision import full_precision
from ntlbg.train.losses import (
    CONTOUR_WEIGHT,
    Gaussian,
    RunningGaussian,
    Transition,
    loss_terms,
)


class AnswerLosses(nn.Module):
    """A model, the statistics of text, and the predictor of contexts.

    ``state_dict`` leaves out what stays as published: see :meth:`kept`.

    Attributes:
        has_parts: whether NTLBG's parts are used, so that they can learn.
    """

    has_parts: bool = True

    def __init__(self, model: NtlbgForConditionalGeneration):
        super().__init__()
        sizes = model.config
        self.model = model
        self.reference = RunningGaussian(sizes.get_text_config().hidden_size)
        self.transition = Transition(sizes.context_size, sizes.feature_size)
        self.register_state_dict_post_hook(_leave_out)

    @abstractmethod
    def kept(self) -> set[str]:
        """Names of the weights of ``model`` that a checkpoint holds."""

    def read(
        self, batch: dict[str, Tensor], real: Tensor, contour_weight: float = CONTOUR_WEIGHT
    ) -> tuple[NtlbgOutput, dict[str, Tensor]]:
        """The model's output and all terms of a batch with labels.

        In training its text goes into the statistics first; ``real`` (B, S) tells tokens from
        padding.
        """
        output, embeds, text = self.passed(batch, real)
        known = self.known(embeds, text)
        return output, self.terms(output, batch, known, contour_weight)

    def passed(self, batch: dict[str, Tensor], real: Tensor) -> tuple[NtlbgOutput, Tensor, Tensor]:
        """The model's output, the embeddings (B, S, H) of the batch, and which are of text."""
        output = self.model(**batch, logits_at_labels=True, use_cache=False)
        embeds = self.model.get_input_embeddings()(batch["input_ids"]).float()
        return (
            output,
            embeds,
            real.bool() & (batch["input_ids"] != self.model.config.video_token_id),
        )

    def known(self, embeds: Tensor, text: Tensor) -> RunningGaussian | Gaussian:
        """The statistics of text with these embeddings (..., H), of which ``text`` (...) are some.

        In several processes all must ask equally often.
        """
        return self.reference.update(embeds, text) if self.training else self.reference

    def terms(
        self,
        output: NtlbgOutput,
        batch: dict[str, Tensor],
        known: RunningGaussian | Gaussian,
        contour_weight: float,
    ) -> dict[str, Tensor]:
        """All terms of what ``passed`` gave."""
        with full_precision(output["logits"].device):
            return loss_terms(output, batch, known, self.transition, contour_weight)

    def load_state_dict(
        self, state_dict: Mapping[str, Tensor], strict: bool = True, assign: bool = False
    ):
        """What ``state_dict`` leaves out stays as it is, and is not missing."""
        found = super().load_state_dict(state_dict, strict=False, assign=assign)
        expected = set(self.state_dict())
        found.missing_keys[:] = [name for name in found.missing_keys if name in expected]
        return found


def _leave_out(losses: AnswerLosses, state: dict[str, Tensor], prefix: str, _: object) -> None:
    """Of the model only what is kept stays in ``state``."""
    kept = {f"{prefix}model.{name}" for name in losses.kept()}
    for name in [name for name in state if name.startswith(f"{prefix}model.")]:
        if name not in kept:
            del state[name]
