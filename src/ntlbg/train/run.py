"""``ntlbg train``: one run, whatever the recipe (``ntlbg.train.recipes``).

Data, model, stages and what is minimised are the recipe's; all else is here and in ``trainer.py``.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from ntlbg.errors import ConfigError
from ntlbg.json_lines import alone_in
from ntlbg.train import processes
from ntlbg.train.recipe import Recipe, Say
from ntlbg.train.recipes import load_recipe


@dataclass(frozen=True)
class TrainResult:
    """What a run leaves behind.

    Attributes:
        folder: the trained model, for ``ntlbg ask --model``, and the run's checkpoints.
        history: mean loss and terms at every logging step and the last one.
    """

    folder: Path
    history: list[dict]


def run(
    config: str | Path | BaseModel,
    output_dir: str | Path | None = None,
    *,
    overrides: Iterable[str] = (),
    weights: str | Path | None = None,
    stage: str | None = None,
    fsdp: bool = False,
    seed: int | None = None,
    debug: bool = False,
    dry_run: bool = False,
    resume: bool = True,
    say: Say = print,
) -> TrainResult | None:
    """Train as a configuration says; a run that was stopped goes on.

    Args:
        config: a file such as those in ``configs/``, or the settings of one.
        output_dir: where everything goes; the configuration's by default.
        overrides: ``path.to.key=value`` each, put into the file.
        weights: start from these instead of new parts (recipe ntlbg).
        stage: only this one (recipe builtin).
        fsdp: the model is divided among the processes that torchrun has started (recipes ntlbg and
            longvu); otherwise each holds all of it.
        seed: instead of the configuration's.
        debug: a few steps of a few samples, to see that it runs.
        dry_run: check data and machine, build the model, and train nothing; None is returned.
        resume: go on from the last checkpoint, which a run of the same settings must have left;
            otherwise what such a run left is removed.
        say: told what is looked at, changed and gone on from.

    Raises:
        NotReadyError: data, memory or weights are missing: all that is, in one line.
        ConfigError, DataError, VideoError, WeightsError, OutputError.
    """
    say = say if processes.rank() == 0 else _unheard
    options = {"weights": weights, "stage": stage, "fsdp": fsdp or None}
    recipe = load_recipe(config, overrides, seed=seed, debug=debug, say=say, **options)
    given = None if isinstance(config, BaseModel) else Path(config)
    return train(recipe, output_dir, given=given, dry_run=dry_run, resume=resume, say=say)


def train(
    recipe: Recipe,
    output_dir: str | Path | None = None,
    *,
    given: Path | None = None,
    dry_run: bool = False,
    resume: bool = True,
    say: Say = print,
) -> TrainResult | None:
    """As :func:`run`, by a recipe; ``given`` is the file of its settings."""
    output = Path(output_dir or recipe.settings.output_dir)
    _check_processes(recipe, dry_run)
    recipe.check(say, given=given, tell_all=dry_run)
    recipe.check_output(output, resume=resume, inputs=[given])
    from transformers import set_seed  # takes seconds
    from transformers.utils import logging

    if processes.rank():
        logging.disable_progress_bar()
    set_seed(recipe.seed)
    recipe.build(say, dry_run=dry_run)
    if dry_run:
        say("everything is there; nothing was trained")
        return None
    with processes.together(), _one_run(output):
        return TrainResult(output, recipe.train(output, resume=resume, say=say))


def _check_processes(recipe: Recipe, dry_run: bool) -> None:
    """Whether the recipe can train in as many processes as there are."""
    if processes.count() > 1 and "fsdp" not in recipe.options:
        raise ConfigError(
            f"this recipe trains in one process, and there are {processes.count()}; start it "
            "without torchrun"
        )
    if recipe.divided and not dry_run:
        from ntlbg.train import sharding

        sharding.check()


def _unheard(line: str) -> None:
    """What the first process says, the others need not."""


@contextmanager
def _one_run(output: Path) -> Iterator[None]:
    """Two at once in one folder would go on from one another's checkpoints.

    Raises:
        OutputError: another run is in it, or it cannot be made.
    """
    if processes.rank():  # the first one holds it for all
        yield
        return
    with alone_in(output):
        yield
