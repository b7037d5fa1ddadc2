"""A depthwise convolution whose backward pass is fast on CPUs.

PyTorch's own, in bfloat16 and for kernels of 5 or strides of 2, takes thirty times as long as its
forward pass, and most of a training step. For stride 1 both gradients are depthwise convolutions
themselves: the input's with the kernel turned around, the weight's with the gradient as kernel. For
stride 2 PyTorch is fast in float32.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class DepthwiseConv2d(nn.Conv2d):
    """`Conv2d` with one filter per channel and no bias; padding and stride alike on both axes."""

    def __init__(self, channels: int, kernel: int, stride: int = 1, padding: int = 0) -> None:
        super().__init__(channels, channels, kernel, stride, padding, groups=channels, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Filters [B, C, H, W]."""
        plain = self.kernel_size[0] <= 3 and self.stride[0] == 1  # which PyTorch does well
        if plain or not (self.training and torch.is_grad_enabled()):
            return super().forward(features)
        weight = self.weight
        if torch.is_autocast_enabled("cpu"):
            weight = weight.to(torch.get_autocast_dtype("cpu"))
            features = features.to(weight.dtype)
        result: Tensor = _Depthwise.apply(features, weight, self.stride[0], self.padding[0])
        return result


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(features, weight)
        ctx.stride, ctx.padding = stride, padding
        return functional.conv2d(
            features, weight, stride=stride, padding=padding, groups=len(weight)
        )

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor, None, None]:
        features, weight = ctx.saved_tensors
        gradient = gradients[0].contiguous(memory_format=torch.channels_last)
        for_features: Tensor | None = None
        if ctx.stride == 1:
            if ctx.needs_input_grad[0]:
                for_features = functional.conv2d(
                    gradient,
                    weight.flip(2, 3),
                    padding=weight.shape[-1] - 1 - ctx.padding,
                    groups=len(weight),
                )
            return for_features, _weight_gradient(features, gradient, ctx.padding), None, None
        for_features, for_weight, _ = torch.ops.aten.convolution_backward(
            gradient.float(),
            features.float(),
            weight.float(),
            None,
            [ctx.stride] * 2,
            [ctx.padding] * 2,
            [1, 1],
            False,
            [0, 0],
            len(weight),
            [ctx.needs_input_grad[0], True, False],
        )
        if for_features is not None:
            for_features = for_features.to(features.dtype)
        return for_features, for_weight.to(weight.dtype), None, None


def _weight_gradient(features: Tensor, gradient: Tensor, padding: int) -> Tensor:
    """Convolves the input with the output's gradient as kernel, each image and channel by itself.

    Args:
        features: [B, C, H, W].
        gradient: [B, C, H', W'], of the output, for stride 1.
        padding: Of the convolution.

    Returns:
        [C, 1, k, k].
    """
    images, channels = features.shape[:2]
    each = functional.conv2d(
        _as_one_image(features),
        _as_one_image(gradient)[0][:, None],
        padding=padding,
        groups=images * channels,
    )
    by_image = each.reshape(images, channels, *each.shape[2:])
    return by_image.float().sum(0).unsqueeze(1).to(features.dtype)


def _as_one_image(batch: Tensor) -> Tensor:
    """Turns [B, C, H, W] into [1, B * C, H, W], channels innermost in memory."""
    height, width = batch.shape[2:]
    innermost = batch.permute(2, 3, 0, 1).reshape(height, width, -1)
    return innermost.permute(2, 0, 1)[None]
