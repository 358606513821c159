import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from ntlbg.models.vision_tower import (
    BATCH_NORM_EPS,
    BuiltinVisionConfig,
    BuiltinVisionTower,
    normalize_pixels,
)
from ntlbg.parts import part_path


@pytest.fixture(scope="module")
def tower():
    tower = BuiltinVisionTower(BuiltinVisionConfig()).eval()
    tower.load_backbone(part_path("vision_backbone"))
    return tower


@pytest.mark.parametrize(("photo", "label"), [("chelsea.png", 285), ("coffee.png", 967)])
def test_the_backbone_recognises_what_its_own_classifier_knows(tower, photo, label):
    """Published last convolution and classifier on our blocks: Egyptian cat, espresso."""
    skimage = pytest.importorskip("skimage")
    published = torch.load(part_path("vision_backbone"), weights_only=True)
    picture = Image.open(f"{skimage.__path__[0]}/data/{photo}").convert("RGB").resize((224, 224))
    pixels = normalize_pixels(np.asarray(picture)[None].copy())
    with torch.inference_mode():
        cells = tower.forward_tail(tower.forward_trunk(pixels))  # 1 49 320
        x = cells.mT.unflatten(2, (7, 7))
        x = F.conv2d(x, published["_conv_head.weight"])
        norm = [published[f"_bn1.{n}"] for n in ("running_mean", "running_var", "weight", "bias")]
        x = F.relu6(F.batch_norm(x, *norm, eps=BATCH_NORM_EPS)).mean((2, 3))
        logits = x @ published["_fc.weight"].T + published["_fc.bias"]
    assert label in logits.topk(2).indices[0].tolist()


def test_features_have_unit_length_and_depend_on_the_picture(tower):
    frames = np.random.default_rng(0).integers(0, 256, (3, 128, 224, 3), np.uint8)
    frames[1] = frames[0]
    with torch.inference_mode():
        features = tower(normalize_pixels(frames))
    assert features.shape == (3, 576)
    torch.testing.assert_close(features.norm(dim=-1), torch.ones(3))
    torch.testing.assert_close(features[0], features[1])
    assert not torch.allclose(features[0], features[2], atol=1e-4)


def test_a_batch_gives_what_single_frames_give(tower):
    frames = np.random.default_rng(1).integers(0, 256, (4, 128, 224, 3), np.uint8)
    with torch.inference_mode():
        together = tower(normalize_pixels(frames))
        alone = torch.cat([tower(normalize_pixels(frame[None])) for frame in frames])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_gradient_reaches_the_tail_but_not_the_trunk(tower):
    frames = np.zeros((1, 128, 224, 3), np.uint8)
    tower.zero_grad()
    tower(normalize_pixels(frames))[0, 0].backward()
    assert tower.tail[0].project.weight.grad.abs().sum() > 0
    assert tower.head.input.weight.grad.abs().sum() > 0
    assert all(p.grad is None for p in tower.trunk.parameters())
