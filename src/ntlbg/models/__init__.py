"""Models in the Hugging Face way, known to its Auto classes."""

from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

from ntlbg.models.longvu.configuration_longvu import LongVUConfig
from ntlbg.models.longvu.modeling_longvu import LongVUForConditionalGeneration
from ntlbg.models.longvu.processing_longvu import LongVUProcessor
from ntlbg.models.modeling_outputs import NtlbgOutput, NtlbgStatistics
from ntlbg.models.ntlbg.attention import NTLBGAttention
from ntlbg.models.ntlbg.configuration_ntlbg import NtlbgConfig, NtlbgVLConfig
from ntlbg.models.ntlbg.modeling_ntlbg import NtlbgForConditionalGeneration
from ntlbg.models.ntlbg.modeling_ntlbg_vl import NtlbgVLForConditionalGeneration
from ntlbg.models.ntlbg.processing_ntlbg import NtlbgProcessor
from ntlbg.models.ntlbg.rich_points import RichRepresentativePoints

AutoConfig.register("ntlbg", NtlbgConfig, exist_ok=True)
AutoModelForImageTextToText.register(NtlbgConfig, NtlbgForConditionalGeneration, exist_ok=True)
AutoProcessor.register(NtlbgConfig, NtlbgProcessor, exist_ok=True)
AutoConfig.register("ntlbg_vl", NtlbgVLConfig, exist_ok=True)
AutoModelForImageTextToText.register(NtlbgVLConfig, NtlbgVLForConditionalGeneration, exist_ok=True)
AutoProcessor.register(NtlbgVLConfig, NtlbgProcessor, exist_ok=True)
AutoConfig.register("longvu", LongVUConfig, exist_ok=True)
AutoModelForImageTextToText.register(LongVUConfig, LongVUForConditionalGeneration, exist_ok=True)
AutoProcessor.register(LongVUConfig, LongVUProcessor, exist_ok=True)

__all__ = [
    "LongVUConfig",
    "LongVUForConditionalGeneration",
    "LongVUProcessor",
    "NTLBGAttention",
    "NtlbgConfig",
    "NtlbgForConditionalGeneration",
    "NtlbgOutput",
    "NtlbgProcessor",
    "NtlbgStatistics",
    "NtlbgVLConfig",
    "NtlbgVLForConditionalGeneration",
    "RichRepresentativePoints",
]
