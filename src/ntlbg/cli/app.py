"""The Typer application, and the options that several commands share."""

import json
from typing import Annotated, Any, Literal

import typer
import typer.core
import typer.main

from ntlbg import __version__, plugins
from ntlbg.cli.ends import WRONG, stopped, tell
from ntlbg.cli.homes import expanding
from ntlbg.errors import ConfigError, MissingPackage, NtlbgError
from ntlbg.packages import BROUGHT, EXTRAS, install
from ntlbg.plugins import COMMANDS

# In the order of the help; what other distributions add comes after these.
ORDER = (
    "ask", "chat", "answer", "select", "index", "transcript", "screen-text", "chapters", "serve",
    "mcp",
    "demo", "haystack", "enrol", "train", "fetch", "evaluate", "evidence", "compare", "plot",
    "plan", "config", "convert", "lab",
)  # fmt: skip
OF_THE_LABORATORY = ("demo", "haystack", "evaluate", "evidence", "compare", "plot", "lab")


class _Commands(typer.core.TyperGroup):
    """Commands of this package, and those that other distributions add.

    What a user can cause becomes one line and exit code 2, without a traceback.
    """

    def list_commands(self, ctx):
        names = [*super().list_commands(ctx), *filter(_is_there, plugins.additions(COMMANDS))]
        place = {name: number for number, name in enumerate(ORDER)}
        return sorted(names, key=lambda name: place.get(name, len(ORDER)))

    def get_command(self, ctx, name):
        own = super().get_command(ctx, name)
        if own or not (name in OF_THE_LABORATORY or name in plugins.additions(COMMANDS)):
            return None if own is None else expanding(own)
        return expanding(_added(name))

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            package = (error.name or "").split(".")[0]
            if package not in EXTRAS | BROUGHT:
                raise
            tell(MissingPackage(f"{package} is not installed; {install(package)}"))
            raise typer.Exit(WRONG) from error
        except (typer.Exit, BrokenPipeError):
            raise
        except (NtlbgError, MemoryError, OSError, ImportError, RuntimeError) as error:
            if not tell(error):
                raise
            raise typer.Exit(WRONG) from error
        except KeyboardInterrupt as stop:
            raise typer.Exit(stopped(stop)) from stop


def _added(name: str) -> typer.core.TyperCommand | typer.core.TyperGroup:
    """A command that another distribution adds: a function, or a Typer application."""
    added = plugins.load(COMMANDS, name, f"`ntlbg {name}`")
    if not isinstance(added, typer.Typer):
        alone = typer.Typer(add_completion=False, rich_markup_mode="rich")
        alone.command(name)(added)
        added = alone
    command = typer.main.get_command(added)
    assert isinstance(command, typer.core.TyperCommand | typer.core.TyperGroup)
    command.name = name
    return command


def _is_there(name: str) -> bool:
    try:
        _added(name)
    except MissingPackage:
        return False
    return True


app = typer.Typer(
    cls=_Commands,
    help="Ask questions about hour-long videos and see the moments the answer relies on.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

# Text: a path would keep one slash of two, of an address.
Video = Annotated[
    str,
    typer.Argument(
        help="A video or picture file, or an address: of a film, or of a page that shows one.",
        show_default=False,
    ),
]
Model = Annotated[
    str,
    typer.Option(
        help="What answers: builtin; the folder of a vision-language model, or of one that was "
        "trained or converted here; a hub id such as Qwen/Qwen2.5-VL-7B-Instruct; a .gguf file; "
        "openai:NAME for a model of a server."
    ),
]
ModelOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="An option of the model, such as dtype=bfloat16 or device_map=cpu, or mmproj=FILE for "
        "a .gguf file; repeat it. A wrong name is answered with those that there are.",
    ),
]
FramesAs = Annotated[
    str | None,
    typer.Option(
        metavar="images|video",
        help="How frames are shown to the model: images, each with its time before it, or a video, "
        "for Qwen2-VL, Qwen2.5-VL and Qwen3-VL, and for servers of vLLM. The same as "
        "--model-option frames_as=. Default: images.",
    ),
]
Shrink = Annotated[
    bool,
    typer.Option(
        "--shrink",
        help="Where a prompt is too long after all, show smaller pictures instead of giving an "
        "error: for models of servers and .gguf files, which alone may find that out late. The "
        "same as --model-option shrink=true.",
    ),
]
Compress = Annotated[
    str | None,
    typer.Option(
        metavar="longvu|vidcom2|none",
        help="Let the model read a quarter of the tokens of more, or larger, frames: longvu keeps "
        "what the question is about in full, vidcom2 what is unlike the rest. For Qwen2-VL, "
        "Qwen2.5-VL and Qwen3-VL; --model-option keep_tokens=0.5 keeps half. Default: none.",
    ),
]
Endpoint = Annotated[
    str | None,
    typer.Option(
        help="Address of the server that has the model, such as http://localhost:8000/v1. Default: "
        "NTLBG_ENDPOINT. Its key is read from OPENAI_API_KEY."
    ),
]
MaxVisualTokens = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Tokens that the chosen frames may take in the model's prompt, at most: their number "
        "and their size follow. Default: what the model can read, and no more than 8192.",
    ),
]
Encoder = Annotated[
    str | None,
    typer.Option(
        help="What finds the frames, instead of the model itself: siglip2, siglip, clip, "
        "metaclip2, dinov2 (to cover the video), builtin, the folder of such a model, or its name "
        "on the hub, as in organisation/model or organisation/model@revision."
    ),
]
NumFrames = Annotated[
    int | None,
    typer.Option(
        "--frames",
        "-k",
        help="Frames to select at most. Default: 16, or as it was trained; 32 for models that read "
        "pictures.",
    ),
]
Fps = Annotated[
    float | None,
    typer.Option(help="Frames per second to look at. Default: 1, or as it was trained."),
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
Subtitles = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|none",
        help="A file of subtitles, or the video itself for a track inside it. Default: what is "
        "found beside the video or in it; none for none.",
    ),
]
Listen = Annotated[
    bool,
    typer.Option(
        "--listen",
        help="Listen to what is said, once for each film: some minutes for an hour of speech. "
        "Later questions know it without this.",
    ),
]
ReadScreen = Annotated[
    bool,
    typer.Option(
        "--read-screen",
        help="Read what is written on screen, once for each film: some minutes for an hour of "
        "slides. Later questions know it without this.",
    ),
]
TranscriptOption = Annotated[
    Literal["best", "all", "none"],
    typer.Option(
        help="What the model reads of what is said and written: best, what fits the question or "
        "the frames; all; or none."
    ),
]
TextEncoder = Annotated[
    str | None,
    typer.Option(
        help="What finds passages by their meaning: the folder of a model of sentence-transformers "
        "or its name on the hub. Default: all-MiniLM-L6-v2, for English, after `ntlbg fetch text`."
    ),
]


def _read_seconds(text: str) -> float:
    from ntlbg.time_text import read_seconds  # needs NumPy

    return read_seconds(text)


Start = Annotated[
    float | None,
    typer.Option(
        parser=_read_seconds, metavar="TIME", help="Look from here on: 90, 1:30 or 0:01:30."
    ),
]
End = Annotated[
    float | None,
    typer.Option(
        parser=_read_seconds, metavar="TIME", help="Look up to here: 90, 1:30 or 0:01:30."
    ),
]
Show = Annotated[
    bool | None,
    typer.Option(
        "--show/--no-show",
        help="Show the best moments as pictures in the terminal, by half blocks where it cannot do "
        "better. Default: where it is known to show pictures (kitty, Ghostty, iTerm2, WezTerm, VS "
        "Code, Konsole, foot), and not with --json.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
JsonLines = Annotated[
    bool, typer.Option("--json", help="Print one JSON object a line and nothing else.")
]


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


def read_model_options(
    given: list[str] | None,
    *,
    frames_as: str | None = None,
    shrink: bool = False,
    compress: str | None = None,
) -> dict[str, Any]:
    """As :func:`read_options`, of a model, with those that have an option of their own.

    Raises:
        ConfigError: no ``=`` in one, or a name twice.
    """
    options = read_options(given, "--model-option", "dtype=bfloat16")
    own = {"frames_as": frames_as, "shrink": shrink or None, "compress": compress}
    for name, value in own.items():
        if value is not None and name in options:
            option = f"--{name.replace('_', '-')}"
            raise ConfigError(f"{name} was given twice, by {option} and by --model-option")
    return options | {name: value for name, value in own.items() if value is not None}


def read_options(
    given: list[str] | None, option: str = "--selector-option", example: str = "quality=0.3"
) -> dict[str, Any]:
    """``name=value`` as names and values: numbers, true and false as in JSON or Python,
    else text.

    Raises:
        ConfigError: no ``=`` in one, or a name twice.
    """
    options: dict[str, Any] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals or not name or name in options:
            why = "was given before" if name in options else "is not NAME=VALUE"
            raise ConfigError(f"{option} {text}: {why}; write it as in {example}")
        try:
            options[name] = json.loads({"True": "true", "False": "false"}.get(value, value))
        except ValueError:
            options[name] = value
    return options
