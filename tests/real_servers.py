"""Servers that are not ours, on the loopback address: llama.cpp, and ``transformers serve``."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import xllamacpp

from processes import started, wait_for
from tiny_gguf import TinyFiles

KEY, ALIAS = "sk-known-to-this-test-alone", "tiny-vl"
# Not its ``main``, which asks the network for a newer version. It ends with its standard input, so
# that nothing of it is left even where the tests are killed.
_SERVE = """
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(1)), daemon=True).start()
from transformers.cli.transformers import app
app()
"""


@contextmanager
def llama_server(files: TinyFiles, context: int = 4096) -> Iterator[str]:
    """Its address; it knows the model as ALIAS and wants KEY."""
    params = xllamacpp.CommonParams()
    params.model.path, params.mmproj.path = str(files.model), str(files.projector)
    params.n_ctx, params.n_parallel, params.verbosity = context, 1, -1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.hostnames, params.port, params.warmup = ["127.0.0.1"], 0, False
    params.api_keys, params.model_alias = [KEY], {ALIAS}
    server = xllamacpp.Server(params)
    try:
        yield f"{server.listening_address}/v1"
    finally:
        del server


@contextmanager
def transformers_server(folder: Path, place: Path) -> Iterator[str]:
    """Its address; it has the model of a folder, by this name. What it says goes into ``place``."""
    words = ["serve", folder, "--port", "0", "--host", "127.0.0.1", "--device", "cpu"]
    own = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(place / "home"), "OMP_NUM_THREADS": "1"}
    log = place / "log.txt"
    with log.open("w") as said, started(
        [sys.executable, "-c", _SERVE, *words], stdin=subprocess.PIPE, stdout=said, stderr=said,
        env=os.environ | own,
    ) as process:  # fmt: skip
        wait_for(lambda: _listening(log), process)
        yield f"{_listening(log)}/v1"


def _listening(log: Path) -> str | None:
    found = re.search(r"running on (http://127\.0\.0\.1:\d+)", log.read_text())
    return found and found[1]
