"""The card of a trained model: what hubs read, what people read, and whose it is."""

import pytest
from huggingface_hub import ModelCard

from ntlbg.config import Config, changed
from ntlbg.train.model_card import CARD_FILE, card_text, write_card
from small_experiment import small_config

HISTORY = [
    {"loss": 4.0, "task": 3.0, "ntlbg": 0.5, "step": 1},
    {"eval_task": 2.5, "step": 2},
    {"loss": 1.25, "task": 1.0, "ntlbg": 0.25, "step": 3},
]


def test_hubs_read_its_front_matter():
    card = ModelCard(card_text(Config(), HISTORY))
    card.data.to_dict()
    assert card.data.base_model == "Qwen/Qwen2-VL-7B-Instruct"
    assert card.data.library_name == "ntlbg"
    assert "video-question-answering" in card.data.tags


def test_people_read_what_the_run_knows():
    text = card_text(Config(), HISTORY, skipped=3)
    assert "| loss, first and last logged | 4, 1.25 |" in text
    assert "| task, first and last logged | 3, 1 |" in text
    assert "align, first" not in text  # nothing was logged of it
    assert "| videos that could not be read | 3 |" in text
    assert "adapters of rank 16" in text
    assert "LongVideoBench (0.4), Video-MME (0.3), MLVU (0.3)" in text
    assert "was not measured by the training" in text
    whole = changed(
        Config(),
        {"model_config.lora_rank": 0, "training_config.fp16": False,
         "hardware_config.mixed_precision": "no"},
    )  # fmt: skip
    assert "the whole language model" in card_text(whole, [])


def test_no_place_of_this_machine_is_in_it(tmp_path):
    text = card_text(small_config(tmp_path), HISTORY)
    assert str(tmp_path) not in text
    assert "`base`" in text
    assert ModelCard(text).data.base_model is None


@pytest.mark.parametrize("theirs", ["# My model\n", "---\nlicense: mit\n---\n"])
def test_somebody_s_own_card_is_left_as_it_is(tmp_path, theirs):
    assert write_card(tmp_path, Config(), HISTORY)
    assert write_card(tmp_path, Config(), HISTORY, skipped=1)  # ours is written anew
    path = tmp_path / CARD_FILE
    assert "| videos that could not be read | 1 |" in path.read_text()
    path.write_text(theirs)
    assert not write_card(tmp_path, Config(), HISTORY)
    assert path.read_text() == theirs
