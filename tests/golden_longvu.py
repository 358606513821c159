"""Reference values of the published LongVU code: ``$NTLBG_GOLDEN_DIR``, else ``data/longvu``."""

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

FOLDER = Path(os.environ.get("NTLBG_GOLDEN_DIR") or Path(__file__).parent / "data" / "longvu")
TOLERANCE = {"atol": 1e-4, "rtol": 0}


class Case(dict):
    """The JSON of a case; ``tensors`` are loaded when first used."""

    def __init__(self, entry: dict):
        super().__init__(json.loads((FOLDER / entry["json"]).read_text()))
        self._file = entry.get("tensors")
        self._tensors = None

    @property
    def tensors(self) -> dict[str, torch.Tensor]:
        if self._tensors is None:
            self._tensors = load_file(FOLDER / self._file) if self._file else {}
        return self._tensors

    def weights(self) -> dict[str, torch.Tensor]:
        """Tensors stored under their published names."""
        return {
            name.removeprefix("w."): tensor
            for name, tensor in self.tensors.items()
            if name.startswith("w.")
        }


def cases(stage: str) -> list:
    """One parameter for each case that the index lists for a stage."""
    index = json.loads((FOLDER / "index.json").read_text())
    listed = [entry for entry in index if entry["stage"] == stage]
    return [pytest.param(entry, id=entry["case"]) for entry in listed]


def close(actual: torch.Tensor, expected: torch.Tensor, name: str = "") -> None:
    """Within the tolerance of the reference values."""
    torch.testing.assert_close(
        actual.detach().float(), expected.float(), msg=lambda m: f"{name}: {m}", **TOLERANCE
    )
