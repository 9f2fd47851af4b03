"""What a step or a pass is given: where training is, and the features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .faults import ShapeFault

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Step:
    """Where training is."""

    #: Epoch, from 0.
    epoch: int
    #: Epochs of the run.
    epochs: int
    #: Optimiser steps done since the start of the run; the number of this step, from 0.
    step: int
    #: Steps per epoch.
    steps_per_epoch: int
    #: Seed of the run.
    seed: int

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.epochs * self.steps_per_epoch

    @property
    def batch_in_epoch(self) -> int:
        """Place of this step's batch in the epoch, from 0."""
        return max(0, self.step - self.epoch * self.steps_per_epoch)


#: Encoder, view, level.
Name = tuple[str, int, str]


def spelt(name: Name) -> str:
    """The name of a feature as golden files and messages spell it: `online.0`, `target.1.layer4`."""
    encoder, view, level = name
    return f"{encoder}.{view}" if level == "pooled" else f"{encoder}.{view}.{level}"


class Features:
    """The features of a batch.

    Pooled features are `[batch, dim]`, feature maps `[batch, channels, height, width]`. Those of the online encoder
    are leaves in a step: their gradients go back to the host.
    """

    def __init__(self, indices: Tensor, tensors: dict[Name, Tensor]) -> None:
        #: Position of every sample in the training set, `[batch]`, int64.
        self.indices = indices
        self._tensors = tensors

    @property
    def batch(self) -> int:
        """Number of samples."""
        return int(self.indices.shape[0])

    def online(self, view: int, level: str = "pooled") -> Tensor:
        """The view's feature from the trained encoder."""
        return self._one("online", view, level)

    def target(self, view: int, level: str = "pooled") -> Tensor:
        """The view's feature from the momentum encoder; it has no gradient."""
        return self._one("target", view, level)

    def all_online(self, level: str = "pooled") -> list[Tensor]:
        """All views' features from the trained encoder, in the order of the requests."""
        return self._all("online", level)

    def all_target(self, level: str = "pooled") -> list[Tensor]:
        """All views' features from the momentum encoder, in the order of the requests."""
        return self._all("target", level)

    def _all(self, encoder: str, level: str) -> list[Tensor]:
        found = [tensor for name, tensor in self._tensors.items() if (name[0], name[2]) == (encoder, level)]
        if not found:
            raise ShapeFault(f"expected features of the {encoder} encoder at level {level}, found {self._found()}")
        return found

    def _one(self, encoder: str, view: int, level: str) -> Tensor:
        tensor = self._tensors.get((encoder, view, level))
        if tensor is None:
            raise ShapeFault(f"expected the feature {spelt((encoder, view, level))}, found {self._found()}")
        return tensor

    def _found(self) -> str:
        return ", ".join(map(spelt, self._tensors)) or "none"
