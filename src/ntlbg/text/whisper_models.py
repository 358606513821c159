"""Which whisper model: the part that is fetched by hash, a folder, or one of the hub.

Models are in the format of CTranslate2, as faster-whisper wants them.
"""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from ntlbg.downloads import index_root, part_path
from ntlbg.errors import ConfigError, WeightsError
from ntlbg.hashes import content_hash
from ntlbg.hub import find_model, reason
from ntlbg.published_parts import FOLDERS

BASE = "base"
PART = "speech"
# Where the hub keeps the models that OpenAI names by a word.
SIZES = {
    size: f"Systran/faster-whisper-{size}"
    for size in (
        "tiny", "tiny.en", "base.en", "small", "small.en", "medium", "medium.en", "large-v1",
        "large-v2", "large-v3",
    )
} | {"turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo"}  # fmt: skip
WEIGHTS = "model.bin"
NEEDED = ("config.json", WEIGHTS, "tokenizer.json")
READ = re.compile(
    r"config\.json|model\.bin|tokenizer\.json|preprocessor_config\.json|vocabulary\.\w+"
)


def whisper_fingerprint(model: str) -> str:
    """Changes when the model does. Of ``base`` nothing is fetched, of others what is missing.

    Raises:
        ConfigError, WeightsError: as ``whisper_folder``.
    """
    if model == BASE:
        return FOLDERS[PART].files[WEIGHTS].sha256
    folder = whisper_folder(model)
    try:
        hashes = [
            f"{path.name} {content_hash(path.resolve(), index_root())}"
            for path in sorted(folder.iterdir())
            if READ.fullmatch(path.name)
        ]
    except OSError as error:
        raise WeightsError(f"{folder}: cannot be read ({error.strerror})") from error
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def whisper_folder(model: str) -> Path:
    """The folder of a model; what is not on this machine is fetched.

    Args:
        model: "base", a name in SIZES, a folder, or a name of the hub as organisation/model.

    Raises:
        ConfigError: no such folder, and no such model on the hub.
        WeightsError: it is not whole, of another format, or cannot be fetched.
    """
    if model == BASE:
        return part_path(PART)
    if "/" not in model and model not in SIZES and not Path(model).is_dir():
        raise ConfigError(
            f"{model}: no such model of speech; give {BASE}, {', '.join(SIZES)}, the folder of a "
            "whisper model for CTranslate2, or its name on the hub as in organisation/model"
        )
    return find_model(SIZES.get(model, model), _check, _wanted)


def load_whisper(model: str, threads: int):
    """The model, on the GPU if there is one that CTranslate2 can use.

    Raises:
        ConfigError, WeightsError: as ``whisper_folder``; WeightsError: its files are damaged.
    """
    import ctranslate2
    from faster_whisper import WhisperModel

    folder = whisper_folder(model)
    has_gpu = ctranslate2.get_cuda_device_count() > 0
    # 8 bits: a third of the memory of 32 and twice as fast on a CPU. The GPU's own best is asked of
    # CTranslate2.
    device, numbers = ("cuda", "auto") if has_gpu else ("cpu", "int8")
    try:
        return WhisperModel(
            str(folder), device=device, compute_type=numbers, cpu_threads=threads,
            local_files_only=True,
        )  # fmt: skip
    except (RuntimeError, ValueError) as error:
        raise WeightsError(
            f"{folder}: cannot be loaded as a whisper model of CTranslate2 ({reason(error)})"
        ) from error


def _check(folder: Path) -> None:
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise WeightsError(
            f"{folder}: {', '.join(missing)} is missing; give a whisper model for CTranslate2, as "
            "faster-whisper wants it (ct2-transformers-converter makes one, with "
            "--copy_files tokenizer.json preprocessor_config.json)"
        )


def _wanted(names: Iterable[str]) -> list[str]:
    return [name for name in names if READ.fullmatch(name)]
