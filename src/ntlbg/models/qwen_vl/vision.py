"""What the vision tower saw, kept, and a model that goes on from there.

The tower runs once; a second question about the same pictures starts from its output. Tokens may
be left out on the way. Models are not changed: transformers takes a tower's output in place of
pixels.

n tokens that the tower made, m of them kept, C numbers of each, S tokens of the prompt before
any is left out.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from transformers.modeling_outputs import BaseModelOutputWithPooling
from transformers.models.qwen3_vl.modeling_qwen3_vl import BaseModelOutputWithDeepstackFeatures

from ntlbg.errors import DataError
from ntlbg.files import staged_file
from ntlbg.marks import Kind, tensor_file
from ntlbg.models.qwen_vl.inputs import IMAGE_TYPE, VIDEO_TYPE, VisionPrompt
from ntlbg.models.qwen_vl.positions import prompt_positions

TYPES = {"image": IMAGE_TYPE, "video": VIDEO_TYPE}
FEATURES = tensor_file("features of a vision tower", "pooled", "kept", "grid_thw")
CHECKSUM = "sha256"


@dataclass(frozen=True, eq=False)
class VisionFeatures:
    """What a tower made of all images, or of all videos, of a prompt.

    Attributes:
        pooled: (m, C), what stands in place of the tokens.
        deepstack: of Qwen3-VL (m, C) for each of the first layers of the language model; else
            empty.
        grid_thw: int64 (number of images or videos, 3), in patches.
        kept: bool (n,), the tokens that are left; m of them.
    """

    pooled: Tensor
    deepstack: tuple[Tensor, ...]
    grid_thw: Tensor
    kept: Tensor

    def prune(self, keep: Tensor) -> "VisionFeatures":
        """Only the tokens of the mask ``keep`` (m,) bool."""
        if keep.dtype != torch.bool or keep.shape != self.pooled.shape[:1]:
            raise ValueError(
                f"keep must be bool ({len(self.pooled)},), got {keep.dtype} {tuple(keep.shape)}"
            )
        kept = self.kept.clone()
        kept[self.kept] = keep.to(kept.device)
        return replace(
            self,
            pooled=self.pooled[keep],
            deepstack=tuple(layer[keep] for layer in self.deepstack),
            kept=kept,
        )

    def to(self, *, dtype: torch.dtype) -> "VisionFeatures":
        """In another precision.

        Raises:
            DataError: a number is too large for it.
        """
        pooled, *deepstack = (layer.to(dtype) for layer in (self.pooled, *self.deepstack))
        if not all(layer.isfinite().all() for layer in (pooled, *deepstack)):
            raise DataError(f"features are too large for {dtype}; keep them as float32 or bfloat16")
        return replace(self, pooled=pooled, deepstack=tuple(deepstack))

    def arrays(self) -> dict[str, Tensor]:
        """Everything by name, to keep."""
        layers = {f"deepstack.{number}": layer for number, layer in enumerate(self.deepstack)}
        return {"pooled": self.pooled, "grid_thw": self.grid_thw, "kept": self.kept, **layers}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Tensor]) -> "VisionFeatures":
        """What ``arrays`` gave."""
        count = sum(name.startswith("deepstack.") for name in arrays)
        layers = tuple(arrays[f"deepstack.{number}"] for number in range(count))
        return cls(arrays["pooled"], layers, arrays["grid_thw"], arrays["kept"])


def save_features(
    path: Path, features: VisionFeatures, kind: Kind = FEATURES, *, about: str = ""
) -> None:
    """Keep features in a safetensors file, to the bit, with a checksum.

    Args:
        kind: of the file that may lie there already, and is replaced.
        about: what they are features of; part of the checksum.

    Raises:
        OutputError: the file cannot be written there, or is of another kind.
    """
    arrays = {name: one.cpu().contiguous() for name, one in features.arrays().items()}
    with staged_file(path, kind) as stage:
        save_file(arrays, stage, {CHECKSUM: _checksum(arrays, about)})


def load_features(path: Path, *, about: str = "") -> VisionFeatures:
    """What ``save_features`` kept.

    Args:
        about: as it was given there.

    Raises:
        DataError: the file cannot be read, is damaged, or holds something else, or features of
            something else.
    """
    try:
        with safe_open(path, framework="pt") as file:
            noted = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        features = VisionFeatures.from_arrays(arrays)
    except (OSError, SafetensorError, RuntimeError) as error:  # torch's, of a file that was removed
        raise DataError(f"{path}: features cannot be read ({error})") from error
    except KeyError as error:
        raise DataError(
            f"{path}: holds no features of a vision tower; {error} is missing"
        ) from None
    if noted.get(CHECKSUM) != _checksum(arrays, about):
        raise DataError(
            f"{path}: damaged, or of something else; remove it, and let the features be made again"
        )
    return features


def encode(model: Any, prompt: VisionPrompt) -> dict[str, VisionFeatures]:
    """Run the tower over what is seen in a prompt: ``image``, ``video`` or both.

    With gradient, where anything of the tower takes some.

    Args:
        model: one of the families, for conditional generation.
    """
    towers = {"image": model.model.get_image_features, "video": model.model.get_video_features}
    found = {}
    for name, (pixels, grids) in pictures_of(prompt).items():
        made = towers[name](pixels.to(model.device), grids.to(model.device), return_dict=True)
        found[name] = _features(made, grids)
    return found


def pictures_of(prompt: VisionPrompt) -> dict[str, tuple[Tensor, Tensor]]:
    """Pixels (P, D) and grids (n, 3) of what is seen in a prompt: ``image``, ``video`` or both."""
    found = {}
    if prompt.pixel_values is not None and prompt.image_grid_thw is not None:
        found["image"] = prompt.pixel_values, prompt.image_grid_thw
    if prompt.pixel_values_videos is not None and prompt.video_grid_thw is not None:
        found["video"] = prompt.pixel_values_videos, prompt.video_grid_thw
    return found


Seen = Mapping[str, VisionFeatures]  # "image" and "video", whichever a prompt has places for


@contextmanager
def seen_inputs(model: Any, prompt: VisionPrompt, features: Seen) -> Iterator[dict[str, Any]]:
    """What ``model(...)`` and ``model.generate(...)`` are to be given, within the block.

    Tokens that the features have no longer are left out; the others stay where they were. The
    model remembers how far positions are ahead of tokens; after the block it remembers what it
    did before.

    Args:
        prompt: of `place_vision` or `vision_prompt`; pixels are not needed.

    Raises:
        ValueError: the features are those of other pictures.
    """
    with seen_batch(model, [(prompt, features)]) as inputs:
        yield inputs


@contextmanager
def seen_batch(model: Any, rows: Sequence[tuple[VisionPrompt, Seen]]) -> Iterator[dict[str, Any]]:
    """The same of several prompts at once, the shorter ones filled up at the left.

    Raises:
        ValueError: as `seen_inputs`.
    """
    read = [_row(model, prompt, features) for prompt, features in rows]
    longest = max(ids.shape[1] for ids, _ in read)
    pad = getattr(model.config.get_text_config(), "pad_token_id", None) or 0

    def filled(row: Tensor, value: int) -> Tensor:
        return F.pad(row, (longest - row.shape[-1], 0), value=value)

    ids = torch.cat([filled(ids, pad) for ids, _ in read])
    mask = torch.cat([filled(torch.ones_like(ids), 0) for ids, _ in read])
    # what is masked stands at 1, as transformers has it
    positions = torch.cat([filled(at, 1) for _, at in read], dim=1)
    before = model.model.rope_deltas
    ahead = [at[1:].max() + 1 - at.shape[-1] for _, at in read]
    model.model.rope_deltas = torch.stack(ahead)[:, None].to(model.device)
    try:
        yield {
            "input_ids": ids.to(model.device),
            "attention_mask": mask.to(model.device),
            "position_ids": positions.to(model.device),
            "mm_encoder_outputs": _outputs(model, [features for _, features in rows]),
        }
    finally:
        model.model.rope_deltas = before


def _row(model: Any, prompt: VisionPrompt, features: Seen) -> tuple[Tensor, Tensor]:
    """Ids (1, S) and positions (4, 1, S) of the tokens that are left."""
    left = _left(prompt, features)
    positions = prompt_positions(model.config, prompt)[:, :, left]
    positions[0] = torch.arange(positions.shape[-1])
    return prompt.input_ids[:, left], positions


def _outputs(model: Any, rows: Sequence[Seen]) -> dict[str, Any]:
    """Of the towers, one after the other."""
    names = [name for name in TYPES if any(name in features for features in rows)]
    return {name: _output(model, [row[name] for row in rows if name in row]) for name in names}


def _checksum(arrays: Mapping[str, Tensor], about: str) -> str:
    digest = hashlib.sha256(json.dumps(about).encode())
    for name, tensor in sorted(arrays.items()):
        digest.update(json.dumps([name, str(tensor.dtype), tensor.shape]).encode())
        digest.update(tensor_bytes(tensor))
    return digest.hexdigest()


def tensor_bytes(tensor: Tensor) -> memoryview:
    """Of a tensor in main memory."""
    return tensor.contiguous().flatten().view(torch.uint8).numpy().data


def _features(made: Any, grids: Tensor) -> VisionFeatures:
    pooled = torch.cat(list(made.pooler_output))
    deepstack = tuple(torch.cat(list(layer)) for layer in getattr(made, "deepstack_features", ()))
    return VisionFeatures(pooled, deepstack, grids, torch.ones(len(pooled), dtype=torch.bool))


def _output(model: Any, rows: Sequence[VisionFeatures]) -> Any:
    """As ``get_video_features`` returns it: a tuple of tensors where its type says a tensor."""
    layers = zip(*((one.pooled, *one.deepstack) for one in rows), strict=True)
    # of one row they are what they are: a copy would be as large as all that was seen
    pooled, *deepstack = (
        (torch.cat(layer) if len(layer) > 1 else layer[0]).to(model.device) for layer in layers
    )
    made: Any = BaseModelOutputWithPooling()
    if deepstack:
        made = BaseModelOutputWithDeepstackFeatures()
        made.deepstack_features = [(layer,) for layer in deepstack]
    made.pooler_output = (pooled,)
    return made


def _left(prompt: VisionPrompt, features: Seen) -> Tensor:
    """(S,) bool: the tokens of the prompt that stay."""
    grids = {"image": prompt.image_grid_thw, "video": prompt.video_grid_thw}
    left = torch.ones(prompt.input_ids.shape[1], dtype=torch.bool)
    for name, kind in TYPES.items():
        wanted, given = grids[name], features.get(name)
        if wanted is None and given is None:
            continue
        if wanted is None or given is None or not torch.equal(wanted, given.grid_thw.cpu()):
            found = None if given is None else given.grid_thw.tolist()
            asked = None if wanted is None else wanted.tolist()
            raise ValueError(f"features are of {name} grids {found}, the prompt has {asked}")
        left[prompt.mm_token_type_ids[0] == kind] = given.kept.cpu()
    return left
