"""Layers shared by the model's parts."""

from torch import nn


class ConstantLinear(nn.Linear):
    """Starts as a constant function: zero weight, every bias at `value`.

    A layer of its own, so that a checkpoint without these weights also starts there: transformers
    initialises missing weights layer by layer.
    """

    def __init__(self, inputs: int, outputs: int, value: float = 0.0, bias: bool = True):
        self.value = value
        super().__init__(inputs, outputs, bias)

    def reset_parameters(self) -> None:
        nn.init.zeros_(self.weight)
        if self.bias is not None:
            nn.init.constant_(self.bias, self.value)
