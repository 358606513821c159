"""``serve`` and ``mcp``: people and agents ask about videos."""

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


@app.command()
def serve(
    root: Annotated[
        list[Path] | None,
        typer.Option(
            help="A folder whose videos may be asked about, with all in it; repeat it. Default: "
            "the current folder."
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(help="Where the page is, as in http://127.0.0.1:8642; 0: any free one.")
    ] = 8642,
    host: Annotated[
        str,
        typer.Option(
            help="An address of this machine. Any other than 127.0.0.1, such as 0.0.0.0, lets "
            "other machines in, and asks everybody for a token."
        ),
    ] = "127.0.0.1",
    token: Annotated[
        str | None,
        typer.Option(
            help="What everybody has to show, 16 letters or more. Default: none on this machine, "
            "else one that is made and printed."
        ),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(
            help="A folder for uploaded videos, answers and clips; one server at a time uses it. "
            "Default: in the user's data folder."
        ),
    ] = None,
    max_upload_gb: Annotated[
        float, typer.Option(help="The largest video that may be uploaded, in gigabytes.")
    ] = 4.0,
    model: Model = "builtin",
    model_option: ModelOption = None,
    endpoint: Endpoint = None,
    encoder: Encoder = None,
    text_encoder: TextEncoder = None,
) -> None:
    """Open a page in which videos are watched and asked about, with an HTTP API.

    `ntlbg serve --root ~/Videos` prints the address of the page. It is for this machine alone
    unless --host says otherwise; nothing leaves it but to a model's server that is named. The
    model is loaded with the first question.
    """
    from ntlbg.packages import check_installed

    for package in ("starlette", "uvicorn"):
        check_installed(package, "the page")
    from ntlbg.answerers import kind_of
    from ntlbg.serve.parts import Parts
    from ntlbg.serve.web.starting import Options, serve_web

    kind_of(model)  # a wrong name is told now, not in the page
    options = read_model_options(model_option)
    parts = Parts(model, encoder, endpoint, options, text_encoder)
    serve_web(Options(root or [Path()], host, port, token, state, max_upload_gb), parts)
