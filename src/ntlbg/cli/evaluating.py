"""``compare``, ``evidence`` and ``plot``: which choice of frames is better, how sure is that?"""

from pathlib import Path
from typing import Annotated

import typer

from ntlbg.cli.app import Json, app
from ntlbg.errors import ConfigError, DataError


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
            help="Of the annotations: longvideobench, qvhighlights, nextgqa, cgbench or jsonl."
        ),
    ] = "jsonl",
    uniform: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Also judge so many frames spread over time; repeat it."),
    ] = None,
    tolerance: Annotated[
        list[float] | None, typer.Option(min=0, help="Seconds; repeat it.  [default: 1, 2, 5]")
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
    from dataclasses import asdict

    from ntlbg import console
    from ntlbg.evaluation import evidence as judge
    from ntlbg.evaluation.annotations import read_annotations

    found = read_annotations(annotations, format)
    for identifier, reason in found.left_out:
        typer.echo(f"note: {identifier} is left out: {reason}", err=True)
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
        typer.echo(f"note: {report.without_selection} questions are not in every list", err=True)
    if as_json:
        left_out = [{"id": name, "reason": reason} for name, reason in found.left_out]
        console.print_json(asdict(report) | {"left_out": left_out})
        return
    typer.echo(judge.as_markdown(report))
    typer.echo(f"\n{report.questions} questions about {report.videos} videos, 95 % intervals")
    if report.contrasts:
        typer.echo("\n" + judge.contrasts_as_markdown(report))


@app.command()
def compare(
    out_dir: Annotated[
        Path, typer.Argument(help="Folder for every result, tables and plots.", show_default=False)
    ],
    suite: Annotated[
        str,
        typer.Option(
            help="Videos to compare on, haystack or simulated; or theory, tables without videos."
        ),
    ] = "haystack",
    selector: Annotated[
        list[str] | None, typer.Option(help="A selector to compare; repeat it; all by default.")
    ] = None,
    frames: Annotated[
        list[int] | None,
        typer.Option("--frames", "-k", min=1, help="A budget; repeat it.  [default: 8, 16, 32]"),
    ] = None,
    videos: Annotated[
        int | None, typer.Option(min=1, help="How many videos, of each regime.  [default: 12]")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Same seed, same videos.  [default: 0]")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Haystack: length of each video.  [default: 10]")
    ] = None,
    questions: Annotated[
        int | None, typer.Option(help="Haystack: questions about each video.  [default: 8]")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Haystack: backgrounds, train, val or test.  [default: test]")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Haystack: what scores frames.  [default: builtin]")
    ] = None,
    regime: Annotated[
        list[str] | None,
        typer.Option(
            help="Simulated: local, global, weak, toppc, junk or long; repeat it.  "
            "[default: local, global]"
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare selectors on the same videos, questions and budgets; goes on where it stopped."""
    given = {
        "selectors": selector or None, "frames": frames or None, "videos": videos, "seed": seed,
        "minutes": minutes, "questions": questions, "split": split, "model": model,
        "regimes": regime or None,
    }  # fmt: skip
    given = {name: value for name, value in given.items() if value is not None}
    if suite == "theory":
        _compute_theory(out_dir, given, as_json)
    else:
        _compare_selectors(out_dir, suite, given, as_json)


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
    from ntlbg import console
    from ntlbg.evaluation.plots_files import plot_file

    console.tell_written(plot_file(file, out or file.parent))


def _compare_selectors(out_dir: Path, suite: str, given: dict, as_json: bool) -> None:
    from dataclasses import asdict

    from ntlbg import console
    from ntlbg.evaluation.compare import compare
    from ntlbg.evaluation.compare.tables import as_markdown

    rows = compare(out_dir, suite=suite, progress=_tell, **given)
    if as_json:
        console.print_json({"rows": [asdict(row) for row in rows]})
    else:
        typer.echo(as_markdown(rows))
    console.tell_written([out_dir])


def _compute_theory(out_dir: Path, given: dict, as_json: bool) -> None:
    from ntlbg import console
    from ntlbg.evaluation.compare import theory

    if given:
        raise ConfigError(f"suite 'theory' has no {', '.join(given)}; it has no options")
    rows = theory.run(out_dir, progress=_tell)
    if as_json:
        console.print_json(rows)
    else:
        typer.echo(theory.as_markdown(rows))
    console.tell_written([out_dir])


def _tell(line: str) -> None:
    typer.echo(line, err=True)
