import pytest
import torch
from torch import nn

from beltmark.contract.errors import InputError
from training.model.backbones import make_backbone
from training.model.torchvision_backbone import take_pixels


@pytest.mark.parametrize(
    ("name", "millions"),
    [("efficientnet_lite0", 3.4), ("efficientnet_lite1", 4.1), ("efficientnet_lite2", 4.8)],
)
def test_each_size_takes_its_published_weights(name: str, millions: float) -> None:
    backbone = make_backbone(name, has_top=True).eval()
    backbone.load_imagenet()
    assert sum(value.numel() for value in backbone.parameters()) / 1e6 == pytest.approx(
        millions, abs=0.05
    )
    picture = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        assert backbone.features(picture).shape == (1, backbone.top_channels, 2, 3)
        assert backbone.features(picture).mean() > 0.05  # it sees something


@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet18", "efficientnet_lite0"])
def test_levels_have_the_strides(name: str) -> None:
    backbone = make_backbone(name).eval()
    with torch.no_grad():
        levels = backbone.levels(torch.zeros(1, 3, 64, 96))
    assert [tuple(level.shape) for level in levels] == [
        (1, channels, 64 // stride, 96 // stride)
        for channels, stride in zip(backbone.level_channels, (8, 16, 32), strict=True)
    ]


@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet18"])
def test_frozen_layers_of_torchvision_stay(name: str) -> None:
    backbone = make_backbone(name, has_top=True)
    backbone.freeze(2)
    backbone.train()
    backbone.features(torch.randn(2, 3, 64, 64)).sum().backward()
    first, *_, last = backbone.parameters()
    assert first.grad is None
    assert last.grad is not None


@pytest.mark.parametrize(
    ("name", "told"), [("no_such", "no backbone 'no_such'"), ("vit_b_16", "no maps at strides")]
)
def test_what_cannot_be_one_is_refused(name: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        make_backbone(name)


def test_torchvisions_first_layer_takes_our_pixels() -> None:
    torch.manual_seed(0)
    rgb = torch.rand(2, 3, 32, 32)
    theirs = nn.Conv2d(3, 8, 3, 2, bias=False)
    ours = nn.Conv2d(3, 8, 3, 2, bias=False)
    ours.load_state_dict(theirs.state_dict())
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    std = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    expected = theirs((rgb - mean) / std)
    take_pixels(ours)
    found = ours((rgb.flip(1) * 255 - 127) / 128)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
