"""What a framework refuses, by kind. The host shows the message as one line."""

from __future__ import annotations


class Fault(Exception):
    """Something that the framework refuses or cannot do. The kind decides how the host reports it."""

    kind = "internal"


class ConfigFault(Fault):
    """A configuration that does not fit itself or the run. Name the key, what is expected and what was found."""

    kind = "config"


class ShapeFault(Fault):
    """A tensor of a wrong shape, type or device."""

    kind = "shape"


class NumericFault(Fault):
    """A number that is NaN or infinite."""

    kind = "numeric"


class StateFault(Fault):
    """Parameters or state of another framework or configuration."""

    kind = "state"


class UnsupportedFault(Fault):
    """Something that this framework does not do."""

    kind = "unsupported"


class CancelledFault(Fault):
    """The host asked to stop."""

    kind = "cancelled"


class CollectiveFault(Fault):
    """A collective failed."""

    kind = "collective"


_KINDS = {
    it.kind: it
    for it in (ConfigFault, ShapeFault, NumericFault, StateFault, UnsupportedFault, CancelledFault, CollectiveFault)
}


def of_kind(kind: str, text: str) -> Fault:
    """The fault of this kind."""
    return _KINDS.get(kind, Fault)(text)
