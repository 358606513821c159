"""The base model's vision tower: its patches, before they are joined with text."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ntlbg_vl_models import KINDS, built, vl_config
from tiny_vlms import drawn


@pytest.fixture(scope="module", params=KINDS)
def made(request, tmp_path_factory):
    answerer = built(vl_config(tmp_path_factory.mktemp(request.param), request.param))
    [encoder] = answerer.retriever.encoders
    return encoder, answerer.model.language_model, request.param


def test_the_mean_of_what_the_connector_is_given(made):
    """As the stock model's own tower hands it on, caught on its way."""
    encoder, stock, kind = made
    frames, caught = drawn(3, *encoder.image_size), []
    connector = stock.model.connector if kind == "smolvlm" else stock.model.visual.merger
    handle = connector.register_forward_hook(lambda module, given, made: caught.append(given[0]))
    for frame in frames:
        encoder.encode_frames(frame[None])
    handle.remove()
    expected = [F.normalize(one.reshape(-1, one.shape[-1]).mean(0), dim=0) for one in caught]
    found = encoder.encode_frames(frames)
    assert found.shape == (3, encoder.feature_size)
    assert found.dtype == np.float32
    assert np.allclose(found, torch.stack(expected).numpy(), atol=1e-5)


def test_a_frame_is_the_same_whatever_is_beside_it(made):
    encoder, _, _ = made
    frames = drawn(11, *encoder.image_size)
    together = encoder.encode_frames(frames)
    for place in (0, 7, 8, 10):
        alone = encoder.encode_frames(frames[place : place + 1])[0]
        assert np.allclose(alone, together[place], atol=1e-6)


def test_what_trains_after_the_tower_changes_no_feature(made):
    encoder, stock, kind = made
    frames = drawn(2, *encoder.image_size)
    before = encoder.encode_frames(frames)
    connector = stock.model.connector if kind == "smolvlm" else stock.model.visual.merger
    kept = {name: value.clone() for name, value in connector.state_dict().items()}
    with torch.no_grad():
        for parameter in connector.parameters():
            parameter.add_(1.0)
    after = encoder.encode_frames(frames)
    connector.load_state_dict(kept)
    assert np.array_equal(before, after)
