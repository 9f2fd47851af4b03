"""Shorthands for the paper's recipe: optimiser, learning rate, weight decay, parameter groups, length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

#: A part of a recipe as the host reads it.
Entry = dict[str, Any]


def sgd(momentum: float = 0.9, nesterov: bool = False) -> Entry:
    """`v ← μv + g; w ← w − lr·v`."""
    return {"kind": "sgd", "momentum": momentum, "nesterov": nesterov}


def lars(momentum: float = 0.9, trust: float = 1e-3, form: str = "rate-outside") -> Entry:
    """Layer-wise adaptive rates; `form` is `rate-outside` (BYOL), `rate-inside` (SimCLR) or `larc` (SwAV)."""
    return {"kind": "lars", "momentum": momentum, "trust": trust, "form": form}


def adamw(betas: Sequence[float] = (0.9, 0.999), eps: float = 1e-8) -> Entry:
    """Adam with decoupled weight decay."""
    return {"kind": "adamw", "betas": list(betas), "eps": eps}


def cosine(
    base: float,
    warmup_epochs: float = 0.0,
    warmup_start: float = 0.0,
    end_fraction: float = 0.0,
    scaling: str = "linear",
    per: str = "step",
) -> Entry:
    """`base · batch / 256` after a linear warm-up, then half a cosine to `end_fraction` of the peak.

    `scaling` is `linear`, `sqrt` or `none`; `per` is `step` or `epoch`.
    """
    warmup = {"epochs": warmup_epochs, "start": warmup_start} if warmup_epochs > 0 else None
    decay = {"kind": "cosine", "end_fraction": end_fraction, "end": None, "per": per}
    return {"base": base, "scaling": scaling, "warmup": warmup, "decay": decay}


def constant(base: float, scaling: str = "linear") -> Entry:
    """`base · batch / 256` throughout."""
    return {"base": base, "scaling": scaling, "warmup": None, "decay": {"kind": "constant"}}


def steps(base: float, milestones: Sequence[float], factor: float = 0.1, scaling: str = "linear") -> Entry:
    """`base · batch / 256`, times `factor` at each milestone, given as shares of all epochs."""
    decay = {"kind": "steps", "milestones": list(milestones), "factor": factor}
    return {"base": base, "scaling": scaling, "warmup": None, "decay": decay}


def rule(scope: str = "all", name: Optional[str] = None, max_ndim: Optional[int] = None, **special: Any) -> Entry:
    """What is special about some parameters.

    Args:
        scope: `all`, `backbone` or `heads`.
        name: a regular expression on the parameter's name.
        max_ndim: only parameters with at most this many dimensions.
        special: `decay`, `trust`, `lr_scale`, `constant_lr`, `frozen_steps`, `frozen_epochs`, `optimizer`, `own_lr`,
            `own_weight_decay`.
    """
    return {"scope": scope, "name": name, "max_ndim": max_ndim, **special}


def exempt_1d() -> Entry:
    """Parameters with one dimension take neither weight decay nor trust scaling."""
    return rule(max_ndim=1, decay=False, trust=False)


def recipe(
    batch_size: int,
    epochs: int,
    optimizer: Optional[Entry] = None,
    lr: Optional[Entry] = None,
    weight_decay: float | Sequence[float] = 1e-4,
    groups: Sequence[Entry] = (),
    **others: Any,
) -> Entry:
    """The pretraining recipe; by default SGD with momentum and a learning rate of 0.03 along a cosine.

    `weight_decay` is a number, or its start and end along half a cosine. `others` are `clipping`,
    `zero_init_residual` and `mixed_precision`.
    """
    start, end = weight_decay if isinstance(weight_decay, Sequence) else (weight_decay, weight_decay)
    return {
        "batch_size": batch_size,
        "epochs": epochs,
        "optimizer": optimizer or sgd(),
        "lr": lr or cosine(0.03),
        "weight_decay": {"start": start, "end": end},
        "groups": list(groups),
        **others,
    }


def linear_probe(
    epochs: int, batch_size: int, lr: float, weight_decay: float = 0.0, optimizer: Optional[Entry] = None
) -> Entry:
    """The framework's own linear evaluation: SGD with momentum unless said otherwise, a cosine per epoch."""
    return {
        "epochs": epochs,
        "batch_size": batch_size,
        "lr": lr,
        "weight_decay": weight_decay,
        "optimizer": optimizer or sgd(),
        "schedule": {"kind": "cosine", "per": "epoch"},
    }
