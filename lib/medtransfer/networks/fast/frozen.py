"""Convolutions that are not trained any more, with the ReLU6 that follows: one operation each way.

The weights are laid out for the kernel once and not at every call, ReLU6 is applied while a result
is in the cache, and only the gradient of the images is computed, for 1x1 kernels as a product of
matrices.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from timm.layers import Conv2dSame, pad_same
from torch import Tensor, nn

from medtransfer.networks.fast.depthwise import DepthwiseConv2d
from medtransfer.networks.fast.pointwise import PointwiseConv2d, product

_BATCH = 100  # weights are laid out for batches of about this size; all others work too


class _Frozen(torch.autograd.Function):
    """A `FrozenConv2d` and its gradient with respect to images."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, layer: FrozenConv2d) -> Tensor:
        ctx.layer, ctx.shape = layer, images.shape
        result = layer.answer(images)
        if layer.relu6:
            ctx.save_for_backward(result)
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        if ctx.layer.relu6:
            (result,) = ctx.saved_tensors
            gradient = torch.ops.aten.hardtanh_backward(gradient, result, 0, 6)
        return ctx.layer.gradient(gradient, shape=ctx.shape), None


class FrozenConv2d(nn.Module):
    """A convolution with fixed weights, and the ReLU6 after it if there is one.

    Args:
        convolution: the layer whose place it takes.
        relu6: whether a ReLU6 follows.
    """

    def __init__(self, convolution: nn.Conv2d, *, relu6: bool) -> None:
        super().__init__()
        self.dense: Tensor | None = convolution.weight.detach()
        self.bias, self.relu6 = convolution.bias, relu6
        self.stride, self.dilation = list(convolution.stride), list(convolution.dilation)
        self.groups, self.kernel_size = convolution.groups, list(convolution.kernel_size)
        self.padding = [int(side) for side in convolution.padding]
        self.same_padding = _same(convolution)
        self.pointwise = isinstance(convolution, PointwiseConv2d)
        # The weights as the kernel wants them; then `dense` is only there again for gradients.
        self.packed: Tensor | None = None

    def forward(self, images: Tensor) -> Tensor:
        """Return what the convolution, and ReLU6 after it, return for (N, C, H, W)."""
        if self.same_padding:
            images = pad_same(images, self.kernel_size, self.stride, self.dilation)
        return _Frozen.apply(images, self)

    def answer(self, images: Tensor) -> Tensor:
        """Return the values, without a gradient."""
        where = {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}
        if not (torch.backends.mkldnn.is_available() and images.device.type == "cpu"):
            result = F.conv2d(images, self.weight(), self.bias, groups=self.groups, **where)
            return result.clamp_(0, 6) if self.relu6 else result
        if self.packed is None:
            self.packed = torch.ops.mkldnn._reorder_convolution_weight(
                self.weight(), groups=self.groups, input_size=(_BATCH, *images.shape[1:]), **where
            )
            self.dense = None
        return torch.ops.mkldnn._convolution_pointwise(
            images,
            self.packed,
            self.bias,
            groups=self.groups,
            attr="hardtanh" if self.relu6 else "none",
            scalars=[0.0, 6.0] if self.relu6 else [],
            algorithm="",
            **where,
        )

    def weight(self) -> Tensor:
        """Return the weights as PyTorch lays them out."""
        if self.dense is None:
            assert self.packed is not None
            self.dense = self.packed.to_dense().contiguous(memory_format=torch.channels_last)
        return self.dense

    def gradient(self, gradient: Tensor, *, shape: torch.Size) -> Tensor:
        """Return the gradient of images of a shape from that of the values before ReLU6."""
        if self.pointwise and gradient.device.type == "cpu":
            return product(gradient, self.weight().flatten(1))
        # Of the images only shape and layout are read.
        images = torch.empty(
            shape,
            dtype=gradient.dtype,
            device=gradient.device,
            memory_format=torch.channels_last,
        )
        return torch.ops.aten.convolution_backward(
            gradient,
            images,
            self.weight(),
            None,
            self.stride,
            self.padding,
            self.dilation,
            False,
            [0, 0],
            self.groups,
            [True, False, False],
        )[0]


def can_freeze(convolution: nn.Conv2d) -> bool:
    """Tell whether a `FrozenConv2d` gives what the layer gives."""
    known = (nn.Conv2d, Conv2dSame, DepthwiseConv2d, PointwiseConv2d)
    plain = convolution.padding_mode == "zeros" and not isinstance(convolution.padding, str)
    return type(convolution) in known and plain


def _same(convolution: nn.Conv2d) -> bool:
    return isinstance(convolution, Conv2dSame) or getattr(convolution, "same_padding", False)
