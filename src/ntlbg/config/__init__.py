"""Configuration: the schema of ``configs/*.json``, and the menus of video levels and GPUs."""

from ntlbg.config.generate import (
    ablation_suite,
    comparison_suite,
    config_for_level,
    precision_for,
    representatives,
)
from ntlbg.config.load import changed, json_schema, load_config, to_json
from ntlbg.config.menus import GPUS, LEVELS, Gpu, Level
from ntlbg.config.schema import Config

__all__ = [
    "GPUS",
    "LEVELS",
    "Config",
    "Gpu",
    "Level",
    "ablation_suite",
    "changed",
    "comparison_suite",
    "config_for_level",
    "json_schema",
    "load_config",
    "precision_for",
    "representatives",
    "to_json",
]
