"""Frames that the tower has no word for are read as further words; all others stay as they are."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from fakes import ColourEncoder
from ntlbg.answerers.ntlbg import NtlbgAnswerer
from ntlbg.encoders.builtin import EXPERT_CHANCES, EXPERT_WORDS
from ntlbg.models.builtin import open_vocabulary
from ntlbg.models.builtin.enrolment import EnrolledObject
from ntlbg.models.builtin.open_vocabulary import (
    CUTOUT_RIGHT,
    FOOTAGE,
    PHOTO_RIGHT,
    OpenVocabulary,
)
from ntlbg.models.ntlbg.question_evidence import SURE
from ntlbg.question import parse_question
from ntlbg.retrievers.ntlbg import NtlbgRetriever
from ntlbg.selectors import select_frames
from ntlbg.types import AnswerInput
from roles import given, index_of, reply_of
from tiny_models import HIDDEN, tiny_model, tiny_processor

WORDS = {"projector": "vocabulary", "vocabulary": [[10, 11], [12], [13, 14], [16]]}
EXPERT = ("cat", "old dog", "sofa")


@pytest.fixture
def model():
    return tiny_model(**WORDS)


def direction(model, name: str) -> torch.Tensor:
    ids = tiny_processor().encode(f" {name}")
    embedding = model.get_input_embeddings().weight[ids].mean(0)
    return F.normalize(embedding - model.multi_modal_projector.embedding_mean, dim=-1).detach()


def own_words(model) -> np.ndarray:
    projector = model.multi_modal_projector
    return F.normalize(projector.word_embeddings - projector.embedding_mean, dim=-1).numpy()


def frames_of(model) -> np.ndarray:
    """Surely the first word, surely the second, nothing, nothing in particular."""
    words = own_words(model)
    vague = np.random.default_rng(0).standard_normal(HIDDEN)
    vague -= np.linalg.lstsq(words.T, vague, rcond=None)[0] @ words  # at right angles to every word
    return np.stack([words[0], words[1], words[-1], vague / np.linalg.norm(vague)]).astype("f4")


def opinions(words, chances) -> tuple[np.ndarray, np.ndarray]:
    rows = [[word, (word + 1) % 3, (word + 2) % 3] for word in words]
    rest = [[chance, 0.0, 0.0] for chance in chances]
    return np.array(rows, np.int16), np.array(rest, np.float32)


def notes_of(words, chances) -> dict[str, np.ndarray]:
    """As the encoder keeps them in the index."""
    return {EXPERT_WORDS: words, EXPERT_CHANCES: chances}


def in_footage(frames: np.ndarray, words, chances) -> tuple[np.ndarray, tuple]:
    """These frames at the start of a video whose other frames the expert knows, and its notes."""
    rest = np.repeat(frames[2:3], 20, axis=0)
    return np.concatenate([frames, rest]), opinions([*words, *[0] * 20], [*chances, *[0.9] * 20])


def test_without_notes_and_objects_nothing_changes(model):
    further = OpenVocabulary(model, tiny_processor(), EXPERT)
    features = frames_of(model)
    np.testing.assert_array_equal(further.express(features, None), features)
    assert not further.replaced_frames(features).any()


def test_the_expert_names_what_the_tower_does_not_know(model):
    further = OpenVocabulary(model, tiny_processor(), EXPERT)
    features, heard = in_footage(frames_of(model), [0, 0, 1, 2], [0.9] * 4)
    found = further.express(features, heard)
    np.testing.assert_array_equal(found[:2], features[:2])  # the tower is sure
    np.testing.assert_allclose(found[2], direction(model, "old dog"), rtol=1e-5)
    np.testing.assert_allclose(found[3], direction(model, "sofa"), rtol=1e-5)
    assert further.replaced_frames(found)[:4].tolist() == [False, False, True, True]


def test_a_doubtful_expert_is_not_heard(model):
    further = OpenVocabulary(model, tiny_processor(), EXPERT)
    features, heard = in_footage(frames_of(model), [0, 0, 1, 2], [0.9, 0.9, 0.9, 0.1])
    found = further.express(features, heard)
    assert further.replaced_frames(found)[:4].tolist() == [False, False, True, False]


def test_the_expert_is_not_heard_where_the_tower_knows_a_drawing(model, monkeypatch):
    """A few seconds of footage with drawings on it: what it calls them or the scene misleads."""
    monkeypatch.setattr(open_vocabulary, "SAME_SCENE", -1.1)
    further = OpenVocabulary(model, tiny_processor(), EXPERT)
    drawn, nothing = frames_of(model)[[0, 2]]
    for sure, heard in [(2, True), (3, False)]:
        features = np.stack([drawn] * sure + [nothing] * (20 - sure))
        found = further.express(features, opinions([1] * 20, [0.9] * 20))
        assert further.replaced_frames(found).any() == heard


def test_the_expert_is_not_heard_in_videos_with_drawn_objects(model):
    """Their backgrounds are photographs, too."""
    further = OpenVocabulary(model, tiny_processor(), EXPERT)
    features = np.repeat(frames_of(model)[2:3], 10, axis=0)
    for drawn, heard in [(0.4, True), (0.6, False)]:
        found = further.express(features, opinions([1] * 10, [0.9] * 10), drawn)
        assert further.replaced_frames(found).all() == further.replaced_frames(found).any() == heard


def test_every_scene_is_footage_or_not(model):
    """Photographs, then drawings, then what no class fits."""
    further = OpenVocabulary(model, tiny_processor(), EXPERT)
    drawn, nothing, vague = frames_of(model)[[0, 2, 3]]
    features = np.stack([nothing] * 4 + [drawn] * 30 + [vague] * 4)
    chances = [0.9] * 34 + [0.3, 0.4, 0.3, 0.3]
    found = further.express(features, opinions([1] * 38, chances))
    assert further.replaced_frames(found).tolist() == [True] * 4 + [False] * 34


def test_the_expert_is_heard_in_footage_only(model):
    """Its chances of photographs are averaged over a scene; drawings seldom reach the limit."""
    further = OpenVocabulary(model, tiny_processor(), EXPERT)
    features = np.repeat(frames_of(model)[2:3], 10, axis=0)
    for share, heard in [(FOOTAGE - 0.1, False), (FOOTAGE + 0.1, True)]:
        sure = [1.0] * round(10 * share) + [0.0] * (10 - round(10 * share))
        found = further.express(features, opinions([1] * 10, sure))
        assert further.replaced_frames(found).any() == heard
        if not heard:
            np.testing.assert_array_equal(found, features)


def test_ordinary_frames_read_as_before(model):
    """Up to rounding, although the projector has more words."""
    projector = model.multi_modal_projector
    generator = torch.Generator().manual_seed(0)
    features = torch.cat(
        [torch.tensor(frames_of(model)), torch.randn(50, HIDDEN, generator=generator)]
    )
    points = torch.randn(1, len(features), model.config.rich_point_size, generator=generator)
    with torch.no_grad():
        before = projector(points, features[None]), projector.confidence(features)
        OpenVocabulary(model, tiny_processor(), EXPERT)
        assert projector.further_words.shape == (3, HIDDEN)
        after = projector(points, features[None]), projector.confidence(features)
    torch.testing.assert_close(before, after, rtol=1e-5, atol=1e-6)
    assert "further_words" not in str(model.state_dict().keys())


def test_a_further_word_is_read_as_its_embedding(model):
    further = OpenVocabulary(model, tiny_processor(), EXPERT)
    projector = model.multi_modal_projector
    projector.scale = 200.0  # so that the choice of a word is sharp
    features = further.directions[None, 1:2]
    points = torch.zeros(1, 1, model.config.rich_point_size)
    with torch.no_grad():
        token = projector(points, features)[0, 0]
        correction = projector.output(F.gelu(projector.hidden(points)))[0, 0]
    ids = tiny_processor().encode(" old dog")
    expected = model.get_input_embeddings().weight[ids].mean(0) + (
        0.3 * projector.embedding_norm * correction
    )
    torch.testing.assert_close(token, expected.detach(), rtol=1e-3, atol=1e-3)


def test_a_word_of_the_vocabulary_is_not_added_twice():
    processor = tiny_processor()
    model = tiny_model(projector="vocabulary", vocabulary=[processor.encode(" cat"), [12], [16]])
    further = OpenVocabulary(model, processor, ("cat", "sofa"))
    assert model.multi_modal_projector.further_words.shape == (1, HIDDEN)
    assert further.names == ("cat", "sofa")


def enrolled(name: str, *prototypes: np.ndarray) -> EnrolledObject:
    rows = np.stack(prototypes) / np.linalg.norm(prototypes, axis=1, keepdims=True)
    return EnrolledObject(name, rows.astype(np.float32), "w", ())


def test_what_looks_most_like_a_prototype_gets_its_name(model):
    features = frames_of(model)
    other = np.roll(features[3], 5)
    things = [enrolled("red blob", features[3], other), enrolled("vase", -features[3])]
    further = OpenVocabulary(model, tiny_processor(), EXPERT, things)
    assert further.names == (*EXPERT, "red blob", "vase")
    shown = np.concatenate([features, [other, -features[3]]]).astype(np.float32)
    found = further.express(shown, None)
    np.testing.assert_array_equal(found[:3], features[:3])  # words, and nothing, win
    for row, name in [(3, "red blob"), (4, "red blob"), (5, "vase")]:
        np.testing.assert_allclose(found[row], direction(model, name), rtol=1e-4, atol=1e-5)


def test_what_was_enrolled_comes_before_the_expert(model):
    features, heard = in_footage(frames_of(model), [0] * 4, [0.9] * 4)
    further = OpenVocabulary(model, tiny_processor(), EXPERT, [enrolled("red blob", features[3])])
    found = further.express(features, heard)
    np.testing.assert_allclose(found[3], direction(model, "red blob"), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found[2], direction(model, "cat"), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("alpha", "found"), [(255, PHOTO_RIGHT), (0, CUTOUT_RIGHT)])
def test_what_was_taught_is_as_sure_as_its_pictures(model, alpha, found):
    """A photo teaches its background, too: then an even chance is the most that is said."""
    features = frames_of(model)
    picture = Image.new("RGBA", (8, 8), (200, 0, 0, 255))
    picture.putpixel((0, 0), (0, 0, 0, alpha))
    kept = io.BytesIO()
    picture.save(kept, "PNG")
    thing = replace(enrolled("red blob", features[3]), pictures=(kept.getvalue(),))
    further = OpenVocabulary(model, tiny_processor(), EXPERT, [thing])
    shown = further.express(features, None)
    np.testing.assert_allclose(further.reliability(shown), [0, 0, 0, found], atol=1e-6)
    retriever = NtlbgRetriever(model, tiny_processor(), ColourEncoder(), vocabulary=further)
    answerer = NtlbgAnswerer(retriever, fingerprint="taught")
    times = np.arange(4.0)
    chosen = select_frames("uniform", shown, 4, pts_seconds=times)
    reply = reply_of(answerer, "Is there a red blob?", given(features, times, chosen))
    assert reply.text == "Yes"
    assert reply.found <= found + 1e-6
    assert bool(reply.notes) == (found < SURE)


def made_retriever(model) -> NtlbgRetriever:
    further = OpenVocabulary(model, tiny_processor(), EXPERT)
    return NtlbgRetriever(model, tiny_processor(), ColourEncoder(), vocabulary=further)


def test_the_retriever_expresses_and_takes_words_for_events(model):
    retriever = made_retriever(model)
    features = np.repeat(frames_of(model)[2:3], 40, axis=0)
    times = np.arange(40.0)
    found = retriever.features(index_of(features, times, notes_of(*opinions([0] * 40, [0.9] * 40))))
    assert found.shape == features.shape
    plain = NtlbgRetriever(model, tiny_processor(), ColourEncoder())
    assert plain.features(index_of(features, times)) is features
    # a photograph shows its subject all the time: that does not make it a background
    odds, plainly = (eyes.event_odds(index_of(found, times)) for eyes in (retriever, plain))
    assert (odds > plainly + 5).all()


@pytest.mark.parametrize(
    ("question", "word"),
    [
        ("What is shown in the video?", "old dog"),
        ("What's shown?", "old dog"),
        ("what can you see in this clip?", "old dog"),
        ("What is shown at 00:00?", "cat"),
        ("At 0:04, which object is on screen?", "sofa"),
        ("What object appears at 00:09?", None),  # no frame there
        ("What is shown before the cat?", None),
        ("When is the cat shown?", None),
    ],
)
def test_what_is_shown_is_the_word_of_most_frames(model, question, word):
    retriever = made_retriever(model)
    features = np.repeat(frames_of(model)[2:3], 5, axis=0)
    times = np.array([0.0, 2.0, 2.2, 2.4, 4.0])
    index = index_of(features, times, notes_of(*opinions([0, 1, 1, 1, 2], [0.9] * 5)))
    found = retriever.features(index)
    intent = parse_question(question).intent
    assert retriever.vocabulary.answer_what_is_shown(intent, found, times) == word
    assert retriever.vocabulary.answer_what_is_shown(intent, features, times) is None
    if word:
        answerer = NtlbgAnswerer(retriever, fingerprint="tiny")
        chosen = select_frames("uniform", found, 5, pts_seconds=times)
        assert reply_of(answerer, question, AnswerInput(index, found, chosen)).text == word
