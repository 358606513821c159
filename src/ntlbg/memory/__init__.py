"""How much memory a model needs, from its configuration alone, and what fits.

The parameters are counted on the real classes, without memory; the formulas count tensors, and
``benchmarks/memory.py`` compares them with measured peaks. Importing this does not import torch.
"""

from ntlbg.memory.activations import Setup
from ntlbg.memory.devices import Device, device_of, find_device
from ntlbg.memory.fitting import (
    Fitted,
    answer_plan,
    as_text,
    fit,
    frames_plan,
    plans,
    reader_sizes,
    setup,
    smallest_cards,
    training_plan,
    workload,
)
from ntlbg.memory.loaded import LoadedSizes, PictureInputs, loaded_sizes, plan_reading
from ntlbg.memory.plan import Plan, Workload, largest_budgets, plan_answer, plan_training
from ntlbg.memory.sizes import KNOWN, ModelSizes, base_sizes, model_sizes

__all__ = [
    "KNOWN",
    "Device",
    "Fitted",
    "LoadedSizes",
    "ModelSizes",
    "PictureInputs",
    "Plan",
    "Setup",
    "Workload",
    "answer_plan",
    "as_text",
    "base_sizes",
    "device_of",
    "find_device",
    "fit",
    "frames_plan",
    "largest_budgets",
    "loaded_sizes",
    "model_sizes",
    "plan_answer",
    "plan_reading",
    "plan_training",
    "plans",
    "reader_sizes",
    "setup",
    "smallest_cards",
    "training_plan",
    "workload",
]
