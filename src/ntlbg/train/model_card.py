"""The model card that a training leaves, as hubs show it: what the model is, and what it is not.

Only what the run knows is in it: no figure that was not measured, no place on this machine.
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ntlbg.config import Config
from ntlbg.files import staged_file
from ntlbg.hub import HUB_NAME
from ntlbg.marks import MARK, marked

CARD_FILE = "README.md"
CARD = marked("a model card", b"---", f"{MARK} train")
PACKAGES = ("ntlbg-llm", "torch", "transformers")
TERMS = ("loss", "task", "ntlbg", "align", "context")


def write_card(
    folder: Path, config: Config, history: Sequence[Mapping[str, Any]], *, skipped: int = 0
) -> bool:
    """Write README.md; one that somebody wrote, or edited without the mark, is left as it is.

    Args:
        config: as used.
        history: what was logged.
        skipped: videos that could not be read.

    Returns:
        whether it was written.

    Raises:
        OutputError: the folder cannot be written to.
    """
    path = folder / CARD_FILE
    if path.exists() and not CARD.holds(path):
        return False
    with staged_file(path, CARD) as stage:
        stage.write_text(card_text(config, history, skipped=skipped), "utf-8")
    return True


def card_text(config: Config, history: Sequence[Mapping[str, Any]], *, skipped: int = 0) -> str:
    """The card in Markdown, with the front matter of Hugging Face."""
    sections = (
        _front_matter(config), _about(config), _use(config), _training(config, history, skipped),
        LIMITS,
    )  # fmt: skip
    return "\n".join(sections)


def _base(config: Config) -> str:
    """Its name on the hub, or of ours; of a folder the last part of its path."""
    name = config.model.base_model
    return name if _is_on_hub(name) else Path(name).name


def _is_on_hub(name: str) -> bool:
    return bool(HUB_NAME.fullmatch(name)) and not Path(name).exists()


def _front_matter(config: Config) -> str:
    base = config.model.base_model
    lines = [
        "---",
        "library_name: ntlbg",
        "pipeline_tag: video-text-to-text",
        *([f"base_model: {base}"] if _is_on_hub(base) else []),
        "tags:",
        *(f"- {tag}" for tag in ("ntlbg", "video-question-answering", "frame-selection")),
        "---",
        f"<!-- {MARK} train; a card without this line is not written over -->",
        "",
    ]
    return "\n".join(lines)


def _about(config: Config) -> str:
    video, model = config.video_config, config.model
    own = model.feature_encoder == "base"
    encoder = "the base model's vision tower" if own else f"the encoder `{model.feature_encoder}`"
    changed = (
        f"adapters of rank {model.lora_rank} in the language model"
        if model.lora_rank
        else "the whole language model"
    )
    return f"""# {config.model_name}

{config.description}

Answers questions about long videos from the frames that represent them. Frames are chosen by
NTLBG attention over features of {encoder}
({video.max_frames} looked at, {video.num_representatives} chosen at most, selector
`{video.frame_selector}`); each becomes a rich point [feature; context; weight; time], a token
for the language model of `{_base(config)}`.

The folder holds what training changed: NTLBG's parts, {changed}, and what joins pictures and
language where it was trained. The base model's other weights are loaded from where they are
published, under their own licence.
"""


def _use(config: Config) -> str:
    return f"""## Use

```bash
pip install ntlbg-llm
ntlbg ask film.mp4 "What happens after the goal?" --model {config.model_name}   # the folder's path
```

```python
import ntlbg
answer = ntlbg.ask("film.mp4", "What happens after the goal?", model="{config.model_name}")
```
"""


def _training(config: Config, history: Sequence[Mapping[str, Any]], skipped: int) -> str:
    training, sets = config.training_config, config.dataset_config.train_datasets
    each = training.batch_size * training.gradient_accumulation_steps
    named = ", ".join(f"{one.name} ({one.weight:g})" for one in sets)
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    rows = [
        ("data, by weight", named),
        ("updates of the weights", training.max_steps),
        ("questions an update, of one process", each),
        ("learning rate", f"{training.learning_rate:g}, {training.lr_scheduler}"),
        ("number format", config.hardware_config.mixed_precision),
        ("seed", training.seed),
        ("videos that could not be read", skipped),
        ("made with", versions),
        *_losses(history),
    ]
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    return f"## Training\n\n| what | value |\n|---|---|\n{table}\n"


def _losses(history: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """The first and the last that were logged, of training questions."""
    logged = [entry for entry in history if "loss" in entry]
    if not logged:
        return []
    first, last = logged[0], logged[-1]
    return [
        (f"{name}, first and last logged", f"{first[name]:.4g}, {last[name]:.4g}")
        for name in TERMS
        if name in first and name in last
    ]


LIMITS = """## Limits

How often its answers are right was not measured by the training. Measure it on questions of your
own, with answers: `ntlbg answer questions.jsonl answers.jsonl --model FOLDER` counts by kind. An
answer shows the frames that it rests on; look at them before you rely on it.
"""
