"""Momentum heads: averages of trained modules, which are state and not parameters."""

from __future__ import annotations

import copy
from typing import Optional

import torch
from torch import Tensor, nn


class Momentum(nn.Module):
    """Exponential averages of trained modules, by name.

    ```python
    self.target = ssl.Momentum(projector=self.projector)
    z = self.target.projector(features.target(0))
    ```

    They start as copies, get no gradient, and follow after each update: `average ← m·average + (1 − m)·trained`,
    parameters only, with the momentum of the description. Their running statistics are their own. In state and golden
    files they are `target.projector.0.weight`.
    """

    def __init__(self, **modules: nn.Module) -> None:
        super().__init__()
        for name, module in modules.items():
            self.add_module(name, copy.deepcopy(module).requires_grad_(False))
        # In a tuple, which hides the trained modules from this one's own parameters.
        self._trained = (dict(modules),)

    def forward(self, x: Tensor) -> Tensor:
        """The only average, applied."""
        (average,) = self.children()
        return average(x)

    @torch.no_grad()
    def follow(self, momentum: Optional[float]) -> None:
        """Moves the averages towards the trained modules; nothing without a momentum."""
        if momentum is None:
            return
        for name, module in self._trained[0].items():
            for average, trained in zip(self.get_submodule(name).parameters(), module.parameters()):
                average.mul_(momentum).add_(trained, alpha=1 - momentum)
