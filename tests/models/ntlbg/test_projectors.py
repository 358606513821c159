import pytest
import torch
import torch.nn.functional as F

from ntlbg.models.ntlbg.projectors import MlpProjector, VocabularyProjector
from tiny_models import HIDDEN, tiny_config, tiny_model

WORDS = {"projector": "vocabulary", "vocabulary": [[10, 11], [12], [13], [16]]}


@pytest.fixture
def projector():
    return tiny_model(**WORDS).multi_modal_projector


def points_for(features):
    extra = tiny_config().rich_point_size - HIDDEN
    return torch.cat([features, torch.rand(*features.shape[:-1], extra)], dim=-1)


def test_starts_as_a_mixture_of_words(projector):
    features = torch.randn(2, 3, HIDDEN)
    directions = F.normalize(projector.word_embeddings - projector.embedding_mean, dim=-1)
    mixture = (22 * F.normalize(features, dim=-1) @ directions.T).softmax(-1)
    tokens = projector(points_for(features), features)
    torch.testing.assert_close(tokens, mixture @ projector.word_embeddings)


def test_a_frame_that_looks_like_a_word_reads_as_that_word(projector):
    projector.scale = 500.0
    features = (projector.word_embeddings - projector.embedding_mean).unsqueeze(0)
    tokens = projector(points_for(features), 7 * features)
    torch.testing.assert_close(tokens[0], projector.word_embeddings, rtol=1e-3, atol=1e-3)


def test_bias_moves_unsure_frames_to_nothing(projector):
    features = torch.randn(1, 5, HIDDEN)
    projector.nothing_bias = 1000.0
    tokens = projector(points_for(features), features)
    torch.testing.assert_close(tokens[0], projector.word_embeddings[-1].expand(5, -1))


def test_temperature_varies_only_while_training(projector):
    features = torch.randn(1, 1, HIDDEN).expand(1, 400, -1)
    points = points_for(features[:, :1]).expand(1, 400, -1)
    calm = projector.eval()(points, features)[0]
    torch.testing.assert_close(calm, calm[:1].expand_as(calm))
    wild = projector.train()(points, features)[0]
    assert (wild - wild[0]).norm(dim=-1).max() > 1e-3
    # on average a little warmer than calm: the scale is multiplied by 0.45 to 1.15
    logits = projector.word_logits(features)[0, :1]
    scales = torch.linspace(0.45, 1.15, 1000).unsqueeze(1)
    expected = ((scales * logits).softmax(-1) @ projector.word_embeddings).mean(0)
    torch.testing.assert_close(wild.mean(0), expected, rtol=0, atol=0.02)


def test_correction_is_learned_from_everything_known(projector):
    torch.nn.init.normal_(projector.output.weight)
    features = torch.randn(1, 4, HIDDEN)
    points = points_for(features).requires_grad_()
    projector(points, features).sum().backward()
    assert (points.grad.abs().amax((0, 1)) > 0).all()


def test_a_correction_of_one_is_three_tenths_of_a_typical_embedding(projector):
    features = torch.randn(1, 4, HIDDEN)
    points = points_for(features)
    words = projector(points, features)
    torch.nn.init.ones_(projector.output.bias)
    weight = tiny_model(**WORDS).get_input_embeddings().weight
    length = (weight - weight.mean(0)).norm(dim=-1).mean()
    moved = projector(points, features) - words
    torch.testing.assert_close(moved, (0.3 * length).expand_as(moved), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", [MlpProjector, VocabularyProjector])
def test_feature_and_text_sizes_may_differ(kind):
    config = tiny_config(**WORDS, feature_size=20)
    features = torch.randn(2, 3, 20)
    points = torch.randn(2, 3, config.rich_point_size)
    assert kind(config)(points, features).shape == (2, 3, HIDDEN)


def test_frames_far_less_relevant_than_the_best_read_as_nothing(projector):
    """And those within the margin as they are; a frame that pads the batch does no harm."""
    features = torch.randn(1, 4, HIDDEN)
    points = points_for(features)
    plain = projector(points, features)
    lowest = torch.finfo(torch.float32).min
    scores = torch.tensor([[5.0, 5.0 - 0.9 * projector.doubt_margin, -15.0, lowest]])
    read = projector(points, features, scores)
    torch.testing.assert_close(read[:, :2], plain[:, :2])
    assert (read[:, 2] - plain[:, 2]).abs().max() > 1e-3
    nothing = projector.word_embeddings[-1].expand(1, 2, -1)
    torch.testing.assert_close(read[:, 2:], nothing)


def test_confidence_is_the_chance_of_the_likeliest_name(projector):
    words = projector.word_embeddings - projector.embedding_mean
    projector.scale = 500.0
    sure = projector.confidence(words)
    torch.testing.assert_close(sure[:-1], torch.ones(len(words) - 1))
    assert sure[-1] < 1e-3  # the word for nothing is no name
