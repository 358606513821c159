"""A random Idefics3 of a few thousand parameters, as a folder that ``transformers serve`` loads."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GenerationConfig,
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3Processor,
    PreTrainedTokenizerFast,
)
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

WORDS = (
    "what is shown in these pictures? which colour is it? red, blue or grey; seconds 0 1 2 3 4 5"
)
SPECIAL = ["<fake_token_around_image>", "<image>", "<global-img>", "<end_of_utterance>"]
ROWS = [f"<row_{row}_col_{column}>" for row in range(1, 5) for column in range(1, 5)]
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['content'] is string %}{{ m['content'] }}{% else %}{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<image>{% else %}{{ c['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SIDE, PATCH, SCALE = 64, 8, 2
PICTURE_TOKENS = (SIDE // PATCH // SCALE) ** 2  # of each part into which a picture is cut


def write_idefics3(folder: Path, context_length: int = 2048) -> None:
    """The folder; pictures of at most 64 pixels are one part of 16 tokens."""
    torch.manual_seed(0)
    tokenizer = _tokenizer(context_length)
    model = Idefics3ForConditionalGeneration(_config(tokenizer, context_length))
    model.generation_config = GenerationConfig(eos_token_id=2, pad_token_id=0, do_sample=False)
    model.save_pretrained(folder)
    size = {"size": {"longest_edge": 2 * SIDE}, "max_image_size": {"longest_edge": SIDE}}
    pictures = Idefics3ImageProcessorPil(**size)
    Idefics3Processor(
        pictures, tokenizer, image_seq_len=PICTURE_TOKENS, chat_template=TEMPLATE
    ).save_pretrained(folder)


def _tokenizer(context_length: int) -> PreTrainedTokenizerFast:
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *SPECIAL, *ROWS]
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    bpe.train_from_iterator([WORDS] * 4, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, eos_token="<|im_end|>", pad_token="<|endoftext|>",
        model_max_length=context_length, additional_special_tokens=[*SPECIAL, *ROWS],
    )  # fmt: skip


def _config(tokenizer: PreTrainedTokenizerFast, context_length: int) -> Idefics3Config:
    text = {
        "model_type": "llama", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": len(tokenizer),
        "max_position_embeddings": context_length, "pad_token_id": 0, "eos_token_id": 2,
        "bos_token_id": 1,
    }  # fmt: skip
    vision = {
        "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 4, "image_size": SIDE, "patch_size": PATCH,
    }  # fmt: skip
    image = tokenizer.convert_tokens_to_ids("<image>")
    return Idefics3Config(
        text_config=text, vision_config=vision, image_token_id=image, scale_factor=SCALE,
        pad_token_id=0,
    )  # fmt: skip
