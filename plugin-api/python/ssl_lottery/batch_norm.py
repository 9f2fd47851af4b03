"""Batch norm whose statistics are those of all ranks."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .ranks import Ranks


class SynchronizedBatchNorm1d(nn.BatchNorm1d):
    """`nn.BatchNorm1d` over the rows of all ranks, `[batch, channels]`; with one rank it is PyTorch's own.

    Made by `synchronized`. The backward pass goes through the ranks' sums.
    """

    ranks: Ranks

    def forward(self, x: Tensor) -> Tensor:
        """The rows, normalised."""
        if not self.training or self.ranks.world_size == 1:
            return super().forward(x)
        count = x.shape[0] * self.ranks.world_size
        mean = self.ranks.all_reduce_sum(x.sum(0)) / count
        centred = x - mean
        variance = self.ranks.all_reduce_sum(centred.square().sum(0)) / count
        self._remember(mean.detach(), variance.detach() * count / max(count - 1, 1))
        y = centred / (variance + self.eps).sqrt()
        if self.weight is not None:
            y = y * self.weight
        return y if self.bias is None else y + self.bias

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        if self.running_mean is None or self.running_var is None:
            return
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)


def synchronized(module: nn.Module, ranks: Ranks) -> nn.Module:
    """The module itself, whose one-dimensional batch norms take their statistics over all ranks from now on.

    ```python
    self.projector = ssl.synchronized(SimCLRProjectionHead(context.dim), context.ranks)
    ```
    """
    for part in module.modules():
        if type(part) is nn.BatchNorm1d:
            part.__class__ = SynchronizedBatchNorm1d
            part.ranks = ranks
    return module
