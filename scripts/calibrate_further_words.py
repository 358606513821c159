"""Measure what the constants of ``ntlbg.models.builtin.open_vocabulary`` rest on.

After new vision weights:

    python scripts/calibrate_further_words.py [--weights FILE] [--videos 4] [--names 40]

First how much the expert for photographs believes to see: in validation haystacks, and in pans over
photographs. FOOTAGE has to lie between them. Then enrolment: objects whose word is taken away from
the vocabulary are enrolled from one or five pictures and looked for in other pictures, by bias.
"""

import argparse
import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from ntlbg.answerers.builtin import load_builtin_answerer
from ntlbg.encoders.builtin import EXPERT_CHANCES
from ntlbg.models.builtin.enrolment import draw_examples, enrol
from ntlbg.models.builtin.vocabulary import object_names
from ntlbg_lab.haystack.augmentation import FrameRenderer, background_bank
from ntlbg_lab.haystack.backgrounds import PHOTOS, photos
from ntlbg_lab.haystack.pictures import load_style
from ntlbg_lab.haystack.timeline import draw_frames, plan_timeline

ENROLLED = ("noto", "fluent-emoji", "emojione", "fxemoji", "noto-v1")
LOOKED_FOR = ("twemoji", "fluent-emoji-flat")
FRAMES_OF_EACH = 3


def footage(encoder, videos: int) -> None:
    """Mean of the expert's chances, by video."""
    names = list(object_names())
    for number in range(videos):
        rng = np.random.default_rng((11, number))
        timeline = plan_timeline(rng, 600, names=names, split="val")
        frames = [frame for _, frame in draw_frames(timeline, encoder.image_size, 0.25)]
        print(f"validation haystack {number}: {_seen(encoder, np.stack(frames)):.3f}")
    for name, source in zip(PHOTOS, photos("skimage", "data", PHOTOS), strict=True):
        frames = source(np.random.default_rng(0), 8, encoder.image_size, 1.0)
        print(f"photograph {name}: {_seen(encoder, frames):.3f}")


def _seen(encoder, frames: np.ndarray) -> float:
    _, notes = encoder.encode_with_notes(frames)
    return float(notes[EXPERT_CHANCES].sum(-1).mean())


def enrolment(answerer, names: int) -> None:
    """Recall and false alarms of one enrolled object, by bias; means over the objects."""
    [encoder], projector = answerer.encoders, answerer.model.multi_modal_projector
    rng = np.random.default_rng(3)
    styles = {style: load_style(style) for style in (*ENROLLED, *LOOKED_FOR)}
    vocabulary = object_names()
    shared = [n for n in vocabulary if all(n in pictures for pictures in styles.values())]
    chosen = [str(name) for name in rng.permutation(shared)[:names]]
    bank = background_bank("val", rng, shots=12, frames=10)
    empty = FrameRenderer(bank, seed=4)
    nothing = encoder.encode_frames(np.stack([empty.negative()[0] for _ in range(600)]))
    shown = {name: _frames(encoder, name, styles, bank, rng) for name in chosen}
    own = F.normalize(projector.word_embeddings - projector.embedding_mean, dim=-1)
    for count in (1, 5):
        rows = []
        for name in chosen:
            pictures = [_png(styles[style][name][0]) for style in ENROLLED[:count]]
            thing = enrol(name, pictures, encoder.encode_frames, image_size=encoder.image_size,
                          fingerprint=encoder.weights)  # fmt: skip
            others = np.concatenate([shown[other] for other in chosen if other != name])
            word = vocabulary.index(name)
            rivals = torch.cat([own[:word], own[word + 1 :]])
            rows.append([_excess(projector, thing.prototypes, rivals, frames)
                         for frames in (shown[name], others, nothing)])  # fmt: skip
        for bias in (0, 1, 2, 3, 4):
            recall, false, phantom = (
                np.mean([(row[part] + bias > 0).mean() for row in rows]) for part in range(3)
            )
            print(
                f"{count} pictures, bias {bias}: found {recall:.3f}, other objects {false:.4f}, "
                f"empty frames {phantom:.4f}"
            )


def _png(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()


def _frames(encoder, name, styles, bank, rng) -> np.ndarray:
    """Features of drawn frames that show the object in styles it is not enrolled from."""
    frames = [
        draw_examples(
            Image.fromarray(styles[style][name][0]),
            bank[rng.choice(len(bank), FRAMES_OF_EACH)],
            rng,
        )
        for style in LOOKED_FOR
    ]
    return encoder.encode_frames(np.concatenate(frames))


def _excess(projector, prototypes, rivals, features) -> np.ndarray:
    """Logit of the best prototype above that of every word, "nothing" with its bias."""
    found = F.normalize(torch.tensor(features), dim=-1)
    logits = projector.scale * found @ rivals.T
    logits[:, -1] += projector.nothing_bias
    best = projector.scale * (found @ torch.tensor(prototypes).T).amax(-1)
    return (best - logits.amax(-1)).numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, default=None)
    parser.add_argument("--videos", type=int, default=4)
    parser.add_argument("--names", type=int, default=40)
    arguments = parser.parse_args()
    answerer = load_builtin_answerer(arguments.weights, pristine=True)
    footage(answerer.encoders[0], arguments.videos)
    enrolment(answerer, arguments.names)


if __name__ == "__main__":
    main()
