"""Packages that a plain installation does not bring, and what to install for them."""

import importlib.util

from ntlbg.errors import MissingPackage

# Those of an extra; any other goes by its own name.
EXTRAS = {
    "faster_whisper": "ntlbg-llm[speech]",
    "onnxruntime": "ntlbg-llm[screen]",
    "peft": "ntlbg-llm[train]",
    "rapidocr": "ntlbg-llm[screen]",
    "vizdoom": "ntlbg-llm-lab[games]",
    "xllamacpp": "ntlbg-llm[gguf]",
}


def install(package: str) -> str:
    """The command that brings a package, in words."""
    named = f"'{EXTRAS[package]}'" if package in EXTRAS else package
    return f"run `pip install {named}`"


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
