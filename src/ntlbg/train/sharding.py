"""A model that is divided among processes, with gradients and optimizer states: FSDP2 of torch.

What lies in a layer of the language model is there as a whole while that layer computes. All else
is there as a whole from the beginning of a step to its end, since every process comes by it another
number of times: a vision tower once for each block of frames, NTLBG's parts once for each question
that frames are chosen for. Only what all processes do equally often may wait for the others.

Checkpoints and models are written from whole tensors, so they are those of one process.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from ntlbg.errors import ConfigError
from ntlbg.memory.activations import ADAMW_STATES
from ntlbg.train import processes

LANGUAGE_MODEL = "language_model"
# What transformers calls the towers of the families in ``ntlbg.models.ntlbg.bases``.
TOWERS = {"visual", "vision_model", "connector"}
HALF = (torch.bfloat16, torch.float16)


def check() -> None:
    """Whether models can be divided here.

    Raises:
        ConfigError: there is one process alone, or PyTorch is too old.
    """
    if processes.count() == 1:
        raise ConfigError(
            "--fsdp (strategy fsdp) divides the model among processes, and this is one alone; "
            "start several, `torchrun --nproc-per-node 8 -m ntlbg.cli train CONFIG --fsdp`"
        )
    if not hasattr(FSDPModule, "set_reduce_scatter_unused_params"):
        raise ConfigError(
            f"--fsdp (strategy fsdp) needs what PyTorch 2.13 has, and this is {torch.__version__}; "
            "install a newer one"
        )


class Sharding:
    """How a model is divided, and what of it is whole again.

    Args:
        model: as it was built, the same in every process; it is divided by :meth:`divide`.
    """

    def __init__(self, model: nn.Module):
        self.model = model
        self.dtypes: dict[str, torch.dtype] = {}  # of what trains in float32 meanwhile

    def divide(self, optimizer: torch.optim.Optimizer | None = None) -> None:
        """Leave this process its part, on its device.

        Args:
            optimizer: without states yet; its parameters become the parts.
        """
        kind = "cuda" if torch.cuda.is_available() else "cpu"
        before = dict(self.model.named_parameters())
        self._train_in_float32(kind)
        apply = partial(fully_shard, mesh=init_device_mesh(kind, (processes.count(),)))
        frozen = []
        for name, block in blocks(self.model):
            if reads_text(name):
                apply(block)
            elif not any(parameter.requires_grad for parameter in block.parameters()):
                # no gradient, so no process waits for it in the backward pass
                frozen.append(apply(block, reshard_after_forward=False))
        # a step may leave parts aside in one process and not in another
        apply(self.model).set_reduce_scatter_unused_params(True, recurse=False)
        # after FSDP's own hook, which is the first
        self.model.register_forward_pre_hook(partial(_unshard, frozen))
        if optimizer is not None:
            parts = dict(self.model.named_parameters())
            new = {id(parameter): parts[name] for name, parameter in before.items()}
            for group in optimizer.param_groups:
                group["params"] = [new[id(parameter)] for parameter in group["params"]]

    def _train_in_float32(self, kind: str) -> None:
        """Weights that train in half precision: small steps vanish in it, and parts are small.

        The language model computes in half precision all the same.
        """
        for name, parameter in self.model.named_parameters():
            if parameter.requires_grad and parameter.dtype in HALF:
                self.dtypes[name] = parameter.dtype
                parameter.data = parameter.data.float()
        for dtype in set(self.dtypes.values()):
            for name, module in self.model.named_modules():
                if name.rpartition(".")[2] == LANGUAGE_MODEL:
                    cast = torch.autocast(kind, dtype)
                    setattr(module, "forward", cast(module.forward))  # noqa: B010  (of one object)

    def state(self, *, trained: bool = False) -> dict[str, Tensor]:
        """Whole tensors on the CPU in the first process, nothing in the others; all must ask.

        Args:
            trained: without what is frozen.
        """
        whole: dict[int, Tensor | None] = {}  # of tied weights the same one
        state = self.model.state_dict(keep_vars=True)
        for tensor in state.values():
            frozen = isinstance(tensor, nn.Parameter) and not tensor.requires_grad
            if not (trained and frozen) and id(tensor) not in whole:
                whole[id(tensor)] = _whole(tensor)
        if processes.rank():
            return {}
        named = {name: whole.get(id(tensor)) for name, tensor in state.items()}
        return {name: tensor for name, tensor in named.items() if tensor is not None}

    @torch.no_grad()
    def join(self) -> None:
        """Make the model whole again in the first process, on the CPU; all must come here.

        It is what it was before :meth:`divide`, but trained; in the others nothing is left of it.
        """
        reshard(self.model)
        names = {id(parameter): name for name, parameter in self.model.named_parameters()}
        whole: dict[int, nn.Parameter] = {}
        for module in self.model.modules():
            for key, part in module._parameters.items():
                if not isinstance(part, DTensor):
                    continue
                if id(part) not in whole:
                    tensor = _whole(part)
                    tensor = torch.empty(0) if processes.rank() else tensor
                    dtype = self.dtypes.get(names[id(part)], part.dtype)
                    whole[id(part)] = nn.Parameter(tensor.to(dtype), part.requires_grad)
                module._parameters[key] = whole[id(part)]
            if isinstance(module, FSDPModule):
                module.__class__ = type(module).__mro__[FSDPModule._orig_cls_mro_index]
        self.model.to("cpu")  # what was not divided: buffers


def reads_text(name: str) -> bool:
    """Whether a block of this name is a layer of what reads and writes text.

    A vision-language model behind NTLBG's parts is a ``language_model`` with a tower inside.
    """
    parts = name.split(".")
    return LANGUAGE_MODEL in parts and not TOWERS & set(parts)


def blocks(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The repeated modules of a model, the outermost, with their names: layers of transformers."""
    for name, child in model.named_children():
        members = child.named_children() if isinstance(child, nn.ModuleList) else ()
        for number, block in members:
            if isinstance(block, nn.ModuleList | nn.ModuleDict):
                yield from ((f"{name}.{number}.{inner}", x) for inner, x in blocks(block))
            else:
                yield f"{name}.{number}", block
        if not isinstance(child, nn.ModuleList):
            yield from ((f"{name}.{inner}", block) for inner, block in blocks(child))


def held(model: nn.Module, *, divided: bool) -> str:
    """One line: how many processes there are, and what each holds of a model that is whole here."""
    number, parts = processes.count(), list(model.parameters())
    weights = _gigabytes(parts)
    learning = (1 + ADAMW_STATES) * _gigabytes(one for one in parts if one.requires_grad)
    if not divided:
        begin, each, more = "all of the model", 1, ""
    else:
        layers = [block for name, block in blocks(model) if reads_text(name)]
        sizes = [_gigabytes(layer.parameters()) for layer in layers] or [0.0]
        begin, each = f"a part of the model, of {number}", number
        more = (
            f"; while it computes, also a layer of the language model ({max(sizes):.3g} GB) and "
            f"what is in none ({weights - sum(sizes):.3g} GB)"
        )
    return (
        f"{number} {'processes' if number > 1 else 'process'}, each with {begin}: "
        f"{weights / each:.3g} GB of weights, {learning / each:.3g} GB of gradients and optimizer "
        f"states{more}"
    )


def _gigabytes(parameters: Iterable[Tensor]) -> float:
    return sum(one.numel() * one.element_size() for one in parameters) / 1e9


def reshard(model: nn.Module) -> None:
    """Give up what a forward pass without a backward one left whole."""
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()


def optimizer_state(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """As ``optimizer.state_dict()`` of one process, in the first one; all must ask."""
    state = optimizer.state_dict()
    whole = {
        number: {key: _whole(value) for key, value in values.items()}
        for number, values in state["state"].items()
    }
    return {**state, "state": whole}


def load_optimizer_state(optimizer: torch.optim.Optimizer, state: Mapping[str, Any]) -> None:
    """Take the own part of an optimizer's state as one process has it."""
    parameters = [part for group in optimizer.param_groups for part in group["params"]]
    parts = {
        number: {key: _part(value, parameters[number]) for key, value in values.items()}
        for number, values in state["state"].items()
    }
    optimizer.load_state_dict({**state, "state": parts})


class ShardingAccelerator(Accelerator):
    """Divides the model and leaves it alone: it is not to be wrapped for DDP."""

    sharding: Sharding

    def prepare(self, *objects: Any, **options: Any) -> Any:
        """As of accelerate; the model is divided, and what its optimizer updates."""
        if any(one is self.sharding.model for one in objects):
            found = [one for one in objects if isinstance(one, torch.optim.Optimizer)]
            self.sharding.divide(*found)
        return super().prepare(*objects, **options)

    def prepare_model(
        self,
        model: nn.Module,
        device_placement: bool | None = None,
        evaluation_mode: bool = False,
    ) -> nn.Module:
        """Numbers are cast as wished for, nothing else."""
        return super().prepare_model(model, device_placement=False, evaluation_mode=True)


def _unshard(modules: list[FSDPModule], *_: Any) -> None:
    for module in modules:
        module.unshard()


def _whole(value: Any) -> Any:
    """A tensor of all processes, on the CPU, in the first one; None in the others."""
    if isinstance(value, DTensor):
        value = value.full_tensor()
    if not isinstance(value, Tensor):
        return value
    return None if processes.rank() else value.detach().cpu()


def _part(value: Any, parameter: Tensor) -> Any:
    if not isinstance(parameter, DTensor) or not isinstance(value, Tensor) or not value.dim():
        return value
    value = value.to(parameter.device)
    # every process has read the file: nothing need be sent
    return distribute_tensor(value, parameter.device_mesh, parameter.placements, src_data_rank=None)
