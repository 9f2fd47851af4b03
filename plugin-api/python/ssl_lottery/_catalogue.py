"""The frameworks of an environment, and the files that they come from."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ._blame import is_authors, one_line
from .framework import Framework


@dataclass
class Found:
    """A framework, where it was declared, and who it is."""

    framework: type[Framework]
    at: str
    card: dict[str, Any]


def load(declared: Iterable[tuple[str, str]]) -> tuple[list[Found], list[str]]:
    """The frameworks that can be imported, and one line for each that cannot."""
    found: list[Found] = []
    faults: list[str] = []
    for at, origin in declared:
        try:
            framework = _import(at)
            entry = Found(framework, at, framework.card())
        except Exception as error:
            faults.append(f"{at} ({origin}): {one_line(error)}")
            continue
        first = next((it for it in found if it.framework.id == framework.id), None)
        if first is None:
            found.append(entry)
        elif first.framework is not framework:
            faults.append(f"{at} ({origin}): expected an id of its own, found `{framework.id}`, which {first.at} has")
    return found, faults


def _import(at: str) -> type[Framework]:
    module, colon, name = at.partition(":")
    if not (module and colon and name):
        raise ValueError(f"expected module:Class, found {at!r}")
    framework: Any = importlib.import_module(module)
    for part in name.split("."):
        framework = getattr(framework, part)
    if not (isinstance(framework, type) and issubclass(framework, Framework)):
        raise TypeError(f"expected a subclass of ssl_lottery.Framework, found {framework!r}")
    return framework


def files(frameworks: Iterable[type[Framework]]) -> list[str]:
    """The files whose change may change who the frameworks are: their own packages, and whatever else was imported
    that is not installed. Installed packages are told apart by their versions."""
    packages = {framework.__module__.partition(".")[0] for framework in frameworks}
    found = set()
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not file or not file.endswith(".py") or not os.path.isabs(file):
            continue
        if name.partition(".")[0] in packages or is_authors(file):
            found.add(os.path.realpath(file))
    found.add(os.path.realpath(inspect.getfile(Framework)))
    return sorted(found)
