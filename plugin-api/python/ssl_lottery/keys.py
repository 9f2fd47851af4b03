"""Configuration keys: default, range, what it is, where the default comes from."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, Optional

#: What the host calls a kind: type and range of a value.
Kind = dict[str, Any]

_MOST_WHOLE = 2**63 - 1
_MOST = sys.float_info.max


def whole(least: int, most: int = _MOST_WHOLE) -> Kind:
    """A whole number in `least ..= most`."""
    return {"type": "int", "min": least, "max": most}


def at_least(least: int) -> Kind:
    """A whole number of at least `least`."""
    return whole(least)


def number(least: float, most: float = _MOST) -> Kind:
    """A number in `[least, most]`."""
    return {"type": "float", "min": float(least), "max": float(most), "above": False}


def positive() -> Kind:
    """Any finite number above 0."""
    return {"type": "float", "min": 0.0, "max": _MOST, "above": True}


def fraction() -> Kind:
    """A number in `[0, 1]`."""
    return number(0.0, 1.0)


def one_of(*words: str) -> Kind:
    """One of these strings."""
    return {"type": "choice", "of": list(words)}


def list_of(kind: Kind, least: int = 0, most: int = 1024) -> Kind:
    """A list of `least` to `most` items of one kind."""
    return {"type": "list", "of": kind, "min_len": least, "max_len": most}


def optional(kind: Kind) -> Kind:
    """A value of this kind, or `None`."""
    return {"type": "optional", "of": kind}


@dataclass(frozen=True)
class Key:
    """One configuration key: a class attribute of a framework, and the value on its instances.

    ```python
    temperature = ssl.Key(0.5, ssl.positive(), "Temperature of the softmax.", "arXiv:2002.05709 table 5")
    ```

    `range` is one of `whole`, `at_least`, `number`, `positive`, `fraction`, `one_of`, `list_of`, `optional`. It may be
    left out where the default is `True` or `False`.
    """

    default: Any
    range: Optional[Kind] = None
    doc: str = ""
    source: str = ""

    def kind(self, name: str) -> Kind:
        """Type and range of the key called `name`.

        Raises:
            TypeError: the range was left out and does not follow from the default.
        """
        if self.range is not None:
            return self.range
        if isinstance(self.default, bool):
            return {"type": "bool"}
        raise TypeError(f"key `{name}`: expected a range such as ssl.positive() or ssl.at_least(1), found none")

    def card(self, name: str) -> dict[str, Any]:
        """The key as the host reads it."""
        return {
            "key": name,
            "kind": self.kind(name),
            "default": self.default,
            "doc": self.doc,
            "source": self.source,
        }

    def value(self, given: Any) -> Any:
        """A value from a configuration file in the type of the default: TOML writes 1 for 1.0."""
        if isinstance(self.default, float) and isinstance(given, int) and not isinstance(given, bool):
            return float(given)
        return given
