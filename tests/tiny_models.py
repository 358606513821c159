"""Small random models, a tokenizer of single characters, and their inputs."""

from collections.abc import Sequence

import torch
from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from tokenizers.decoders import Fuse
from transformers import LlamaConfig, PreTrainedTokenizerFast, Qwen2Config

from fakes import ColourEncoder
from ntlbg.answerers.ntlbg import NtlbgAnswerer
from ntlbg.models import NtlbgConfig, NtlbgForConditionalGeneration, NtlbgProcessor
from ntlbg.retrievers.ntlbg import NtlbgRetriever

SPECIAL = ["<|pad|>", "<|im_end|>", "<|frame|>"]
VIDEO_TOKEN_ID = SPECIAL.index("<|frame|>")
HIDDEN = 32
VOCABULARY = {"projector": "vocabulary", "vocabulary": [[10, 11], [12], [13, 14, 15], [16]]}
LANGUAGE_MODELS = {"llama": LlamaConfig, "qwen2": Qwen2Config}


def tiny_tokenizer(
    special: Sequence[str] = SPECIAL, more: Sequence[str] = SPECIAL[2:]
) -> PreTrainedTokenizerFast:
    """One token per printable ASCII character, plus the special ones, with ``more`` named so."""
    characters = ["\n", *(chr(code) for code in range(32, 127))]
    vocabulary = {token: number for number, token in enumerate([*special, "<|unk|>", *characters])}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="<|unk|>"))
    backend.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), behavior="isolated")
    backend.decoder = Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<|pad|>",
        eos_token="<|im_end|>",
        unk_token="<|unk|>",
        additional_special_tokens=list(more),
    )


def tiny_processor() -> NtlbgProcessor:
    return NtlbgProcessor(tiny_tokenizer(), video_token="<|frame|>")


def tiny_config(language_model: str = "llama", **changes) -> NtlbgConfig:
    text_config = LANGUAGE_MODELS[language_model](
        vocab_size=128,
        hidden_size=HIDDEN,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=1,
        initializer_range=0.2,
        tie_word_embeddings=True,
    )
    sizes = {
        "feature_size": HIDDEN,
        "covariance_rank": 4,
        "attention_hidden_size": 16,
        "context_size": 8,
        "time_frequencies": 3,
        "adapter_size": 24,
        "video_token_id": VIDEO_TOKEN_ID,
    }
    return NtlbgConfig(text_config=text_config, **{**sizes, **changes})


def tiny_model(
    language_model: str = "llama", seed: int = 0, **changes
) -> NtlbgForConditionalGeneration:
    torch.manual_seed(seed)
    return NtlbgForConditionalGeneration(tiny_config(language_model, **changes)).eval()


def tiny_answerer(*words: str, **changes) -> NtlbgAnswerer:
    """One whose tower knows these words, and "nothing"; without any it has none of its own.

    ``changes`` as for `tiny_config`.
    """
    processor = tiny_processor()
    vocabulary = [processor.encode(f" {name}") for name in (*words, "nothing")]
    known = {"projector": "vocabulary", "vocabulary": vocabulary} if words else {}
    retriever = NtlbgRetriever(tiny_model(**known, **changes), processor, ColourEncoder())
    return NtlbgAnswerer(retriever, name="tiny", fingerprint="tiny-1")


def tiny_inputs(
    frames: int = 20,
    indices: tuple[int, ...] = (1, 7, 12),
    question: str = "What is it?",
    answer: str | None = "a dog",
    seed: int = 0,
) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(frames, HIDDEN, generator=generator)
    return dict(
        tiny_processor()(
            question,
            torch.nn.functional.normalize(features, dim=-1),
            torch.arange(frames) * 1.0,
            indices=list(indices),
            answer=answer,
        )
    )


def sample(question="What is it?", frames=20, indices=(1, 7, 12), answer="a dog", step=1.0):
    """One member of `batch_of`."""
    times = torch.arange(frames) * step
    return {"q": question, "n": frames, "t": times, "i": list(indices), "a": answer}


def batch_of(*samples: dict) -> dict[str, torch.Tensor]:
    """Several samples with random features, through the processor's own padding."""
    generator = torch.Generator().manual_seed(5)
    questions, features, times, indices, answers = zip(*(s.values() for s in samples))
    features = [
        torch.nn.functional.normalize(torch.randn(n, HIDDEN, generator=generator), dim=-1)
        for n in features
    ]
    return dict(
        tiny_processor()(
            list(questions), features, list(times), indices=list(indices), answer=list(answers)
        )
    )


def task_loss(model, inputs) -> torch.Tensor:
    return model(**inputs).loss.detach()
