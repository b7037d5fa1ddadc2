import pytest
import torch

from training.model.depthwise import DepthwiseConv2d


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "size"),
    [(3, 1, 1, (6, 9)), (5, 1, 2, (6, 9)), (3, 2, 0, (9, 13)), (5, 2, 0, (11, 8))],
)
def test_gradients_are_pytorchs_own(
    kernel: int, stride: int, padding: int, size: tuple[int, int]
) -> None:
    torch.manual_seed(0)
    layer = DepthwiseConv2d(4, kernel, stride, padding)
    features = torch.randn(3, 4, *size, requires_grad=True)
    result = layer(features)
    upstream = torch.randn_like(result)
    result.backward(upstream)
    assert layer.weight.grad is not None
    assert features.grad is not None
    ours = features.grad.clone(), layer.weight.grad.clone()

    features.grad = layer.weight.grad = None
    torch.nn.functional.conv2d(
        features, layer.weight, stride=stride, padding=padding, groups=4
    ).backward(upstream)
    torch.testing.assert_close(ours[0], features.grad)
    torch.testing.assert_close(ours[1], layer.weight.grad)


def test_it_works_in_bfloat16() -> None:
    layer = DepthwiseConv2d(4, 5, padding=2)
    with torch.autocast("cpu", torch.bfloat16):
        result = layer(torch.randn(2, 4, 8, 8))
    assert result.dtype == torch.bfloat16
    result.float().sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.dtype == torch.float32
