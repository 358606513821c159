"""A configuration's plans as plain values, and as text."""

from ntlbg.config import Config
from ntlbg.memory.base_models import base_sizes
from ntlbg.memory.devices import GIGABYTE, Device
from ntlbg.memory.fitting import (
    answer_plan,
    frames_plan,
    largest_budgets,
    reader_sizes,
    setup,
    training_plan,
    workload,
)
from ntlbg.memory.plan import Plan

MEGABYTE = 10**6


def plans(config: Config, device: Device) -> dict:
    """Answering and training, with what fits the device; plain values."""
    base = base_sizes(config.model.base_model)
    found = {} if base.longvu is not None else _reader_plans(config, device)
    pixels = frames_plan(config)
    if pixels is not None:
        largest = largest_budgets(base, workload(config), setup(config), device, "answer")
        found["answer from pixels"] = _described(pixels, device) | {"largest": largest}
    return {
        "model": config.model.base_model,
        "device": {"name": device.name, "usable_bytes": device.usable_bytes},
        "plans": found,
    }


def _reader_plans(config: Config, device: Device) -> dict:
    """Of the model that training makes of a base."""
    model, how = reader_sizes(config), setup(config)
    training = workload(config, config.training_config.batch_size)
    return {
        "answer": _described(answer_plan(config), device)
        | {"largest": largest_budgets(model, workload(config), how, device, "answer")},
        "train": _described(training_plan(config), device)
        | {"largest": largest_budgets(model, training, how, device, "train")},
    }


def _described(plan: Plan, device: Device) -> dict:
    return {
        "tokens": plan.tokens,
        "parts": plan.parts,
        "moments": {name: plan.at(name) for name in plan.moments},
        "peak": plan.peak,
        "peak_at": plan.highest,
        "fits": plan.peak <= device.usable_bytes,
    }


def as_text(found: dict) -> str:
    """Tables for people, in megabytes (10^6 bytes)."""
    device = found["device"]
    lines = [
        f"{found['model']} on {device['name']}, "
        f"{device['usable_bytes'] / GIGABYTE:.1f} GB to use; megabytes of 10^6 bytes"
    ]
    for purpose, plan in found["plans"].items():
        lines += ["", f"{purpose}: {plan['tokens']} tokens"]
        lines += [_row(name, size) for name, size in plan["parts"].items() if size]
        lines += [_row(f"when: {name}", size) for name, size in plan["moments"].items()]
        state = "fits" if plan["fits"] else "does not fit"
        most = ", ".join(f"{number:,} {what}" for what, number in plan["largest"].items())
        lines.append(_row("peak", plan["peak"]) + f"  {state}")
        lines.append(f"  most that fits, each with the others as they are: {most}")
    return "\n".join(lines)


def _row(name: str, size: int) -> str:
    return f"  {name:<36}{size / MEGABYTE:>12,.1f}"
