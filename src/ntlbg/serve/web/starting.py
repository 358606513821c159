"""``ntlbg serve``: from options to a running server."""

import os
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_dir

from ntlbg.errors import ConfigError, OutputError
from ntlbg.files import keep_json
from ntlbg.json_lines import LOCK_FILE, alone_in
from ntlbg.serve.parts import Parts
from ntlbg.serve.ports import LOOPBACK, listen, serve
from ntlbg.serve.roots import Roots
from ntlbg.serve.web.app import make_app
from ntlbg.serve.web.gate import check_token, new_token
from ntlbg.serve.web.site import Site, open_site
from ntlbg.views.clips.preview import write_preview

GIGABYTE = 1_000_000_000
# In the folder of state, which is nobody else's.
MARK_FILE, STATE_FORMAT = "serve.json", 1
EVERYWHERE = ("0.0.0.0", "::")


@dataclass(frozen=True)
class Options:
    """Of the command, as they were given."""

    roots: Sequence[Path]
    host: str = "127.0.0.1"
    port: int = 8642
    token: str | None = None
    state: Path | None = None
    max_upload_gb: float = 4.0

    @property
    def is_open(self) -> bool:
        """Whether other machines are let in."""
        return self.host not in LOOPBACK

    @property
    def max_upload_bytes(self) -> int:
        """Raises ConfigError: it is no size."""
        if not 0 < self.max_upload_gb <= 1e6:
            raise ConfigError(
                f"--max-upload-gb {self.max_upload_gb}: give the gigabytes of the largest film"
            )
        return round(self.max_upload_gb * GIGABYTE)


def serve_web(options: Options, parts: Parts) -> None:
    """Until it is stopped; says on stderr where it is.

    Raises:
        ConfigError: an option cannot be used. OutputError: the state cannot be written, or another
        server uses it.
    """
    Roots(options.roots)  # a wrong name is told before anything is made
    token = options.token
    if token is not None:
        check_token(token)
    elif options.is_open:
        token = new_token()
    shown = f"--host {options.host} --port {options.port}"
    with listen(options.host, options.port, shown) as listening, _site(options, parts) as site:
        port = listening.getsockname()[1]
        app = make_app(site, port, token=token, any_host=options.is_open)
        print(_greeting(options, port, token), file=sys.stderr, flush=True)
        for note in site.records.notes:
            print(f"note: {note}", file=sys.stderr, flush=True)
        serve(app, listening, site.jobs.begin_to_close)


@contextmanager
def _site(options: Options, parts: Parts) -> Iterator[Site]:
    state = options.state or Path(user_data_dir("ntlbg")) / "serve"
    most = options.max_upload_bytes
    with alone_in(state):
        _make_own(state)
        try:
            site = open_site(
                options.roots, state, parts, max_upload_bytes=most, any_name=not options.is_open,
                make_preview=write_preview,
            )  # fmt: skip
        except OSError as error:
            raise OutputError(
                f"{state}: cannot be used for what the server keeps ({error.strerror}); give "
                "another folder with --state"
            ) from error
        try:
            yield site
        finally:
            site.close()


def _make_own(state: Path) -> None:
    """Say in a folder whose it is: uploads are deleted there, and old answers go.

    Raises:
        OutputError: other files are there, or it cannot be written.
    """
    others = set(os.listdir(state)) - {LOCK_FILE}
    if others and MARK_FILE not in others:
        raise OutputError(
            f"{state}: holds other files, which a server would mix with its own; give a new or "
            "empty folder with --state"
        )
    if not others:
        state.chmod(0o700)  # what somebody asks about his films is nobody else's
    keep_json(state / MARK_FILE, {"ntlbg serve": STATE_FORMAT})


def _greeting(options: Options, port: int, token: str | None) -> str:
    host = socket.gethostname() if options.host in EVERYWHERE else options.host
    host = f"[{host}]" if ":" in host else host
    shown = "" if token is None else f"?token={token}"
    return f"open http://{host}:{port}/{shown} in a browser; Ctrl-C stops the server"
