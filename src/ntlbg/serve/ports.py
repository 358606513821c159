"""Ports that are listened at, and what serves there until it is stopped."""

import logging
import socket
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

from ntlbg.errors import ConfigError

if TYPE_CHECKING:  # half a second
    import uvicorn

# The rest of what is open ends by itself; then connections are closed. Set by hand.
GRACE_SECONDS = 3
LARGEST_PORT = 65535
# What only programs of this machine reach.
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def listen(host: str, port: int, shown: str) -> socket.socket:
    """Listens there; port 0 is any free one.

    Args:
        shown: the option as it was given, for messages.

    Raises:
        ConfigError: no such port or host, or it is taken.
    """
    if not 0 <= port <= LARGEST_PORT:
        raise ConfigError(f"{shown}: a port is {LARGEST_PORT} at most, and 0 is any that is free")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"{shown}: no such address of this machine ({why}); give 127.0.0.1, or 0.0.0.0 for all"
        ) from error
    family, kind, protocol, _, address = found[0]
    listening = socket.socket(family, kind, protocol)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
        listening.listen()
    except OSError as error:
        listening.close()
        raise ConfigError(
            f"{shown}: cannot listen there ({error.strerror}); give another port, or 0 for any "
            "that is free"
        ) from error
    return listening


def serve(app: Any, listening: socket.socket, on_exit: Callable[[], object] = lambda: None) -> None:
    """Until a signal stops it.

    Args:
        app: an ASGI application.
        on_exit: called as soon as it is to stop, so that what is open can end.
    """
    config = _config(app)
    with redirect_stdout(sys.stderr):
        _server(config, on_exit).run(sockets=[listening])


def _config(app: Any) -> "uvicorn.Config":
    import uvicorn

    return uvicorn.Config(
        app,
        log_level=logging.ERROR,
        timeout_graceful_shutdown=GRACE_SECONDS,
        server_header=False,
        proxy_headers=False,  # whoever stands before it says nothing that is believed
    )


def _server(config: "uvicorn.Config", on_exit: Callable[[], object]) -> "uvicorn.Server":
    import uvicorn

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: Any) -> None:
            on_exit()
            # connections that are cut from here on are no errors
            logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
            super().handle_exit(sig, frame)

    return Server(config)
