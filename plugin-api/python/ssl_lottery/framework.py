"""What an author writes: one class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Optional, Union

from torch import Tensor, nn

from .context import Context
from .faults import UnsupportedFault
from .features import Features, Step
from .keys import Key
from .momentum import Momentum
from .requests import online
from .training import recipe as a_recipe
from .views import augmentations, group

#: What `loss` returns: the loss, or the loss and other numbers to log.
Loss = Union[Tensor, tuple[Tensor, dict[str, Any]]]


@dataclass
class EpochPlan:
    """What a framework wants of an epoch."""

    #: Order of the samples, whole numbers below the number of samples; may repeat and omit. `None`: the host shuffles.
    order: Optional[Sequence[int] | Tensor] = None
    #: Names of parameters whose optimiser state starts afresh.
    reset_optimizer: Sequence[str] = ()


class Framework(nn.Module):
    """A framework: a module whose trained weights are the heads.

    Weights that require a gradient are trained by the host's optimiser. Everything else that a resumed run needs must
    be a buffer, a weight without gradient, or inside `Momentum`; other attributes are not saved. Keys are attributes
    with their values. `views`, `encoders`, `recipe`, `target_momentum`, `passes`, `linear`, `finetune` and
    `checkpoint` are attributes of the class, or methods of `self` where they follow from the configuration.
    """

    #: Stable id: lower-case letters, digits and hyphens.
    id: ClassVar[str]
    #: The paper's name.
    name: ClassVar[str]
    #: `clustering`, `distillation`, `contrastive`, `information-maximization` or `other`.
    family: ClassVar[str] = "other"
    #: Where it was published, for instance `arXiv:2002.05709`.
    paper: ClassVar[str]
    #: Year of first publication.
    year: ClassVar[int]
    #: Version of the framework (semver).
    version: ClassVar[str] = "0.1.0"
    #: SPDX licence expression.
    license: ClassVar[str] = "MIT"

    #: Groups of views: `ssl.group`.
    views: Any = [group("view", 2, augmentations())]
    #: Which views go through which encoder: `ssl.online`, `ssl.target`.
    encoders: Any = [online(0, 1)]
    #: The paper's recipe: `ssl.recipe`.
    recipe: Any = a_recipe(256, 200)
    #: Momentum of the target encoder and of `Momentum`: `ssl.constant_momentum`, `ssl.cosine_momentum`.
    target_momentum: Any = None
    #: Passes over the training set: `ssl.training_pass`, `ssl.center_pass`.
    passes: Any = ()
    #: The framework's own linear evaluation: `ssl.linear_probe`.
    linear: Any = None
    #: Its own fine-tunings, as dictionaries.
    finetune: Any = ()
    #: How official checkpoints name things: `ssl.checkpoint`.
    checkpoint: Any = None
    #: Whether the loss treats as constant something that it computes from online features. `None`: not said.
    stops_gradient: Any = None
    published: Any = ()
    #: Names of buffers whose shape may change during a run, such as a queue that grows.
    resizable: ClassVar[Sequence[str]] = ()

    #: The circumstances of the run, from `build` on.
    context: Context

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        for name, key in self.keys().items():
            setattr(self, name, key.value(config.get(name, key.default)))

    @classmethod
    def keys(cls) -> dict[str, Key]:
        """The configuration keys, those of base classes first."""
        found: dict[str, Key] = {}
        for base in reversed(cls.__mro__):
            found.update((name, it) for name, it in vars(base).items() if isinstance(it, Key))
        return found

    def check(self) -> None:
        """What a range on one key cannot say: raise `ConfigFault` with key, rule and value."""

    def build(self, context: Context) -> None:
        """Makes the modules. PyTorch's own generator is seeded from the run's seed."""

    def loss(self, step: Step, features: Features) -> Loss:
        """The loss of this rank's batch, with its graph; backward is run on it."""
        raise NotImplementedError(f"{type(self).__name__}.loss")

    def after_update(self, step: Step, momentum: Optional[float]) -> None:
        """Called after the optimiser, without gradient; here all `Momentum` modules follow."""
        for module in self.modules():
            if isinstance(module, Momentum):
                module.follow(momentum)

    def begin_epoch(self, step: Step) -> Optional[EpochPlan]:
        """Called before an epoch, without gradient."""
        return None

    def due(self, step: Step) -> Optional[str]:
        """The pass to run now, if any: asked before each epoch and each step, again after each pass."""
        return None

    def begin_pass(self, step: Step, id: str, samples: int) -> None:
        """A pass over this many samples begins."""

    def absorb(self, features: Features) -> None:
        """Takes one batch of the pass, without gradient. Copy what is kept."""

    def end_pass(self) -> None:
        """The pass has ended."""

    def cluster(self, step: Step, bank: dict[str, Tensor]) -> dict[str, Tensor]:
        """What the framework's clustering makes of a given bank, for certification."""
        raise UnsupportedFault("this framework does not cluster")

    def trained(self) -> Iterable[tuple[str, nn.Parameter]]:
        """The parameters that the host trains."""
        return ((name, it) for name, it in self.named_parameters() if it.requires_grad)

    def describe(self) -> dict[str, Any]:
        """What the framework asks of the host, as the host reads it."""
        said = {
            "views": list(self._said("views")),
            "encoders": list(self._said("encoders")),
            "momentum": self._said("target_momentum"),
            "passes": list(self._said("passes")),
            "recipe": self._said("recipe"),
            "linear": self._said("linear"),
            "finetune": list(self._said("finetune")),
            "checkpoint": self._said("checkpoint") or {},
        }
        stops, published = self._said("stops_gradient"), list(self._said("published"))
        optional = {"stops_gradient": stops, "published": published or None}
        return said | {key: value for key, value in optional.items() if value is not None}

    def _said(self, name: str) -> Any:
        # Not through `self`: torch's modules hide an AttributeError inside a property.
        said = getattr(type(self), name)
        if isinstance(said, property):
            return said.fget(self)
        return said(self) if callable(said) else said

    @classmethod
    def card(cls) -> dict[str, Any]:
        """Who the framework is, as the host reads it.

        Raises:
            TypeError: something is missing, or a key has the name of something else.
        """
        for attribute in ("id", "name", "paper", "year"):
            if not hasattr(cls, attribute):
                raise TypeError(f"{cls.__name__}: expected a class attribute `{attribute}`, found none")
        for name in cls.keys():
            if hasattr(Framework, name) or hasattr(nn.Module, name):
                raise TypeError(f"{cls.__name__}: key `{name}` has the name of something that every framework has")
        said = {name: getattr(cls, name) for name in ("id", "name", "family", "paper", "year", "version", "license")}
        return {**said, "schema": [key.card(name) for name, key in cls.keys().items()]}


