"""Over what agents reach the server: the streams of a process, or HTTP on this machine."""

import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, redirect_stdout

from mcp.server.mcpserver import MCPServer

from ntlbg.errors import ConfigError
from ntlbg.serve.films import Films
from ntlbg.serve.mcp import make_server
from ntlbg.serve.ports import listen, serve


def serve_stdio(films: Films) -> None:
    """Until the client closes the stream."""
    make_server(films, _quiet).run("stdio")


@asynccontextmanager
async def _quiet(_: MCPServer) -> AsyncIterator[None]:
    """What libraries print goes to stderr.

    The SDK itself keeps it from the client while it serves, but not what is still in a buffer when
    it ends.
    """
    with redirect_stdout(sys.stderr):
        yield


def open_port(address: str) -> socket.socket:
    """Listens at an address of this machine, as in 127.0.0.1:8000; port 0 is any free one.

    Raises:
        ConfigError: another machine could reach it, and nobody is asked for a password; or it is
            no address, or taken.
    """
    host, _, port = address.rpartition(":")
    if host not in ("127.0.0.1", "localhost") or not (port.isascii() and port.isdigit()):
        raise ConfigError(
            f"--http {address}: give 127.0.0.1:PORT; other machines are not let in, since nobody "
            "is asked for a password"
        )
    return listen("127.0.0.1", int(port), f"--http {address}")


def serve_http(films: Films, address: str) -> None:
    """Until it is stopped; says on stderr where it is.

    Raises:
        ConfigError: as :func:`open_port`.
    """
    with open_port(address) as listening:
        app = make_server(films).streamable_http_app(host="127.0.0.1")
        port = listening.getsockname()[1]
        print(f"agents can connect to http://127.0.0.1:{port}/mcp", file=sys.stderr, flush=True)
        serve(app, listening)
