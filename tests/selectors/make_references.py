"""Stores what the plain selectors of references.py choose, and details of PyWavelets.

    PYTHONPATH=src python tests/selectors/make_references.py

Needs PyWavelets, which nothing else here does. Run it where a reference or the inputs change, or
where NumPy draws otherwise than before.
"""

import json
from pathlib import Path

import numpy as np
import pywt
from references import NUM_CASES, REFERENCES, case

FOLDER = Path(__file__).parents[1] / "data" / "selection"
# T and levels: even and odd lengths, and signals shorter than the taps
SIGNALS = [(5, 1), (16, 1), (21, 1), (64, 3), (100, 3), (133, 4)]


def wavelet_details():
    for length, levels in SIGNALS:
        signal = np.random.default_rng(length).standard_normal(length).round(3)
        bands = pywt.wavedec(signal, "db4", mode="symmetric", level=levels)
        only = [np.zeros_like(band) for band in bands]
        only[1] = bands[1]
        detail = pywt.waverec(only, "db4", mode="symmetric")[:length]
        yield {"levels": levels, "signal": signal.tolist(), "detail": detail.round(12).tolist()}


def main():
    chosen = {
        name: [[int(i) for i in choose(**case(name, n))] for n in range(NUM_CASES)]
        for name, choose in REFERENCES.items()
    }
    lines = [
        f'"{name}": ' + json.dumps(rows, separators=(",", ":")) for name, rows in chosen.items()
    ]
    (FOLDER / "references.json").write_text("{" + ",\n".join(lines) + "}\n")
    details = [json.dumps(entry, separators=(",", ":")) for entry in wavelet_details()]
    (FOLDER / "wavelets.json").write_text("[" + ",\n".join(details) + "]\n")


if __name__ == "__main__":
    main()
