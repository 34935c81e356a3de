"""A network is what answers: a function from images to logits, whoever made it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from medtransfer import store
from medtransfer.data import images, splits
from medtransfer.data.splits import Development
from medtransfer.measures.predictions import Predictions
from medtransfer.specs import SCALARS, Result

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

BATCH = 100


class Predictor(Protocol):
    """Answers images; only surrogates must be differentiable."""

    @property
    def differentiable(self) -> bool:
        """Whether `module` is there, through which gradients reach the images."""
        ...

    def logits(self, images: Tensor) -> Tensor:
        """Return logits, float32 (N, K) on the CPU, for images (N, C, H, W) in [-1, 1]."""
        ...


@dataclass(frozen=True)
class ModulePredictor:
    """A `Predictor` made of a PyTorch module in evaluation mode, without parameter gradients."""

    module: nn.Module
    differentiable: bool = True

    def logits(self, images: Tensor) -> Tensor:
        """Return logits, float32 (N, K) on the CPU, for images (N, C, H, W) in [-1, 1]."""
        import torch

        with torch.no_grad():
            return self.module(images).float().cpu()


@dataclass(frozen=True, kw_only=True, eq=False)
class Network(Result, ABC):
    """A network of the study, surrogate or target.

    What the store keeps of it are at least its predictions on the validation images of
    `development`, from which its operating points come.

    Attributes:
        development: the images that it was made with or, if nobody knows these, is studied on.
    """

    replicated: ClassVar[tuple[str, ...]] = ("seed",)

    development: Development

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of its outputs, in order."""
        return self.development.source.labels

    @property
    def seen(self) -> Development | None:
        """The images that it was made with, None if nobody knows."""
        return self.development

    @cached_property
    def traits(self) -> dict[str, Any]:
        """What tables and figures name: its class, and every field but those of replicates.

        Of a development set it is the name, as `data`; of networks inside this one, their traits,
        where it has none of its own.
        """
        found: dict[str, Any] = {}
        inside: dict[str, Any] = {}
        for name, value in self.fields():
            parts = value if isinstance(value, tuple) else (value,)
            if parts and all(isinstance(part, Network) for part in parts):
                inside |= shared(parts)
            elif isinstance(value, Development):
                found["data"] = value.name
            elif name not in self.replicated:
                found[name] = value if isinstance(value, SCALARS) else "+".join(map(str, parts))
        return inside | found | {"network": type(self).__name__.lower()}

    @property
    def name(self) -> str:
        """What people call it, such as "mobilenet_v2 random on pathology d2/2"."""
        has = self.traits
        known = [str(has[trait]) for trait in ("architecture", "initialization") if trait in has]
        made_on = f"{self.development.source.domain} {self.development.name}"
        return f"{' '.join(known) or type(self).__name__} on {made_on}"

    @property
    def title(self) -> str:
        return f"ask {self.name}"

    @abstractmethod
    def open(self) -> Predictor:
        """Return what answers; what it needs is in the store."""

    @classmethod
    def make(cls, specs: Sequence[Self]) -> None:
        """Publish the predictions of networks on their validation images."""
        for spec in specs:
            with store.draft(spec) as place:
                answered(spec, spec.open()).write(place)


def shared(networks: Sequence[Network]) -> dict[str, Any]:
    """Return the traits of several networks; where they differ, their values joined by "+"."""
    found = {}
    for name in dict.fromkeys(name for each in networks for name in each.traits):
        values = list(dict.fromkeys(each.traits.get(name, "") for each in networks))
        found[name] = values[0] if len(values) == 1 else "+".join(map(str, values))
    return found


def answered(spec: Network, predictor: Predictor) -> Predictions:
    """Return what a network answers to the validation images of its development set."""
    import torch

    prepared = images.load(spec.development.source)
    rows = splits.parts(
        prepared.index, labels=prepared.labels, development=spec.development
    ).validation
    parts = [rows[first : first + BATCH] for first in range(0, len(rows), BATCH)]
    logits = torch.cat([predictor.logits(batch(prepared, part)) for part in parts])
    return predictions(prepared, rows, clean=logits.numpy())


def batch(prepared: images.Prepared, rows: Sequence[int] | np.ndarray) -> Tensor:
    """Return images of some rows as networks take them: (N, C, H, W) in [-1, 1], on the device."""
    import numpy as np
    import torch

    from medtransfer.data.datamodule import to_unit

    found = to_unit(np.asarray(prepared.images[rows])).to(device())
    return found.contiguous(memory_format=torch.channels_last)


def predictions(
    prepared: images.Prepared, rows: np.ndarray, *, clean: np.ndarray, **attacked: Any
) -> Predictions:
    """Return the predictions on some rows of a source; `attacked` are further fields of them."""
    index = prepared.index.iloc[rows]
    return Predictions(
        labels=prepared.labels,
        images=tuple(index["image"]),
        groups=tuple(index["group"]),
        truth=index[list(prepared.labels)].to_numpy(),
        clean=clean,
        **attacked,
    )


def device() -> Any:
    """Return where networks run in this process, a torch.device."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
