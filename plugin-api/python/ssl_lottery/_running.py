"""A framework at work: what the library asks of it, call by call."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from ._memory import Memory, crossing
from ._state import Sources, State
from ._wire import Message, Wire
from .context import Context
from .faults import NumericFault, ShapeFault, StateFault
from .features import Features, Name, Step, spelt
from .framework import EpochPlan, Framework


def step_of(at: list[int]) -> Step:
    """Where training is, from its five numbers."""
    return Step(*at)


class Running:
    """One instance. Each public method answers one request of the library."""

    def __init__(self, framework: Framework, run: dict[str, Any], wire: Wire) -> None:
        self._memory: Memory = wire.memory
        self._device = torch.device(run["device"])
        sources = Sources(run["seed"])
        self._context = framework.context = Context(run, wire, self._device)
        framework.build(self._context)
        framework.train()
        framework.to(self._device)
        self._framework = framework
        sources.settle()
        self._state = State(framework, self._context, sources)
        self._placed: list[tuple[str, nn.Parameter, Tensor]] = []
        self._layout: list[Message] = []
        self._place()

    def layout(self, _: Message) -> Message:
        """The parameters, where they lie."""
        return {"parameters": self._layout}

    def state(self, _: Message) -> Message:
        """The state, copied into a region."""
        tensors = self._state.tensors()
        specs = self._memory.put(list(tensors.values()))
        return {"state": [{"name": name, **spec} for name, spec in zip(tensors, specs)]}

    @torch.no_grad()
    def load(self, request: Message) -> Message:
        """Takes over parameters and state, or changes nothing."""
        own = {name: view for name, _, view in self._placed}
        for spec in request["parameters"]:
            known = own.get(spec["name"])
            if known is None:
                raise StateFault(f"expected parameters of this framework and configuration, found `{spec['name']}`")
            if list(known.shape) != spec["shape"] or spec["dtype"] != "f32":
                found = f"{spec['dtype']} of shape {spec['shape']}"
                raise StateFault(f"`{spec['name']}`: expected f32 of shape {list(known.shape)}, found {found}")
        state = {spec["name"]: self._memory.view(spec).clone() for spec in request["state"]}
        changes = self._state.planned(state)
        for spec in request["parameters"]:
            own[spec["name"]].copy_(self._memory.view(spec))
        for change in changes:
            change()
        return {}

    def step(self, request: Message) -> Message:
        """Loss and gradients of a batch."""
        self._refresh()
        features, leaves = self._features(request, with_gradient=True)
        before = list(self._placed)
        for _, parameter, _ in before:
            parameter.grad = None
        answer = self._framework.loss(step_of(request["at"]), features)
        loss, metrics = answer if isinstance(answer, tuple) else (answer, {})
        if not isinstance(loss, Tensor) or loss.numel() != 1:
            found = f"a tensor of shape {list(loss.shape)}" if isinstance(loss, Tensor) else f"{type(loss).__name__}"
            raise ShapeFault(f"loss: expected a tensor with one element, found {found}")
        value = float(loss.detach())
        if not math.isfinite(value):
            raise NumericFault(f"expected a finite loss, found {value}{self._rows(request)}")
        if loss.requires_grad:
            loss.backward()
        moved = self._settle(may_move=True)
        own = [leaf.grad if leaf is not None else None for leaf in leaves]
        given = [
            self._give(gradient, spec)
            for gradient, spec in zip(
                own + [parameter.grad for _, parameter, _ in before], request["feature_grads"] + request["param_grads"]
            )
        ]
        for _, parameter, _ in before:
            parameter.grad = None
        return {
            "loss": value,
            "metrics": {str(name): _number(number) for name, number in metrics.items()},
            "feature_grads": given[: len(leaves)],
            "param_grads": given[len(leaves) :],
            "moved": moved,
        }

    @torch.no_grad()
    def after_update(self, request: Message) -> Message:
        """The optimiser has been."""
        self._refresh()
        self._framework.after_update(step_of(request["at"]), request["momentum"])
        self._settle(may_move=False)
        return {}

    @torch.no_grad()
    def begin_epoch(self, request: Message) -> Message:
        """An epoch begins."""
        self._refresh()
        plan = self._framework.begin_epoch(step_of(request["at"])) or EpochPlan()
        order = None
        if plan.order is not None:
            order = self._memory.put([torch.as_tensor(plan.order, dtype=torch.int64).reshape(-1)])[0]
        return {"order": order, "reset": list(plan.reset_optimizer), "moved": self._settle(may_move=True)}

    def due(self, request: Message) -> Message:
        """The pass to run now."""
        return {"pass": self._framework.due(step_of(request["at"]))}

    @torch.no_grad()
    def begin_pass(self, request: Message) -> Message:
        """A pass begins."""
        self._framework.begin_pass(step_of(request["at"]), request["id"], request["samples"])
        return {}

    @torch.no_grad()
    def absorb(self, request: Message) -> Message:
        """One batch of a pass."""
        self._framework.absorb(self._features(request, with_gradient=False)[0])
        return {}

    @torch.no_grad()
    def end_pass(self, _: Message) -> Message:
        """A pass ends."""
        self._refresh()
        self._framework.end_pass()
        self._settle(may_move=False)
        return {}

    @torch.no_grad()
    def cluster(self, request: Message) -> Message:
        """The clustering of a given bank."""
        self._refresh()
        bank = {spec["name"]: self._memory.view(spec).to(self._device, copy=True) for spec in request["bank"]}
        found = self._framework.cluster(step_of(request["at"]), bank)
        self._settle(may_move=False)
        specs = self._memory.put(list(found.values()))
        return {"found": [{"name": name, **spec} for name, spec in zip(found, specs)]}

    def _features(self, request: Message, with_gradient: bool) -> tuple[Features, list[Any]]:
        tensors: dict[Name, Tensor] = {}
        leaves: list[Any] = []
        for spec in request["features"]:
            tensor = self._memory.view(spec).to(self._device)
            is_leaf = with_gradient and spec["encoder"] == "online"
            tensors[spec["encoder"], spec["view"], spec["level"]] = tensor.requires_grad_(is_leaf)
            leaves.append(tensor if is_leaf else None)
        return Features(self._memory.view(request["indices"]), tensors), leaves

    def _give(self, gradient: Any, spec: Any) -> bool:
        """Copies a gradient to where it is wanted; whether there is one."""
        if gradient is None or spec is None:
            return False
        self._memory.view(spec).copy_(gradient.to_dense() if gradient.is_sparse else gradient)
        return True

    def _rows(self, request: Message) -> str:
        """Which rows of which features are no numbers."""
        for spec in request["features"]:
            bad = ~torch.isfinite(self._memory.view(spec)).flatten(1).all(dim=1)
            if bad.any():
                rows = ", ".join(map(str, bad.nonzero().flatten().tolist()[:4]))
                name = spelt((spec["encoder"], spec["view"], spec["level"]))
                return f": row {rows} of {name} holds NaN or infinity"
        return ""

    def _place(self) -> None:
        """Lays the trained parameters into shared memory, where the host's optimiser writes them."""
        trained = list(self._framework.trained())
        for name, parameter in trained:
            if parameter.dtype != torch.float32:
                raise ShapeFault(f"parameter `{name}`: expected float32, found {parameter.dtype}")
        specs = self._memory.lay_out([crossing(it) for _, it in trained])
        self._layout = [{"name": name, **spec} for (name, _), spec in zip(trained, specs)]
        self._placed = []
        for (name, parameter), spec in zip(trained, specs):
            view = self._memory.view(spec)
            view.copy_(parameter.detach())
            if self._device.type == "cpu":
                parameter.data = view
            self._placed.append((name, parameter, view))

    def _refresh(self) -> None:
        """On another device: takes over what the host wrote into the parameters."""
        if self._device.type != "cpu":
            for _, parameter, view in self._placed:
                parameter.data.copy_(view)

    @torch.no_grad()
    def _settle(self, may_move: bool) -> bool:
        """Brings parameters that the framework replaced back to their places; whether there are others now."""
        trained = list(self._framework.trained())
        known = [(name, view.shape) for name, _, view in self._placed]
        if known != [(name, it.shape) for name, it in trained]:
            if not may_move:
                raise StateFault("expected the parameters of before, found others: they may change in loss or begin_epoch")
            self._place()
            return True
        for place, ((name, parameter), (_, _, view)) in enumerate(zip(trained, self._placed)):
            if self._device.type != "cpu":
                view.copy_(parameter.detach())
            elif parameter.data_ptr() != view.data_ptr() and parameter.numel() > 0:
                view.copy_(parameter.detach())
                parameter.data = view
            self._placed[place] = (name, parameter, view)
        return False


def _number(value: Any) -> Any:
    """A number as JSON takes it: what is none as text."""
    number = float(value.detach()) if isinstance(value, Tensor) else float(value)
    return number if math.isfinite(number) else str(number)
