"""The small reader of ``compression_loss.py``: a Qwen2-VL, what it is given, and how it learns."""

import time
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
import transformers
from compression_films import SIDE, WORDS, Asked, Film, make_film
from PIL import Image

from ntlbg.models.qwen_vl.inputs import TEXT_TYPE, VIDEO_TYPE, VisionPrompt
from ntlbg.models.qwen_vl.vision import VisionFeatures, seen_batch

PATCH, MERGE = 8, 2  # a cell, which is a token, is 16 x 16 pixels
IDS = {word: number for number, word in enumerate(WORDS)}
# Cells in rows and columns of pictures that are smaller, by the share of tokens that they have.
CELLS = {1.0: (4, 4), 0.5: (4, 2), 0.25: (2, 2), 0.125: (2, 1)}
# Of as many films: most are whole, as most pictures are that a model sees.
SIZES = (0.7, 0.1, 0.1, 0.1)
# Steps and how many pictures films have in them: first to see, then to find, then among more.
STAGES = ((500, (1,)), (900, (1, 2, 4)), (1300, (2, 4, 8, 8)))
BATCH, RATE, WARMUP = 16, 1e-3, 100
TRAINED = 1  # seed; no other stream of films has it


def new_reader() -> transformers.Qwen2VLForConditionalGeneration:
    """Random; small enough that a thousand steps take minutes of one core."""
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [4, 6, 6]}
    text = {
        "vocab_size": len(WORDS), "hidden_size": 128, "intermediate_size": 256,
        "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 4,
        "max_position_embeddings": 1024, "rope_parameters": rope, "pad_token_id": 0,
        "bos_token_id": None, "eos_token_id": None,
    }  # fmt: skip
    tower = {"depth": 3, "embed_dim": 96, "hidden_size": 128, "num_heads": 4, "mlp_ratio": 2,
             "patch_size": PATCH, "spatial_merge_size": MERGE}  # fmt: skip
    marks = {"vision_start_token_id": "<vision>", "vision_end_token_id": "</vision>",
             "image_token_id": "image", "video_token_id": "video"}  # fmt: skip
    model = transformers.Qwen2VLForConditionalGeneration(transformers.Qwen2VLConfig(
        text_config=text, vision_config=tower, **{key: IDS[word] for key, word in marks.items()}
    ))  # fmt: skip
    for module in model.modules():
        if isinstance(module, torch.nn.Linear | torch.nn.Conv3d):
            # the class's .02 is for widths of thousands; here it would let nothing through
            torch.nn.init.normal_(module.weight, std=module.weight[0].numel() ** -0.5)
    # as long as what the tower gives: a word of .02 would not be heard beside a picture
    torch.nn.init.normal_(model.get_input_embeddings().weight, std=0.5)
    return model


def train(model, stages: Sequence[tuple[int, tuple[int, ...]]]) -> None:
    draw, steps = np.random.default_rng(TRAINED), sum(count for count, _ in stages)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
    schedule = transformers.get_cosine_schedule_with_warmup(optimizer, min(WARMUP, steps), steps)
    began, losses = time.process_time(), []
    for step, numbers in enumerate(n for count, choices in stages for n in [choices] * count):
        loss = loss_of(model, draw, int(draw.choice(numbers)))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        if (step + 1) % 100 == 0 or step + 1 == steps:
            print(f"step {step + 1}: loss {np.mean(losses[-100:]):.3f}, "
                  f"{time.process_time() - began:.0f} CPU s", flush=True)  # fmt: skip


def loss_of(model, draw: np.random.Generator, number: int) -> torch.Tensor:
    """Of several questions about each film of a batch, whose pictures are of one size."""
    films = [make_film(draw, number) for _ in range(BATCH)]
    cells = CELLS[float(draw.choice(list(CELLS), p=SIZES))]
    seen = look(model, [film.pictures for film in films], cells)
    texts = [some_questions(draw, film) for film in films]
    prompts = [prompt_of(text, number, cells) for text in texts]
    with seen_batch(model, list(zip(prompts, seen))) as inputs:
        ids, logits = inputs["input_ids"], model(**inputs, use_cache=False).logits
    asked = ids[:, :-1] == IDS["?"]
    return F.cross_entropy(logits[:, :-1][asked], ids[:, 1:][asked])


def some_questions(draw: np.random.Generator, film: Film) -> list[int]:
    """Ids of questions with answers; of an object only one that tells its pattern and colour."""
    ids, told = [], set()
    for place in draw.permutation(len(film.questions)):
        asked = film.questions[place]
        pair = {asked.about, asked.answer}
        if asked.kind in ("colour", "pattern"):
            if told & pair:
                continue
            told |= pair
        ids += [*question_ids(asked), IDS[asked.answer]]
    return ids


def question_ids(asked: Asked) -> list[int]:
    return [IDS[asked.kind], IDS[asked.about], IDS["?"]]


def prompt_of(text: Sequence[int], number: int, cells: tuple[int, int]) -> VisionPrompt:
    """Pictures, then the text."""
    count = number * cells[0] * cells[1]
    ids = [IDS["<vision>"], *[IDS["video"]] * count, IDS["</vision>"], *text]
    tokens = torch.tensor([ids])
    types = torch.where(tokens == IDS["video"], VIDEO_TYPE, TEXT_TYPE)
    return VisionPrompt(
        tokens, types, np.arange(float(number)), video_grid_thw=grid_of(number, cells)
    )


def grid_of(number: int, cells: tuple[int, int]) -> torch.Tensor:
    return torch.tensor([[number, cells[0] * MERGE, cells[1] * MERGE]])


def look(model, films: Sequence[np.ndarray], cells: tuple[int, int]) -> list[dict]:
    """What the tower sees in films of one length, at so many cells a picture."""
    number, tokens = len(films[0]), cells[0] * cells[1]
    pixels = patches(np.concatenate([resized(film, cells) for film in films]))
    grids = grid_of(number, cells).repeat(len(films), 1)
    made = model.model.get_video_features(pixels, grids, return_dict=True)
    pooled = torch.cat(list(made.pooler_output)).split(number * tokens)
    every = torch.ones(number * tokens, dtype=torch.bool)
    return [{"video": VisionFeatures(one, (), grids[:1], every)} for one in pooled]


def resized(pictures: np.ndarray, cells: tuple[int, int]) -> np.ndarray:
    height, width = (count * PATCH * MERGE for count in cells)
    if (height, width) == (SIDE, SIDE):
        return pictures
    return np.stack([np.asarray(Image.fromarray(one).resize((width, height))) for one in pictures])


def patches(pictures: np.ndarray) -> torch.Tensor:
    """uint8 (n, H, W, 3) -> float32 (patches, 3 * 2 * PATCH^2), as Qwen2-VL's processor cuts them.

    Each picture is shown twice; patches of a cell come together. Colours are -1 to 1.
    """
    number, height, width, _ = pictures.shape
    rows, columns = height // (PATCH * MERGE), width // (PATCH * MERGE)
    values = torch.from_numpy(pictures).float().div(127.5).sub(1)
    cut = values.view(number, rows, MERGE, PATCH, columns, MERGE, PATCH, 3)
    cut = cut.permute(0, 1, 4, 2, 5, 7, 3, 6)  # (n, rows, columns, 2, 2, 3, PATCH, PATCH)
    twice = cut.unsqueeze(6).expand(*cut.shape[:6], 2, PATCH, PATCH)
    return twice.reshape(number * rows * columns * MERGE**2, -1)
