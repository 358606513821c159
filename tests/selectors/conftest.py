import numpy as np
import pytest

from selection_simulator import make_video


@pytest.fixture(scope="session")
def frames():
    """Anisotropic, off centre, 3000 frames of size 80."""
    rng = np.random.default_rng(0)
    turn, _ = np.linalg.qr(rng.standard_normal((80, 80)))
    spread = np.concatenate([np.geomspace(5, 1, 12), np.full(68, 0.3)])
    return (rng.standard_normal((3000, 80)) * spread @ turn + turn[3]).astype(np.float32)


@pytest.fixture(scope="session")
def local():
    return make_video(0, local=True)


@pytest.fixture(scope="session")
def general():
    return make_video(1, local=False)
