"""What a manifest of networks may say: ImageNet weights, and networks that others trained."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from medtransfer.data.files import Inside, Strict, Wheel
from medtransfer.data.schema import DomainName, Manifest


class WeightsManifest(Manifest):
    """ImageNet weights of one architecture.

    Attributes:
        architecture: the architecture of the network.
        wheel: the Python wheel that contains them, if there is one.
        file: the name of their file.
        sha256: its checksum, or the beginning of it if only that is known.
        has_head: whether the file includes the last layer.
        ignored_prefixes: beginnings of the names of tensors that are not used.
    """

    kind: Literal["weights"]
    architecture: str
    wheel: Wheel | None = None
    file: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")]
    has_head: bool
    ignored_prefixes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _has_an_origin(self) -> WeightsManifest:
        if self.wheel is None and not self.addresses:
            raise ValueError("give a wheel or at least one address")
        return self


class Naming(Strict):
    """How the files of the imported networks of one domain are named.

    Attributes:
        path: holds {architecture}, {initialization}, {data} and {bis}, which are filled in.
        architectures, initializations, data: what this project calls them -> what the files say.
        bis: what the files say of a second, independent training.
        outputs: number of outputs; a network with two outputs for a yes-or-no question gets one,
            the difference of the two.
    """

    path: Inside
    architectures: dict[str, str]
    initializations: dict[str, str]
    data: dict[str, str]
    bis: str
    outputs: Annotated[int, Field(ge=1)]


class ModelsManifest(Manifest):
    """Keras networks that others trained, one file each.

    Attributes:
        networks: domain -> how its files are named.
        by_hand: the steps that only the user can take.
    """

    kind: Literal["models"]
    networks: dict[DomainName, Naming]
    by_hand: str
