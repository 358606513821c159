"""Packages that a plain installation does not bring, and what to install for them."""

import importlib
import importlib.util

from ntlbg.errors import MissingPackage

# Those of an extra; any other goes by its own name.
EXTRAS = {
    "faster_whisper": "ntlbg-llm[speech]",
    "mcp": "ntlbg-llm[mcp]",
    "onnxruntime": "ntlbg-llm[screen]",
    "peft": "ntlbg-llm[train]",
    "rapidocr": "ntlbg-llm[screen]",
    "starlette": "ntlbg-llm[serve]",
    "textual_image": "ntlbg-llm[show]",
    "uvicorn": "ntlbg-llm[serve]",
    "vizdoom": "ntlbg-llm-lab[games]",
    "xllamacpp": "ntlbg-llm[gguf]",
    "yt_dlp": "ntlbg-llm[url]",
}

# What the distributions and their extras bring besides; without it the installation is not whole.
BROUGHT = {
    "av": "ntlbg-llm",
    "ctranslate2": "ntlbg-llm[speech]",
    "cv2": "ntlbg-llm[screen]",
    "matplotlib": "ntlbg-llm",
    "pandas": "ntlbg-llm-lab",
    "pysubs2": "ntlbg-llm",
    "rouge_score": "ntlbg-llm-lab",
    "sacrebleu": "ntlbg-llm-lab",
    "scipy": "ntlbg-llm-lab",
    "skimage": "ntlbg-llm-lab",
    "sklearn": "ntlbg-llm-lab",
}


def install(package: str) -> str:
    """The command that brings a package, in words."""
    named = (EXTRAS | BROUGHT).get(package, package)
    return f"run `pip install {repr(named) if '[' in named else named}`"


def check_installed(package: str, needed_by: str, otherwise: str = "") -> None:
    """That a package can be imported; nothing of it is.

    Args:
        needed_by: what is asked for, as the message begins.
        otherwise: what to do instead of installing it, as in "or leave the option out".

    Raises:
        MissingPackage: it is not installed.
    """
    if importlib.util.find_spec(package) is None:
        advice = f"{install(package)}, {otherwise}" if otherwise else install(package)
        raise MissingPackage(f"{needed_by} needs {package}, which is not installed; {advice}")


def check_loads(package: str, needed_by: str, instead: str) -> None:
    """That a package with compiled parts can be imported, which takes more than to be there.

    Args:
        needed_by: what is asked for, as the message begins.
        instead: what to install where it needs libraries that the system lacks.

    Raises:
        MissingPackage: it is not installed, or not usable.
    """
    check_installed(package, needed_by)
    try:
        importlib.import_module(package)
    except ImportError as error:
        why = " ".join(str(error).split())
        raise MissingPackage(
            f"{needed_by} needs {package}, which cannot be loaded ({why}); run `pip install "
            f"--force-reinstall {instead}`"
        ) from error
