"""The worker process: finds the frameworks, makes one, answers requests until the library hangs up."""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

import torch

from . import _catalogue
from ._blame import one_line
from ._memory import Memory
from ._running import Running
from ._wire import Message, Wire
from .faults import Fault
from .framework import Framework
from .momentum import Momentum

#: The version of the messages; the library and the package must agree on it.
PROTOCOL = 1


class Worker:
    """What this process holds."""

    def __init__(self, wire: Wire, declared: list[tuple[str, str]]) -> None:
        self._wire, self._declared = wire, declared
        self._known: dict[str, type[Framework]] = {}
        self._running: Any = None

    def find(self, request: Message) -> Message:
        """Imports every framework that is declared, or the one at `only`."""
        only = request["only"]
        wanted = [entry for entry in self._declared if only in (None, entry[0])]
        found, faults = _catalogue.load(wanted)
        self._known = {it.framework.id: it.framework for it in found}
        cards = [{"card": it.card, "at": it.at} for it in found]
        return {"frameworks": cards, "faults": faults, "files": _catalogue.files(self._known.values())}

    def describe(self, request: Message) -> Message:
        """What a framework asks of the host."""
        return {"description": self._make(request).describe()}

    def create(self, request: Message) -> Message:
        """Starts a framework."""
        framework = self._make(request)
        passes = [entry["id"] for entry in framework.describe()["passes"]]
        self._running = Running(framework, request["run"], self._wire)
        own = type(framework).after_update is not Framework.after_update
        follows = own or any(isinstance(it, Momentum) for it in framework.modules())
        return {**self._running.layout({}), "passes": passes, "follows": follows}

    def answer(self, request: Message) -> Message:
        """The answer to any request."""
        op: str = request["op"]
        own: Callable[[Message], Message] = getattr(self if op in ("find", "describe", "create") else self._running, op)
        return own(request)

    def _make(self, request: Message) -> Framework:
        framework = self._known[request["id"]](request["config"])
        framework.check()
        return framework


def main(end: socket.socket, memory: int, declared: list[tuple[str, str]]) -> None:
    """Answers requests until the library hangs up."""
    wire = Wire(end)
    wire.memory = Memory(memory, wire)
    # A run's cells say how many threads the host computes with.
    threads = os.environ.get("SSL_LOTTERY_PYTHON_THREADS") or os.environ.get("SSL_LOTTERY_THREADS") or "1"
    if not (threads.isdigit() and int(threads) > 0):
        text = f"SSL_LOTTERY_PYTHON_THREADS: expected a whole number of at least 1, found {threads!r}"
        wire.write({"fault": {"kind": "config", "text": text}})
        return
    torch.set_num_threads(int(threads))
    wire.write({"protocol": PROTOCOL})
    worker = Worker(wire, declared)
    while (request := wire.read()) is not None:
        try:
            answer = worker.answer(request)
        except Exception as error:
            kind = error.kind if isinstance(error, Fault) else "internal"
            answer = {"fault": {"kind": kind, "text": one_line(error)}}
        wire.write(answer)
    _leave()


def _leave() -> None:
    """Ends at once, unless the framework has started processes, which Python's own way out ends too."""
    sys.stdout.flush()
    if not multiprocessing.active_children():
        os._exit(0)
