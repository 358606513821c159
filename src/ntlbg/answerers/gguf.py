"""A vision-language model as two GGUF files, by llama.cpp's own server inside this process.

The server listens on the loopback address alone, takes a key that nobody else knows, and is gone
with the process. It is asked as any other server is, and counts prompts without reading them.
"""

import hashlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
from pydantic import Field

from ntlbg.answerers.chat.answerer import ChatAnswerer, ChatOptions
from ntlbg.answerers.chat.client import ChatClient, check_reads_pictures
from ntlbg.answerers.chat.messages import Writing
from ntlbg.answerers.chat.sending import Patience, Sender
from ntlbg.answerers.content import VISUAL_TOKENS
from ntlbg.answerers.model_options import read_model_options
from ntlbg.errors import ConfigError, WeightsError
from ntlbg.packages import check_installed

MAGIC = b"GGUF"
PROJECTOR = "clip"  # what a projector's file says it is, of whatever family
# Of pictures as usual, and as many again for times, question and answer; a model that was trained
# for less reads less, and says so.
CONTEXT_LENGTH = 2 * VISUAL_TOKENS
# What llama.cpp computes at once anyway; more would only be waited for when a run is interrupted.
BATCH = 512


class GGUFOptions(ChatOptions):
    """What can be said of how the files are loaded, too.

    Attributes:
        mmproj: file of the projector that makes pictures readable; it belongs to the model.
        n_ctx: tokens that are read at once; more take more memory.
        threads: of the processor; None: a thread for each core that this process may use. They
            wait for each other, so that on a busy machine one is faster than several.
        n_gpu_layers: layers on the GPU; None: as many as fit.
    """

    mmproj: Path | None = None
    n_ctx: int = Field(CONTEXT_LENGTH, ge=256)
    threads: int | None = Field(None, ge=1)
    n_gpu_layers: int | None = Field(None, ge=0)
    logprobs: bool = True  # llama.cpp has them


class GGUFAnswerer(ChatAnswerer):
    """A model of this process; the server ends with it.

    Attributes:
        server: of xllamacpp.
    """

    # What llama.cpp kept of an earlier prompt changes the numbers of the next in their third digit,
    # and with them an answer now and then. Other orders of the same options may use it.
    anew: Mapping[str, Any] = {"cache_prompt": False}

    def __init__(self, server: Any, client: ChatClient, **about: Any):
        super().__init__(client, **about)
        self.server = server


def load_gguf_answerer(path: Path, given: Mapping[str, Any]) -> GGUFAnswerer:
    """The model in a GGUF file, with the projector that the option ``mmproj`` names.

    Raises:
        ConfigError: no projector, or an option that it does not have.
        WeightsError: a file is missing, damaged, or no such model.
    """
    options = read_model_options(GGUFOptions, str(path), given)
    _check_file(path)
    projector = _projector(path, options)
    check_installed("xllamacpp", f"{path.name}, a GGUF file,")
    key = secrets.token_urlsafe()
    server = _serve(path, projector, options, key)
    # it is here, and it is slow rather than gone
    patience = Patience(answer_seconds=None, whole_seconds=None, retries=0)
    client = ChatClient(Sender(f"{server.listening_address}/v1", key, patience), path.stem)
    about = client.about_model()
    check_reads_pictures(about, f"{path}: with {projector.name} it")
    return GGUFAnswerer(
        server,
        client,
        name=path.stem,
        fingerprint=_fingerprint(path, projector, options),
        options=options,
        writing=Writing(jpeg_quality=options.jpeg_quality),
        context_length=about.context_length,
    )


def _projector(path: Path, options: GGUFOptions) -> Path:
    if options.mmproj is None:
        beside = sorted(map(str, path.parent.glob("*mmproj*.gguf")))
        which = f"beside it: {', '.join(beside)}" if beside else "it comes with the model"
        raise ConfigError(
            f"{path} reads text alone; name the projector for pictures that belongs to it, as in "
            f"--model-option mmproj={(beside or ['mmproj-model-f16.gguf'])[0]} ({which})"
        )
    projector = options.mmproj.expanduser()  # a shell leaves the ~ behind an = alone
    _check_file(projector)
    # llama.cpp does not notice that the end of this one is missing, and sees wrongly
    fault = _fault(projector, wants_projector=True)
    if fault is not None:
        raise WeightsError(fault)
    return projector


def _check_file(path: Path) -> None:
    """That it is a GGUF file, before anything is loaded."""
    try:
        with path.open("rb") as file:
            beginning = file.read(len(MAGIC))
    except OSError as error:
        raise WeightsError(
            f"{path}: cannot be read ({error.strerror}); name a GGUF file"
        ) from error
    if beginning != MAGIC:
        raise WeightsError(f"{path}: is no GGUF file; download the model again, or name another")


def _serve(path: Path, projector: Path, options: GGUFOptions, key: str) -> Any:
    """A running server of xllamacpp, which prints nothing."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path, params.mmproj.path = str(path), str(projector)
    params.n_ctx, params.n_batch, params.n_parallel = options.n_ctx, BATCH, 1
    threads = options.threads or _cores()
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    if options.n_gpu_layers is not None:
        params.n_gpu_layers = options.n_gpu_layers
    params.hostnames, params.port, params.api_keys = ["127.0.0.1"], 0, [key]
    params.model_alias = {path.stem}
    params.ui = params.endpoint_slots = params.warmup = False
    params.cache_ram_mib = 0  # prompts of earlier questions; gigabytes otherwise
    params.verbosity = -1
    try:
        return xllamacpp.Server(params)
    except RuntimeError as error:
        raise WeightsError(_why_not(path, projector, xllamacpp.__version__)) from error


def _cores() -> int:
    """Those that this process may use; two threads of one core would only wait for each other.

    No more than OMP_NUM_THREADS, which says so to PyTorch as well.
    """
    allowed = len(os.sched_getaffinity(0))
    wanted = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    most = int(wanted) if wanted.isdecimal() else allowed
    return max(1, min(allowed, most, psutil.cpu_count(logical=False) or allowed))


def _why_not(path: Path, projector: Path, version: str) -> str:
    """llama.cpp does not say why; the file is looked at, which takes seconds."""
    return _fault(path, wants_projector=False) or (
        f"{path}: llama.cpp (xllamacpp {version}) cannot load it with {projector.name}; they must "
        "belong together, fit into memory, and be of a kind that this version knows"
    )


def _fault(file: Path, *, wants_projector: bool) -> str | None:
    """What is wrong with a file; None: nothing that can be seen."""
    from ntlbg.answerers.gguf_reader import architecture_of  # of a package that takes a while

    found = architecture_of(file)
    if found is None:
        return f"{file}: is damaged or cut off; download it again"
    if (found == PROJECTOR) == wants_projector:
        return None
    is_what = "a projector, not a model" if found == PROJECTOR else "a model, no projector"
    return f"{file}: is {is_what}; give MODEL.gguf and --model-option mmproj=PROJECTOR.gguf"


def _fingerprint(path: Path, projector: Path, options: GGUFOptions) -> str:
    """Changes when a file does; gigabytes are not read for it."""
    states = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in
              (path, projector)]  # fmt: skip
    return hashlib.sha256(f"{states} {options.model_dump_json()}".encode()).hexdigest()
