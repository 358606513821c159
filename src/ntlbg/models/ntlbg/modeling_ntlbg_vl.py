"""A vision-language model that reads a rich point before each frame's own tokens.

The base model is as published, whatever its family: rich points take the places of a special token
that it has no other use for, between its own embeddings and its first layer. Without that token in
a prompt, nothing differs from the base model.

B prompts, S tokens, K chosen frames, H hidden size.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from transformers import AutoModelForImageTextToText, PreTrainedModel

from ntlbg.models.ntlbg.bases import base_of
from ntlbg.models.ntlbg.configuration_ntlbg import NtlbgVLConfig
from ntlbg.models.ntlbg.modeling_ntlbg import VISUAL_INPUTS, NtlbgForConditionalGeneration

# Random rich points by which the projector's spread is measured: it is then known to 3 % or so.
PROBES = 512


class NtlbgVLForConditionalGeneration(NtlbgForConditionalGeneration):
    """A vision-language model behind NTLBG's parts.

    ``forward`` and ``generate`` take what the base model's take, and what describes the video, as
    in `NtlbgForConditionalGeneration`. Both are optional: text alone is the base model's.
    """

    config: NtlbgVLConfig
    base_class: ClassVar[Any] = AutoModelForImageTextToText

    def __init__(self, config: NtlbgVLConfig):
        super().__init__(config)
        connectors = base_of(config.text_config).connectors
        self.tower_names = tuple(f"language_model.{name}." for name in connectors)

    @torch.no_grad()
    def initialize_from_language_model(self) -> None:
        """As there; and rich points begin where words are, as far from one another as they.

        Words of these models have components of .02 or so. Tokens ten times as long would drown the
        frame's own until training made them smaller.
        """
        super().initialize_from_language_model()
        projector, weight = self.multi_modal_projector, self.get_input_embeddings().weight
        device = projector.output.weight.device
        points = torch.randn(PROBES, self.config.rich_point_size, device=device)
        spread = projector(points, points).std(0).mean()
        projector.output.weight.mul_(weight.float().std(0).mean() / spread)
        missed = weight.mean(0, dtype=torch.float32) - projector(points, points).mean(0)
        projector.output.bias.add_(missed)

    def adapted_part(self) -> PreTrainedModel:
        return self.language_model.get_decoder()

    def is_of_language(self, name: str) -> bool:
        return name.startswith((f"{self._decoder_name}.", "language_model.lm_head."))

    @cached_property
    def _decoder_name(self) -> str:
        decoder = self.adapted_part()
        return next(name for name, module in self.named_modules() if module is decoder)

    def _read(
        self,
        input_ids: Tensor | None,
        inputs_embeds: Tensor | None,
        tokens: Tensor | None,
        indices: Tensor | None,
        **kwargs,
    ):
        with self._placed(tokens, indices):
            return self.language_model(input_ids=input_ids, inputs_embeds=inputs_embeds, **kwargs)

    # all else than what is named here goes on to the base model's
    def generate(self, inputs: Tensor | None = None, **kwargs):  # type: ignore[override]
        """Token ids as the base model's ``generate`` gives them, with its arguments.

        The token of rich points is never written.
        """
        video = {name: kwargs.pop(name) for name in VISUAL_INPUTS if name in kwargs}
        tokens = indices = None
        if video:
            indices = video["indices"]
            tokens = self.represent(**video, with_codes=False)["visual_tokens"]
            barred = [*(kwargs.get("suppress_tokens") or ()), self.config.video_token_id]
            kwargs["suppress_tokens"] = barred
        with self._placed(tokens, indices):
            return self.language_model.generate(inputs, **kwargs)

    @contextmanager
    def _placed(self, tokens: Tensor | None, indices: Tensor | None) -> Iterator[None]:
        """Within the block the base model's embeddings have tokens (B, K, H) in their places."""
        if tokens is None or indices is None:
            yield
            return

        def put(module: nn.Module, given: tuple, embeds: Tensor) -> Tensor:
            ids = given[0]
            if not (ids == self.config.video_token_id).any():  # a token that was written
                return embeds
            return self.place(embeds, ids, tokens, indices)

        handle = self.get_input_embeddings().register_forward_hook(put)
        try:
            yield
        finally:
            handle.remove()
