"""What a model of the user takes and gives: its pixels, its outputs, its labels."""

from __future__ import annotations

from dataclasses import dataclass

from medtransfer.specs import Spec

LOGITS, PROBABILITIES, CALLS = "logits", "probabilities", "labels"
INDEPENDENT, ONE_OF_MANY = "independent", "one-of-many"
JPEG, RESIZE = "jpeg", "resize"


@dataclass(frozen=True, kw_only=True, eq=False)
class Step(Spec):
    """One step of what a system does to an image file before its model sees it.

    Attributes:
        name: "jpeg" (saved and opened again) or "resize" (to a square, bilinear).
        value: the quality, 1 to 100; the side in px.
    """

    name: str
    value: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Contract(Spec):
    """How a model is asked, and how its answers are read.

    Attributes:
        labels: names of its outputs, in order.
        outputs: "logits", "probabilities" or "labels" (calls, 0 or 1).
        head: "independent" (a yes or no for each label) or "one-of-many" (classes).
        size: height and width of its images, in px.
        channels: 1 or 3.
        layout: of a batch, "nchw" or "nhwc".
        colours: "rgb" or "bgr".
        low, high: what grey levels 0 and 255 become.
        mean, std: of each channel, subtracted and divided by afterwards; () leaves it out.
        fit: how an image becomes as wide as high: "pad", "crop" or "stretch".
        centre: the central share of the side that is kept, after the image was resized.
        interpolation: "nearest", "bilinear", "bicubic", "lanczos" or "box".
        chain: what the system does to a file before the model.
    """

    labels: tuple[str, ...]
    outputs: str
    head: str
    size: tuple[int, int]
    channels: int
    layout: str
    colours: str
    low: float
    high: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    fit: str
    centre: float
    interpolation: str
    chain: tuple[Step, ...]

    @property
    def image_px(self) -> int:
        """The side at which square images are prepared, so that nothing is lost before the door."""
        return max(self.size)
