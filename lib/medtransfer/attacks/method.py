"""Methods of attack: each a small spec that knows its parameters and how to move an image.

Untargeted, true labels, binary cross-entropy with logits summed over outputs (protocol, section 3).
Epsilon and step size are in units of the image range [-1, 1], in which 0.02 is 2.55 grey levels of
255. A method called NAME is the class NAME in the module `attacks.name`, or a line of
`attacks.iterative.METHODS`.
"""

from __future__ import annotations

import dataclasses
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Self, TypeGuard

from medtransfer import attacks
from medtransfer.errors import AttackError, UsageError
from medtransfer.specs import Spec

if TYPE_CHECKING:
    import foolbox
    from torch import Tensor, nn

BOUNDS = (-1.0, 1.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Method(Spec, ABC):
    """How an image is moved, by at most `epsilon` in every pixel."""

    epsilon: float

    @property
    def name(self) -> str:
        """What profiles, tables and figures call it."""
        return type(self).__name__

    @property
    def gradients(self) -> int:
        """How many gradients of an image it takes, from each surrogate; 0 unless a method says."""
        return 0

    @cached_property
    def family(self) -> Method:
        """The same method with an epsilon of 0: what all its epsilons share."""
        return dataclasses.replace(self, epsilon=0.0)

    @cached_property
    def traits(self) -> dict[str, Any]:
        """What tables name: the method and all its parameters."""
        return {"method": self.name, **dict(self.fields())}

    @abstractmethod
    def perturb(self, model: foolbox.Model, images: Tensor, labels: Tensor) -> Tensor:
        """Return the adversarial images, (N, C, H, W) in [-1, 1], no pixel further than epsilon.

        Args:
            model: answers images in [-1, 1] with logits (N, K).
            images: float32 (N, C, H, W) in [-1, 1].
            labels: float32 (N, K), 0 or 1.
        """

    def sweep(
        self, epsilons: Sequence[float], model: foolbox.Model, images: Tensor, labels: Tensor
    ) -> Iterator[Tensor]:
        """Yield the adversarial images of each epsilon; a method may share work among them."""
        for epsilon in epsilons:
            yield self.at(epsilon).perturb(model, images, labels)

    def at(self, epsilon: float) -> Self:
        """Return the same method with another epsilon."""
        return dataclasses.replace(self, epsilon=epsilon)


def method(name: str) -> Callable[..., Method]:
    """Return what makes the method of that name from an epsilon and its parameters.

    Raises:
        UsageError: there is none; the message lists those that there are.
    """
    named = _iterative()
    if name in named:
        return named[name]
    if name.isalnum():
        try:
            found = getattr(import_module(f"{attacks.__name__}.{name.lower()}"), name, None)
        except ModuleNotFoundError as missing:
            if missing.name != f"{attacks.__name__}.{name.lower()}":
                raise
            found = None
        if _is_method(found):
            return found
    raise UsageError(f"no method of attack {name!r}; allowed: {', '.join(_names())}")


def _iterative() -> dict[str, Callable[..., Method]]:
    from medtransfer.attacks.iterative import METHODS, Iterative

    return {name: partial(Iterative, called=name, **own) for name, own in METHODS.items()}


def _names() -> list[str]:
    modules = [
        import_module(f"{attacks.__name__}.{m.name}")
        for m in pkgutil.iter_modules(attacks.__path__)
    ]
    classes = {n for m in modules for n, found in vars(m).items() if _is_method(found)}
    return sorted(classes | {*_iterative()})


def _is_method(found: object) -> TypeGuard[type[Method]]:
    """Return whether it is a method by itself, and not what others are made of."""
    from medtransfer.attacks.iterative import Iterative

    return (
        isinstance(found, type) and issubclass(found, Method) and found not in (Method, Iterative)
    )


def craft(
    model: nn.Module, images: Tensor, labels: Tensor, methods: Sequence[Method]
) -> Iterator[tuple[Method, Tensor]]:
    """Yield every method with its adversarial images, float32 (N, C, H, W) in [-1, 1].

    Each image stays within its method's epsilon of the clean one, whatever its batch.

    Args:
        model: in evaluation mode and without parameter gradients; logits (N, K).
        images: float32 (N, C, H, W) in [-1, 1].
        labels: float32 (N, K), 0 or 1.

    Raises:
        AttackError: the model is in training mode, images leave [-1, 1] or hold NaN, or shapes do
            not fit.
    """
    import torch

    from medtransfer.attacks.loss import wrapped

    _check(model, images, labels)
    with torch.inference_mode(False):  # tensors born in inference mode take no gradient
        images, labels = images.clone(), labels.clone()
    answers = wrapped(model, images.device)
    families: dict[Method, list[Method]] = {}
    for each in methods:
        families.setdefault(each.family, []).append(each)
    for family, members in families.items():
        found = family.sweep([each.epsilon for each in members], answers, images, labels)
        yield from zip(members, found, strict=True)


def _check(model: nn.Module, images: Tensor, labels: Tensor) -> None:
    import torch

    training = any(module.training for module in model.modules())
    if training or any(p.requires_grad for p in model.parameters()):
        raise AttackError("call model.eval().requires_grad_(False) before an attack")
    if not torch.isfinite(images).all() or images.abs().max() > 1:
        raise AttackError("images must be finite and in [-1, 1]: scale them, do not normalise them")
    if labels.ndim != 2 or len(labels) != len(images) or not ((labels == 0) | (labels == 1)).all():
        raise AttackError(f"labels must be 0 or 1, (N, K); they are {tuple(labels.shape)}")
