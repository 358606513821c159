import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ntlbg.models.layers import ready_mask
from tiny_models import (
    HIDDEN,
    LANGUAGE_MODELS,
    VOCABULARY,
    batch_of,
    sample,
    task_loss,
    tiny_inputs,
    tiny_model,
    tiny_processor,
)

PROJECTORS = {"mlp": {}, "vocabulary": VOCABULARY}


@pytest.fixture(params=PROJECTORS)
def model(request):
    return tiny_model(**PROJECTORS[request.param])


@pytest.mark.parametrize("language_model", LANGUAGE_MODELS)
def test_output_has_everything_the_losses_need(language_model):
    model, inputs = tiny_model(language_model), tiny_inputs()
    out = model(**inputs)
    assert out.logits.shape == (1, inputs["input_ids"].shape[1], 128)
    assert out.statistics.scores.shape == (1, 1, 20)
    assert out.representative_points.shape == (1, 3, model.config.rich_point_size)
    assert out.context.shape == (1, 3, 8)
    assert out.codes.shape == (1, 3, HIDDEN)
    assert out.visual_tokens.shape == (1, 3, HIDDEN)
    assert out.weights.shape == out.relevance.shape == (1, 20)
    torch.testing.assert_close(out.weights.sum(), torch.tensor(1.0))
    torch.testing.assert_close(out.relevance.sum(), torch.tensor(1.0))
    torch.testing.assert_close(out.relevance, out.statistics.scores[:, 0].softmax(-1))


def test_language_model_reads_visual_tokens_in_the_place_of_the_video_tokens(model):
    inputs = tiny_inputs()
    seen = {}
    model.language_model.register_forward_pre_hook(
        lambda module, args, kwargs: seen.update(kwargs), with_kwargs=True
    )
    out = model(**inputs)
    slots = inputs["input_ids"][0] == model.config.video_token_id
    torch.testing.assert_close(seen["inputs_embeds"][0, slots], out.visual_tokens[0])
    words = model.get_input_embeddings()(inputs["input_ids"])[0, ~slots]
    torch.testing.assert_close(seen["inputs_embeds"][0, ~slots], words)


def test_loss_is_the_mean_cross_entropy_of_the_answer():
    model, inputs = tiny_model(), tiny_inputs()
    out = model(**inputs)
    answer = inputs["labels"][0] != -100
    before = answer.roll(-1)
    expected = F.cross_entropy(out.logits[0, before], inputs["input_ids"][0, answer])
    torch.testing.assert_close(out.loss, expected)


def test_logits_at_labels_are_the_same_numbers():
    model = tiny_model()
    inputs = batch_of(sample(), sample("And now?", 12, (0, 5), "a big cat"))
    whole, few = model(**inputs), model(**inputs, logits_at_labels=True)
    labelled = inputs["labels"][:, 1:] != -100
    assert few.logits.shape == (int(labelled.sum()), 128)
    torch.testing.assert_close(few.logits, whole.logits[:, :-1][labelled])
    torch.testing.assert_close(few.loss, whole.loss)
    halved = model(**inputs, num_items_in_batch=2 * int(labelled.sum())).loss
    torch.testing.assert_close(halved, whole.loss / 2)


def test_a_batch_without_labelled_tokens_has_zero_loss():
    inputs = tiny_inputs()
    inputs["labels"] = torch.full_like(inputs["labels"], -100)
    assert tiny_model()(**inputs).loss == 0


def test_batch_equals_single(model):
    samples = [sample(), sample("And now?", 12, (0, 5), "a big cat", 0.5)]
    together = batch_of(*samples)
    logits = model(**together).logits
    features = together["video_features"]
    for row, one in enumerate(samples):
        alone = tiny_processor()(
            one["q"], features[row, : one["n"]], one["t"], indices=one["i"], answer=one["a"]
        )
        length = alone["input_ids"].shape[1]
        torch.testing.assert_close(
            logits[row, -length:], model(**alone).logits[0], rtol=1e-3, atol=1e-4
        )


def test_padding_changes_nothing(model):
    inputs = tiny_inputs()
    padded = dict(inputs)
    padded["indices"] = F.pad(inputs["indices"], (0, 2), value=-1)
    padded["video_features"] = F.pad(inputs["video_features"], (0, 0, 0, 5), value=3.0)
    padded["video_mask"] = F.pad(inputs["video_mask"], (0, 5))
    padded["pts_seconds"] = F.pad(inputs["pts_seconds"], (0, 5))
    padded["query_input_ids"] = F.pad(inputs["query_input_ids"], (0, 3), value=9)
    padded["query_attention_mask"] = F.pad(inputs["query_attention_mask"], (0, 3))
    no_question = torch.zeros_like(padded["query_input_ids"])
    padded["query_input_ids"] = torch.cat([padded["query_input_ids"], no_question], dim=1)
    padded["query_attention_mask"] = torch.cat([padded["query_attention_mask"], no_question], dim=1)
    torch.testing.assert_close(model(**padded).logits, model(**inputs).logits)


def test_questions_on_one_video_share_the_mean_of_their_relevance():
    model, inputs = tiny_model(), tiny_inputs()
    other = tiny_inputs(question="Who is it??")
    both = dict(inputs)
    for name in ("query_input_ids", "query_attention_mask"):
        both[name] = torch.cat([inputs[name], other[name]], dim=1)
    expected = (model(**inputs).relevance + model(**other).relevance) / 2
    torch.testing.assert_close(model(**both).relevance, expected)


def test_frames_weigh_by_relevance_as_far_as_configured():
    model, inputs = tiny_model(relevance_share=0.2), tiny_inputs()
    inputs["video_mask"] = torch.tensor([[1] * 15 + [0] * 5])
    output = model(**inputs)
    even = torch.tensor([[1 / 15] * 15 + [0] * 5])
    torch.testing.assert_close(output.weights, 0.8 * even + 0.2 * output.relevance)


def test_seconds_matter(model):
    inputs = tiny_inputs()
    if model.config.projector == "vocabulary":  # its correction starts at zero
        nn.init.normal_(model.multi_modal_projector.output.weight)
    later = {**inputs, "pts_seconds": inputs["pts_seconds"] + 30}
    assert not torch.allclose(model(**later).visual_tokens, model(**inputs).visual_tokens)


def test_text_alone_is_the_language_model():
    model, ids = tiny_model(), torch.tensor([[40, 41, 42]])
    torch.testing.assert_close(model(ids).logits, model.language_model(ids).logits)
    embeds = model.get_input_embeddings()(ids)
    torch.testing.assert_close(model(inputs_embeds=embeds).logits, model(ids).logits)


def packed(inputs, segments):
    """One prefix, then segments that see the prefix and themselves, with positions starting over.

    segments: list of (ids, labels). Returns inputs of one row.
    """
    slots = (inputs["input_ids"][0] == 2).nonzero()
    prefix = inputs["input_ids"][0, : int(slots.max()) + 1]
    ids, labels = [prefix], [torch.full_like(prefix, -100)]
    positions, owner = [torch.arange(len(prefix))], [torch.zeros_like(prefix)]
    for number, (segment, targets) in enumerate(segments, start=1):
        ids.append(segment)
        labels.append(targets)
        positions.append(torch.arange(len(segment)) + len(prefix))
        owner.append(torch.full_like(segment, number))
    owner = torch.cat(owner)
    sees = (owner[:, None] == owner[None]) | (owner[None] == 0)
    sees &= torch.ones_like(sees).tril()
    mask = torch.zeros(sees.shape).masked_fill(~sees, torch.finfo(torch.float32).min)
    return {
        **inputs,
        "input_ids": torch.cat(ids)[None],
        "labels": torch.cat(labels)[None],
        "position_ids": torch.cat(positions)[None],
        "attention_mask": mask[None, None],
    }, sees


@pytest.mark.parametrize("kind", ["additive", "boolean"])
def test_packed_questions_equal_separate_ones(kind):
    model = tiny_model()
    rows = [tiny_inputs(), tiny_inputs(question="How many?", answer="two")]
    # relevance depends on the packed questions, so the same ones accompany the separate rows
    queries = {
        name: torch.nn.utils.rnn.pad_sequence([r[name][0, 0] for r in rows], batch_first=True)[None]
        for name in ("query_input_ids", "query_attention_mask")
    }
    rows = [{**row, **queries} for row in rows]
    alone = [model(**row, logits_at_labels=True) for row in rows]

    prefix = int((rows[0]["input_ids"][0] == 2).nonzero().max()) + 1
    segments = [(row["input_ids"][0, prefix:], row["labels"][0, prefix:]) for row in rows]
    together, sees = packed(rows[0], segments)
    if kind == "boolean":
        together["attention_mask"] = sees[None, None]
    out = model(**together, logits_at_labels=True)
    expected = torch.cat([one.logits for one in alone])
    torch.testing.assert_close(out.logits, expected, rtol=1e-3, atol=1e-4)


def test_a_packed_mask_in_float32_does_not_break_a_bfloat16_language_model():
    model, inputs = tiny_model(), tiny_inputs()
    prefix = int((inputs["input_ids"][0] == 2).nonzero().max()) + 1
    segment = inputs["input_ids"][0, prefix:], inputs["labels"][0, prefix:]
    together, _ = packed(inputs, [segment, segment])
    # a padded row sees nothing at all
    together["attention_mask"][..., -1, :] = torch.finfo(torch.float32).min
    model.language_model.to(torch.bfloat16)
    assert model(**together).logits.isfinite().all()


def test_a_ready_mask_stays_finite_in_every_precision():
    """A row of minus infinity would be NaN after the softmax."""
    lowest = torch.full((1, 1, 2, 2), torch.finfo(torch.float32).min)
    for dtype in (torch.float16, torch.bfloat16, torch.float32):
        assert ready_mask(lowest, dtype).isfinite().all()
        assert ready_mask(lowest, dtype).softmax(-1).eq(0.5).all()


def test_mistakes_are_named():
    model, inputs = tiny_model(), tiny_inputs()
    with pytest.raises(
        ValueError, match=r"one video token per chosen .* \[3\] tokens for \[2\] frames"
    ):
        model(**{**inputs, "indices": torch.tensor([[1, 7, -1]])})
    with pytest.raises(ValueError, match="need pts_seconds, indices as well"):
        model(**{**inputs, "pts_seconds": None, "indices": None})
    with pytest.raises(ValueError, match="exactly one of input_ids and inputs_embeds"):
        model()
    with pytest.raises(ValueError, match="vision_config"):
        model(**inputs, pixel_values_videos=torch.zeros(1, 3, 3, 8, 8))


class MeanColour(nn.Module):
    """A vision tower of one layer."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, HIDDEN)

    def forward(self, pixels):
        return F.normalize(self.layer(pixels.mean((-1, -2))), dim=-1)


def test_pixels_give_the_chosen_frames_features_with_gradient():
    model, inputs = tiny_model(), tiny_inputs()
    model.vision_tower = MeanColour()
    inputs["indices"] = F.pad(inputs["indices"], (0, 1), value=-1)
    pixels = torch.rand(1, 4, 3, 8, 8)
    expected = dict(inputs)
    expected["video_features"] = inputs["video_features"].clone()
    expected["video_features"][0, [1, 7, 12]] = model.vision_tower(pixels[0, :3]).detach()
    out = model(**inputs, pixel_values_videos=pixels)
    torch.testing.assert_close(out.logits, model(**expected).logits)
    out.loss.backward()
    assert model.vision_tower.layer.weight.grad.abs().max() > 0


def test_mean_and_covariance_get_gradient():
    model = tiny_model()
    model(**tiny_inputs()).loss.backward()
    attention = model.ntlbg_attention
    for name in ("gain.weight", "pooling.read.weight", "residual_up.weight"):  # mu_Q
        assert attention.get_parameter(name).grad.abs().max() > 0, name
    for name in ("basis", "factor_gain.weight", "raw_diagonal", "spread.weight"):  # Sigma_Q
        assert attention.get_parameter(name).grad.abs().max() > 0, name


def test_scores_without_gradient_are_those_of_the_forward_pass():
    model, inputs = tiny_model(), tiny_inputs()
    scores = model.score(inputs["video_features"][0], inputs["query_input_ids"][0, 0])
    torch.testing.assert_close(scores, model(**inputs).statistics.scores[0, 0].detach())
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("language_model", LANGUAGE_MODELS)
def test_loss_falls_when_eight_videos_are_learned_by_heart(language_model):
    """The question is always the same, so only the frames can tell the answers apart."""
    model = tiny_model(language_model).train()
    answers = ["a cat", "a dog", "two", "red", "00:07", "yes", "no", "a bus"]
    inputs = batch_of(*(sample(answer=answer) for answer in answers))
    first = task_loss(model, inputs)
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(120):
        loss = model(**inputs, logits_at_labels=True).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    blind = {**inputs, "video_features": inputs["video_features"].roll(1, 0)}
    model.eval()
    assert task_loss(model, inputs) < 0.1 * first
    assert task_loss(model, blind) > 10 * task_loss(model, inputs)
