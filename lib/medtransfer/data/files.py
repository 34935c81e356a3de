"""Files as manifests describe them: where each comes from, and what it must be."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from medtransfer.errors import meant

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Md5 = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


def _inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\\" in path or ":" in path:
        raise ValueError("must be a relative path without ..")
    return path


Inside = Annotated[str, AfterValidator(_inside)]


class Strict(BaseModel):
    """A record that refuses unknown fields, and names the known ones."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _fields_are_known(cls, given: Any) -> Any:
        known = list(cls.model_fields)
        unknown = [str(n) for n in given if n not in known] if isinstance(given, dict) else []
        if unknown:
            allowed = f"{', '.join(known)}{meant(unknown[0], known)}"
            raise ValueError(f"no field {', '.join(unknown)}; allowed: {allowed}")
        return given


class Wheel(Strict):
    """A file inside a Python wheel: `pip download` brings it, nothing is installed.

    Attributes:
        requirement: the package with its version, such as `medmnist==3.0.2`.
        sha256: of the wheel.
        member: the path of the file in the wheel.
    """

    requirement: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*==[0-9.]+$")]
    sha256: Sha256
    member: str


class File(Strict):
    """One file of a published source.

    Attributes:
        path: where it belongs in the folder of the source, unpacked.
        addresses: addresses of the same bytes, tried in this order.
        wheel: the Python wheel that contains it, if there is one.
        md5, sha256, bytes: those of the download before it is unpacked (of a wheel's member,
            if there is one); leave out what is not known.
        unpack: "gzip" if the download is compressed.
        image_px: the image size that needs this file; without it, every size does.
    """

    path: Inside
    addresses: tuple[str, ...] = ()
    wheel: Wheel | None = None
    md5: Md5 | None = None
    sha256: Sha256 | None = None
    bytes: Annotated[int, Field(ge=0)] | None = None
    unpack: Literal["gzip"] | None = None
    image_px: int | None = None
