"""The circumstances of a run, the host's services, and seeded random numbers."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import torch

from .faults import ConfigFault
from .ranks import Ranks

if TYPE_CHECKING:
    from ._wire import Wire


def seed_of(seed: int, purpose: str) -> int:
    """A seed for one purpose: 63 bits of SHA-256 over the run's seed and the purpose."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


class Context:
    """The circumstances of a run, handed to `build` and kept as `self.context`."""

    def __init__(self, run: dict[str, Any], wire: Wire, device: torch.device) -> None:
        self._wire = wire
        self._generators: dict[str, torch.Generator] = {}
        #: Channels of each level that the host gives: `pooled`, `layer1` to `layer4`.
        self.dims: dict[str, int] = {entry["level"]: entry["dim"] for entry in run["features"]}
        #: Number of training samples.
        self.samples: int = run["samples"]
        #: Batch size of this rank.
        self.batch_size: int = run["batch_size"]
        #: Optimiser steps per epoch.
        self.steps_per_epoch: int = run["steps_per_epoch"]
        #: Epochs of the run.
        self.epochs: int = run["epochs"]
        #: Seed of the run.
        self.seed: int = run["seed"]
        #: Where features are, and where the framework computes.
        self.device = device
        #: The other ranks: collectives, with gradient where a loss needs it.
        self.ranks = Ranks(run["world_size"], run["rank"], wire)

    @property
    def dim(self) -> int:
        """Channels of the pooled features."""
        return self.level_dim("pooled")

    def level_dim(self, level: str) -> int:
        """Channels of a level."""
        if level not in self.dims:
            found = ", ".join(self.dims) or "none"
            raise ConfigFault(f"expected features of level {level} from the backbone, found {found}")
        return self.dims[level]

    @property
    def global_batch(self) -> int:
        """Batch size over all ranks."""
        return self.batch_size * self.ranks.world_size

    def generator(self, purpose: str) -> torch.Generator:
        """The generator of this purpose, on the CPU: seeded from the run's seed, the same object at every call.

        Its state is saved with checkpoints. Every rank draws the same numbers; put the rank into the purpose where
        they have to differ.
        """
        if purpose not in self._generators:
            self._generators[purpose] = torch.Generator().manual_seed(seed_of(self.seed, purpose))
        return self._generators[purpose]

    def log(self, message: str) -> None:
        """A message for the run's log."""
        self._wire.call("log", level="info", text=str(message))

    def warn(self, message: str) -> None:
        """A message for the run's log: something is odd."""
        self._wire.call("log", level="warn", text=str(message))

    def cancelled(self) -> bool:
        """Whether the run is to stop. Ask in long computations, and raise `CancelledFault` then."""
        return bool(self._wire.call("cancelled")["cancelled"])
