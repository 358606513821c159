"""Models in the Hugging Face way, known to its Auto classes."""

from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

from ntlbg.models.configuration_ntlbg import NtlbgConfig
from ntlbg.models.modeling_ntlbg import NtlbgForConditionalGeneration
from ntlbg.models.modeling_outputs import NtlbgOutput, NtlbgStatistics
from ntlbg.models.ntlbg_attention import NTLBGAttention
from ntlbg.models.processing_ntlbg import NtlbgProcessor
from ntlbg.models.rich_points import RichRepresentativePoints

AutoConfig.register("ntlbg", NtlbgConfig, exist_ok=True)
AutoModelForImageTextToText.register(NtlbgConfig, NtlbgForConditionalGeneration, exist_ok=True)
AutoProcessor.register(NtlbgConfig, NtlbgProcessor, exist_ok=True)

__all__ = [
    "NTLBGAttention",
    "NtlbgConfig",
    "NtlbgForConditionalGeneration",
    "NtlbgOutput",
    "NtlbgProcessor",
    "NtlbgStatistics",
    "RichRepresentativePoints",
]
