"""What a GGUF file says of itself; one that is damaged says nothing, and says so soon.

The reader of the package gguf takes what lies behind the end of a file for empty, so that it counts
to whatever number a damaged file names as a length.
"""

from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFReader


class _InsideReader(GGUFReader):
    """Reads nothing behind the end of the file."""

    def _get(self, offset: int, dtype: Any, count: Any = 1, override_order: Any = None) -> Any:
        end = int(offset) + np.dtype(dtype).itemsize * int(count)
        if end > len(self.data):
            raise IndexError(f"{end} is behind the end of the file")
        return super()._get(offset, dtype, count, override_order)


def architecture_of(path: Path) -> str | None:
    """What a file is of; None where it is damaged."""
    try:
        field = _InsideReader(path).get_field("general.architecture")
        return None if field is None else str(field.contents())
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, RecursionError):
        return None  # each is how the reader notices damage
