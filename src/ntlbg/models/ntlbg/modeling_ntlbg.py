"""A language model that reads representative frames of a video.

features, question --NTLBGAttention--> relevance of every frame
chosen frames ------RichRepresentativePoints--> R = [feature; context; weight; time]
R ------------------projector--> one token per frame, in the place of the video tokens
tokens -------------language model--> answer

Frames are chosen first, without gradient; `forward` sees the choice, recomputes the
relevance and passes gradient to it through code vectors.

B videos, T frames, D feature size, K chosen frames, Q questions per video, L question tokens,
S tokens of a sequence, R rich point size, C context size, H hidden size, V vocabulary.
"""

from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, PreTrainedModel
from transformers.generation import GenerationMixin

from ntlbg.models.layers import IGNORED_LABEL, LanguageModelEmbeddings, ready_mask, token_loss
from ntlbg.models.modeling_outputs import NtlbgOutput
from ntlbg.models.ntlbg.attention import NTLBGAttention, share_of_relevance
from ntlbg.models.ntlbg.configuration_ntlbg import NtlbgConfig
from ntlbg.models.ntlbg.projectors import PROJECTORS
from ntlbg.models.ntlbg.rich_points import RichRepresentativePoints
from ntlbg.models.precision import full_precision

if TYPE_CHECKING:
    from ntlbg.models.builtin.vision_tower import BuiltinVisionTower

# Inputs that describe the video: they are read once, before the first generated token.
VISUAL_INPUTS = (
    "video_features",
    "video_mask",
    "pts_seconds",
    "indices",
    "point_mass",
    "frame_scores",
    "query_input_ids",
    "query_attention_mask",
    "pixel_values_videos",
)


class NtlbgForConditionalGeneration(LanguageModelEmbeddings, PreTrainedModel, GenerationMixin):
    """Any causal language model, with a video in front of the question."""

    config: NtlbgConfig
    base_model_prefix = "ntlbg"
    main_input_name = "input_ids"
    supports_gradient_checkpointing = True
    base_class: ClassVar[Any] = AutoModelForCausalLM
    # Of the names of weights: what sees and trains in the last stage of training.
    tower_names: tuple[str, ...] = ("vision_tower.tail.", "vision_tower.head.")
    # The language model decides; it is asked when it is built.
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_flex_attn = True
    _supports_attention_backend = True
    # As in `represent`.
    _keep_in_fp32_modules_strict = {  # noqa: RUF012  (as transformers declares it)
        "ntlbg_attention",
        "rich_points",
        "multi_modal_projector",
        "vision_tower",
    }

    def __init__(self, config: NtlbgConfig):
        super().__init__(config)
        # First, so that `model.dtype` (and the saved configuration) name the language model's.
        self.language_model = self.base_class.from_config(config.text_config)
        self.ntlbg_attention = NTLBGAttention(config)
        self.rich_points = RichRepresentativePoints(config)
        self.multi_modal_projector = PROJECTORS[config.projector](config)
        self.vision_tower = _build_vision_tower(config)
        for module in (self.ntlbg_attention, self.rich_points, self.multi_modal_projector):
            module.float()
        self.post_init()
        if self.device.type != "meta":
            self.initialize_from_language_model()

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path, *args, **kwargs):
        """As of Hugging Face; a folder that training left is completed with its base model.

        There the only option is ``dtype``, of the language model.
        """
        # here, since a checkpoint is made of models
        from ntlbg.models.ntlbg.checkpoints import load_completed, needs_base

        if needs_base(pretrained_model_name_or_path):
            return load_completed(pretrained_model_name_or_path, kwargs)
        return super().from_pretrained(pretrained_model_name_or_path, *args, **kwargs)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if reset := getattr(module, "reset_parameters", None):
            reset()

    def adapted_part(self) -> PreTrainedModel:
        """What adapters are put into: whatever reads text."""
        return self.language_model

    def is_of_language(self, name: str) -> bool:
        """Whether the weight of this name is of what reads and writes text."""
        return name.startswith("language_model.")

    @torch.no_grad()
    def initialize_from_language_model(self) -> None:
        """Read mean, length and words from the input embeddings; call after loading those alone."""
        weight = self.get_input_embeddings().weight
        self.ntlbg_attention.pooling.embedding_mean.copy_(weight.mean(0, dtype=torch.float32))
        self.multi_modal_projector.read_embeddings(weight)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        video_features: Tensor | None = None,
        video_mask: Tensor | None = None,
        pts_seconds: Tensor | None = None,
        indices: Tensor | None = None,
        point_mass: Tensor | None = None,
        frame_scores: Tensor | None = None,
        query_input_ids: Tensor | None = None,
        query_attention_mask: Tensor | None = None,
        pixel_values_videos: Tensor | None = None,
        labels: Tensor | None = None,
        past_key_values: object | None = None,
        inputs_embeds: Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        logits_at_labels: bool = False,
        num_items_in_batch: Tensor | int | None = None,
        **kwargs,
    ) -> NtlbgOutput:
        """Answer questions about the chosen frames.

        Args:
            input_ids: (B, S), with one video token per chosen frame of the row, in order of time.
            attention_mask: (B, S), or ready (B, 1, S, S): additive float or boolean (True sees).
            position_ids: (B, S); needed when several questions share one prefix.
            video_features: (B, T, D) of the candidate frames; None for text alone.
            video_mask: (B, T), 1 for real frames.
            pts_seconds: (B, T), their presentation times.
            indices: (B, K) int64, the chosen frames, sorted; -1 is padding.
            point_mass: (B, K), share of frames each chosen frame stands for.
            frame_scores: (B, K), relevance of the chosen frames in nats, where it is known; those
                well below the best read as "nothing".
            query_input_ids: (B, Q, L), the questions as the selector reads them.
            query_attention_mask: (B, Q, L); a row of zeros is no question.
            pixel_values_videos: (B, K, 3, H, W): features of the chosen frames are computed again
                by the vision tower, with gradient.
            labels: (B, S), -100 where nothing is to be learned; shifted here, not by the caller.
            logits_to_keep: see transformers; logits of the last positions only.
            logits_at_labels: logits of the labelled positions only, (labelled tokens, V). They are
                taken before the output layer: for long sequences with short answers that layer is
                a fifth of a training step.
            num_items_in_batch: labelled tokens over which the loss is averaged, when the batch is
                a part of a larger one.
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("give exactly one of input_ids and inputs_embeds")
        visual = NtlbgOutput()
        if video_features is not None:
            if pts_seconds is None or indices is None or query_input_ids is None:
                needed = ("pts_seconds", "indices", "query_input_ids")
                given = (pts_seconds, indices, query_input_ids)
                missing = [name for name, value in zip(needed, given) if value is None]
                raise ValueError(f"video_features need {', '.join(missing)} as well")
            visual = self.represent(
                video_features,
                pts_seconds,
                indices,
                query_input_ids,
                query_attention_mask=query_attention_mask,
                video_mask=video_mask,
                point_mass=point_mass,
                frame_scores=frame_scores,
                pixel_values_videos=pixel_values_videos,
                with_codes=torch.is_grad_enabled() or labels is not None,
            )

        targets = None if labels is None else F.pad(labels[:, 1:], (0, 1), value=IGNORED_LABEL)
        if logits_at_labels and targets is not None:
            logits_to_keep = targets != IGNORED_LABEL
        outputs = self._read(
            input_ids,
            inputs_embeds,
            visual.get("visual_tokens"),
            indices,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            use_cache=use_cache,
            logits_to_keep=logits_to_keep,
            **kwargs,
        )
        loss = None
        if targets is not None:
            targets = targets[logits_to_keep] if logits_at_labels else targets
            loss = token_loss(outputs.logits, targets, num_items_in_batch)
        return NtlbgOutput(
            loss=loss,
            logits=outputs.logits,
            past_key_values=outputs.past_key_values,
            hidden_states=outputs.hidden_states,
            attentions=outputs.attentions,
            **visual,
        )

    def _read(
        self,
        input_ids: Tensor | None,
        inputs_embeds: Tensor | None,
        tokens: Tensor | None,
        indices: Tensor | None,
        *,
        attention_mask: Tensor | None,
        **kwargs,
    ):
        """The language model's output, tokens (B, K, H) in the places of the frames."""
        if inputs_embeds is None:
            # fp32 until the language model: visual tokens are mixed in first
            inputs_embeds = self.get_input_embeddings()(input_ids).float()
        if tokens is not None and indices is not None:
            if input_ids is None:
                raise ValueError("video_features need input_ids, to know where the frames go")
            inputs_embeds = self.place(inputs_embeds, input_ids, tokens, indices)
        dtype = self.get_input_embeddings().weight.dtype
        return self.language_model(
            inputs_embeds=inputs_embeds.to(dtype),
            attention_mask=ready_mask(attention_mask, dtype),
            **kwargs,
        )

    def represent(
        self,
        video_features: Tensor,
        pts_seconds: Tensor,
        indices: Tensor,
        query_input_ids: Tensor,
        *,
        query_attention_mask: Tensor | None = None,
        video_mask: Tensor | None = None,
        point_mass: Tensor | None = None,
        frame_scores: Tensor | None = None,
        pixel_values_videos: Tensor | None = None,
        with_codes: bool = True,
    ) -> NtlbgOutput:
        """Visual tokens of the chosen frames and what led to them; arguments as in `forward`."""
        if video_mask is None:
            video_mask = torch.ones_like(video_features[..., 0], dtype=torch.bool)
        if query_attention_mask is None:
            query_attention_mask = torch.ones_like(query_input_ids)
        video_mask = video_mask.bool()
        # statistics and recurrent states lose too many digits in half precision
        with full_precision(video_features.device):
            features = video_features.float()
            if pixel_values_videos is not None:
                features = self.see_again(features, indices, pixel_values_videos)

            query_embeds = self.get_input_embeddings()(query_input_ids).float()
            statistics = self.ntlbg_attention(
                features, query_embeds, query_attention_mask, video_mask
            )
            relevance = share_of_relevance(statistics.scores, query_attention_mask.bool().any(-1))
            uniform = video_mask / video_mask.sum(1, keepdim=True).clamp_min(1)
            weights = torch.lerp(uniform, relevance, self.config.relevance_share)
            rich = self.rich_points(
                features,
                video_mask,
                pts_seconds,
                indices,
                relevance,
                weights,
                point_mass,
                with_codes,
            )
            return NtlbgOutput(
                statistics=statistics,
                representative_points=rich.points,
                context=rich.context,
                codes=rich.codes,
                relevance=relevance,
                weights=weights,
                visual_tokens=self.multi_modal_projector(rich.points, rich.features, frame_scores),
            )

    def see_again(self, features: Tensor, indices: Tensor, pixels: Tensor) -> Tensor:
        """Features (B, T, D), those at `indices` computed again from pixels (B, K, 3, H, W)."""
        if self.vision_tower is None:
            raise ValueError("pixel_values_videos need a model with a vision_config")
        row, pick = (indices >= 0).nonzero(as_tuple=True)
        fresh = self.vision_tower(pixels[row, pick]).float()
        return features.index_put((row, indices[row, pick]), fresh)

    def place(
        self, inputs_embeds: Tensor, input_ids: Tensor, tokens: Tensor, indices: Tensor
    ) -> Tensor:
        """inputs_embeds (B, S, H) with video tokens replaced by the tokens (B, K, H), in order."""
        slots, chosen = input_ids == self.config.video_token_id, indices >= 0
        if not torch.equal(slots.sum(1), chosen.sum(1)):
            raise ValueError(
                "each row needs one video token per chosen frame; got "
                f"{slots.sum(1).tolist()} tokens for {chosen.sum(1).tolist()} frames"
            )
        return inputs_embeds.masked_scatter(
            slots.unsqueeze(-1), tokens[chosen].to(inputs_embeds.dtype)
        )

    def prepare_inputs_for_generation(
        self, input_ids, is_first_iteration=False, use_cache=True, **kwargs
    ):
        model_inputs = super().prepare_inputs_for_generation(
            input_ids, is_first_iteration=is_first_iteration, use_cache=use_cache, **kwargs
        )
        if use_cache and not is_first_iteration:
            for name in VISUAL_INPUTS:
                model_inputs.pop(name, None)
        return model_inputs

    @torch.no_grad()
    def score(self, video_features: Tensor, query_input_ids: Tensor) -> Tensor:
        """Relevance (T,) of frames (T, D) to a question (L,), in nats; memory bounded in T."""
        query_embeds = self.get_input_embeddings()(query_input_ids[None, None]).float()
        with full_precision(video_features.device):
            return self.ntlbg_attention(video_features[None].float(), query_embeds).scores[0, 0]


def _build_vision_tower(config: NtlbgConfig) -> "BuiltinVisionTower | None":
    if config.vision_config is None:
        return None
    # Imported here: a model without a vision tower does not need its code.
    from ntlbg.models.builtin.vision_tower import BuiltinVisionConfig, BuiltinVisionTower

    assert isinstance(config.vision_config, BuiltinVisionConfig)  # NtlbgConfig makes it one
    return BuiltinVisionTower(config.vision_config)
