"""Arrays and texts of safetensors files that lie in folders of users, where anything may be."""

import os

import numpy as np
from safetensors import SafetensorError, safe_open

from ntlbg.errors import DataError
from ntlbg.text_files import check_file


def read_arrays(
    path: str | os.PathLike, wanted: str
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Arrays by their names, and the texts beside them.

    Args:
        wanted: what to give instead, for messages.

    Raises:
        DataError: there is no regular file, or it is damaged.
    """
    check_file(path, wanted)  # a pipe would block
    try:
        with safe_open(path, framework="numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return arrays, file.metadata() or {}
    except (OSError, SafetensorError, TypeError, ValueError, AttributeError) as error:
        # the last three: a format of numbers that NumPy does not have
        raise DataError(f"{path}: cannot be read ({error}); give {wanted}") from error
