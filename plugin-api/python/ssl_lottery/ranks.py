"""The other ranks of a run.

The host averages gradients of parameters over ranks after the step. The collectives here therefore sum in their
backward pass: with a loss that is each rank's own mean, the host's average is the gradient of the ranks' mean loss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from ._wire import Wire


class Ranks:
    """The collectives. Every rank has to call the same ones in the same order; one rank gets back what it gave."""

    def __init__(self, world_size: int, rank: int, wire: Wire) -> None:
        #: Number of ranks.
        self.world_size = world_size
        #: This rank.
        self.rank = rank
        self._wire = wire

    def __deepcopy__(self, _: Any) -> Ranks:
        # There is one socket to the host, whoever copies a module that refers to it.
        return self

    def all_gather(self, rows: Tensor) -> Tensor:
        """Rows of all ranks in rank order, `[world_size · n, …]`; the backward pass sums the ranks' gradients.

        `rows` is `[n, …]`, of one shape on every rank.
        """
        if self.world_size == 1:
            return rows
        return _AllGather.apply(rows, self)

    def all_reduce_sum(self, tensor: Tensor) -> Tensor:
        """Sum of the ranks' tensors; the backward pass sums the ranks' gradients."""
        if self.world_size == 1:
            return tensor
        return _Sum.apply(tensor, self)

    def all_reduce_max(self, tensor: Tensor) -> Tensor:
        """Largest of the ranks' values, place by place, without gradient."""
        return tensor.detach() if self.world_size == 1 else self._ask("all_reduce", tensor, reduce="max")

    def broadcast(self, tensor: Tensor, root: int = 0) -> Tensor:
        """The tensor of rank `root`, without gradient; the others' have to be of its shape."""
        return tensor.detach() if self.world_size == 1 else self._ask("broadcast", tensor, root=root)

    def _ask(self, call: str, tensor: Tensor, **others: Any) -> Tensor:
        memory = self._wire.memory
        answer = self._wire.call(call, tensor=memory.put([tensor.detach()])[0], **others)
        return memory.view(answer["tensor"]).to(tensor.device, copy=True)


class _AllGather(torch.autograd.Function):
    """Rows of all ranks forward; sum over ranks of the own rows' gradient backward."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, ranks: Ranks) -> Tensor:
        ctx.ranks, ctx.rows = ranks, rows.shape[0]
        return ranks._ask("all_gather", rows)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        total = ctx.ranks._ask("all_reduce", gradient, reduce="sum")
        return total.narrow(0, ctx.ranks.rank * ctx.rows, ctx.rows), None


class _Sum(torch.autograd.Function):
    """Sum over ranks, forward and backward."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, ranks: Ranks) -> Tensor:
        ctx.ranks = ranks
        return ranks._ask("all_reduce", tensor, reduce="sum")

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return ctx.ranks._ask("all_reduce", gradient, reduce="sum"), None
