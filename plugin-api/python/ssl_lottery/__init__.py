"""Self-supervised-learning frameworks in PyTorch, for the benchmark ssl-lottery.

An author writes a subclass of `Framework`; see `docs/python.md`.
"""

import torch

if tuple(map(int, torch.__version__.split(".")[:2])) < (2, 4):
    raise ImportError(f"expected torch >= 2.4, found {torch.__version__}")

from .batch_norm import synchronized
from .context import Context
from .faults import (
    CancelledFault,
    CollectiveFault,
    ConfigFault,
    Fault,
    NumericFault,
    ShapeFault,
    StateFault,
    UnsupportedFault,
)
from .features import Features, Step
from .framework import EpochPlan, Framework
from .keys import Key, at_least, fraction, list_of, number, one_of, optional, positive, whole
from .momentum import Momentum
from .ranks import Ranks
from .training import adamw, constant, cosine, exempt_1d, lars, linear_probe, recipe, rule, sgd, steps
from .requests import center_pass, checkpoint, constant_momentum, cosine_momentum, online, request, target, training_pass
from .views import (
    augmentations,
    blur,
    center_crop,
    crop,
    flip,
    grayscale,
    group,
    jitter,
    normalize,
    resize,
    solarize,
)

__version__ = "0.1.0"
__all__ = [name for name, it in list(globals().items()) if not name.startswith("_") and not isinstance(it, type(torch))]
