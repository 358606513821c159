"""Settings of ``ntlbg train`` for the built-in model (``configs/builtin.json``)."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ntlbg_lab.haystack.questions import EXTRA_TYPES, QUESTION_TYPES

Rate = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9-]+$", description="of its files in the output")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class VisionStage(_Strict):
    """Stage one: the vision tower names what a frame shows."""

    kind: Literal["vision"]
    name: Name
    steps: Count = Field(description="optimiser steps")
    batch_size: Count = Field(description="rendered frames a step")
    negatives: float = Field(ge=0, le=1, description="share of frames without an object")
    head_rate: Rate = Field(description="learning rate of the attention pool")
    tail_rate: Rate = Field(description="learning rate of the fine-tuned blocks")
    frames: tuple[Annotated[int, Field(ge=0)], Count] | None = Field(
        None, description="of kept frames, the first and the one after the last; null for all"
    )
    smoothing: float = Field(0.05, ge=0, lt=1, description="label smoothing")
    blend: float = Field(
        1.0, gt=0, le=1, description="share of the new weights; the rest is what was before"
    )


class SyntheticVideoOptions(_Strict):
    """Shape and difficulty of videos."""

    num_frames: list[Count] = Field([4, 8, 8, 12, 16], description="budgets, drawn at random")
    num_questions: Count = Field(9, description="questions a video")
    doubtful: float = Field(0.3, ge=0, le=1, description="share of empty frames made doubtful")
    distractors: Count = Field(48, description="empty frames besides the chosen and what is around")
    question_types: list[Literal[*QUESTION_TYPES, *EXTRA_TYPES]] = Field(  # type: ignore[valid-type]
        list(QUESTION_TYPES), min_length=1, description="asked in turn"
    )


class _SyntheticVideoStage(_Strict):
    name: Name
    steps: Count = Field(description="optimiser steps")
    batch_size: Count = Field(description="videos a step")
    learning_rate: Rate


class SelectionStage(SyntheticVideoOptions, _SyntheticVideoStage):
    """Stage one: the NTLBG attention finds the frames that a question asks about."""

    kind: Literal["selection"]


class AnswerStage(SyntheticVideoOptions, _SyntheticVideoStage):
    """Stages two and three: everything that leads to the answer."""

    kind: Literal["joint", "full"]
    vision_rate: Rate | None = Field(None, description="of the vision tower; null freezes it")
    restore: list[str] = Field(
        [], description="parts of the model put back as they were before the stage"
    )
    without: list[Literal["ntlbg", "align", "context"]] = Field(
        [], description="loss terms left out, to see what they add"
    )


Stage = Annotated[VisionStage | SelectionStage | AnswerStage, Field(discriminator="kind")]


class BankSettings(_Strict):
    """Rendered frames that videos are assembled from."""

    repeats: Count = Field(description="frames of each picture")
    empty: Count = Field(description="frames without an object")
    names: Count | None = Field(None, description="only so many objects; null for all")


class BackgroundSettings(_Strict):
    """Background frames kept in memory."""

    shots: Count
    frames: Count = Field(description="frames of a shot, one second apart")
    walks: int = Field(0, ge=0, description="shots of game levels; needs the extra `games`")
    photos: Path | None = Field(None, description="folder of further pictures; see `make photos`")


class KeptFramesSettings(_Strict):
    """Rendered frames behind the frozen trunk, kept on disk; runs of any seed can share them."""

    folder: Path
    frames: Count = Field(description="rendered frames, 18 kB each")
    negatives: float = Field(0.4, gt=0, lt=1, description="share without an object")
    seed: int = Field(0, ge=0)


class BuiltinTraining(_Strict):
    """All of ``configs/builtin.json``."""

    recipe: Literal["builtin"] = Field("builtin", description="what the file trains")
    name: str = "builtin"
    seed: int = Field(0, ge=0)
    output_dir: Path = Path("runs/builtin")
    save_steps: Count = Field(100, description="steps between checkpoints")
    nothing_bias: float = Field(0.0, description="added to the logit of nothing when answering")
    tower: Path | None = Field(
        None, description="trained weights to take the vision tower from; null starts a new one"
    )
    backgrounds: BackgroundSettings
    bank: BankSettings
    kept_frames: KeptFramesSettings | None = Field(
        None, description="what the vision stages see; null draws fresh frames for every step"
    )
    stages: list[Stage] = Field(min_length=1, description="in order")

    @model_validator(mode="after")
    def _names_differ(self):
        names = [stage.name for stage in self.stages]
        if len(set(names)) < len(names):
            raise ValueError(f"two stages have one name: {names}")
        return self

    @model_validator(mode="after")
    def _frames_are_kept(self):
        kept = self.kept_frames.frames if self.kept_frames else 0
        for stage in self.stages:
            frames = stage.frames if stage.kind == "vision" else None
            if frames and not frames[0] < frames[1] <= kept:
                raise ValueError(f"{stage.name}: frames {frames} of {kept} kept frames")
        return self
