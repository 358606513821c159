"""How much memory a model needs, from its configuration alone, and what fits.

The formulas count tensors; ``benchmarks/memory.py`` compares them with measured peaks. Importing
this does not import torch.
"""

from ntlbg.memory.base_models import KNOWN, base_sizes
from ntlbg.memory.devices import Device, find_device
from ntlbg.memory.fitting import (
    Fitted,
    answer_plan,
    fit,
    frames_plan,
    largest_budgets,
    reader_sizes,
    setup,
    smallest_cards,
    training_plan,
    workload,
)
from ntlbg.memory.parameters import total_parameters
from ntlbg.memory.plan import Plan, Setup, Workload, plan_answer, plan_training
from ntlbg.memory.sizes import ModelSizes, model_sizes

__all__ = [
    "KNOWN",
    "Device",
    "Fitted",
    "ModelSizes",
    "Plan",
    "Setup",
    "Workload",
    "answer_plan",
    "base_sizes",
    "find_device",
    "fit",
    "frames_plan",
    "largest_budgets",
    "model_sizes",
    "plan_answer",
    "plan_training",
    "reader_sizes",
    "setup",
    "smallest_cards",
    "total_parameters",
    "training_plan",
    "workload",
]
