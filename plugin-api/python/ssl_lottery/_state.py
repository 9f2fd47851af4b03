"""What a framework saves beside its trained parameters: buffers, weights without gradient, random generators."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import Any, Optional

import torch
from torch import Tensor

from .context import Context, seed_of
from .faults import StateFault
from .framework import Framework
from ._memory import crossing

#: What generators are called in the state.
_PREFIX = "random."


class Sources:
    """The global generators of this process. One that nobody has drawn from is not saved."""

    def __init__(self, seed: int) -> None:
        torch.manual_seed(seed_of(seed, "torch"))
        random.seed(seed_of(seed, "python"))
        numpy = sys.modules.get("numpy")
        self._numpy = numpy
        if numpy is not None:
            numpy.random.seed(seed_of(seed, "numpy") % 2**32)
        self._start: dict[str, Tensor] = {}

    def settle(self) -> None:
        """Notes the states of now: the framework is built, and resuming builds it alike."""
        self._start = self._now()

    def moved(self) -> dict[str, Tensor]:
        """The generators that were drawn from."""
        now = self._now()
        return {name: state for name, state in now.items() if not torch.equal(state, self._start[name])}

    def known(self, name: str) -> Optional[Tensor]:
        """The start of this generator, if there is one."""
        return self._start.get(name)

    def set(self, name: str, state: Tensor) -> None:
        """Takes over a state that was saved."""
        if name == "torch":
            torch.set_rng_state(state)
        elif name == "python":
            random.setstate((3, tuple(state.tolist()), None))
        elif self._numpy is not None:
            *keys, place = state.tolist()
            self._numpy.random.set_state(("MT19937", keys, place, 0, 0.0))

    def _now(self) -> dict[str, Tensor]:
        found = {"torch": torch.get_rng_state()}
        found["python"] = torch.tensor(random.getstate()[1], dtype=torch.int64)
        if self._numpy is not None:
            _, keys, place, *_ = self._numpy.random.get_state()
            found["numpy"] = torch.tensor([*keys.tolist(), place], dtype=torch.int64)
        return found


class State:
    """The state of one framework."""

    def __init__(self, framework: Framework, context: Context, sources: Sources) -> None:
        self._framework, self._context, self._sources = framework, context, sources

    def tensors(self) -> dict[str, Tensor]:
        """Everything that is saved now, by name."""
        found = {name: it for name, it in self._framework.named_parameters() if not it.requires_grad}
        found.update(self._framework.named_buffers())
        for purpose, generator in self._context._generators.items():
            found[f"{_PREFIX}of.{purpose}"] = generator.get_state()
        for name, state in self._sources.moved().items():
            found[f"{_PREFIX}{name}"] = state
        return found

    def planned(self, given: dict[str, Tensor]) -> list[Callable[[], Any]]:
        """What is to be done to take over a state that was saved; nothing is changed yet.

        Raises:
            StateFault: a name that does not exist here, or a shape or type that does not fit.
        """
        return [self._plan(name, tensor) for name, tensor in given.items()]

    def _plan(self, name: str, tensor: Tensor) -> Callable[[], Any]:
        if name.startswith(f"{_PREFIX}of."):
            generator = self._context.generator(name[len(f"{_PREFIX}of.") :])
            _same(name, tensor, generator.get_state())
            return lambda: generator.set_state(tensor)
        if name.startswith(_PREFIX) and (start := self._sources.known(name[len(_PREFIX) :])) is not None:
            _same(name, tensor, start)
            return lambda: self._sources.set(name[len(_PREFIX) :], tensor)
        path, _, leaf = name.rpartition(".")
        try:
            owner = self._framework.get_submodule(path)
        except AttributeError:
            owner = None
        if owner is None or not (leaf in owner._buffers or leaf in owner._parameters):
            raise StateFault(f"expected state of this framework and configuration, found `{name}`")
        own = owner._buffers.get(leaf) if leaf in owner._buffers else owner._parameters[leaf]
        if isinstance(own, torch.nn.Parameter) and own.requires_grad:
            raise StateFault(f"expected state, found the parameter `{name}`")
        if own is not None and not (name in self._framework.resizable and tensor.dtype == crossing(own).dtype):
            _same(name, tensor, own)
        if own is None or own.shape != tensor.shape:
            return lambda: owner._buffers.__setitem__(leaf, tensor.to(self._context.device, copy=True))
        return lambda: own.data.copy_(tensor)


def _same(name: str, given: Tensor, own: Tensor) -> None:
    expected, found = (crossing(own).dtype, tuple(own.shape)), (given.dtype, tuple(given.shape))
    if expected != found:
        raise StateFault(f"`{name}`: expected {_words(*expected)}, found {_words(*found)}")


def _words(dtype: torch.dtype, shape: tuple[int, ...]) -> str:
    return f"{str(dtype).replace('torch.', '')} of shape {list(shape)}"
