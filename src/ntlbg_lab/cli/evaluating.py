"""``evaluate``, ``compare``, ``evidence``, ``plot``: how good, which is better, how sure?"""

import inspect
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ntlbg.cli.app import Json, Model
from ntlbg.errors import ConfigError, DataError
from ntlbg_lab.cli.app import app


@app.command()
def evaluate(
    out_dir: Annotated[
        Path,
        typer.Argument(help="Folder for every answer and the tables.", show_default=False),
    ],
    kind: Annotated[
        list[str] | None,
        typer.Option(
            help="Videos: ten-minutes, hour, three-hours, clip-8 or clip-16; repeat it; all by "
            "default."
        ),
    ] = None,
    frames: Annotated[
        list[int] | None,
        typer.Option("--frames", "-k", min=1, help="A budget; repeat it. Default: 4, 8, 16, 32."),
    ] = None,
    selector: Annotated[
        list[str] | None,
        typer.Option(help="A selector; repeat it. Default: uniform, top_k, ntlbg."),
    ] = None,
    questions: Annotated[int, typer.Option(min=1, help="Questions in each cell, about.")] = 500,
    per_video: Annotated[
        int | None,
        typer.Option(min=1, help="Questions about each video. Default: 6 to 50, by its length."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same videos and questions.")] = 0,
    split: Annotated[str, typer.Option(help="Backgrounds: train, val or test.")] = "test",
    style: Annotated[
        str | None, typer.Option(help="Pictures of the objects: a set by name, or a zip file.")
    ] = None,
    wordings: Annotated[str, typer.Option(help="Questions' wording: train or held_out.")] = "train",
    weights: Annotated[
        list[Path] | None,
        typer.Option(help="Trained weights of the built-in model; repeat it. Default: its own."),
    ] = None,
    model: Model = "builtin",
    as_json: Json = False,
) -> None:
    """Answer questions about made videos with several selectors, and count; goes on if stopped."""
    from ntlbg_lab.evaluate import KINDS, VideoCondition
    from ntlbg_lab.evaluate.run import BUDGETS, COMPARED, evaluate_videos

    styles = {} if style is None else {"styles": (style,)}
    report = evaluate_videos(
        out_dir,
        kinds=kind or tuple(KINDS),
        frames=frames or BUDGETS,
        selectors=selector or COMPARED,
        questions=questions,
        per_video=per_video,
        condition=VideoCondition(seed=seed, split=split, wordings=wordings, **styles),
        weights=weights or (),
        model=model,
        progress=_tell,
    )
    _show(out_dir, as_json, asdict(report), report.tables())


@app.command()
def evidence(
    annotations: Annotated[
        Path, typer.Argument(help="Where the evidence is, as published.", show_default=False)
    ],
    selections: Annotated[
        list[Path] | None,
        typer.Argument(help="Lists of selected moments: JSON lines of id and pts_seconds."),
    ] = None,
    format: Annotated[
        str,
        typer.Option(
            help="Of the annotations: longvideobench, qvhighlights, nextgqa, cgbench, lvbench or "
            "jsonl."
        ),
    ] = "jsonl",
    uniform: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Also judge so many frames spread over time; repeat it."),
    ] = None,
    tolerance: Annotated[
        list[float] | None, typer.Option(min=0, help="Seconds; repeat it. Default: 1, 2, 5.")
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(help="Rate at which the lists count frames, where they do not say it."),
    ] = None,
    longer_than: Annotated[
        float, typer.Option(help="Only videos longer than so many seconds.")
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
    as_json: Json = False,
) -> None:
    """Recall of annotated evidence by lists of selected frames."""
    from ntlbg.views import console
    from ntlbg_lab.evidence import recall as judge
    from ntlbg_lab.evidence.annotations import read_annotations
    from ntlbg_lab.tables import as_markdown

    found = read_annotations(annotations, format)
    for identifier, reason in found.left_out:
        console.print_note(f"{identifier} is left out: {reason}")
    asked = [a for a in found.records if not longer_than or (a.duration or 0) > longer_than]
    lists = {f"uniform-{k}": judge.uniform_times(asked, k) for k in uniform or ()}
    for path in selections or ():
        if path.stem in lists:
            raise DataError(f"two lists are called {path.stem!r}; rename one file")
        lists[path.stem] = judge.read_selections(path, fps)
    if not lists:
        raise DataError("nothing to judge: name files of selected moments, or give --uniform")
    report = judge.measure_recall(asked, lists, tolerances=tolerance or judge.TOLERANCES, seed=seed)
    if report.without_selection:
        console.print_note(f"{report.without_selection} questions are not in every list")
    if as_json:
        left_out = [{"id": name, "reason": reason} for name, reason in found.left_out]
        console.print_json(asdict(report) | {"left_out": left_out})
        return
    typer.echo(as_markdown(judge.evidence_tables(report)))


@app.command()
def compare(
    out_dir: Annotated[
        Path, typer.Argument(help="Folder for every result, tables and plots.", show_default=False)
    ],
    suite: Annotated[
        str,
        typer.Option(
            help="Videos to compare selectors on, haystack or simulated; ablation, the model "
            "without its parts; efficiency, time and memory of chosen frames against uniform "
            "sampling; or theory, tables without videos."
        ),
    ] = "haystack",
    selector: Annotated[
        list[str] | None,
        typer.Option(
            help="A selector to compare; repeat it; all by default, efficiency: ntlbg. Simulated "
            "also: dpp-whitened, ntlbg-parts and dpp-parts, a query for each thing."
        ),
    ] = None,
    frames: Annotated[
        list[int] | None,
        typer.Option(
            "--frames",
            "-k",
            min=1,
            help="A budget; repeat it. Default: 8, 16, 32; ablation, efficiency: 8.",
        ),
    ] = None,
    videos: Annotated[
        int | None,
        typer.Option(min=1, help="How many videos, of each regime. Default: 12; efficiency: 4."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Same seed, same videos. Default: 0.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Haystack: length of each video. Default: 10.")
    ] = None,
    questions: Annotated[
        int | None,
        typer.Option(
            help="Haystack: questions about each video. Default: 8; ablation: 12; efficiency: 4."
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="Haystack: backgrounds, train, val or test. Default: test; ablation: val."
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Haystack: what scores frames. Default: builtin.")
    ] = None,
    regime: Annotated[
        list[str] | None,
        typer.Option(
            help="Simulated: local, global, weak, toppc, junk, long, one, repeated, several, "
            "several_hard or distractors; repeat it.  "
            "Default: local, global."
        ),
    ] = None,
    variant: Annotated[
        list[str] | None,
        typer.Option(help="Ablation: a part left out; repeat it; all by default."),
    ] = None,
    train_steps: Annotated[
        int | None,
        typer.Option(
            min=3,
            help="Ablation: train the model without parts of its training, so many steps each, "
            "instead of taking parts from the shipped one.",
        ),
    ] = None,
    tower: Annotated[
        Path | None,
        typer.Option(help="Ablation: weights whose vision tower is trained on. Default: its own."),
    ] = None,
    tiny: Annotated[
        bool, typer.Option(help="Ablation: next to no training data, to see that it runs.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare selectors, or the model with itself, on the same videos; goes on where it stopped."""
    given = {
        "selectors": selector or None, "frames": frames or None, "videos": videos, "seed": seed,
        "minutes": minutes, "questions": questions, "split": split, "model": model,
        "regimes": regime or None, "variants": variant or None, "train_steps": train_steps,
        "tower": tower, "tiny": tiny or None,
    }  # fmt: skip
    given = {name: value for name, value in given.items() if value is not None}
    run, as_tables, as_object = _suite(suite)
    accepted = inspect.signature(run).parameters
    unknown = [name for name in given if name not in accepted and "settings" not in accepted]
    if unknown:
        raise ConfigError(f"suite {suite!r} has no {', '.join(unknown)}")
    with redirect_stdout(sys.stderr):  # where training says how far it is
        found = run(out_dir, progress=_tell, **given)
    _show(out_dir, as_json, as_object(found), as_tables(found))


@app.command()
def plot(
    file: Annotated[
        Path,
        typer.Argument(
            help="history.json of training, summary.json of compare or evaluate, answers.jsonl of "
            "evaluate_experiment.py, or seen.safetensors of ask or select.",
            show_default=False,
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="Folder; otherwise that of the file.")] = None,
) -> None:
    """Draw a results file as PNG and SVG: curves, bars, heat map, time line or feature plane."""
    from ntlbg.views import console
    from ntlbg_lab.plots import plot_file

    console.print_paths(plot_file(file, out or file.parent))


def _suite(name: str) -> tuple[Callable, Callable, Callable]:
    """What measures, and what makes tables and a JSON object of the results."""
    if name == "theory":
        from ntlbg_lab.compare.theory import measure_theory, theory_tables

        return measure_theory, theory_tables, dict
    if name == "efficiency":
        from ntlbg_lab.compare.efficiency import measure_efficiency
        from ntlbg_lab.compare.efficiency_rows import efficiency_tables

        return measure_efficiency, efficiency_tables, asdict
    if name == "ablation":
        from ntlbg_lab.compare.ablation import ablate
        from ntlbg_lab.compare.ablation_rows import ablation_tables, as_objects

        return ablate, ablation_tables, as_objects
    from ntlbg_lab.compare import SUITES
    from ntlbg_lab.compare import compare as compare_selectors
    from ntlbg_lab.compare.tables import comparison_tables

    if name not in SUITES:
        there = ", ".join((*SUITES, "ablation", "efficiency", "theory"))
        raise ConfigError(f"no suite {name!r}; there are {there}")
    run = partial(compare_selectors, suite=name)
    return run, comparison_tables, lambda rows: {"rows": [asdict(row) for row in rows]}


def _show(out_dir: Path, as_json: bool, content: dict, tables: Sequence) -> None:
    """Results as one JSON object or as tables, and where they are."""
    from ntlbg.views import console
    from ntlbg_lab.tables import as_markdown

    if as_json:
        console.print_json(content)
    else:
        typer.echo(as_markdown(tables))
    console.print_paths([out_dir])


def _tell(line: str) -> None:
    typer.echo(line, err=True)
