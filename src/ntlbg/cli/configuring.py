"""``config`` and ``plan``: configuration files, and the memory that they ask for."""

import json
from pathlib import Path
from typing import Annotated

import typer

from ntlbg.cli.app import Json, app
from ntlbg.visible import visible

DEFAULT_CONFIG = Path("configs/longvideo_config.json")
config_app = typer.Typer(
    help="Make, check, analyze and fit configuration files.", no_args_is_help=True
)
app.add_typer(config_app, name="config")

Config = Annotated[Path, typer.Option(help="A configuration file.")]
CONFIGS = Path("configs")  # where files are written that are given no other place
STANDARD_OUTPUT = Path("-")
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", help="Put another value into a key, as a.b=c; repeat it."),
]
Gpu = Annotated[
    str | None,
    typer.Option(help="A card such as A100_40GB, or present for what this machine has."),
]


@config_app.command()
def generate(
    category: Annotated[
        str | None, typer.Option(help="Length of the videos: moderate_long, long or very_long.")
    ] = None,
    gpu: Gpu = None,
    experiment: Annotated[
        str | None,
        typer.Option(help="A suite of files instead: ablation_studies or sota_comparison."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Start from this file instead of the defaults.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="File to write, or folder for an experiment; - prints.  "
            "Default: configs/longvideo_CATEGORY.json."
        ),
    ] = None,
    overrides: Overrides = None,
) -> None:
    """Write a configuration for a length of video and a GPU, or an experiment's suite."""
    from ntlbg.config import changed, config_for_level, load_config, precision_for
    from ntlbg.config.load import parsed_override
    from ntlbg.errors import ConfigError

    base = None if config is None else load_config(config, say=_note)
    if category is not None or config is None or base is None:
        category = category or "long"
        made, name = config_for_level(category, gpu, base), f"longvideo_{category}"
    else:
        made, name = changed(base, precision_for(gpu)) if gpu else base, f"generated_{config.stem}"
    if overrides:  # last, so that they win
        where = "--set" if config is None else f"{config} with --set"
        made = changed(made, dict(map(parsed_override, overrides)), where, _note)
    if experiment is None:
        _write(made, output or CONFIGS / f"{name}.json", config)
        return
    if output == STANDARD_OUTPUT:
        raise ConfigError(f"--output -: {experiment} is several files; name a folder for them")
    folder = output or CONFIGS / experiment
    suite = {folder / f"{name}.json": variant for name, variant in _suite(experiment, made).items()}
    for path in suite:
        _check(path, config, stream=False)
    for path, variant in suite.items():
        _write(variant, path, config, stream=False)


def _note(line: str) -> None:
    """Beside the output, which other programs may read."""
    from ntlbg.views import console

    console.print_note(line)


def _loaded(path: Path, overrides: list[str] | None, say=_note):
    from ntlbg.config import Config as Settings
    from ntlbg.config import load_config
    from ntlbg.config.load import settings_in

    if path == DEFAULT_CONFIG and not path.exists():  # outside a copy of the repository
        _note(f"there is no {path} here; the defaults of the package, which are the same, are read")
        return settings_in({}, Settings, "the defaults", overrides or (), say)
    return load_config(path, overrides or (), say)


def _suite(experiment: str, base):
    from ntlbg.config import ablation_suite, comparison_suite
    from ntlbg.errors import ConfigError
    from ntlbg.selectors import SELECTORS

    suites = {
        "ablation_studies": ablation_suite,
        "sota_comparison": lambda config: comparison_suite(config, SELECTORS),
    }
    if experiment not in suites:
        raise ConfigError(
            f"no experiment {experiment!r}; there are: {', '.join(suites)}; `ntlbg compare OUT` "
            "with --suite efficiency or theory needs no configuration"
        )
    return suites[experiment](base)


def _check(output: Path, given: Path | None, *, stream: bool = True) -> None:
    from ntlbg.files import check_output
    from ntlbg.marks import CONFIGURATION

    check_output(output, CONFIGURATION, inputs=[given], stream=stream)


def _write(config, output: Path, given: Path | None, *, stream: bool = True) -> None:
    from ntlbg.config import to_json
    from ntlbg.files import staged_file
    from ntlbg.marks import CONFIGURATION

    if output == STANDARD_OUTPUT:
        typer.echo(to_json(config), nl=False)
        return
    text = to_json(config)
    replaced = output.is_file() and output.stat().st_size and output.read_bytes() != text.encode()
    with staged_file(output, CONFIGURATION, inputs=[given], stream=stream) as stage:
        stage.write_text(text, "utf-8")
    how = ", in the place of another configuration" if replaced else ""
    # perhaps it is where this prints
    typer.echo(f"wrote {visible(str(output))}{how}", err=not output.is_file())


@config_app.command()
def validate(
    config: Config = DEFAULT_CONFIG,
    gpu: Gpu = None,
    overrides: Overrides = None,
    check_index: Annotated[
        Path | None,
        typer.Option(
            help="The model.safetensors.index.json of base_model as published: whether its names "
            "of weights are those that would be loaded.",
        ),
    ] = None,
) -> None:
    """Check a file: every key, that they agree, and that training fits the GPU it names."""
    from ntlbg.feature_loader import check_names
    from ntlbg.memory import find_device, training_plan
    from ntlbg.train.checks import found_sets, stages_line

    found: list[str] = []
    loaded = _loaded(config, overrides, found.append)
    check_names(loaded)
    found += loaded.hints()
    device = find_device(gpu or loaded.hardware_config.gpu_type)
    plan = training_plan(loaded)
    if plan.peak > device.usable_bytes:
        found.append(
            f"a training step needs {plan.peak / 1e9:.1f} GB and {device.name} has "
            f"{device.usable_bytes / 1e9:.1f} GB to use; see ntlbg config optimize"
        )
    stages = stages_line(loaded, found_sets(loaded))
    weights = None if check_index is None else _index_line(loaded.model.base_model, check_index)
    typer.echo(f"{visible(str(config))}: valid")
    for note in found:
        typer.echo(f"note: {visible(note)}")
    typer.echo(stages)
    if weights is not None:
        typer.echo(weights)


def _index_line(base_model: str, index: Path) -> str:
    """What is to be told of a published index that fits.

    Raises:
        ConfigError: it does not, with some names.
    """
    from ntlbg.errors import ConfigError
    from ntlbg.memory.sizes import base_sizes
    from ntlbg.models.ntlbg.published_index import check_index

    found = check_index(index, base_sizes(base_model).config)
    if found.fits:
        return f"{visible(str(index))}: all {found.names} weights are those of {base_model}"
    lacking = {"lacks": found.missing, "names strangers:": found.strangers}
    told = "; ".join(
        f"{what} {len(names)}, such as {names[0]}" for what, names in lacking.items() if names
    )
    raise ConfigError(f"{index}: is not of {base_model}: {told}")


@config_app.command()
def analyze(
    config: Config = DEFAULT_CONFIG,
    gpu: Gpu = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """Open the data sets and videos that a file names; recommend a level and a GPU."""
    from ntlbg import analysis
    from ntlbg.memory import as_text, find_device, plans, smallest_cards
    from ntlbg.views import console

    loaded = _loaded(config, overrides)
    found = analysis.analyze(loaded)
    memory = plans(loaded, find_device(gpu or loaded.hardware_config.gpu_type))
    cards = smallest_cards(loaded)
    if as_json:
        console.print_json({**found.to_dict(), "memory": memory | {"smallest_cards": cards}})
        _end_without_data(found)
        return
    for report in found.datasets:
        typer.echo(visible(_dataset_line(report.to_dict())))
    typer.echo(_there_line(found))
    typer.echo(f"level: {found.level or 'none'}, {found.reason}")
    typer.echo(f"\nmemory: {as_text(memory)}\n")
    typer.echo(
        f"smallest card for training: {' or '.join(cards)}"
        if cards
        else "no card of the menu is large enough for training; see ntlbg config optimize"
    )
    _end_without_data(found)


def _end_without_data(found) -> None:
    """Exit code 2 where nothing that the file names could be looked at."""
    if not any(report.there for report in found.datasets):
        typer.echo("error: none of its data sets is there; see which are missing", err=True)
        raise typer.Exit(2)


def _there_line(found) -> str:
    missing = [report.path for report in found.datasets if not report.there]
    line = f"{len(found.datasets) - len(missing)} of {len(found.datasets)} data sets are there"
    return f"{line}; missing: {', '.join(missing)}" if missing else line


def _dataset_line(report: dict) -> str:
    if "problem" in report:
        return f"{report['name']}: {report['problem']}"
    line = f"{report['name']}: {report['questions']} questions, {report['videos']} videos"
    if report["seconds"]:
        seconds, frames, chosen = report["seconds"], report["frames"], report["chosen"]
        line += (
            f" of {seconds['least']:.0f} to {seconds['most']:.0f} s "
            f"(median {seconds['median']:.0f}), {frames['most']:.0f} frames looked at, "
            f"{chosen['most']:.0f} chosen, {report['tokens']} tokens at most"
        )
    for what in ("missing", "damaged"):
        if report[what]:
            line += f"; {len(report[what])} {what}, such as {report[what][0]}"
    return line


@config_app.command()
def optimize(
    config: Config = DEFAULT_CONFIG,
    gpu: Gpu = None,
    output: Annotated[
        Path | None,
        typer.Option(help="File to write; - prints. Default: configs/optimized_NAME.json."),
    ] = None,
    overrides: Overrides = None,
) -> None:
    """Change as little as lets training fit a GPU, and say what and why."""
    from ntlbg.memory import find_device, fit

    output = output or CONFIGS / f"optimized_{config.stem}.json"
    if output != STANDARD_OUTPUT:
        _check(output, config)
    loaded = _loaded(config, overrides)
    fitted = fit(loaded, find_device(gpu or loaded.hardware_config.gpu_type))
    for change in fitted.changes:
        typer.echo(change, err=True)
    if not fitted.changes:
        typer.echo("it fits as it is", err=True)
    _write(fitted.config, output, config)


@config_app.command()
def schema() -> None:
    """Print the JSON Schema of configuration files."""
    from ntlbg.config import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))


@app.command()
def plan(
    config: Config = DEFAULT_CONFIG,
    gpu: Gpu = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """Show the memory that answering and training take, and the most that fits."""
    from ntlbg.memory import as_text, find_device, plans
    from ntlbg.views import console

    loaded = _loaded(config, overrides)
    found = plans(loaded, find_device(gpu or loaded.hardware_config.gpu_type))
    if as_json:
        console.print_json(found)
    else:
        typer.echo(as_text(found))
