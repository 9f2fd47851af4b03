"""What is asked of the host's encoders: features of views, passes over the data, momentum of the target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

#: A request as the host reads it.
Entry = dict[str, Any]


def request(
    encoder: str,
    views: Sequence[int],
    levels: Sequence[str] = ("pooled",),
    grouping: str = "by-resolution",
    batch_norm: str = "train",
    scope: str = "synchronized",
) -> Entry:
    """These views go through that encoder.

    Args:
        encoder: `online` (trained, its features carry gradient) or `target` (follows by momentum).
        views: numbers of the views, through all groups, from 0.
        levels: `pooled` for `[batch, dim]`, `layer1` to `layer4` for feature maps `[batch, channels, height, width]`.
        grouping: `by-resolution` (all views of one size in one batch) or `per-view`; decides what batch norm averages.
        batch_norm: `train` or `eval`.
        scope: `synchronized` over ranks, `per-rank`, or `shuffled`.
    """
    return {
        "encoder": encoder,
        "views": list(views),
        "levels": list(levels),
        "grouping": grouping,
        "batch_norm": batch_norm,
        "scope": scope,
    }


def online(*views: int, levels: Sequence[str] = ("pooled",), grouping: str = "by-resolution", **others: str) -> Entry:
    """These views go through the trained encoder; see `request`."""
    return request("online", views, levels, grouping, **others)


def target(*views: int, levels: Sequence[str] = ("pooled",), grouping: str = "by-resolution", **others: str) -> Entry:
    """These views go through the momentum encoder; the framework needs a `target_momentum`. See `request`."""
    return request("target", views, levels, grouping, **others)


def constant_momentum(value: float) -> Entry:
    """`target ← m·target + (1 − m)·online` with `m = value` after every step."""
    return {"kind": "constant", "value": value}


def cosine_momentum(base: float, offset: int = 0) -> Entry:
    """The same with `m = 1 − (1 − base)(1 + cos π(s + offset)/S)/2` after step `s` of `S`."""
    return {"kind": "cosine", "base": base, "offset": offset}


def training_pass(id: str, views: Sequence[int], drop_last: bool = False, level: str = "pooled") -> Entry:
    """A pass of the trained encoder in training mode over freshly drawn views, shuffled like an epoch."""
    return {
        "id": id,
        "encoder": "online",
        "batch_norm": "train",
        "transform": {"kind": "views", "views": list(views)},
        "level": level,
        "shuffle": True,
        "drop_last": drop_last,
    }


def center_pass(id: str, encoder: str = "online", level: str = "pooled") -> Entry:
    """A pass in evaluation mode over the centre crop of every image, in the order of the training set."""
    return {
        "id": id,
        "encoder": encoder,
        "batch_norm": "eval",
        "transform": {"kind": "center"},
        "level": level,
        "shuffle": False,
        "drop_last": False,
    }


def checkpoint(roots: Sequence[str] = (), renames: Optional[dict[str, str]] = None) -> Entry:
    """How an official checkpoint names things: keys under which the state dict may be nested, and anchored regular
    expressions with what they become (`backbone.$1`, `target.backbone.$1`, `param.…`, `state.…`, or empty: dropped).
    """
    pairs = (renames or {}).items()
    return {"roots": list(roots), "renames": [{"from": old, "to": new} for old, new in pairs]}
