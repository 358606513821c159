"""The expert's words, and its chances against a plain computation of the published classifier."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ntlbg.downloads import PARTS, cache_root
from ntlbg.models.builtin import imagenet_expert
from ntlbg.models.builtin.imagenet_expert import KEPT_WORDS, NONE_LOGIT, ImagenetExpert
from ntlbg.models.builtin.imagenet_words import (
    EVERYDAY,
    NUM_CLASSES,
    _numbers,
    class_names,
    plain_words,
)
from ntlbg.models.builtin.vision_tower import (
    BuiltinVisionConfig,
    BuiltinVisionTower,
    load_published_tower,
    normalize_pixels,
)
from ntlbg.models.builtin.vocabulary import object_names

SYNSETS = "n01\nn02\nn03\n"
LEMMAS = "n03\tcab, hack, taxi, taxicab\nn09\tother\nn01\ttench, Tinca tinca\nn02\tgoldfish\n"


def cached(name: str) -> Path | None:
    path = cache_root() / "parts" / name / Path(PARTS[name].member).name
    return path if path.is_file() else None


needs_parts = pytest.mark.skipif(
    not all(map(cached, ("vision_backbone", "class_synsets", "class_lemmas"))),
    reason="run `ntlbg fetch` first",
)


def test_names_follow_the_order_of_the_classes():
    assert class_names(SYNSETS, LEMMAS) == [
        ("tench", "Tinca tinca"),
        ("goldfish",),
        ("cab", "hack", "taxi", "taxicab"),
    ]


def test_everyday_words_come_first_then_known_names_then_the_first_name():
    names = [("tench", "Tinca tinca"), ("goldfish",), ("mouse", "computer mouse"), ("a", "b")]
    assert plain_words(names, ["computer mouse", "mouse"]) == [
        "fish",  # class 0 in EVERYDAY
        "fish",
        "shark",  # class 2 in EVERYDAY, whatever it is called
        "shark",
    ]
    far = [()] * 700 + [("x", "toy", "long toy"), ("y",)]
    words = plain_words([names or ("-",) for names in far], {"toy", "long toy"})
    assert words[700:] == ["long toy", "y"]


def test_no_class_has_two_everyday_words():
    numbers = [number for ranges in EVERYDAY.values() for number in _numbers(ranges)]
    assert len(numbers) == len(set(numbers))
    assert min(numbers) >= 0
    assert max(numbers) < NUM_CLASSES


def tiny_expert(words=("cat", "dog", "cat", "sofa", "lamp")) -> ImagenetExpert:
    torch.manual_seed(0)
    return ImagenetExpert(BuiltinVisionTower(BuiltinVisionConfig()).tail, words).eval()


@torch.no_grad()
def test_chances_of_one_word_add_up_and_leave_out_none():
    expert = tiny_expert()
    expert.classify.weight.mul_(100)
    trunk = torch.randn(3, 80, 8, 14)
    x = trunk
    for block in expert.tail:
        x = block(x)
    logits = expert.classify(expert.expand(x).mean((2, 3)))
    odds = logits.exp() / (logits.exp().sum(1, keepdim=True) + np.exp(NONE_LOGIT))
    expected = torch.stack([odds[:, 0] + odds[:, 2], *odds[:, [1, 3, 4]].T], dim=1)
    assert expert.words == ("cat", "dog", "sofa", "lamp")
    torch.testing.assert_close(expert(trunk), expected)
    words, chances = expert.likeliest(trunk)
    order = expected.argsort(1, descending=True)[:, :KEPT_WORDS]
    assert torch.equal(words, order)
    torch.testing.assert_close(chances, expected.gather(1, order))


def test_the_fingerprint_tells_what_changes_the_answers(monkeypatch):
    one = tiny_expert()
    assert one.fingerprint == tiny_expert().fingerprint
    assert one.fingerprint != tiny_expert(("cat", "cat", "dog", "sofa", "lamp")).fingerprint
    before = one.fingerprint
    monkeypatch.setattr(imagenet_expert, "NONE_LOGIT", 3.0)
    assert one.fingerprint != before


@needs_parts
def test_every_everyday_range_means_what_it_says():
    """Names of the classes at both ends of a few ranges, from the published list."""
    synsets, lemmas = (
        cached(name).read_text(encoding="utf-8") for name in ("class_synsets", "class_lemmas")
    )
    names = class_names(synsets, lemmas)
    assert len(names) == NUM_CLASSES
    assert synsets.split() == sorted(synsets.split())  # the order of the 2012 challenge
    expected = {151: "Chihuahua", 268: "Mexican hairless", 281: "tabby", 285: "Egyptian cat",
                52: "thunder snake", 68: "sidewinder", 967: "espresso"}  # fmt: skip
    assert {number: names[number][0] for number in expected} == expected
    words = plain_words(names, object_names())
    assert words[468] == "taxi"
    assert words[673] == "computer mouse"
    assert words[21] == "bird"  # a kite, but not the toy
    assert "screen" not in words  # "on screen" is in questions


@needs_parts
def test_photographs_are_named():
    """The published classifier in float32, on pictures that scikit-image ships."""
    data = pytest.importorskip("skimage.data")
    frames = [
        np.array(Image.fromarray(picture()).convert("RGB").resize((224, 128)))
        for picture in (data.chelsea, data.coffee, data.gravel)
    ]
    tower = load_published_tower(BuiltinVisionConfig()).eval()
    expert = imagenet_expert.load_imagenet_expert(BuiltinVisionConfig(), torch.float32)
    with torch.inference_mode():
        trunk = tower.forward_trunk(normalize_pixels(np.stack(frames)))
        words, chances = expert.likeliest(trunk)
    assert [expert.words[number] for number in words[:2, 0]] == ["cat", "coffee"]
    assert chances[:2, 0].min() > 0.8
    assert chances[2].sum() < 0.3  # gravel is no class
