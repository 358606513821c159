"""Configuration: the schema of ``configs/*.json``, and the menus of video levels and GPUs."""

from ntlbg.config.load import load_config
from ntlbg.config.menus import GPUS, LEVELS, Gpu, Level
from ntlbg.config.schema import Config

__all__ = ["GPUS", "LEVELS", "Config", "Gpu", "Level", "load_config"]
