"""A random llama of a few thousand parameters and a random projector, as llama.cpp loads them.

Their words mean nothing; the protocol, the tokens and the limits are real. A picture of any size
takes 64 tokens, or with the other projector the more the larger it is.
"""

from dataclasses import dataclass
from pathlib import Path
from string import ascii_letters

import gguf
import numpy as np
from tokenizers.pre_tokenizers import ByteLevel

PICTURE_TOKENS = 64
TRAINED_CONTEXT = 4096
WIDTH, INNER, LAYERS, HEADS = 64, 96, 2, 4  # of the language model
SPACE = "Ġ"  # as byte-level tokenizers write it
SIDE, PATCH, EYES = 64, 8, 32  # of the vision tower
STEP = 28  # of the one that sees pictures as they are
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@dataclass(frozen=True)
class TinyFiles:
    """What ``--model`` and ``mmproj`` name."""

    model: Path
    projector: Path


def write_tiny_gguf(folder: Path, *, width: int = WIDTH) -> TinyFiles:
    """Both files, always the same; the projector is for models of this width."""
    files = TinyFiles(folder / "tiny.gguf", folder / "mmproj-tiny.gguf")
    _write_model(files.model)
    _write_projector(files.projector, width)
    return files


class _Tensors:
    """Random ones, into a file."""

    def __init__(self, writer: gguf.GGUFWriter):
        self.writer, self.draw = writer, np.random.default_rng(0)

    def normal(self, name: str, *shape: int) -> None:
        self._add(name, self.draw.normal(0, 0.1, shape))

    def ones(self, name: str, *shape: int) -> None:
        self._add(name, np.ones(shape))

    def words(self, name: str, drawn: np.ndarray, first: np.ndarray | float) -> None:
        """A row for each word, of which the first number is given."""
        drawn[:, 0] = first
        self._add(name, drawn)

    def _add(self, name: str, values: np.ndarray) -> None:
        self.writer.add_tensor(name, values.astype(np.float32))

    def write(self) -> None:
        self.writer.write_header_to_file()
        self.writer.write_kv_data_to_file()
        self.writer.write_tensors_to_file()
        self.writer.close()


def _write_model(path: Path) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_context_length(TRAINED_CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_block_count(LAYERS)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS // 2)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    words = _add_words(writer)
    tensors = _Tensors(writer)
    # the first number says the same everywhere, so that likely words are likely everywhere
    embedded = tensors.draw.normal(0, 0.1, (len(words), WIDTH))
    tensors.words("token_embd.weight", embedded, 1.0)
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        tensors.ones(f"{block}.attn_norm.weight", WIDTH)
        tensors.ones(f"{block}.ffn_norm.weight", WIDTH)
        for name, size in (("q", WIDTH), ("k", WIDTH // 2), ("v", WIDTH // 2), ("output", WIDTH)):
            tensors.normal(f"{block}.attn_{name}.weight", size, WIDTH)
        tensors.normal(f"{block}.ffn_gate.weight", INNER, WIDTH)
        tensors.normal(f"{block}.ffn_up.weight", INNER, WIDTH)
        tensors.normal(f"{block}.ffn_down.weight", WIDTH, INNER)
    tensors.ones("output_norm.weight", WIDTH)
    read = tensors.draw.normal(0, 0.1, (len(words), WIDTH))
    tensors.words("output.weight", read, np.array([_liking(word) for word in words]))
    tensors.write()


def _liking(word: str) -> float:
    """Letters before all, as a model that was asked for one; no end."""
    if word in ("A", "B", "C"):
        return 2.0
    return 0.8 if word.removeprefix(SPACE) in ascii_letters else -1.0


def _add_words(writer: gguf.GGUFWriter) -> list[str]:
    """Bytes, and printable ones after a space, which belongs to what follows it as in real models.

    Returns all of them.
    """
    marks = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    letters = sorted(ByteLevel.alphabet())
    after_space = [chr(code) for code in range(ord("!"), ord("~") + 1)]
    words = [*marks, *letters, *(SPACE + letter for letter in after_space)]
    kinds = [gguf.TokenType.CONTROL if word in marks else gguf.TokenType.NORMAL for word in words]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(words)
    writer.add_token_types(kinds)
    writer.add_token_merges([f"{SPACE} {letter}" for letter in after_space])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
    return words


def _projector(path: Path, kind: str, sizes: dict[str, int]) -> gguf.GGUFWriter:
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_type("mmproj")
    writer.add_name("tiny")
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_string("clip.projector_type", kind)
    common = {"embedding_length": EYES, "feed_forward_length": 2 * EYES,
              "attention.head_count": HEADS}  # fmt: skip
    for name, size in (common | sizes).items():
        writer.add_uint32(f"clip.vision.{name}", size)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-6)
    writer.add_array("clip.vision.image_mean", [0.5] * 3)
    writer.add_array("clip.vision.image_std", [0.5] * 3)
    return writer


def _write_projector(path: Path, width: int) -> None:
    """As of LLaVA 1.5: every picture is squashed to one size."""
    layers = 3
    writer = _projector(path, "mlp", {
        "image_size": SIDE, "patch_size": PATCH, "block_count": layers, "projection_dim": width,
    })  # fmt: skip
    writer.add_bool("clip.has_llava_projector", True)
    writer.add_bool("clip.use_gelu", True)
    tensors = _Tensors(writer)
    tensors.normal("v.patch_embd.weight", EYES, 3, PATCH, PATCH)
    tensors.normal("v.patch_embd.bias", EYES)
    tensors.normal("v.position_embd.weight", (SIDE // PATCH) ** 2, EYES)
    for layer in range(layers):
        _add_vision_block(tensors, f"v.blk.{layer}")
    for name, shape in (("mm.0", (width, EYES)), ("mm.2", (width, width))):
        tensors.normal(f"{name}.weight", *shape)
        tensors.normal(f"{name}.bias", width)
    tensors.write()


def write_sized_projector(path: Path) -> Path:
    """As of Pixtral: a larger picture takes more tokens, one for each STEP x STEP pixels or so."""
    writer = _projector(path, "pixtral", {
        "image_size": 1024, "patch_size": STEP, "block_count": 1, "projection_dim": WIDTH,
        "spatial_merge_size": 1,
    })  # fmt: skip
    writer.add_bool("clip.use_silu", True)
    writer.add_float32("clip.vision.rope.freq_base", 10000.0)
    tensors = _Tensors(writer)
    tensors.normal("v.patch_embd.weight", EYES, 3, STEP, STEP)
    tensors.ones("v.pre_ln.weight", EYES)
    shapes = dict.fromkeys(("attn_q", "attn_k", "attn_v", "attn_out"), (EYES, EYES))
    shapes |= {"ffn_up": (2 * EYES, EYES), "ffn_gate": (2 * EYES, EYES)}
    shapes |= {"ffn_down": (EYES, 2 * EYES)}
    for name, shape in shapes.items():
        tensors.normal(f"v.blk.0.{name}.weight", *shape)
    tensors.ones("v.blk.0.ln1.weight", EYES)
    tensors.ones("v.blk.0.ln2.weight", EYES)
    for name, shape in (("mm.1", (WIDTH, EYES)), ("mm.2", (WIDTH, WIDTH))):
        tensors.normal(f"{name}.weight", *shape)
        tensors.normal(f"{name}.bias", WIDTH)
    tensors.normal("v.token_embd.img_break", WIDTH)
    tensors.write()
    return path


def _add_vision_block(tensors: _Tensors, block: str) -> None:
    shapes = dict.fromkeys(("attn_q", "attn_k", "attn_v", "attn_out"), (EYES, EYES))
    shapes |= {"ffn_up": (2 * EYES, EYES), "ffn_down": (EYES, 2 * EYES)}
    for name, shape in shapes.items():
        tensors.normal(f"{block}.{name}.weight", *shape)
        tensors.normal(f"{block}.{name}.bias", shape[0])
    for name in ("ln1", "ln2"):
        tensors.ones(f"{block}.{name}.weight", EYES)
        tensors.normal(f"{block}.{name}.bias", EYES)
