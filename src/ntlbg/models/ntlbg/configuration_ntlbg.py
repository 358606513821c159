"""Configuration of the NTLBG model."""

from typing import Any, Literal

from huggingface_hub.dataclasses import strict
from transformers import AutoConfig, PreTrainedConfig
from transformers.configuration_utils import SubConfigSpec

# Set by hand: neighbours of a minute at 16 frames a second, and far more pairs than a time of hours
# has digits. Windows of the first are made for every chosen frame.
MOST = {"context_frames": 1000, "time_frequencies": 64}


@strict
class NtlbgConfig(PreTrainedConfig):
    r"""Sizes and choices of [`NtlbgForConditionalGeneration`].

    Args:
        text_config: configuration (or its dictionary) of any causal language model. Default: Llama.
        vision_config: configuration of the built-in vision tower, or None when features come from
            elsewhere.
        feature_size: D, length of a frame's feature vector.
        covariance_rank: r, columns of the low-rank factor of a covariance.
        attention_hidden_size: width of the question reader in the NTLBG attention.
        context_size: C, width of the LSTM that reads the frames around a representative point.
        context_seconds: frames further than this from a representative point are not its context.
        context_frames: W, at most this many frames on each side are its context.
        time_frequencies: F, sine and cosine pairs that encode a time in seconds.
        relevance_share: part of the frame weights given to relevance; the rest is uniform.
        bandwidth: width of the soft cells, in units of the features' spread.
        projector: "mlp", or "vocabulary" for tokens that are mixtures of word embeddings.
        adapter_size: hidden width of the projector.
        vocabulary: token ids of each word of the "vocabulary" projector; the last entry is the word
            for "nothing".
        vocabulary_scale: inverse temperature of the choice of a word.
        nothing_bias: added to the logit of the last word.
        doubt_margin, doubt_slope: a frame whose relevance is more than `doubt_margin` nats below
            the best chosen one's gets `doubt_slope` per further nat added to that logit.
        calibration: weights of the logistic regressions by which answers are doubted, by the names
            of `ntlbg.models.ntlbg.question_evidence.Calibration`; None for its own.
        video_token_id: id of the token that a frame replaces in `input_ids`.
        base_model: where the weights come from that training did not change: a folder, a model of
            the hub, "smollm2" or "builtin"; None where this folder holds all weights.
        lora_rank: rank of the adapters among the weights; 0 where there are none.
        feature_encoder: what made the features it was trained on, a name in
            `ntlbg.encoders.ENCODERS`.
        trained_tower: whether the vision tower's last blocks and head are among the weights.
        video_config: frames looked at and chosen in training, by the keys of
            `ntlbg.config.blocks.VideoConfig`; None for the defaults of each command.
    """

    model_type = "ntlbg"
    sub_configs_defaults = {  # noqa: RUF012  (transformers declares it as a ClassVar)
        "text_config": SubConfigSpec(config_class=AutoConfig, model_type="llama"),
        "vision_config": SubConfigSpec(config_class=PreTrainedConfig, optional=True),
    }

    text_config: dict | PreTrainedConfig | None = None
    vision_config: dict | PreTrainedConfig | None = None
    feature_size: int = 576
    covariance_rank: int = 32
    attention_hidden_size: int = 96
    context_size: int = 128
    context_seconds: float = 2.5
    context_frames: int = 2
    time_frequencies: int = 8
    relevance_share: float = 0.5
    bandwidth: float = 0.5
    projector: Literal["mlp", "vocabulary"] = "mlp"
    adapter_size: int = 256
    vocabulary: list[list[int]] | None = None
    vocabulary_scale: float = 22.0
    nothing_bias: float = 0.0
    doubt_margin: float = 1.0
    doubt_slope: float = 6.0
    calibration: dict[str, list[float]] | None = None
    video_token_id: int = 0
    base_model: str | None = None
    lora_rank: int = 0
    feature_encoder: str = "builtin"
    trained_tower: bool = False
    video_config: dict[str, Any] | None = None

    def __post_init__(self, **kwargs):
        if isinstance(self.vision_config, dict):
            # Imported here: a model without a vision tower does not need its code.
            from ntlbg.models.builtin.vision_tower import BuiltinVisionConfig

            self.vision_config = BuiltinVisionConfig(**self.vision_config)
        super().__post_init__(**kwargs)
        for name, most in MOST.items():
            if not 0 <= getattr(self, name) <= most:
                raise ValueError(f"{name} must be 0 to {most}; got {getattr(self, name)}")
        if self.projector == "vocabulary" and not (self.vocabulary and all(self.vocabulary)):
            raise ValueError(
                'projector="vocabulary" needs `vocabulary`, a non-empty list of token ids per '
                f"word, the last one for 'nothing'; got {self.vocabulary!r}"
            )

    @property
    def rich_point_parts(self) -> dict[str, int]:
        """Lengths of the parts of a rich representative point R = [r; c; w; t], in order."""
        return {
            "r": self.feature_size,
            "c": self.context_size,
            "w": 2,
            "t": 2 * self.time_frequencies,
        }

    @property
    def rich_point_size(self) -> int:
        """Length of a rich representative point [feature; context; weight; time]."""
        return sum(self.rich_point_parts.values())


@strict
class NtlbgVLConfig(NtlbgConfig):
    r"""Of [`NtlbgVLForConditionalGeneration`]: the same parts before a vision-language model.

    `text_config` is the configuration of the whole base model, `video_token_id` the token that a
    rich point replaces.

    Args:
        rich_points: whether each frame has its rich point before its own tokens; without them the
            prompt is the one of the base model.
        compress: what leaves out tokens of frames: a name in `ntlbg.compressors.COMPRESSORS`, or
            "none".
        max_visual_tokens: of frames and rich points together, at most; None for no limit.
    """

    model_type = "ntlbg_vl"
    sub_configs_defaults = {  # noqa: RUF012  (transformers declares it as a ClassVar)
        "text_config": SubConfigSpec(config_class=AutoConfig, model_type="qwen2_vl"),
        "vision_config": SubConfigSpec(config_class=PreTrainedConfig, optional=True),
    }

    feature_encoder: str = "base"
    rich_points: bool = True
    compress: str = "none"
    max_visual_tokens: int | None = None

    def get_text_config(self, decoder=None, encoder=None):
        """Of the base model's language model."""
        return super().get_text_config(decoder, encoder).get_text_config(decoder, encoder)
