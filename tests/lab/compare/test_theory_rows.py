"""The theory tables, on small nets, against what is known."""

import pytest

from ntlbg.selectors.contour import simplex_radius
from ntlbg_lab.compare.theory import common_radius_row, median_radius_row, simplex_row


def test_simplex():
    rows = [simplex_row(size, size + 1, 2**12) for size in (2, 4)]
    assert rows[0]["predicted_radius"] == pytest.approx(1.0365, abs=1e-4)
    assert rows[1]["predicted_radius"] == pytest.approx(1.3002, abs=1e-4)
    for row in rows:
        assert row["radius"] == pytest.approx(row["predicted_radius"], rel=0.01)
        assert row["deviation"] < 0.01
        assert row["distortion"] == pytest.approx(row["predicted_distortion"], rel=0.01)


def test_common_radius():
    free, tight = (common_radius_row(*case, 2**11) for case in ((4, 8), (2, 6)))
    assert free["deviation"] < 0.03
    assert free["loss"] == pytest.approx(0, abs=0.005)
    assert tight["deviation"] == pytest.approx(0.45, abs=0.05)
    assert tight["loss"] == pytest.approx(0.12, abs=0.02)


def test_median_radius():
    row = median_radius_row(16, 8, 2**12)
    assert row["median_radius"] == pytest.approx(3.92, abs=0.03)
    assert row["best_radius"] == pytest.approx(simplex_radius(8), abs=0.06)
    assert row["distortion_of_mean"] == pytest.approx(16, abs=0.1)
    assert row["distortion_at_best"] == pytest.approx(13.75, abs=0.15)
    assert row["distortion_at_median"] == pytest.approx(19.6, abs=0.4)
    # D(rho) = d - 2 rho m + rho^2, with m the best radius
    predicted = row["distortion_of_mean"] + row["median_radius"] * (
        row["median_radius"] - 2 * row["best_radius"]
    )
    assert row["distortion_at_median"] == pytest.approx(predicted, rel=1e-3)
