"""``mcp``: agents ask about videos."""

from pathlib import Path
from typing import Annotated

import typer

from ntlbg.cli.app import (
    Encoder,
    Endpoint,
    Model,
    ModelOption,
    TextEncoder,
    app,
    read_model_options,
)


@app.command()
def mcp(
    root: Annotated[
        list[Path] | None,
        typer.Option(
            help="A folder whose videos may be read, with all in it; repeat it. Default: the "
            "current folder."
        ),
    ] = None,
    http: Annotated[
        str | None,
        typer.Option(
            metavar="127.0.0.1:PORT",
            help="Serve agents over HTTP, at this port, under /mcp. Default: over stdin and "
            "stdout, for a program that starts this one.",
        ),
    ] = None,
    model: Model = "builtin",
    model_option: ModelOption = None,
    endpoint: Endpoint = None,
    encoder: Encoder = None,
    text_encoder: TextEncoder = None,
) -> None:
    """Let agents such as Claude, Cursor and VS Code ask about videos: a server of MCP.

    `ntlbg mcp --root ~/Videos` is what to write into their settings. The model is loaded once, with
    the first question.
    """
    from ntlbg.packages import check_installed

    check_installed("mcp", "serving agents")
    from ntlbg.answerers import kind_of
    from ntlbg.serve import transports
    from ntlbg.serve.films import Films
    from ntlbg.serve.parts import Parts
    from ntlbg.serve.roots import Roots

    kind_of(model)  # a wrong name is told now, not to an agent
    options = read_model_options(model_option)
    films = Films(Roots(root or [Path()]), Parts(model, encoder, endpoint, options, text_encoder))
    if http is None:
        transports.serve_stdio(films)
    else:
        transports.serve_http(films, http)
