"""A process of several: runs the commands of a file one after the other, as a shell would.

Starting Python and PyTorch takes longer than these runs. Each process leaves the exit codes, and
the last line that its commands said on standard error; and what became of a divided model.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.distributed.tensor import DTensor
from typer.testing import CliRunner

from ntlbg.cli import app
from ntlbg.train import processes
from ntlbg.train.sharding import Sharding
from tiny_models import batch_of, sample, tiny_model


def divide_in_half_precision(folder: Path) -> None:
    """A step of a model in bfloat16 whose first layer is frozen; what it was and has become."""
    model = tiny_model()
    model.language_model.to(torch.bfloat16)
    model.language_model.model.layers[0].requires_grad_(False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    sharding = Sharding(model)
    sharding.divide(optimizer)
    parts = dict(model.named_parameters())
    own = sum(part.to_local().numel() for part in parts.values() if isinstance(part, DTensor))
    found = {
        "whole": sum(part.numel() for part in parts.values()),
        "own": own,
        "dtypes": {name: str(part.dtype) for name, part in parts.items()},
    }
    model(**batch_of(sample(), sample("Which?", answer="a cat"))).loss.backward()
    optimizer.step()
    state = sharding.state()
    sharding.join()
    now = model.state_dict()
    found["same"] = all(
        torch.equal(now[name], part.to(now[name].dtype)) for name, part in state.items()
    )
    (folder / f"parts-{processes.rank()}.json").write_text(json.dumps(found))
    if not processes.rank():
        save_file(before, folder / "before.safetensors")
        save_file({name: part.clone() for name, part in now.items()}, folder / "after.safetensors")


def main(file: Path) -> None:
    found = {}
    with processes.together():  # once: torch cannot begin again with the same store
        divide_in_half_precision(file.parent)
        for name, arguments in json.loads(file.read_text()).items():
            done = CliRunner().invoke(app, arguments)
            if done.exception and not isinstance(done.exception, SystemExit):
                raise done.exception
            if done.exit_code:  # the other process may wait for this one without end
                print(f"{name} in process {processes.rank()}:", done.stderr, file=sys.stderr)
            errors = done.stderr.strip().splitlines()
            found[name] = {"code": done.exit_code, "said": done.stdout, "error": errors[-1:]}
    file.with_name(f"ended-{processes.rank()}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
