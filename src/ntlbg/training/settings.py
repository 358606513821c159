"""Settings of ``ntlbg train`` for the built-in model (``configs/builtin.json``)."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ntlbg.errors import ConfigError

Rate = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class VisionSettings(_Strict):
    """Naming what a frame shows."""

    steps: Count = Field(description="optimiser steps")
    batch_size: Count = Field(description="rendered frames a step")
    negatives: float = Field(ge=0, le=1, description="share of frames without an object")
    head_rate: Rate = Field(description="learning rate of the attention pool")
    tail_rate: Rate = Field(description="learning rate of the fine-tuned blocks")
    smoothing: float = Field(ge=0, lt=1, description="label smoothing")


class EpisodeSettings(_Strict):
    """Training on videos assembled from features."""

    steps: Count = Field(description="optimiser steps")
    batch_size: Count = Field(description="videos a step")
    learning_rate: Rate
    vision_rate: Rate | None = Field(None, description="of the vision tower; null freezes it")
    num_frames: list[Count] = Field([4, 8, 8, 12, 16], description="budgets, drawn at random")
    num_questions: Count = Field(9, description="questions a video")
    doubtful: float = Field(0.3, ge=0, le=1, description="share of empty frames made doubtful")


class BankSettings(_Strict):
    """Rendered frames that episodes are assembled from."""

    repeats: Count = Field(description="frames of each picture")
    empty: Count = Field(description="frames without an object")


class BackgroundSettings(_Strict):
    """Background frames kept in memory."""

    shots: Count
    frames: Count = Field(description="frames of a shot, one second apart")


class BuiltinTraining(_Strict):
    """All of ``configs/builtin.json``."""

    name: str = "builtin"
    seed: int = Field(0, ge=0)
    output_dir: Path = Path("runs/builtin")
    save_steps: Count = Field(100, description="steps between checkpoints")
    backgrounds: BackgroundSettings
    bank: BankSettings
    vision: VisionSettings
    selection: EpisodeSettings
    joint: EpisodeSettings
    full: EpisodeSettings


def load_settings(path: str | Path) -> BuiltinTraining:
    """Read and check a training configuration.

    Raises:
        ConfigError: naming the key, the value and what is allowed.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); give a JSON file") from error
    try:
        return BuiltinTraining.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "file"
        given = "" if first["type"] == "missing" else f", got {first['input']!r}"
        raise ConfigError(f"{path}: {where}: {first['msg']}{given}") from error
