"""Training: what a batch holds, stages, adapters, and that a tiny model can learn by heart."""

import numpy as np
import pytest
import torch
from transformers import Trainer, TrainingArguments

from longvu_models import made_frames, tiny_longvu_processor, tiny_model
from ntlbg.models.longvu.training import LongVUCollator, LongVUSample, change_geometry
from ntlbg.train.recipes.longvu import add_lora

ANSWERS = "abcdefgh"


def samples(stage: str) -> list[LongVUSample]:
    """Eight samples with one question: only the pixels tell the answers apart."""
    frames = 1 if stage == "image" else 2
    videos = [made_frames(1, seed=seed).repeat(frames, 0) for seed in range(8)]
    pixels = [video[0] if stage == "image" else video for video in videos]
    return [LongVUSample("Which?", answer, x) for answer, x in zip(ANSWERS, pixels)]


def run(model, stage: str, folder, steps: int, rate: float) -> None:
    arguments = TrainingArguments(
        str(folder),
        max_steps=steps,
        per_device_train_batch_size=8,
        learning_rate=rate,
        lr_scheduler_type="constant",
        logging_steps=1000,
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        remove_unused_columns=False,
        disable_tqdm=True,
    )
    collator = LongVUCollator(tiny_longvu_processor())
    Trainer(model, arguments, train_dataset=samples(stage), data_collator=collator).train()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")  # PEFT's
@pytest.mark.parametrize(
    ("stage", "lora"), [("video", False), pytest.param("image", True, marks=pytest.mark.thorough)]
)
def test_eight_samples_are_learnt_by_heart(tmp_path, stage, lora):
    geometry = {"query_grid": 4, "highres": False} if stage == "image" else {}
    model = tiny_model(**geometry, text={"initializer_range": 0.1})
    trained = add_lora(model, rank=4) if lora else model
    towers = {n: p.clone() for n, p in model.named_parameters() if "_tower" in n}
    run(trained, stage, tmp_path, steps=60, rate=1e-2 if lora else 3e-3)
    trained.eval()
    processor = tiny_longvu_processor()
    for sample in samples(stage):
        kind = "images" if stage == "image" else "videos"
        inputs = dict(processor(sample.question, **{kind: sample.pixels}))
        ids = trained.generate(**inputs, do_sample=False, max_new_tokens=2, pad_token_id=0)
        assert processor.tokenizer.decode(ids[0]) == f"{sample.answer}<|im_end|>"
    for name, parameter in model.named_parameters():
        if name in towers:
            assert torch.equal(parameter, towers[name]), name


def test_a_batch_of_pictures_videos_and_text():
    video, picture = made_frames(3), made_frames(1)[0]
    batch = [
        LongVUSample("Which?", "a", video),
        LongVUSample("What is it?", "b", picture),
        LongVUSample("Why?", "c"),
    ]
    inputs = LongVUCollator(tiny_longvu_processor())(batch)
    assert inputs["num_frames"].tolist() == [3, 1]
    assert (inputs["input_ids"] == -200).sum(1).tolist() == [1, 1, 0]
    assert "pixel_values" not in inputs
    model = tiny_model(mode="corrected")
    prepared = model.prepare(**{k: v for k, v in inputs.items() if k != "logits_at_labels"})
    assert len(prepared.videos) == 2
    assert model(**inputs).loss.isfinite()
    asked = tiny_longvu_processor()("Why?")["input_ids"][0]
    assert inputs["input_ids"][2, : len(asked)].tolist() == asked.tolist()
    assert prepared.attention_mask[2].sum() == len(asked) + 2


def test_pictures_alone_are_pictures():
    batch = [LongVUSample("Which?", "a", np.zeros((16, 24, 3), np.uint8))] * 2
    inputs = LongVUCollator(tiny_longvu_processor())(batch)
    assert inputs["pixel_values"].shape[0] == 2
    assert "num_frames" not in inputs


def test_training_reads_what_inference_reads():
    """Not one token more between video and question: what is not label is the prompt."""
    processor, model = tiny_longvu_processor(), tiny_model()
    (sample,) = samples("video")[:1]
    inputs = LongVUCollator(processor)([sample])
    labels = inputs.pop("labels")
    inputs.pop("logits_at_labels")
    trained = model.prepare(**inputs).inputs_embeds[0]
    asked = model.prepare(**processor(sample.question, sample.pixels)).inputs_embeds[0]
    torch.testing.assert_close(trained[: len(asked)], asked)
    assert len(trained) == len(asked) + int((labels != -100).sum())


def test_from_the_image_to_the_video_stage():
    image = tiny_model(query_grid=4, highres=False)
    video = change_geometry(image, query_grid=2, highres=True)
    assert (video.config.query_grid, video.config.highres) == (2, True)
    kept, new = image.state_dict(), video.state_dict()
    positions = {name for name in new if name.endswith(".position")}
    assert len(positions) == 2 * 2
    assert set(new) - positions == set(kept)
    assert all(torch.equal(new[name], kept[name]) for name in kept)
    assert all(0 < new[name].abs().max() < 0.2 for name in positions)
