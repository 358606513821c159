"""The Typer application, and the options that several commands share."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core

from ntlbg import __version__
from ntlbg.errors import ConfigError, NtlbgError

INTERRUPTED = 130  # what a shell expects after Ctrl-C
# Packages that a plain installation does not bring, and the extra that does.
EXTRAS = {"peft": "train", "skimage": "train", "sklearn": "train", "scipy": "train",
          "vizdoom": "games", "sacrebleu": "eval", "rouge_score": "eval"}  # fmt: skip


class _Commands(typer.core.TyperGroup):
    """What a user can cause becomes one line and exit code 2, without a traceback."""

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except NtlbgError as error:
            typer.echo(f"error: {' '.join(str(error).split())}", err=True)
            raise typer.Exit(2) from error
        except ModuleNotFoundError as error:
            extra = EXTRAS.get((error.name or "").split(".")[0])
            if extra is None:
                raise
            advice = f"run `pip install 'ntlbg-llm[{extra}]'`"
            typer.echo(f"error: {error.name} is not installed; {advice}", err=True)
            raise typer.Exit(2) from error
        except KeyboardInterrupt as interrupt:
            raise typer.Exit(INTERRUPTED) from interrupt


app = typer.Typer(
    cls=_Commands,
    help="Ask questions about hour-long videos and see the moments the answer relies on.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

Video = Annotated[Path, typer.Argument(help="A video or picture file.", show_default=False)]
Model = Annotated[
    str, typer.Option(help="What answers: builtin, or the folder of a trained or converted model.")
]
NumFrames = Annotated[
    int | None,
    typer.Option(
        "--frames", "-k", help="Frames to select at most.  [default: 16, or as it was trained]"
    ),
]
Fps = Annotated[
    float | None,
    typer.Option(help="Frames per second to look at.  [default: 1, or as it was trained]"),
]
Selector = Annotated[
    str | None,
    typer.Option(
        help=(
            "How frames are selected: ntlbg (default), uniform, top_k, random, aks, bolt, "
            "q_frame, adaq, focus, wfs_sb, dpp, mdp3, max_info, k_center, facility_location, "
            "longvu_window, median_contour."
        )
    ),
]
SelectorOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="An option of the selector, such as quality=0.3 or mode=auto; repeat it. A wrong name "
        "is answered with those that there are.",
    ),
]
MaxFrames = Annotated[int | None, typer.Option(help="Look at this many frames at most.")]
Temperature = Annotated[
    float | None,
    typer.Option(
        help="Draw the words of the answer, the higher the freer; 0, the default, takes the "
        "likeliest. Not with options, which are chosen by likelihood. The built-in model decides "
        "most answers by what the frames show: then nothing is drawn, and a note says so."
    ),
]
TopP = Annotated[
    float | None,
    typer.Option(help="Draw from the likeliest words only that together have this chance."),
]
MaxNewTokens = Annotated[int | None, typer.Option(help="End the answer after so many tokens.")]
Seed = Annotated[
    int | None, typer.Option(help="With a temperature: another number draws another answer.")
]
Start = Annotated[float | None, typer.Option(help="Look from this second on.")]
End = Annotated[float | None, typer.Option(help="Look up to this second.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


@app.callback(invoke_without_command=True)
def _main(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"ntlbg {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def read_options(given: list[str] | None) -> dict[str, Any]:
    """``name=value`` as names and values: numbers, true and false, else text.

    Raises:
        ConfigError: no ``=`` in one, or a name twice.
    """
    options: dict[str, Any] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals or not name or name in options:
            why = "was given before" if name in options else "is not NAME=VALUE"
            raise ConfigError(f"--selector-option {text}: {why}; write it as in quality=0.3")
        try:
            options[name] = json.loads(value)
        except ValueError:
            options[name] = value
    return options
