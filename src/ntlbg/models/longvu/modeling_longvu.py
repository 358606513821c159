"""LongVU: two vision towers, an aggregator, and a language model with room for few tokens.

frames --DINOv2--> unlike their neighbours --SigLIP, aggregator--> FusedVideo
FusedVideo, text --------------------------video_tokens_longvu---> VideoTokens, within the budget
text before, VideoTokens, text after ------language model--------> answer

Shen et al. 2024, arXiv:2410.17434.

B rows of a batch, S tokens of a row, L of it with its video, F frames of all videos, T frames of
one that are kept, q cells on a side of the fine grid, V width of fused tokens, H hidden size.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, PreTrainedModel, initialization
from transformers.generation import GenerationMixin
from transformers.modeling_outputs import CausalLMOutputWithPast

from ntlbg.models.layers import IGNORED_LABEL, LanguageModelEmbeddings, token_loss
from ntlbg.models.longvu.configuration_longvu import LongVUConfig
from ntlbg.models.longvu.sequences import (
    PreparedInputs,
    frame_limit,
    frame_limits,
    place_videos,
    text_mask,
)
from ntlbg.models.longvu.spatial_vision_aggregator import SpatialVisionAggregator, TowerKeyValue
from ntlbg.models.longvu.video_tokens import FrameGrids, FusedVideo
from ntlbg.models.longvu.vision import LongVUVision, PixelSource, PixelTensors

# The language model's layers, as PEFT wants them named: the towers have layers of the same names.
LORA_TARGETS = r"language_model\..*\.(q|k|v|o|gate|up|down)_proj"


class LongVUProjector(nn.Module):
    """Fused tokens (..., V) -> (..., H)."""

    def __init__(self, config: LongVUConfig):
        super().__init__()
        hidden_size = config.get_text_config().hidden_size
        self.linear_1 = nn.Linear(config.vision_hidden_size, hidden_size)
        self.linear_2 = nn.Linear(hidden_size, hidden_size)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.linear_2(F.gelu(self.linear_1(tokens)))


class LongVUForConditionalGeneration(LanguageModelEmbeddings, PreTrainedModel, GenerationMixin):
    """A causal language model that reads long videos."""

    config: LongVUConfig
    base_model_prefix = "longvu"
    main_input_name = "input_ids"
    input_modalities = ["image", "video", "text"]  # noqa: RUF012  (as transformers declares it)
    supports_gradient_checkpointing = True
    _no_split_modules = ["SpatialVisionAggregator"]  # noqa: RUF012
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_flex_attn = True
    _supports_attention_backend = True

    def __init__(self, config: LongVUConfig):
        super().__init__(config)
        self.language_model = AutoModelForCausalLM.from_config(config.text_config)
        self.vision_model = LongVUVision(config)
        self.multi_modal_projector = LongVUProjector(config)
        self.image_newline = nn.Parameter(torch.empty(config.get_text_config().hidden_size))
        self.post_init()

    @classmethod
    def from_pretrained(cls, *args, **kwargs):
        """As in transformers, which makes new parameters; frozen towers stay frozen."""
        loaded = super().from_pretrained(*args, **kwargs)
        model = loaded[0] if isinstance(loaded, tuple) else loaded  # with output_loading_info
        model.vision_model.freeze_towers()
        return loaded

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if module is self:
            initialization.normal_(self.image_newline, std=len(self.image_newline) ** -0.5)
        elif isinstance(module, SpatialVisionAggregator):
            initialization.normal_(module.query, std=len(module.query) ** -0.5)
        elif isinstance(module, TowerKeyValue) and module.position is not None:
            initialization.normal_(module.position, std=0.02)

    def fuse(
        self,
        source: PixelSource,
        size: tuple[int, int],
        *,
        text: int | None = None,
        still: bool = False,
    ) -> FusedVideo:
        """Read a video block by block, for any number of questions.

        Args:
            source: its pixels.
            size: (width, height), or swapped in faithful mode: `LongVUProcessor.video_size`.
            text: ids of the prompt, placeholder included. The longer the prompt, the fewer frames
                there is room for; repeated ones are dropped from there on. None keeps them all.
            still: a picture, not a video.
        """
        limit = None if text is None else frame_limit(self.config, text, size)
        return self.vision_model.fuse(source, size, limit=limit, still=still)

    def prepare(
        self,
        input_ids: Tensor | None,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        *,
        videos: list[FusedVideo] | None = None,
        padding_side: str | None = None,
        **pixels,
    ) -> PreparedInputs:
        """Put the tokens of videos in the place of `image_token_id`; arguments as in `forward`."""
        if input_ids is None:
            raise ValueError("videos need input_ids, to know where they go")
        mask = text_mask(input_ids, attention_mask, self.config.pad_token_id)
        if videos is None:
            videos = self._fuse_all(input_ids, mask, **pixels)
        grids = [
            FrameGrids(video, self.config, self.multi_modal_projector, self.image_newline)
            for video in videos
        ]
        return place_videos(
            self.config, self.get_input_embeddings(), input_ids, mask, labels, grids, padding_side
        )

    def _fuse_all(
        self,
        input_ids: Tensor,
        mask: Tensor,
        *,
        pixel_values: Tensor | None = None,
        pixel_values_dinov2: Tensor | None = None,
        pixel_values_videos: Tensor | None = None,
        pixel_values_videos_dinov2: Tensor | None = None,
        num_frames: Tensor | None = None,
        image_sizes: Tensor | None = None,
    ) -> list[FusedVideo]:
        still = pixel_values is not None
        siglip = pixel_values if still else pixel_values_videos
        dinov2 = pixel_values_dinov2 if still else pixel_values_videos_dinov2
        if siglip is None:
            return []
        if dinov2 is None or image_sizes is None or (still and pixel_values_videos is not None):
            raise ValueError(
                "give pixels for both towers and image_sizes, of pictures or of videos but not of "
                "both; a picture beside videos is a video of one frame"
            )
        sizes = [tuple(size) for size in image_sizes.tolist()]
        lengths = [1] * len(siglip) if num_frames is None else num_frames.tolist()
        limits = frame_limits(self.config, input_ids, mask, sizes)
        return [
            self.vision_model.fuse(
                PixelTensors(*pair), size, limit=None if still else limit, still=still
            )
            for pair, size, limit in zip(
                zip(siglip.split(lengths), dinov2.split(lengths), strict=True),
                sizes,
                limits,
                strict=True,
            )
        ]

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        pixel_values: Tensor | None = None,
        pixel_values_dinov2: Tensor | None = None,
        pixel_values_videos: Tensor | None = None,
        pixel_values_videos_dinov2: Tensor | None = None,
        num_frames: Tensor | None = None,
        image_sizes: Tensor | None = None,
        videos: list[FusedVideo] | None = None,
        labels: Tensor | None = None,
        past_key_values: object | None = None,
        inputs_embeds: Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        logits_at_labels: bool = False,
        num_items_in_batch: Tensor | int | None = None,
        **kwargs,
    ) -> CausalLMOutputWithPast:
        """Read text with pictures or videos in it.

        Args:
            input_ids: (B, S), with one `image_token_id` for each picture or video. A row without
                any may bring a video all the same; it is not shown.
            attention_mask: (B, S), 1 for text; None takes what is not `pad_token_id`.
            position_ids: (B, S), only where there is nothing to see.
            pixel_values, pixel_values_dinov2: (B', 3, 384, 384) and (B', 3, 378, 378), pictures.
            pixel_values_videos, pixel_values_videos_dinov2: the same of frames, (F, 3, ...).
            num_frames: (B',) frames of each video, F in all; None: a video is one frame.
            image_sizes: (B', 2) width and height of each picture or video.
            videos: what `fuse` gave, instead of pixels.
            labels: (B, S), -100 where nothing is to be learned; shifted here, not by the caller.
            logits_to_keep: see transformers; logits of the last positions only.
            logits_at_labels: logits of the labelled positions only, (labelled tokens, vocabulary).
            num_items_in_batch: labelled tokens over which the loss is averaged, when the batch is
                a part of a larger one.
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("give exactly one of input_ids and inputs_embeds")
        pixels = {
            "pixel_values": pixel_values,
            "pixel_values_dinov2": pixel_values_dinov2,
            "pixel_values_videos": pixel_values_videos,
            "pixel_values_videos_dinov2": pixel_values_videos_dinov2,
        }
        if videos is not None or any(tensor is not None for tensor in pixels.values()):
            prepared = self.prepare(
                input_ids,
                attention_mask,
                labels,
                videos=videos,
                num_frames=num_frames,
                image_sizes=image_sizes,
                padding_side=None,
                **pixels,
            )
            inputs_embeds, labels = prepared.inputs_embeds, prepared.labels
            attention_mask = prepared.attention_mask
        elif inputs_embeds is None:
            inputs_embeds = self.get_input_embeddings()(input_ids)
        outputs = self.language_model.get_decoder()(
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            use_cache=use_cache,
            **kwargs,
        )
        targets = None if labels is None else F.pad(labels[:, 1:], (0, 1), value=IGNORED_LABEL)
        keep = _positions(targets if logits_at_labels else None, logits_to_keep)
        logits = self.get_output_embeddings()(outputs.last_hidden_state[keep])
        loss = None
        if targets is not None:
            loss = token_loss(logits, targets[keep], num_items_in_batch)
        return CausalLMOutputWithPast(
            loss=loss,
            logits=logits,
            past_key_values=outputs.past_key_values,
            hidden_states=outputs.hidden_states,
            attentions=outputs.attentions,
        )

    def generate(  # type: ignore[override]  # takes `videos`, and names its first argument
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        *,
        videos: list[FusedVideo] | None = None,
        **kwargs,
    ) -> Tensor:
        """As in transformers. With something to see, only the new tokens are returned."""
        names = ("pixel_values", "pixel_values_dinov2", "pixel_values_videos",
                 "pixel_values_videos_dinov2", "num_frames", "image_sizes")  # fmt: skip
        pixels = {name: kwargs.pop(name) for name in names if kwargs.get(name) is not None}
        if videos is not None or pixels:
            with torch.no_grad():
                prepared = self.prepare(
                    input_ids, attention_mask, videos=videos, padding_side="left", **pixels
                )
            input_ids, attention_mask = None, prepared.attention_mask
            kwargs["inputs_embeds"] = prepared.inputs_embeds
        # Its protocol asks for a `device` that can be set, which no model of transformers has.
        return super().generate(  # type: ignore[misc,return-value]
            input_ids, attention_mask=attention_mask, **kwargs
        )


def _positions(targets: Tensor | None, logits_to_keep: int | Tensor) -> Tensor | tuple:
    """What to index (B, L, ...) with: where targets (B, L) are, else the positions asked for."""
    if targets is not None:
        return targets != IGNORED_LABEL
    if isinstance(logits_to_keep, int):
        return slice(None), slice(-logits_to_keep if logits_to_keep else None, None)
    return slice(None), logits_to_keep
