import copy

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from ntlbg.downloads import part_path
from ntlbg.models.builtin.vision_tower import (
    BATCH_NORM_EPS,
    PIXEL_MEAN,
    PIXEL_STD,
    BuiltinVisionConfig,
    BuiltinVisionTower,
    SamePadConv2d,
    load_published_tower,
    normalize_pixels,
)


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
        cells = tower.forward_tail(tower.forward_trunk(pixels))  # 1 7 7 320
        x = F.conv2d(cells.permute(0, 3, 1, 2), published["_conv_head.weight"])
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


def padded_convolution(layer: SamePadConv2d, x: torch.Tensor) -> torch.Tensor:
    """TensorFlow's "same": padding written out, the odd row and column at the bottom and right."""
    kernel, stride = layer.kernel_size[0], layer.stride[0]
    sides = []
    for size in (x.shape[-1], x.shape[-2]):
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        sides += [total // 2, total - total // 2]
    y = F.conv2d(F.pad(x, sides), layer.weight, layer.bias, stride, groups=layer.groups)
    return y.clamp(0, 6) if layer.activation else y


@pytest.mark.parametrize("activation", [True, False])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("size", [(8, 14), (7, 13), (8, 13), (5, 6), (1, 2)])
def test_same_padding(size, kernel, stride, activation):
    torch.manual_seed(0)
    layer = SamePadConv2d(6, 6, kernel, stride, groups=6, activation=activation)
    x = 5 * torch.randn(2, 6, *size)
    before = x.clone()
    y = layer(x)
    torch.testing.assert_close(y, padded_convolution(layer, x), rtol=1e-4, atol=1e-5)
    assert y.shape[-2:] == (-(-size[0] // stride), -(-size[1] // stride))
    assert torch.equal(x, before)  # the ReLU works in place, but not on the input


def halfway(x: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Bilinear enlargement of (1, C, h, w), a side after the other: numpy's interpolation."""
    for axis, wanted in zip((2, 3), size):
        here = x.shape[axis]
        places = (np.arange(wanted) + 0.5) * here / wanted - 0.5
        shares = np.stack([np.interp(places, np.arange(here), one) for one in np.eye(here)])
        x = torch.tensordot(x, torch.from_numpy(shares).to(x), ([axis], [0])).movedim(-1, axis)
    return x


def plain_features(tower: BuiltinVisionTower, frames: np.ndarray) -> torch.Tensor:
    """The tower as it is usually written: frame by frame, channels first, values, then weights."""
    features = []
    for frame in frames:
        pixels = torch.tensor(frame).double() / 255
        x = ((pixels - torch.tensor(PIXEL_MEAN)) / torch.tensor(PIXEL_STD)).permute(2, 0, 1)[None]
        x = halfway(x, (160, 288))
        x = padded_convolution(tower.stem, x)
        for block in [*tower.trunk, *tower.tail]:
            y = x if isinstance(block.expand, torch.nn.Identity) else None
            y = padded_convolution(block.expand, x) if y is None else y
            y = padded_convolution(block.project, padded_convolution(block.depthwise, y))
            x = x + y if block.residual else y
        head, cells = tower.head, x.flatten(2).mT  # 1 P C
        learned = head.position.detach().T.unflatten(1, (4, 7))[None]
        position = halfway(learned, (5, 9)).flatten(2).mT
        hidden = F.gelu(head.input(head.norm(cells)) + position)
        weights = head.attention(hidden).softmax(1)
        values = head.value(hidden).unflatten(-1, (head.heads, -1))
        pooled = (weights.unsqueeze(-1) * values).sum(1).flatten(1)
        features.append(F.normalize(head.mlp(pooled), dim=-1))
    return torch.cat(features).float()


def test_features_are_those_of_the_plain_arithmetic(tower):
    """Cosine above .9999 in float32, against float64; in bfloat16 they are near."""
    rng = np.random.default_rng(2)
    smooth = rng.integers(0, 256, (2, 8, 14, 3), np.uint8).repeat(16, 1).repeat(16, 2)
    frames = np.concatenate([smooth, rng.integers(0, 256, (1, 128, 224, 3), np.uint8)])
    tower = copy.deepcopy(tower)
    torch.nn.init.normal_(tower.head.position)
    exact = copy.deepcopy(tower).double()
    half = copy.deepcopy(tower)
    for part in (half.stem, half.trunk, half.tail):
        part.bfloat16()
    with torch.inference_mode():
        wanted = plain_features(exact, frames)
        for fast, least in ((tower, 0.999999), (half, 0.97)):
            found = fast(normalize_pixels(frames))
            assert (found * wanted).sum(-1).min() > least


@pytest.mark.parametrize(
    ("image_size", "enlargement", "expected"),
    [
        ((128, 224), 9 / 7, (160, 288)),
        ((128, 224), 1, (128, 224)),
        ((64, 64), 9 / 7, (96, 96)),
        ((10, 500), 1, (32, 512)),
    ],
)
def test_enlarged_size_is_a_whole_number_of_cells(image_size, enlargement, expected):
    config = BuiltinVisionConfig(image_size=image_size, enlargement=enlargement)
    assert config.enlarged_size == expected
    tower = BuiltinVisionTower(config).eval()
    with torch.inference_mode():
        assert tower.enlarge(torch.zeros(1, 3, *image_size)).shape == (1, 3, *expected)
        assert tower(torch.zeros(1, 3, *image_size)).shape == (1, 576)


def test_frames_are_looked_at_enlarged(tower):
    pixels = normalize_pixels(np.random.default_rng(3).integers(0, 256, (1, 128, 224, 3), np.uint8))
    with torch.inference_mode():
        as_it_is = tower.forward_rest(tower.forward_trunk(pixels))
        larger = F.interpolate(pixels, size=(160, 288), mode="bilinear")
        torch.testing.assert_close(tower(pixels), tower.forward_rest(tower.forward_trunk(larger)))
        assert not torch.allclose(tower(pixels), as_it_is, atol=1e-3)


def test_places_are_interpolated_between_those_that_were_learned(tower):
    head = copy.deepcopy(tower.head)
    rows, columns = torch.meshgrid(torch.arange(4.0), torch.arange(7.0), indexing="ij")
    with torch.no_grad():
        head.position.copy_((10 * rows + columns).flatten()[:, None].expand_as(head.position))
        found = head._position((5, 9))[:, 0].unflatten(0, (5, 9))
    assert head._position((4, 7)) is head.position
    assert (found.diff(dim=0) > 0).all()
    assert (found.diff(dim=1) > 0).all()
    assert found[2, 4] == pytest.approx(10 * 1.5 + 3)  # the middle stays in the middle


def test_a_published_tower_is_complete():
    """It is built without memory first; nothing may be left as it was found there."""
    tower, other = (load_published_tower(BuiltinVisionConfig()) for _ in range(2))
    slow = BuiltinVisionTower(BuiltinVisionConfig())
    slow.load_backbone(part_path("vision_backbone"))
    for name, value in tower.state_dict().items():
        assert not value.is_meta
        assert value.isfinite().all(), name
        if not name.startswith("head."):
            assert torch.equal(value, slow.state_dict()[name]), name
    assert not tower.head.position.any()
    assert torch.equal(tower.head.norm.weight, torch.ones(320))
    assert 0 < tower.head.input.weight.abs().max() < 0.1
    assert not torch.equal(tower.head.input.weight, other.head.input.weight)
