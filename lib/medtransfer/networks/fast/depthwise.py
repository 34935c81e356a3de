"""Depthwise convolutions whose weight gradient does not stall on small maps.

On CPUs without AVX-512 the usual kernel needs 20-35 ms for the weight gradient of one 5x5
depthwise layer on a 4x4 map, as much as all other work of the layer a dozen times over. A sum of
shifted products takes 1-5 ms there. See `benchmarks/` for the measurement.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from timm.layers import Conv2dSame, pad_same
from torch import Tensor, nn
from torch.nn.grad import conv2d_input


class _ShiftedProducts(torch.autograd.Function):
    """A depthwise convolution with square stride and padding and its own weight gradient."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(images, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(images, weight, None, stride, padding, 1, weight.shape[0])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        images, weight = ctx.saved_tensors
        to_images = to_weight = None
        if ctx.needs_input_grad[0]:
            to_images = conv2d_input(
                images.shape,
                weight,
                gradient,
                stride=ctx.stride,
                padding=ctx.padding,
                groups=weight.shape[0],
            )
        if ctx.needs_input_grad[1]:
            to_weight = _weight_gradient(images, weight, gradient, ctx.stride, ctx.padding)
        return to_images, to_weight, None, None


def _weight_gradient(
    images: Tensor, weight: Tensor, gradient: Tensor, stride: int, padding: int
) -> Tensor:
    result = torch.zeros_like(weight)
    sides = zip(images.shape[2:], gradient.shape[2:], strict=True)
    spans = [
        [_span(tap - padding, inside, outside, stride) for tap in range(weight.shape[2])]
        for inside, outside in sides
    ]
    for i, (rows_in, rows_out) in enumerate(spans[0]):
        for j, (columns_in, columns_out) in enumerate(spans[1]):
            product = gradient[:, :, rows_out, columns_out] * images[:, :, rows_in, columns_in]
            result[:, 0, i, j] = product.sum((0, 2, 3))
    return result


def _span(shift: int, inside: int, outside: int, stride: int) -> tuple[slice, slice]:
    """Return the input and output positions that one tap of the kernel joins."""
    first = max(0, -(shift // stride))
    last = min(outside - 1, (inside - 1 - shift) // stride)
    if last < first:
        return slice(0, 0), slice(0, 0)
    return (
        slice(first * stride + shift, last * stride + shift + 1, stride),
        slice(first, last + 1),
    )


class DepthwiseConv2d(nn.Conv2d):
    """A depthwise `Conv2d` that uses the shifted products where they are measured to be faster."""

    same_padding = False

    def forward(self, images: Tensor) -> Tensor:
        """Return what `Conv2d` (or timm's `Conv2dSame`) returns for (N, C, H, W)."""
        stride, padding, kernel = self.stride[0], int(self.padding[0]), self.kernel_size[0]
        if self.same_padding:
            images, padding = pad_same(images, list(self.kernel_size), list(self.stride)), 0
        side = (min(images.shape[2:]) + 2 * padding - kernel) // stride + 1
        small = side <= 2 or (kernel > 3 and side <= 8)
        if small and images.device.type == "cpu" and self.weight.requires_grad:
            return _ShiftedProducts.apply(images, self.weight, stride, padding)
        return F.conv2d(images, self.weight, self.bias, stride, padding, 1, self.groups)


def use_shifted_products(network: nn.Module) -> None:
    """Turn every plain depthwise convolution of `network` into a `DepthwiseConv2d`, in place."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and _is_plain_depthwise(module):
            same = isinstance(module, Conv2dSame)
            module.__class__ = DepthwiseConv2d
            module.same_padding = same  # type: ignore[assignment]


def _is_plain_depthwise(layer: nn.Conv2d) -> bool:
    square = len({*layer.kernel_size}) == len({*layer.stride}) == 1
    numeric = (
        layer.padding_mode == "zeros"
        and not isinstance(layer.padding, str)
        and len({*layer.padding}) == 1
    )
    depthwise = layer.groups == layer.in_channels == layer.out_channels > 1
    return depthwise and square and numeric and layer.bias is None and set(layer.dilation) == {1}
